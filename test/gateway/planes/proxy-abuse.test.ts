import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { ProxyCounters } from '../../../gateway/planes/proxy-counters.js'
import { CLUSTER, readAll, readBytes, startGateway, startHost, until } from '../../fixtures/gateway-world.js'

t.test('a slow receiver holds the sender back; the gateway keeps no more than it says', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open } = await startGateway(t, [host])
  const client = open('127.77.2.5')
  const peer = await host.next()
  const block = randomBytes(1_000_000)
  let blocks = 0
  const feed = () => {
    while (client.writableLength < block.length) {
      client.write(block)
      blocks++
    }
  }
  feed()
  client.on('drain', feed)
  let before = -1
  while (before !== gateway.counters().toHost.bytes) {
    before = gateway.counters().toHost.bytes
    await sleep(100)
  }
  // what left the gateway and what its kernel buffers took; a megabyte-hungry proxy would have read on and on
  t.ok(client.writableLength > 0, 'the sender is blocked')
  t.ok(before < 32_000_000, `${before} bytes taken for a receiver that reads nothing`)
  client.removeAllListeners('drain')
  const total = blocks * block.length
  client.end()
  const { bytes, code } = await readAll(peer)
  t.equal(code, 'end')
  t.equal(bytes.length, total)
  for (let i = 0; i < blocks; i++)
    if (!bytes.subarray(i * block.length, (i + 1) * block.length).equals(block)) t.fail(`block ${i} differs`)
})

t.test('thousands of connections at once: those over the limit are closed, the first go on', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open } = await startGateway(t, [host], { limits: { connectionsMax: 500 } })
  const first = open('127.77.2.1')
  const firstPeer = await host.next()
  const burst = Array.from({ length: 3000 }, (_, i) => open(`127.77.2.${2 + (i % 100)}`))
  await until(() => gateway.counters().overLimit + gateway.counters().accepted === 3001, 'all')
  const counters = gateway.counters()
  t.equal(counters.accepted, 500)
  t.equal(counters.overLimit, 2501)
  first.write('undisturbed')
  t.equal((await readBytes(firstPeer, 11)).toString(), 'undisturbed')
  for (const socket of burst) socket.resetAndDestroy()
  await until(() => gateway.counters().active === 1, 'the burst to go')
  open('127.77.2.5').write('after')
  await until(() => gateway.counters().accepted === 501, 'room again')
})

t.test('out of descriptors: what is too much is closed and counted, the gateway lives on', async t => {
  const host = await startHost(t, '127.77.1.1')
  const program = `
    import { createGateway } from ${JSON.stringify(new URL('../../../gateway/gateway.js', import.meta.url).href)}
    const hosts = [{ name: 'qm1', address: '127.77.1.1', port: ${host.port} }]
    const gateway = createGateway({ listen: { address: '${CLUSTER}', port: 0 }, hosts, source: 'keep' })
    process.send((await gateway.start()).port)
    process.on('message', () => process.send(gateway.counters()))`
  const child = spawn('sh', ['-c', 'ulimit -n 128; exec "$0" --input-type=module -e "$1"', process.execPath, program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill())
  const [port] = (await once(child, 'message')) as [number]
  const sockets = Array.from({ length: 400 }, () => connect({ host: CLUSTER, port, localAddress: '127.77.2.5' }))
  let closed = 0
  for (const socket of sockets) {
    socket.on('error', () => {})
    socket.on('close', () => closed++)
    socket.resume()
    t.teardown(() => socket.destroy())
  }
  await until(() => host.sockets.length + closed === 400, 'all to be carried or closed')
  child.send('counters')
  const [counters] = (await once(child, 'message')) as [ProxyCounters]
  t.equal(counters.accepted, 32, '(128 - 64) / 2')
  t.equal(counters.overLimit, 368)
  for (const socket of sockets) socket.destroy()
  for (const socket of host.sockets) socket.destroy()
  await until(() => closed === 400, 'all to go')
  const idle = async () => {
    child.send('counters')
    const [{ active }] = (await once(child, 'message')) as [ProxyCounters]
    return active === 0
  }
  while (!(await idle())) await sleep(10)
  const count = host.sockets.length
  connect({ host: CLUSTER, port, localAddress: '127.77.2.6' })
    .on('error', () => {})
    .end()
  await until(() => host.sockets.length === count + 1, 'room again')
})
