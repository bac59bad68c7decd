import t from 'tap'
import { type LinkProfile, QUIET_LINK } from '../../../lab/sim/link-profile.js'
import { SimNetwork } from '../../../lab/sim/network.js'
import { createRandom } from '../../../lab/sim/random.js'
import { Scheduler } from '../../../lab/sim/scheduler.js'
import type { SimSocket } from '../../../lab/sim/sim-socket.js'

const SERVER = { address: '10.0.0.2', port: 1801 }

interface End {
  /** What came, each with its time. */
  readonly events: string[]
  receivedBytes: number
  socket: SimSocket
}

/** A network, and connections of 10.0.0.1 to a server at 10.0.0.2; `connect` returns when both ends have it. */
function setUp(profile: Partial<LinkProfile> = {}, seed = 1) {
  const scheduler = new Scheduler()
  const net = new SimNetwork(scheduler, createRandom(seed))
  const accepted: End[] = []
  const end = (): End => ({ events: [], receivedBytes: 0, socket: null as unknown as SimSocket })
  const handlers = (at: End) => ({
    data: (bytes: Buffer) => {
      at.receivedBytes += bytes.length
      at.events.push(`${bytes.length} at ${scheduler.nowMs}`)
    },
    writable: () => undefined,
    closed: (how: string) => at.events.push(`${how} at ${scheduler.nowMs}`),
    ended: () => at.events.push(`ended at ${scheduler.nowMs}`),
  })
  net.listen(SERVER, socket => {
    const server = end()
    accepted.push(server)
    server.socket = socket
    socket.handlers = handlers(server)
  })
  const connect = (address = '10.0.0.1') => {
    net.profile = QUIET_LINK
    const client = end()
    client.socket = net.connect(address, SERVER, {
      ...handlers(client),
      connected: () => undefined,
      failed: reason => client.events.push(`${reason} at ${scheduler.nowMs}`),
    })
    scheduler.runFor(1)
    net.profile = { ...QUIET_LINK, ...profile }
    return { client, server: accepted.at(-1)! }
  }
  return { scheduler, net, connect }
}

t.test('a link of limited rate takes its time, shared by all connections of a direction', async t => {
  const { scheduler, connect } = setUp({ latencyMs: 10, bytesPerS: 100_000 })
  const one = connect()
  const two = connect()
  const startMs = scheduler.nowMs
  one.client.socket.write([Buffer.alloc(2_920)])
  two.client.socket.write([Buffer.alloc(500)])
  two.server.socket.write([Buffer.alloc(1_000)])
  scheduler.runFor(1_000)
  const at = (afterMs: number) => startMs + afterMs
  t.strictSame(one.server.events, [`1460 at ${at(24.6)}`, `1460 at ${at(39.2)}`], '14.6 ms for each full segment')
  t.strictSame(two.server.events, [`500 at ${at(44.2)}`], 'after those of the other connection')
  t.strictSame(two.client.events, [`1000 at ${at(20)}`], 'the other direction is free')
  const third = connect('10.0.0.3')
  third.client.socket.write([Buffer.alloc(500)])
  const sentMs = scheduler.nowMs
  scheduler.runFor(100)
  t.strictSame(third.server.events, [`500 at ${sentMs + 15}`], 'another link, another rate')
})

t.test('its rate is what gets through in the long run, however much is written', async t => {
  const { scheduler, net, connect } = setUp({ bytesPerS: 50_000 })
  const { client, server } = connect()
  client.socket.write([Buffer.alloc(400_000)])
  scheduler.runFor(2_000)
  t.ok(Math.abs(server.receivedBytes - 100_000) <= 2 * 1_460, `${server.receivedBytes} in two seconds`)
  net.heal()
  scheduler.runFor(2_000)
  t.equal(server.receivedBytes, 400_000)
})

t.test('datagrams share the rate, too', async t => {
  const { scheduler, net, connect } = setUp({ latencyMs: 1, bytesPerS: 1_000 })
  connect()
  const times: number[] = []
  const startMs = scheduler.nowMs
  const to = { address: '10.0.0.2', port: 3527 }
  net.bindDatagrams(to, () => times.push(scheduler.nowMs - startMs))
  for (let sent = 0; sent < 3; sent++) net.sendDatagram({ address: '10.0.0.1', port: 3527 }, to, Buffer.alloc(10))
  scheduler.runFor(100)
  t.strictSame(times, [11, 21, 31])
})

