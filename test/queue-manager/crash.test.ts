import t from 'tap'
import { HOSTILE_LINK, QUIET_LINK } from '../../lab/sim/link-profile.js'
import type { SimNode, Submission } from '../../lab/sim/sim-node.js'
import { SimWorld } from '../../lab/sim/world.js'
import { addNode, direct, forEachSeed, PLAIN_QUEUE, SEEDS_TIMEOUT_MS, TX_QUEUE } from '../fixtures/sim-tests.js'

const CRASHES_MS = 400_000
const HOUR_MS = 3_600_000

interface Sent {
  readonly submission: Submission
  readonly bodies: readonly string[]
}

function outgoing(world: SimWorld): number {
  return world.nodes.reduce((sum, node) => sum + (node.isRunning ? node.engine.counters.outgoingMessages : 1), 0)
}

/**
 * Accepted ones are there, once and in the order of each queue; of the others all of a transaction or nothing, and
 * nothing twice. `queues` are the bodies in the queues that the messages were spread over.
 */
function check(what: string, sent: readonly Sent[], queues: readonly (readonly string[])[]): void {
  const places = new Map<string, { readonly queue: number; readonly position: number }>()
  for (const [queue, bodies] of queues.entries())
    for (const [position, body] of bodies.entries()) {
      if (places.has(body)) throw new Error(`${what}: ${body} came twice`)
      places.set(body, { queue, position })
    }
  const last = queues.map(() => -1)
  for (const { submission, bodies } of sent) {
    const there = bodies.flatMap(body => places.get(body) ?? [])
    if (submission.outcome === 'accepted' && there.length < bodies.length)
      throw new Error(`${what}: ${bodies} accepted, ${there.length} came`)
    if (submission.outcome === 'refused' && there.length > 0)
      throw new Error(`${what}: ${bodies} refused, ${there.length} came`)
    if (there.length > 0 && there.length < bodies.length) throw new Error(`${what}: only ${there.length} of ${bodies}`)
    for (const { queue, position } of there) {
      if (position < last[queue]!) throw new Error(`${what}: ${bodies} out of order`)
      last[queue] = position
    }
  }
  const known = new Set(sent.flatMap(({ bodies }) => bodies))
  for (const body of places.keys()) if (!known.has(body)) throw new Error(`${what}: ${body} was never sent`)
}

/** One engine sends to two others; it and one of them crash and start again, on networks good or bad. */
function runCrashes(seed: number): { world: SimWorld; accepted: number; unknown: number; crashes: number } {
  const world = new SimWorld(seed)
  const { random } = world
  const options = () => ({
    store: { delayMs: random.pick([0, 5, 400]), jitterMs: random.between(0, 100) },
    settings: { MaxUnackedPacket: random.pick([1, 4, 64]), SeqMaxAckDelay: random.pick([1, 10]) },
  })
  const sender = addNode(world, 1, options())
  const receiver = addNode(world, 2, options())
  const other = addNode(world, 3, options())
  world.network.profile = random.chance(0.5) ? QUIET_LINK : { ...HOSTILE_LINK, cutChance: 0.02, stallMaxMs: 5_000 }
  const sent: Record<'recoverable' | 'transactional', Sent[]> = { recoverable: [], transactional: [] }
  let number = 0
  let crashes = 0
  const bodies = (count: number): string[] => Array.from({ length: count }, () => `${++number}`)
  world.atRandom(4_000, CRASHES_MS, () => {
    if (!sender.isRunning) return
    if (random.chance(0.5)) {
      const texts = bodies(random.between(1, 5))
      const messages = texts.map((text, index) => ({
        destination: direct(index % 2 === 0 ? receiver : other, TX_QUEUE),
        body: Buffer.from(text),
      }))
      sent.transactional.push({ submission: sender.sendTransaction(messages), bodies: texts })
    } else {
      const [text] = bodies(1)
      const message = {
        destination: direct(receiver, PLAIN_QUEUE),
        body: Buffer.from(text!),
        delivery: 'recoverable' as const,
      }
      sent.recoverable.push({ submission: sender.send(message), bodies: [text!] })
    }
  })
  const crash = (node: SimNode): void => {
    if (!node.isRunning) return
    crashes += 1
    node.crash(random.pick(['process', 'power']))
    world.scheduler.after(random.pick([0, 50, 20_000]), () => node.start())
  }
  world.atRandom(40_000, CRASHES_MS, () => crash(sender))
  world.atRandom(40_000, CRASHES_MS, () => crash(receiver))
  world.runFor(CRASHES_MS + 25_000)
  world.network.heal()
  const drained = world.runUntil(() => outgoing(world) === 0, 10 * HOUR_MS)
  if (!drained)
    throw new Error(`never drained: ${JSON.stringify(world.nodes.map(node => node.engine.outgoingQueues()))}`)
  check('transactional', sent.transactional, [receiver.bodies(TX_QUEUE), other.bodies(TX_QUEUE)])
  check('recoverable', sent.recoverable, [receiver.bodies(PLAIN_QUEUE)])
  const outcomes = [...sent.recoverable, ...sent.transactional].map(({ submission }) => submission.outcome)
  return {
    world,
    crashes,
    accepted: outcomes.filter(outcome => outcome === 'accepted').length,
    unknown: outcomes.filter(outcome => outcome === 'unknown').length,
  }
}

t.setTimeout(SEEDS_TIMEOUT_MS)

