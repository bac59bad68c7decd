import t from 'tap'
import { HOSTILE_LINK, QUIET_LINK } from '../../../lab/sim/link-profile.js'
import { SimNetwork } from '../../../lab/sim/network.js'
import { createRandom } from '../../../lab/sim/random.js'
import { Scheduler } from '../../../lab/sim/scheduler.js'
import type { SimSocket } from '../../../lab/sim/sim-socket.js'

const SERVER = { address: '10.0.0.2', port: 1801 }

interface End {
  readonly events: string[]
  readonly received: Buffer[]
  socket: SimSocket
}

function network(seed: number) {
  const scheduler = new Scheduler()
  return { scheduler, net: new SimNetwork(scheduler, createRandom(seed)) }
}

function record(end: End) {
  return {
    data: (bytes: Buffer) => {
      end.received.push(bytes)
      end.events.push(`data ${bytes.length}`)
    },
    writable: (ready: boolean) => end.events.push(`writable ${ready}`),
    closed: (how: string) => end.events.push(`closed ${how}`),
  }
}

/** A connection from 10.0.0.1, both ends recorded; not yet run. */
function connect(net: SimNetwork) {
  const server: End = { events: [], received: [], socket: null as unknown as SimSocket }
  const client: End = { events: [], received: [], socket: null as unknown as SimSocket }
  net.listen(SERVER, socket => {
    server.socket = socket
    socket.handlers = record(server)
    server.events.push('accepted')
  })
  client.socket = net.connect('10.0.0.1', SERVER, {
    ...record(client),
    connected: () => client.events.push('connected'),
    failed: reason => client.events.push(`failed ${reason}`),
  })
  return { client, server }
}

t.test('events of one moment run in the order they were scheduled; cancelled ones do not', async t => {
  const scheduler = new Scheduler()
  const ran: string[] = []
  scheduler.at(5, () => ran.push('b'))
  scheduler.at(5, () => ran.push('c'))
  scheduler.at(2, () => {
    ran.push('a')
    scheduler.after(0, () => ran.push('a2'))
  })
  scheduler.at(4, () => ran.push('never')).cancel()
  scheduler.runFor(5)
  t.strictSame(ran, ['a', 'a2', 'b', 'c'])
  t.equal(scheduler.nowMs, 5)
  t.equal(
    scheduler.runUntilDone(() => false, 10),
    false,
  )
  t.equal(scheduler.nowMs, 15)
})

t.test('many random times come out sorted', async t => {
  const scheduler = new Scheduler()
  const random = createRandom(7)
  const seen: number[] = []
  for (let left = 0; left < 2_000; left++) {
    const atMs = random.between(0, 500)
    scheduler.at(atMs, () => seen.push(scheduler.nowMs))
  }
  scheduler.runFor(500)
  t.equal(seen.length, 2_000)
  t.strictSame(
    seen,
    seen.slice().sort((left, right) => left - right),
  )
})

t.test('a quiet link carries bytes both ways and ends both ends', async t => {
  const { scheduler, net } = network(1)
  const { client, server } = connect(net)
  scheduler.runFor(1)
  t.strictSame(client.events, ['connected'])
  t.equal(server.socket.remote.address, '10.0.0.1')
  client.socket.write([Buffer.from('hello '), Buffer.from('there')])
  scheduler.runFor(0.5)
  t.strictSame(server.events, ['accepted', 'data 11'], 'what is written together arrives together')
  server.socket.write([Buffer.from('bye')])
  server.socket.end()
  scheduler.runFor(2)
  t.strictSame(client.events, ['connected', 'data 3', 'closed end'])
  t.strictSame(server.events.at(-1), 'closed end')
  t.equal(net.connections().length, 0)
})

t.test('segments are split and joined by chance, never reordered, the same for the same seed', async t => {
  const run = (seed: number) => {
    const { scheduler, net } = network(seed)
    net.profile = { ...QUIET_LINK, splitChance: 0.7, jitterMs: 30 }
    const { client, server } = connect(net)
    scheduler.runFor(100)
    const sent = createRandom(99).bytes(5_000)
    for (let offset = 0; offset < sent.length; offset += 100) {
      client.socket.write([sent.subarray(offset, offset + 100)])
      if (offset % 700 === 0) scheduler.runFor(1)
    }
    scheduler.runFor(1_000)
    return { same: Buffer.concat(server.received).equals(sent), events: server.events }
  }
  const first = run(3)
  t.ok(first.same)
  t.ok(first.events.length > 20, `${first.events.length} pieces`)
  t.strictSame(run(3).events, first.events)
  t.notSame(run(4).events, first.events)
})

t.test('a cut may fall on any byte: exactly those before it arrive, both ends see a reset', async t => {
  for (let cut = 0; cut <= 40; cut++) {
    const { scheduler, net } = network(cut)
    net.profile = { ...QUIET_LINK, splitChance: 0.5 }
    const { client, server } = connect(net)
    scheduler.runFor(1)
    client.socket.cutAfterBytes = cut
    client.socket.write([Buffer.alloc(25, 1), Buffer.alloc(25, 2)])
    scheduler.runFor(10)
    if (Buffer.concat(server.received).length !== cut) t.fail(`cut at ${cut}: ${server.events}`)
    if (client.events.at(-1) !== 'closed reset' || server.events.at(-1) !== 'closed reset')
      t.fail(`cut at ${cut}: ${client.events} / ${server.events}`)
  }
})

