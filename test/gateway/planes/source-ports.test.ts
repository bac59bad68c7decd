import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { SourcePorts } from '../../../gateway/planes/source-ports.js'
import { CLUSTER, startGateway, startHost, until } from '../../fixtures/gateway-world.js'

t.test('ports of the range come one after another, and again from its beginning', t => {
  const ports = new SourcePorts({ first: 50_000, last: 50_002 })
  const drawn = Array.from({ length: 7 }, () => ports.next())
  t.strictSame([...new Set(drawn)].sort(), [50_000, 50_001, 50_002])
  t.strictSame(drawn.slice(3, 6), drawn.slice(0, 3))
  for (const [index, port] of drawn.slice(1).entries())
    t.equal(port, drawn[index] === 50_002 ? 50_000 : drawn[index]! + 1)
  t.end()
})

t.test('without a range the system chooses', t => {
  t.equal(new SourcePorts(undefined).next(), 0)
  t.end()
})

t.test('a port that somebody else has is passed over, and the host is not blamed', async t => {
  const host = await startHost(t, '127.77.1.1')
  const { gateway, open } = await startGateway(t, [host], { source: 'translate' })
  const openOne = async () => {
    open('127.77.2.5')
    await host.next()
    const count = gateway.connections().length
    await until(() => gateway.connections()[count - 1]?.upstreamLocalPort != null, 'the connection')
    return gateway.connections()[count - 1]!.upstreamLocalPort!
  }
  const first = await openOne()
  if (process.platform !== 'linux') return
  // more of them than are tried one by one; what another test has is not ours to take
  const taken: number[] = []
  for (let port = first + 1; taken.length < 5; port++) {
    const server = createServer().listen(port, CLUSTER)
    const [error] = await Promise.race([once(server, 'listening'), once(server, 'error').catch(() => ['taken'])])
    if (error !== undefined) continue
    taken.push(port)
    t.teardown(() => server.close())
  }
  const next = await openOne()
  t.notOk(taken.includes(next), `${next} of ${taken}`)
  const { hosts, connectFailures } = gateway.counters()
  t.equal(hosts.qm1?.failed, 0)
  t.strictSame(connectFailures, {})
})