t.test(
  'crashes of both sides: nothing accepted is lost, nothing comes twice, transactions stay whole and in order',
  async t => {
    const total = { accepted: 0, unknown: 0, crashes: 0, resends: 0 }
    const seeds = forEachSeed(60, seed => {
      const run = runCrashes(seed)
      total.accepted += run.accepted
      total.unknown += run.unknown
      total.crashes += run.crashes
      total.resends += run.world.history.filter(({ note }) => note.kind === 'resend').length
    })
    t.comment(`${seeds} seeds: ${JSON.stringify(total)}`)
    t.ok(total.crashes > 10 * seeds && total.unknown > seeds / 10 && total.accepted > 50 * seeds)
  },
)

t.test('a restarted sender sends transactional messages again under the same numbers', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const receiver = addNode(world, 2)
  world.network.part(sender.address, receiver.address)
  const destination = direct(receiver, TX_QUEUE)
  for (let number = 1; number <= 12; number++) sender.sendTransaction([{ destination, body: Buffer.from(`${number}`) }])
  world.runFor(1_000)
  sender.crash('power')
  world.network.join(sender.address, receiver.address)
  world.runFor(1_000)
  sender.start()
  for (let number = 13; number <= 14; number++)
    sender.sendTransaction([{ destination, body: Buffer.from(`${number}`) }])
  world.runFor(5_000)
  t.strictSame(
    receiver.bodies(TX_QUEUE),
    Array.from({ length: 14 }, (_, index) => `${index + 1}`),
  )
  const places = sender.notesOf('sent').map(note => note.tx)
  t.strictSame(
    places.map(place => place?.number),
    Array.from({ length: 14 }, (_, index) => index + 1),
  )
  t.equal(new Set(places.map(place => place?.sequence)).size, 1, 'one sequence')
  world.runFor(20_000)
  t.equal(sender.engine.counters.outgoingMessages, 0)
})

t.test('a restarted receiver has its messages in their order, and takes a resent one for a duplicate', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const receiver = addNode(world, 2)
  const expected = Array.from({ length: 25 }, (_, index) => `${index + 1}`)
  for (const text of expected) {
    sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from(text), delivery: 'recoverable' })
    sender.sendTransaction([{ destination: direct(receiver, TX_QUEUE), body: Buffer.from(text) }])
  }
  world.runFor(100)
  receiver.crash('power')
  receiver.start()
  t.strictSame(receiver.bodies(PLAIN_QUEUE), expected)
  t.strictSame(receiver.bodies(TX_QUEUE), expected)
  world.runFor(120_000)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), expected)
  t.strictSame(receiver.bodies(TX_QUEUE), expected)
  t.equal(sender.engine.counters.outgoingMessages, 0)
})

t.test('a sender that crashed uses no MessageID again, even if it crashes in its first moment', async t => {
  for (const crashAfterMs of [0, 10, 49, 51, 60]) {
    const world = new SimWorld(1)
    const sender = addNode(world, 1, { store: { delayMs: 50 } })
    const receiver = addNode(world, 2)
    const destination = direct(receiver, PLAIN_QUEUE)
    sender.send({ destination, body: Buffer.from('before') })
    world.runFor(crashAfterMs)
    sender.crash('power')
    sender.start()
    sender.send({ destination, body: Buffer.from('after') })
    world.runFor(1_000)
    t.equal(receiver.bodies(PLAIN_QUEUE).at(-1), 'after', `crash after ${crashAfterMs} ms`)
  }
})

t.test('lifetimes go on after a restart', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const receiver = addNode(world, 2)
  sender.send({
    destination: direct(receiver, PLAIN_QUEUE),
    body: Buffer.from('in the queue'),
    delivery: 'recoverable',
    timeToBeReceivedS: 100,
  })
  world.runFor(1_000)
  world.network.part(sender.address, receiver.address)
  sender.send({
    destination: direct(receiver, PLAIN_QUEUE),
    body: Buffer.from('on the way'),
    delivery: 'recoverable',
    timeToReachQueueS: 100,
  })
  world.runFor(10_000)
  for (const node of [sender, receiver]) {
    node.crash('power')
    node.start()
  }
  world.runFor(80_000)
  t.equal(receiver.bodies(PLAIN_QUEUE).length, 1)
  t.equal(sender.engine.counters.outgoingMessages, 1)
  world.runFor(12_000)
  t.equal(receiver.bodies(PLAIN_QUEUE).length, 0, 'time to be received')
  t.equal(sender.engine.counters.outgoingMessages, 0, 'time to reach queue')
})

t.test('express messages do not survive a restart of their sender', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const receiver = addNode(world, 2)
  world.network.part(sender.address, receiver.address)
  for (const delivery of ['express', 'recoverable'] as const)
    sender.send({ destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from(delivery), delivery })
  world.runFor(1_000)
  sender.crash()
  world.network.heal()
  sender.start()
  world.runFor(10_000)
  t.strictSame(receiver.bodies(PLAIN_QUEUE), ['recoverable'])
})

t.test('a new sequence after a restart is newer than every sequence before it', async t => {
  const world = new SimWorld(1)
  const sender = addNode(world, 1)
  const receiver = addNode(world, 2)
  for (let round = 1; round <= 4; round++) {
    sender.sendTransaction([{ destination: direct(receiver, TX_QUEUE), body: Buffer.from(`${round}`) }])
    world.runFor(20_000)
    t.equal(sender.engine.counters.outgoingMessages, 0)
    sender.crash('power')
    sender.start()
  }
  t.strictSame(receiver.bodies(TX_QUEUE), ['1', '2', '3', '4'])
})