t.test('a reader that stops stops the writer; nothing is lost', async t => {
  const { scheduler, net } = network(1)
  const { client, server } = connect(net)
  scheduler.runFor(1)
  server.socket.pause()
  const sent = createRandom(5).bytes(300_000)
  for (let offset = 0; offset < sent.length; offset += 10_000)
    client.socket.write([sent.subarray(offset, offset + 10_000)])
  scheduler.runFor(100)
  t.strictSame(client.events, ['connected', 'writable false'])
  t.equal(server.received.length, 0)
  t.ok(client.socket.sentBytes <= 65_536)
  server.socket.resume()
  scheduler.runFor(100)
  t.strictSame(client.events, ['connected', 'writable false', 'writable true'])
  t.ok(Buffer.concat(server.received).equals(sent))
})

t.test('refusal, silence, and a partition', async t => {
  const { scheduler, net } = network(1)
  const events: string[] = []
  const attempt = () =>
    net.connect('10.0.0.1', SERVER, {
      data: () => {},
      writable: () => {},
      closed: how => events.push(`closed ${how}`),
      connected: () => events.push('connected'),
      failed: reason => events.push(`failed ${reason} at ${scheduler.nowMs}`),
    })
  attempt()
  scheduler.runFor(1_000)
  t.strictSame(events, ['failed ECONNREFUSED at 1'])
  net.profile = { ...QUIET_LINK, blackHoleChance: 1 }
  attempt()
  scheduler.runFor(30_000)
  t.equal(events[1], 'failed ETIMEDOUT at 22000')
  const aborted = attempt()
  aborted.abort()
  scheduler.runFor(30_000)
  t.strictSame(events.slice(2), ['closed end'], 'an aborted attempt does not fail as well')

  net.heal()
  net.profile = { ...QUIET_LINK, giveUpMs: Number.POSITIVE_INFINITY }
  const { client, server } = connect(net)
  scheduler.runFor(10)
  net.part('10.0.0.2', '10.0.0.1')
  client.socket.write([Buffer.from('late')])
  scheduler.runFor(60_000)
  t.equal(server.received.length, 0)
  net.join('10.0.0.1', '10.0.0.2')
  scheduler.runFor(10)
  t.equal(Buffer.concat(server.received).toString(), 'late')
})

t.test('a partition that begins while a SYN is under way holds it up too', async t => {
  const { scheduler, net } = network(1)
  const { client, server } = connect(net)
  scheduler.runFor(0.2)
  net.part('10.0.0.1', SERVER.address)
  scheduler.runFor(1_000)
  t.strictSame([client.events, server.events], [[], []])
  net.join('10.0.0.1', SERVER.address)
  scheduler.runFor(3_000)
  t.strictSame([client.events, server.events], [['connected'], ['accepted']], 'its repetition gets through')
})

t.test('abort resets the peer after what is on the wire', async t => {
  const { scheduler, net } = network(1)
  const { client, server } = connect(net)
  scheduler.runFor(10)
  client.socket.write([Buffer.from('sent')])
  scheduler.runFor(0.25)
  client.socket.write([Buffer.from('not sent')])
  client.socket.abort()
  scheduler.runFor(10)
  t.strictSame(server.events, ['accepted', 'data 4', 'closed reset'])
  t.strictSame(client.events, ['connected', 'closed end'])
})

t.test('after a power cut the peer learns nothing until the machine is back', async t => {
  const { scheduler, net } = network(1)
  const { client, server } = connect(net)
  scheduler.runFor(10)
  const stopListening = net.listen({ address: SERVER.address, port: 9 }, () => {})
  stopListening()
  server.socket.vanish()
  client.socket.write([Buffer.from('anybody?')])
  scheduler.runFor(10)
  t.strictSame(server.events, ['accepted'])
  t.strictSame(client.events, ['connected', 'closed reset'], 'this address still listens, so it answers')
})

t.test('datagrams are lost, doubled and overtake each other', async t => {
  const { scheduler, net } = network(11)
  net.profile = HOSTILE_LINK
  const from = { address: '10.0.0.1', port: 3527 }
  const to = { address: '10.0.0.2', port: 3527 }
  const got: number[] = []
  net.bindDatagrams(to, (_from, bytes) => got.push(bytes.readUInt16LE(0)))
  for (let number = 0; number < 200; number++) {
    const bytes = Buffer.alloc(2)
    bytes.writeUInt16LE(number)
    net.sendDatagram(from, to, bytes)
  }
  scheduler.runFor(1_000)
  const distinct = new Set(got)
  t.ok(distinct.size < 180, 'some lost')
  t.ok(got.length > distinct.size, 'some doubled')
  t.notSame(
    got,
    got.slice().sort((left, right) => left - right),
    'out of order',
  )
})
