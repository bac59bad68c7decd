import t from 'tap'
import type { RoutedConnection } from '../../../lab/sim/dial.js'
import { QUIET_LINK } from '../../../lab/sim/link-profile.js'
import { EPHEMERAL_PORT_MIN, SimNetwork } from '../../../lab/sim/network.js'
import { createRandom } from '../../../lab/sim/random.js'
import { Scheduler } from '../../../lab/sim/scheduler.js'
import type { SimSocket } from '../../../lab/sim/sim-socket.js'
import { RecordedFrames } from '../../fixtures/recorded-frames.js'

/* What is recorded of simulated connections. Links have half a millisecond each way. */

const SERVER = { address: '10.0.0.2', port: 1801 }
const VIP = { address: '10.0.0.9', port: 1801 }
const CLIENT_PORT = EPHEMERAL_PORT_MIN

const QUIET = { data: () => undefined, writable: () => undefined, closed: () => undefined }

function recorded() {
  const scheduler = new Scheduler()
  const net = new SimNetwork(scheduler, createRandom(1))
  const frames = new RecordedFrames(1, () => scheduler.nowMs)
  net.tap = { recorder: frames.recorder, nowMs: () => scheduler.nowMs }
  const accepted: SimSocket[] = []
  const listen = () =>
    net.listen(SERVER, socket => {
      accepted.push(socket)
      socket.handlers = QUIET
    })
  const connect = (to = SERVER) =>
    net.connect('10.0.0.1', to, { ...QUIET, connected: () => undefined, failed: () => undefined })
  const lines = (link?: number) => {
    frames.recorder.catchUp()
    return frames.lines(CLIENT_PORT, link)
  }
  return { scheduler, net, frames, accepted, listen, connect, lines }
}

t.test('each frame when its sender sends it', async t => {
  const { scheduler, accepted, listen, connect, lines } = recorded()
  listen()
  const client = connect()
  scheduler.runFor(2)
  client.write([Buffer.from('hello')])
  scheduler.runFor(1)
  accepted[0]!.write([Buffer.from('hi')])
  accepted[0]!.end()
  scheduler.runFor(100)
  t.strictSame(lines(), [
    '0 client SYN seq 0 +0',
    '0.5 server SYN ACK seq 0 ack 1 +0',
    '1 client ACK seq 1 ack 1 +0',
    '2 client PSH ACK seq 1 ack 1 +5',
    '3 server PSH ACK seq 1 ack 6 +2',
    '3 server FIN ACK seq 3 ack 6 +0',
    '3.5 client ACK seq 6 ack 4 +0',
    '3.5 client FIN ACK seq 6 ack 4 +0',
    '4 server ACK seq 4 ack 7 +0',
  ])
})

/** Leads everybody on to the server, which sees another client. */
function translating(): RoutedConnection {
  return {
    choose: refused => (refused === null ? { host: SERVER, client: { address: VIP.address, port: 60_000 } } : 'refuse'),
    accepted: () => undefined,
    givenUp: () => undefined,
    passed: () => undefined,
    ended: () => undefined,
    closed: () => undefined,
  }
}

t.test('a balanced connection is on two links, with the addresses of each', async t => {
  const { scheduler, net, frames, accepted, listen, connect, lines } = recorded()
  listen()
  net.route(VIP, translating)
  const client = connect(VIP)
  scheduler.runFor(2)
  client.write([Buffer.from('hello')])
  scheduler.runFor(1)
  accepted[0]!.abort()
  scheduler.runFor(100)
  t.strictSame(frames.links, [
    ['10.0.0.1', '10.0.0.9'],
    ['10.0.0.9', '10.0.0.2'],
  ])
  t.strictSame(lines(0), [
    '0 client SYN seq 0 +0',
    '0.75 server SYN ACK seq 0 ack 1 +0',
    '1 client ACK seq 1 ack 1 +0',
    '2 client PSH ACK seq 1 ack 1 +5',
    '3.25 server RST ACK seq 1 ack 6 +0',
  ])
  t.strictSame(frames.lines(60_000, 1), [
    '0.5 client SYN seq 0 +0',
    '0.5 server SYN ACK seq 0 ack 1 +0',
    '1.25 client ACK seq 1 ack 1 +0',
    '2.25 client PSH ACK seq 1 ack 1 +5',
    '3 server RST ACK seq 1 ack 6 +0',
  ])
  const { connections } = frames.streams()
  t.strictSame(
    connections.map(({ client, server }) => `${client.address} ${server.address}`),
    ['10.0.0.1 10.0.0.9', '10.0.0.9 10.0.0.2'],
  )
  t.equal(connections[0]!.server.mac, connections[1]!.client.mac, 'both are the balancer’s')
})

