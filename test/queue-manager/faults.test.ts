import t from 'tap'
import { HOSTILE_LINK } from '../../lab/sim/link-profile.js'
import type { SimNode, Submission } from '../../lab/sim/sim-node.js'
import { randomClockOptions } from '../../lab/sim/virtual-clock.js'
import { SimWorld } from '../../lab/sim/world.js'
import { addNode, direct, forEachSeed, PLAIN_QUEUE, SEEDS_TIMEOUT_MS, TX_QUEUE } from '../fixtures/sim-tests.js'

const FAULTS_MS = 300_000
const HOUR_MS = 3_600_000

type Kind = 'express' | 'recoverable' | 'transactional'

/** What one node handed over for another, per kind, in order, with what became of it. */
class Promises {
  readonly sent: Record<Kind, { readonly body: string; readonly submission: Submission }[]> = {
    express: [],
    recoverable: [],
    transactional: [],
  }
  readonly from: SimNode
  readonly to: SimNode
  #number = 0

  constructor(from: SimNode, to: SimNode) {
    this.from = from
    this.to = to
  }

  send(kind: Kind, count: number): void {
    const bodies = Array.from({ length: count }, () => `${kind} ${++this.#number}`)
    const destination = direct(this.to, kind === 'transactional' ? TX_QUEUE : PLAIN_QUEUE)
    const messages = bodies.map(body => ({ destination, body: Buffer.from(body) }))
    if (kind === 'transactional') {
      const submission = this.from.sendTransaction(messages)
      this.sent[kind].push(...bodies.map(body => ({ body, submission })))
    } else
      for (const message of messages)
        this.sent[kind].push({
          body: message.body.toString(),
          submission: this.from.send({ ...message, delivery: kind }),
        })
  }

  /**
   * Everything accepted once, nothing else, each kind in order; but plain recoverable messages promise no order when
   * the receiver's disk failed for one of them. Returns how many were refused.
   */
  check(diskFails: boolean): number {
    const plain = this.to.bodies(PLAIN_QUEUE)
    let refused = 0
    for (const kind of ['express', 'recoverable', 'transactional'] as const) {
      const got = kind === 'transactional' ? this.to.bodies(TX_QUEUE) : plain.filter(body => body.startsWith(kind))
      const owed = this.sent[kind].filter(({ submission }) => submission.outcome === 'accepted').map(({ body }) => body)
      if (kind === 'recoverable' && diskFails) for (const list of [got, owed]) list.sort()
      refused += this.sent[kind].length - owed.length
      const first = got.findIndex((body, index) => body !== owed[index])
      if (first < 0 && got.length === owed.length) continue
      const at = first < 0 ? got.length : first
      throw new Error(
        `${this.from.name} to ${this.to.name}, ${kind}: owed ${owed.length}, got ${got.length}; ` +
          `at ${at}: ${got.slice(at, at + 3)} instead of ${owed.slice(at, at + 3)}`,
      )
    }
    return refused
  }
}

function outgoing(world: SimWorld): number {
  return world.nodes.reduce((sum, node) => sum + node.engine.counters.outgoingMessages, 0)
}

/** Two engines that send to each other through a hostile network for five minutes, and then are left in peace. */
function runFaults(seed: number): { world: SimWorld; refused: number } {
  const world = new SimWorld(seed)
  const { random } = world
  const options = () => ({
    clock: randomClockOptions(random, 30_000),
    store: { delayMs: random.between(0, 30), jitterMs: random.between(0, 100) },
    settings: {
      MaxUnackedPacket: random.pick([1, 2, 8, 64]),
      // below AckWaitTimeout / 2 a session may be idle, and closed, before any ack: nothing would ever get through
      CleanupInterval: random.pick([12_000, 60_000, 300_000]),
      SeqMaxAckDelay: random.pick([1, 10]),
    },
  })
  const one = addNode(world, 1, options())
  const two = addNode(world, 2, options())
  const promises = [new Promises(one, two), new Promises(two, one)]
  world.network.profile = {
    ...HOSTILE_LINK,
    cutChance: random.pick([0.01, 0.05, 0.2]),
    splitChance: random.pick([0.1, 0.9]),
    stallChance: random.pick([0, 0.05]),
    bytesPerS: random.pick([Number.POSITIVE_INFINITY, 5_000]),
  }
  for (const each of promises) {
    const kinds = random.fork()
    world.atRandom(15_000, FAULTS_MS, () => {
      if (!each.from.machine.isPaused)
        each.send(kinds.pick(['express', 'recoverable', 'transactional']), kinds.between(1, 4))
    })
  }
  world.atRandom(60_000, FAULTS_MS, () => {
    const open = world.network.connections()
    if (open.length > 0) random.pick(open).reset()
  })
  world.atRandom(150_000, FAULTS_MS, () => {
    world.network.part(one.address, two.address)
    world.scheduler.after(random.between(1_000, 90_000), () => world.network.join(one.address, two.address))
  })
  for (const { machine } of world.nodes)
    world.atRandom(100_000, FAULTS_MS, () => {
      machine.pause()
      world.scheduler.after(random.between(100, 60_000), () => machine.resume())
    })
  const diskFails = random.chance(0.5)
  for (const { store } of world.nodes)
    world.atRandom(30_000, FAULTS_MS, () => {
      if (diskFails) store.failuresLeft += 1
    })
  world.runFor(FAULTS_MS)
  world.network.heal()
  for (const { store, machine } of world.nodes) {
    store.failuresLeft = 0
    machine.resume()
  }
  if (!world.runUntil(() => outgoing(world) === 0, 2 * HOUR_MS)) {
    throw new Error(
      `${outgoing(world)} messages never left: ${JSON.stringify(world.nodes.flatMap(node => node.engine.outgoingQueues()))}`,
    )
  }
  return { world, refused: promises.reduce((sum, each) => sum + each.check(diskFails), 0) }
}

t.setTimeout(SEEDS_TIMEOUT_MS)

t.test('after every kind of fault everything owed arrives, once and in order', async t => {
  const total = { refused: 0, resends: 0, duplicates: 0, rejected: 0, closed: 0, failures: 0, violations: 0 }
  const seeds = forEachSeed(120, seed => {
    const { world, refused } = runFaults(seed)
    total.refused += refused
    for (const { engine } of world.nodes) {
      total.resends += engine.counters.resends
      total.duplicates += engine.counters.duplicatesRejected
      total.rejected += engine.counters.outOfSequenceRejected
      total.closed += engine.counters.sessionsClosed
      total.failures += engine.counters.connectFailures
      total.violations +=
        engine.counters.protocolViolations + engine.counters.malformedPackets + engine.counters.outOfStatePackets
    }
  })
  t.comment(`${seeds} seeds: ${JSON.stringify(total)}`)
  t.ok(total.resends > seeds / 10 && total.duplicates > seeds && total.closed > 2 * seeds, 'the faults were faults')
  t.equal(total.violations, 0, 'no engine ever found fault with the other')
})

t.test('the same seed is the same run, event for event', async t => {
  const first = JSON.stringify(runFaults(42).world.history)
  t.ok(first.length > 1_000)
  t.equal(JSON.stringify(runFaults(42).world.history), first)
})
