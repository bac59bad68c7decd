import t from 'tap'
import type { SeenConnection } from '../../capture/tcp/seen-connection.js'
import { BalancerSides } from '../../diagnosis/balancer-sides.js'
import { Session } from '../../diagnosis/session.js'

const CLIENT = '11111111-1111-1111-1111-111111111111'
const HOSTS = ['22222222-2222-2222-2222-222222222222', '33333333-3333-3333-3333-333333333333'] as const

let connections = 0

function session(client: string, server: string, port = 50_001 + connections): Session {
  const connection: SeenConnection = {
    id: connections++,
    client: { address: client, port, mac: null },
    server: { address: server, port: 1801, mac: null },
    first: { number: connections, fileIndex: 0, timeUs: 0 },
    opening: 'whole',
    frames: [1, 1],
    bytes: [0, 0],
    missing: [0, 0],
  }
  return new Session(connection)
}

function asks(sides: BalancerSides, of: Session): void {
  of.qmIds[0] = CLIENT
  of.clientUptimeMs = 1000
  of.established[0] = 1
  sides.established(of, CLIENT, 1000)
}

function hears(sides: BalancerSides, of: Session, host: string): readonly Session[] {
  of.qmIds[1] = host
  of.established[1] = 2
  return sides.answered(of)
}

t.test('sessions of one millisecond in which two queue managers answer are two sessions', async t => {
  for (const [first, second] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const sides = new BalancerSides()
    const two = [session('10.0.0.1', '10.0.0.2'), session('10.0.0.1', '10.0.0.3')] as const
    for (const each of two) asks(sides, each)
    t.equal(two[1].front, two[0], 'up to now they look like two sides of one')
    t.same(hears(sides, two[first]!, HOSTS[first]!), [])
    t.same(hears(sides, two[second]!, HOSTS[second]!), [two[first]])
    for (const each of two) t.same([each.front, each.back], [null, null])
    t.same(sides.translations, [])
  }
})

t.test('where one queue manager answers they stay two sides of one', async t => {
  const sides = new BalancerSides()
  const [front, back] = [session('10.0.0.1', '10.0.0.5'), session('10.0.0.5', '10.0.0.2')]
  for (const each of [front, back]) asks(sides, each)
  t.same(hears(sides, back, HOSTS[0]), [])
  t.same(hears(sides, front, HOSTS[0]), [])
  t.equal(front.back, back)
  t.match(sides.translations, [
    { client: '10.0.0.1', virtual: '10.0.0.5', seenAs: '10.0.0.5', host: '10.0.0.2', connections: 1 },
  ])
})

t.test(
  'two sessions of one millisecond through a balancer: the second goes its own way, to the same host or another',
  async t => {
    for (const second of ['10.0.0.2', '10.0.0.3'])
      for (const keepsSource of [true, false]) {
        const sides = new BalancerSides()
        const seenAs = keepsSource ? '10.0.0.1' : '10.0.0.5'
        const ways = ['10.0.0.2', second].map(
          (host, index) =>
            [
              session('10.0.0.1', '10.0.0.5', 50_100 + index),
              session(seenAs, host, (keepsSource ? 50_100 : 50_200) + index),
            ] as const,
        )
        for (const each of ways.flat()) asks(sides, each)
        for (const [front, back] of ways) {
          t.equal(front.back, back, `${second}, ${seenAs}`)
          t.equal(front.front, null)
          t.equal(back.back, null)
        }
      }
  },
)

t.test('where the client keeps its port behind the balancer, that tells which of several sessions it is', async t => {
  const sides = new BalancerSides()
  const fronts = [0, 1].map(index => session('10.0.0.1', '10.0.0.5', 50_300 + index))
  const backs = [1, 0].map(index => session('10.0.0.1', '10.0.0.2', 50_300 + index))
  for (const each of [...fronts, ...backs]) asks(sides, each)
  t.equal(fronts[0]?.back, backs[1])
  t.equal(fronts[1]?.back, backs[0])
})

t.test('a session of another address with the same handshake is passed on, though its answer is damaged', async t => {
  const sides = new BalancerSides()
  const [front, back] = [session('10.0.0.1', '10.0.0.5'), session('10.0.0.5', '10.0.0.2')]
  for (const each of [front, back]) asks(sides, each)
  hears(sides, back, HOSTS[0])
  t.same(hears(sides, front, HOSTS[1]), [], 'nothing is parted')
  t.equal(front.back, back)
})

t.test('the same first packet tells, though the name of its client is damaged on one side', async t => {
  const sides = new BalancerSides()
  const [front, back] = [session('10.0.0.1', '10.0.0.5'), session('10.0.0.5', '10.0.0.2')]
  asks(sides, front)
  back.qmIds[0] = HOSTS[1]
  back.clientUptimeMs = 1000
  back.established[0] = 1
  sides.established(back, HOSTS[1], 1000)
  t.equal(front.back, null)
  sides.earlyPacket(front, 7)
  sides.earlyPacket(back, 7)
  t.equal(front.back, back)
})