t.test('what is written in one moment goes together; with coalesceMs little waits for more', async t => {
  const { scheduler, connect } = setUp({ latencyMs: 1, coalesceMs: 5 })
  const { client, server } = connect()
  const startMs = scheduler.nowMs
  const write = (bytes: number) => client.socket.write([Buffer.alloc(bytes)])
  write(10)
  write(10)
  scheduler.runFor(3)
  write(10)
  scheduler.runFor(20)
  t.strictSame(server.events, [`30 at ${startMs + 6}`])
  const againMs = scheduler.nowMs
  write(1_000)
  scheduler.runFor(2)
  write(460)
  scheduler.runFor(20)
  t.strictSame(server.events.slice(1), [`1460 at ${againMs + 3}`], 'a full segment does not wait')
  const lastMs = scheduler.nowMs
  write(10)
  client.socket.end()
  scheduler.runFor(20)
  t.strictSame(server.events.slice(2, 3), [`10 at ${lastMs + 1}`], 'nor does the last')
})

t.test('lost segments are sent again: later, all in order', async t => {
  const { scheduler, net, connect } = setUp({ lossChance: 0.3, giveUpMs: Number.POSITIVE_INFINITY }, 5)
  const { client, server } = connect()
  const startMs = scheduler.nowMs
  for (let sent = 0; sent < 50; sent++) {
    client.socket.write([Buffer.alloc(10)])
    scheduler.runFor(100)
  }
  scheduler.runFor(10_000)
  t.equal(server.receivedBytes, 500)
  const times = server.events.map(event => Number(event.split(' at ')[1]) - startMs)
  t.strictSame(
    times,
    times.slice().sort((left, right) => left - right),
  )
  t.ok(times.some(time => time % 100 === 0.5) && new Set(times).size < 50, 'some at once, some held up with others')
  t.equal(net.connections().length, 1)
})

t.test(
  'a segment that is lost for too long breaks the connection at its end only; the other learns when it sends',
  async t => {
    const { scheduler, net, connect } = setUp({ lossChance: 1, giveUpMs: 18_900 })
    const { client, server } = connect()
    const startMs = scheduler.nowMs
    client.socket.write([Buffer.alloc(10)])
    scheduler.runFor(5)
    net.profile = QUIET_LINK
    client.socket.write([Buffer.alloc(10)])
    scheduler.runFor(60_000)
    t.strictSame(client.events, [`reset at ${startMs + 18_900}`])
    t.strictSame(server.events, [], 'nothing overtakes what is lost, and nobody tells')
    const probeMs = scheduler.nowMs
    server.socket.write([Buffer.alloc(1)])
    scheduler.runFor(60_000)
    t.strictSame(server.events, [], 'nobody listens at that address any more')
    net.listen({ address: '10.0.0.1', port: 1801 }, () => undefined)
    server.socket.write([Buffer.alloc(1)])
    scheduler.runFor(10)
    t.strictSame(server.events, [`reset at ${probeMs + 60_000.5}`])
  },
)

t.test('a partition that lasts: who has something to send gives up, who has not keeps the connection', async t => {
  const { scheduler, net, connect } = setUp()
  const { client, server } = connect()
  const idle = connect()
  net.listen({ address: '10.0.0.1', port: 1801 }, () => undefined)
  net.part('10.0.0.1', '10.0.0.2')
  const startMs = scheduler.nowMs
  client.socket.write([Buffer.alloc(10)])
  scheduler.runFor(18_000)
  t.strictSame(client.events, [])
  scheduler.runFor(60_000)
  t.strictSame(client.events, [`reset at ${startMs + 18_900}`])
  t.strictSame(server.events, [])
  net.join('10.0.0.1', '10.0.0.2')
  idle.client.socket.write([Buffer.alloc(5)])
  server.socket.write([Buffer.alloc(1)])
  scheduler.runFor(10)
  t.equal(idle.server.receivedBytes, 5)
  t.match(server.events, [/^reset at/], 'the half that was left is reset when it is used')
})

