import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Host, readAll, readBytes, startGateway, startHost, until } from '../../fixtures/gateway-world.js'

/** Long enough that what would pass has passed; a slow machine can only make a test that ought to fail pass. */
const NOTHING_MS = 150

/** Counts what comes, and whether an end or a reset did. */
function watch(socket: Socket) {
  const seen = { bytes: 0, ended: false, code: '' }
  socket.on('data', (chunk: Buffer) => (seen.bytes += chunk.length))
  socket.on('end', () => (seen.ended = true))
  socket.on('error', (error: NodeJS.ErrnoException) => (seen.code = error.code ?? 'error'))
  socket.resume()
  return seen
}

async function pair(t: Test, host: Host, open: (from: string) => Socket): Promise<{ client: Socket; peer: Socket }> {
  const client = open('127.77.2.5')
  const peer = await host.next()
  client.write('?')
  t.equal((await readBytes(peer, 1)).toString(), '?')
  peer.pause()
  return { client, peer }
}

t.test('what a silent host and its client send each other passes when the host is back, once and in order', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open } = await startGateway(t, [host])
  const { client, peer } = await pair(t, host, open)
  const up = randomBytes(2_500_000)
  const down = randomBytes(2_000_000)
  const received = Promise.all([digest(peer), digest(client)])
  const sent = Promise.all([dribble(client, up), dribble(peer, down)])
  for (let turn = 0; turn < 12; turn++) {
    gateway.setReach('qm1', turn % 2 === 0 ? 'silent' : 'reachable')
    await sleep(turn % 2 === 0 ? 15 : 5)
  }
  gateway.setReach('qm1', 'reachable')
  await sent
  t.same(await received, [sha(up), sha(down)])
  await until(() => gateway.counters().active === 0, 'the end')
  t.equal(gateway.counters().toHost.bytes, up.length + 1)
  t.equal(gateway.counters().toClient.bytes, down.length)
})

t.test('in a stall no byte passes, no end, and little is taken from who sends', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [host])
  const { client, peer } = await pair(t, host, open)
  const atHost = watch(peer)
  const atClient = watch(client)
  gateway.setReach('qm1', 'silent')
  client.write(Buffer.alloc(50_000_000, 1))
  peer.end('answer')
  await sleep(NOTHING_MS)
  t.same(atHost, { bytes: 0, ended: false, code: '' })
  t.same(atClient, { bytes: 0, ended: false, code: '' })
  t.ok(client.writableLength > 10_000_000, 'the sender is held back')
  gateway.setReach('qm1', 'reachable')
  client.end()
  await until(() => atHost.ended && atClient.ended, 'both ends')
  t.equal(atHost.bytes, 50_000_000)
  t.equal(atClient.bytes, 6)
  await until(() => closed.length === 1, 'the close')
  t.match(closed[0], { closedBy: 'host', manner: 'end' })
})

t.test('a client that breaks off in a stall is gone; its host learns of it when it is back', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [host])
  const { client, peer } = await pair(t, host, open)
  const atHost = watch(peer)
  gateway.setReach('qm1', 'silent')
  client.resetAndDestroy()
  await sleep(NOTHING_MS)
  t.same(atHost, { bytes: 0, ended: false, code: '' })
  t.equal(closed.length, 0)
  gateway.setReach('qm1', 'reachable')
  await until(() => atHost.code !== '', 'the reset')
  t.equal(atHost.code, 'ECONNRESET')
  await until(() => closed.length === 1, 'the close')
  t.match(closed[0], { closedBy: 'client', manner: 'reset', code: 'ECONNRESET' })
})

t.test('a process that dies on a silent host is not heard of before the host is', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [host])
  const { client, peer } = await pair(t, host, open)
  const atClient = watch(client)
  gateway.setReach('qm1', 'silent')
  peer.resetAndDestroy()
  await sleep(NOTHING_MS)
  t.same(atClient, { bytes: 0, ended: false, code: '' })
  gateway.setReach('qm1', 'reachable')
  await until(() => atClient.code === 'ECONNRESET', 'the reset')
  await until(() => closed.length === 1, 'the close')
  t.match(closed[0], { closedBy: 'host', manner: 'reset' })
})

t.test('a stall that lasts is given up when any system would have, and is told as silence', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [host], { retransmission: { firstMs: 10, giveUpMs: 200 } })
  const { client, peer } = await pair(t, host, open)
  const atHost = watch(peer)
  const atClient = watch(client)
  gateway.setReach('qm1', 'silent')
  await until(() => closed.length === 1, 'the close')
  t.match(closed[0], { closedBy: 'gateway', manner: 'silence', host: 'qm1' })
  await until(() => atHost.code !== '' && atClient.code !== '', 'both resets')
  t.equal(gateway.counters().silence, 1)
})