t.test('nobody listens: refused, directly and by a host behind a balancer', async t => {
  const { scheduler, net, frames, connect, lines } = recorded()
  connect()
  scheduler.runFor(10)
  t.strictSame(lines(), ['0 client SYN seq 0 +0', '0.5 server RST ACK seq 0 ack 1 +0'])
  net.route(VIP, translating)
  connect(VIP)
  scheduler.runFor(10)
  t.strictSame(frames.lines(60_000, 2), ['10.5 client SYN seq 0 +0', '10.5 server RST ACK seq 0 ack 1 +0'])
})

t.test('nobody is there: the SYN again and again', async t => {
  const { scheduler, net, listen, connect, lines } = recorded()
  listen()
  net.part('10.0.0.1', SERVER.address)
  connect()
  scheduler.runFor(60_000)
  t.strictSame(lines(), ['0 client SYN seq 0 +0', '3000 client SYN seq 0 +0', '9000 client SYN seq 0 +0'])
})

t.test('what a partition holds back is tried until it is over', async t => {
  const { scheduler, net, listen, connect, lines } = recorded()
  listen()
  const client = connect()
  scheduler.runFor(10)
  net.part('10.0.0.1', SERVER.address)
  client.write([Buffer.from('hello')])
  scheduler.runFor(1_000)
  net.join('10.0.0.1', SERVER.address)
  scheduler.runFor(100)
  t.strictSame(lines().slice(3), [
    '10 client PSH ACK seq 1 ack 1 +5',
    '310 client PSH ACK seq 1 ack 1 +5',
    '910 client PSH ACK seq 1 ack 1 +5',
    '1010 client PSH ACK seq 1 ack 1 +5',
    '1050.5 server ACK seq 1 ack 6 +0',
  ])
})

t.test('what is lost is sent again; what never arrives is never acknowledged', async t => {
  const { scheduler, net, frames, accepted, listen, connect } = recorded()
  const stop = listen()
  const client = connect()
  scheduler.runFor(10)
  net.profile = { ...QUIET_LINK, lossChance: 0.3 }
  for (let turn = 0; turn < 20; turn++) {
    client.write([Buffer.alloc(1000, turn)])
    scheduler.runFor(20_000)
  }
  const { troubles } = frames.streams()
  t.ok(troubles.length > 3 && troubles.every(({ what, direction }) => what === 'retransmission' && direction === 0))
  frames.recorder.catchUp()
  const before = frames.frames.length
  // the machine is gone, with all that listened there
  stop()
  accepted[0]!.vanish()
  net.profile = QUIET_LINK
  client.write([Buffer.from('to nobody')])
  scheduler.runFor(10_000)
  t.equal(frames.frames.length, before + 1, 'no answer')
})

t.test('a connection that a balancer forgot: who sends on it is reset', async t => {
  const { scheduler, net, listen, connect, lines } = recorded()
  listen()
  const client = connect()
  scheduler.runFor(10)
  net.connections()[0]!.passage = 'forgotten'
  client.write([Buffer.from('hello')])
  scheduler.runFor(10)
  t.strictSame(lines().slice(3), ['10 client PSH ACK seq 1 ack 1 +5', '10 server RST ACK seq 1 ack 1 +0'])
})

t.test('a reader that stops closes its window', async t => {
  const { scheduler, frames, accepted, listen, connect } = recorded()
  listen()
  const client = connect()
  scheduler.runFor(10)
  accepted[0]!.pause()
  client.write([Buffer.alloc(100_000)])
  scheduler.runFor(1_000)
  accepted[0]!.resume()
  scheduler.runFor(1_000)
  const notes = frames.streams()
  t.strictSame(
    notes.troubles.map(({ what, direction }) => `${what} ${direction}`),
    ['zero-window 1', 'window-open 1'],
  )
  t.equal(notes.stream(0, 0).length, 100_000)
})