t.test('a partition that is short: repeated in time, nothing breaks', async t => {
  const { scheduler, net, connect } = setUp()
  const { client, server } = connect()
  for (let round = 1; round <= 3; round++) {
    net.part('10.0.0.1', '10.0.0.2')
    client.socket.write([Buffer.alloc(10)])
    scheduler.runFor(15_000)
    net.join('10.0.0.1', '10.0.0.2')
    scheduler.runFor(100)
    t.equal(server.receivedBytes, 10 * round)
  }
  scheduler.runFor(60_000)
  t.strictSame(client.events, [])
})

t.test('a reset that falls into a partition is lost, and is not sent again', async t => {
  const { scheduler, net, connect } = setUp()
  const { client, server } = connect()
  net.part('10.0.0.1', '10.0.0.2')
  client.socket.abort()
  scheduler.runFor(1_000)
  net.join('10.0.0.1', '10.0.0.2')
  scheduler.runFor(60_000)
  t.match(client.events, [/^end at/])
  t.strictSame(server.events, [])
})

t.test('one direction may end while the other goes on', async t => {
  const { scheduler, net, connect } = setUp()
  const { client, server } = connect()
  server.socket.halfOpen = true
  const startMs = scheduler.nowMs
  client.socket.write([Buffer.alloc(3)])
  client.socket.end()
  scheduler.runFor(100)
  t.strictSame(server.events, [`3 at ${startMs + 0.5}`, `ended at ${startMs + 0.5}`])
  client.socket.write([Buffer.alloc(9)])
  server.socket.write([Buffer.alloc(7)])
  scheduler.runFor(100)
  server.socket.write([Buffer.alloc(8)])
  server.socket.end()
  scheduler.runFor(100)
  t.strictSame(client.events, [
    `7 at ${startMs + 100.5}`,
    `8 at ${startMs + 200.5}`,
    `ended at ${startMs + 200.5}`,
    `end at ${startMs + 200.5}`,
  ])
  t.equal(server.receivedBytes, 3, 'nothing can be written after the end')
  t.match(server.events.at(-1), /^end at/)
  t.equal(net.connections().length, 0)
})

t.test('without that, an end is answered with an end, once all that was written is sent', async t => {
  const { scheduler, connect } = setUp({ bytesPerS: 10_000 })
  const { client, server } = connect()
  server.socket.write([Buffer.alloc(5_000)])
  client.socket.end()
  scheduler.runFor(10)
  server.socket.write([Buffer.alloc(1)])
  scheduler.runFor(2_000)
  t.equal(client.receivedBytes, 5_000)
  t.match(client.events.at(-1), /^end at/)
  t.match(server.events, [/^ended at/, /^end at/])
})

t.test('either end may be reset by its own system, at chance', async t => {
  const byFirst = { client: 0, server: 0 }
  for (let seed = 1; seed <= 40; seed++) {
    const { scheduler, net, connect } = setUp({ resetChance: 1, latencyMs: 2 }, seed)
    const { client, server } = connect()
    const startMs = scheduler.nowMs
    client.socket.write([Buffer.alloc(100)])
    scheduler.runFor(100)
    const times = [client, server].map(
      ({ events }) => Number(/^reset at (.+)$/.exec(events.at(-1) ?? '')?.[1]) - startMs,
    )
    if (times[0] === 0) {
      byFirst.client++
      t.strictSame([times, server.receivedBytes], [[0, 2], 100], 'what is on the wire still arrives')
    } else {
      byFirst.server++
      t.strictSame([times, server.receivedBytes], [[2, 0], 0], 'what is on the wire finds nobody')
    }
    t.equal(net.connections().length, 0)
  }
  t.ok(byFirst.client > 5 && byFirst.server > 5, JSON.stringify(byFirst))
})

t.test('bytes that come before anybody reads wait', async t => {
  const { scheduler, net, connect } = setUp()
  const { client, server } = connect()
  const { handlers } = server.socket
  server.socket.handlers = null
  client.socket.write([Buffer.alloc(100_000)])
  scheduler.runFor(100)
  t.equal(client.socket.sentBytes, 65_536)
  server.socket.handlers = handlers
  server.socket.resume()
  scheduler.runFor(100)
  t.equal(server.receivedBytes, 100_000)
  t.equal(net.connections().length, 1)
})