t.test('a new connection to a silent host hears nothing, and gets through when its system asks again', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, decisions, closed } = await startGateway(t, [host], { retransmission: { firstMs: 20 } })
  gateway.setReach('qm1', 'silent')
  const client = open('127.77.2.5')
  const atClient = watch(client)
  client.write('hello')
  await sleep(NOTHING_MS)
  t.same(atClient, { bytes: 0, ended: false, code: '' })
  t.equal(host.sockets.length, 0)
  t.match(gateway.counters(), { active: 1, unanswered: 1, hostDown: 0 })
  t.equal(decisions.length, 1)
  gateway.setReach('qm1', 'reachable')
  const peer = await host.next()
  t.equal((await readBytes(peer, 5)).toString(), 'hello')
  t.equal(decisions.length, 2, 'what was asked again and answered is a decision')
  peer.end('welcome')
  client.end()
  await until(() => atClient.ended, 'the answer')
  t.equal(atClient.bytes, 7)
  await until(() => closed.length === 1, 'the close')
  t.match(closed[0], { manner: 'end', toHost: { bytes: 5 }, toClient: { bytes: 7 } })

  gateway.setReach('qm1', 'silent')
  const impatient = open('127.77.2.6')
  await once(impatient, 'connect')
  await until(() => gateway.counters().unanswered === 2, 'silence')
  impatient.destroy()
  await until(() => closed.length === 2, 'its end')
  t.match(closed[1], { closedBy: 'client', manner: 'silence' })
})

t.test('connections that nobody answers are bounded: the eldest goes', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open, closed } = await startGateway(t, [host], { limits: { unansweredMax: 3 } })
  gateway.setReach('qm1', 'silent')
  const clients: Socket[] = []
  for (let i = 0; i < 5; i++) {
    clients.push(open('127.77.2.5'))
    await until(() => gateway.counters().unanswered === i + 1, 'the next')
  }
  await until(() => closed.length === 2, 'two to go')
  t.same(
    closed.map(({ connection, manner, closedBy }) => ({ connection, manner, closedBy })),
    [1, 2].map(connection => ({ connection, manner: 'silence', closedBy: 'gateway' })),
  )
  t.equal(gateway.counters().active, 3)
  await gateway.stop()
  t.equal(closed.length, 5)
})

t.test('many connections, stalls at random, and nobody’s bytes are lost, doubled or another’s', async t => {
  const host = await startHost(t, '127.77.1.1')
  // who met a stall each time that its system asked would wait for ever, in one run of some thirty with six repetitions:
  // the stalls come to an end, and after that somebody still asks
  const retransmission = { firstMs: 10, synRepetitionsMax: 20 }
  const { gateway, open } = await startGateway(t, [host], { affinity: 'none', retransmission })
  let running = true
  const stalls = (async () => {
    for (let turn = 0; running && turn < 60; turn++) {
      gateway.setReach('qm1', 'silent')
      await sleep(Math.random() * 8)
      gateway.setReach('qm1', 'reachable')
      await sleep(Math.random() * 8)
    }
  })()
  const exchanges = Array.from({ length: 12 }, async (_, index) => {
    gateway.setReach('qm1', 'reachable')
    const client = open(`127.77.4.${index + 1}`)
    const body = randomBytes(60_000 + index * 9000)
    const answer = digest(client)
    await dribble(client, body)
    return (await answer) === sha(body)
  })
  for (let i = 0; i < exchanges.length; i++) {
    const peer = await host.next()
    peer.pipe(peer)
  }
  t.ok((await Promise.all(exchanges)).every(Boolean))
  running = false
  await stalls
})

const sha = (bytes: Buffer) => createHash('sha1').update(bytes).digest('hex')

async function digest(socket: Socket): Promise<string> {
  const { bytes, code } = await readAll(socket)
  return code === 'end' ? sha(bytes) : code
}

/** Writes in chunks of any size, with pauses, and ends. */
async function dribble(socket: Socket, bytes: Buffer): Promise<void> {
  let offset = 0
  while (offset < bytes.length) {
    const size = Math.random() < 0.3 ? 1 + Math.floor(Math.random() * 20) : 1 + Math.floor(Math.random() * 150_000)
    if (!socket.write(bytes.subarray(offset, offset + size))) await once(socket, 'drain')
    if (Math.random() < 0.2) await sleep(1)
    offset += size
  }
  socket.end()
}
