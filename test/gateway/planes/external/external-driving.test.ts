import { once } from 'node:events'
import t from 'tap'
import { externalSkip, externalWorld, ONE_RULE, open, PRODUCTS } from '../../../fixtures/external-world.js'
import { type Host, readAll, startHost, until } from '../../../fixtures/gateway-world.js'
import { until as soon } from '../../../fixtures/raw-peer.js'

const WAIT_MS = 30_000

for (const [place, product] of PRODUCTS.entries()) {
  const net = `127.72.${place + 1}`
  const vip = `${net}.10`
  const skip = externalSkip(product)

  t.test(`${product}: drained by the model, with connections alive`, { skip }, async t => {
    const hosts = await twoHosts(t, net, 1801)
    const { plane, cluster } = externalWorld(t, product, { addresses: [vip], rules: ONE_RULE, hosts: addresses(hosts) })
    await plane.start()
    const first = await opened(t, vip, `${net}.50`, hosts)
    const [old, other] = first.at === 'R1' ? ['R1', 'R2'] : ['R2', 'R1']

    t.equal(await plane.connections(old), 1)
    cluster.countConnections(old, 1, 1)
    t.equal(cluster.command('drainstop', old, 1)[0]?.code, 1000)
    await plane.applied()
    for (let n = 0; n < 10; n++)
      t.equal((await opened(t, vip, `${net}.${60 + n}`, hosts)).at, other, 'a new one goes elsewhere')
    first.client.write('still there')
    first.peer.resume()
    const [bytes] = (await once(first.peer, 'data')) as [Buffer]
    t.equal(bytes.toString(), 'still there')

    cluster.command('start', old, 2)
    for (let ms = 500; ms <= 30_000; ms += 500) cluster.advance(ms)
    await plane.applied()
    const taken = new Set<string>()
    for (let n = 0; n < 30; n++) taken.add((await opened(t, vip, `${net}.${100 + n}`, hosts)).at)
    t.equal(taken.size, 2, 'it takes its share again')
  })

  t.test(`${product}: orders, rules and weights`, { skip }, async t => {
    const hosts = await twoHosts(t, net, 1801)
    const { plane, cluster, failures } = externalWorld(t, product, {
      addresses: [vip],
      rules: ONE_RULE,
      hosts: addresses(hosts),
    })
    await plane.start()
    t.throws(() => plane.setHostState('R9', 'down'), RangeError)
    plane.setHostState('R1', 'down')
    await plane.applied()
    for (let n = 0; n < 5; n++) t.equal((await opened(t, vip, `${net}.${60 + n}`, hosts)).at, 'R2')
    plane.setHostState('R1', 'up')
    cluster.setWeight('R2', 0, 0, 1)
    for (let ms = 500; ms <= 30_000; ms += 500) cluster.advance(ms)
    await plane.applied()
    for (let n = 0; n < 5; n++) t.equal((await opened(t, vip, `${net}.${70 + n}`, hosts)).at, 'R1', 'weight 0')

    const kept = await opened(t, vip, `${net}.80`, hosts)
    const more = await startHost(t, hosts[0]!.address, 1802)
    cluster.setRules([...ONE_RULE, { startPort: 1802, endPort: 1802, protocol: 'tcp', mode: 'single' }], 31_000)
    for (let ms = 31_500; ms <= 60_000; ms += 500) cluster.advance(ms)
    await plane.applied()
    open(t, vip, 1802, `${net}.81`)
    await until(() => more.sockets.length > 0, 'a connection under the new rule', WAIT_MS)
    t.equal(more.sockets[0]?.remoteAddress, vip, 'a rule that came later')
    kept.client.write('x')
    kept.peer.resume()
    t.equal(String((await once(kept.peer, 'data'))[0]), 'x', 'what was open before stays')
    t.same(failures, [])
  })
}

t.test(
  'haproxy: who is down loses its connections, by a reset or an end',
  { skip: externalSkip('haproxy') },
  async t => {
    const net = '127.72.3'
    const hosts = await twoHosts(t, net, 1801)
    const { plane, cluster, closed, decisions } = externalWorld(t, 'haproxy', {
      addresses: [`${net}.10`],
      rules: ONE_RULE,
      hosts: addresses(hosts),
    })
    await plane.start()
    const first = await opened(t, `${net}.10`, `${net}.50`, hosts)
    const down = first.at
    cluster.crash(down, 1)
    await plane.applied()
    await readAll(first.client)
    await until(() => closed.length === 1, 'its line', WAIT_MS)
    t.match(closed[0], { host: down, manner: 'stopped', closedBy: 'gateway', clientAddress: `${net}.50` })
    t.equal(decisions.length, 1)
  },
)

for (const [place, product] of PRODUCTS.entries())
  t.test(`${product}: requests over HTTP, each by itself`, { skip: externalSkip(product) }, async t => {
    const net = `127.72.${place + 4}`
    const vip = `${net}.10`
    const hosts = await twoHosts(t, net, 8080)
    const { plane, decisions, requests } = externalWorld(
      t,
      product,
      {
        addresses: [vip],
        rules: [{ startPort: 8080, endPort: 8080, protocol: 'tcp', affinity: 'none' }],
        hosts: addresses(hosts),
      },
      { httpPorts: [8080] },
    )
    for (const { server } of hosts)
      server.on('connection', socket =>
        socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')).resume(),
      )
    await plane.start()
    const client = open(t, vip, 8080, `${net}.50`)
    let text = ''
    client.on('data', bytes => {
      text += bytes
    })
    for (let n = 1; n <= 4; n++) {
      client.write(`POST /msmq/private$/q${n} HTTP/1.1\r\nHost: cluster\r\nContent-Length: 3\r\n\r\nabc`)
      await until(() => text.split('\r\n\r\nok').length === n + 1, `answer ${n}`, WAIT_MS)
    }
    await until(() => requests.length === 4, 'all lines', WAIT_MS)
    t.same(new Set(decisions.map(({ host }) => host)), new Set(['R1', 'R2']), 'one connection, both hosts')
    t.same(
      requests.map(({ connection, request, method, target, status, outcome, clientAddress }) => ({
        same: connection === requests[0]?.connection,
        request,
        method,
        target,
        status,
        outcome,
        clientAddress,
      })),
      [1, 2, 3, 4].map(n => ({
        same: true,
        request: n,
        method: 'POST',
        target: `/msmq/private$/q${n}`,
        status: 200,
        outcome: 'answered',
        clientAddress: `${net}.50`,
      })),
    )
    t.ok(await soon(async () => (await plane.counters()).hosts.R1?.connections === 2), 'counted by host')
  })

async function twoHosts(t: Parameters<typeof startHost>[0], net: string, port: number): Promise<Host[]> {
  return [await startHost(t, `${net}.11`, port), await startHost(t, `${net}.12`, port)]
}

const addresses = (hosts: readonly Host[]) => hosts.map(({ address }) => address)

/** A connection through the plane, and where it came out. */
async function opened(t: Parameters<typeof startHost>[0], vip: string, from: string, hosts: readonly Host[]) {
  const before = hosts.map(({ sockets }) => sockets.length)
  const client = open(t, vip, 1801, from)
  await until(() => hosts.some(({ sockets }, index) => sockets.length > before[index]!), `a host for ${from}`, WAIT_MS)
  const index = hosts.findIndex(({ sockets }, place) => sockets.length > before[place]!)
  return { client, at: `R${index + 1}`, peer: hosts[index]!.sockets.at(-1)! }
}
