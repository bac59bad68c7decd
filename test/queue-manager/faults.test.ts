import t from 'tap'
import { HOSTILE_LINK } from '../../lab/sim/link-profile.js'
import type { SimNode } from '../../lab/sim/sim-node.js'
import { randomClockOptions } from '../../lab/sim/virtual-clock.js'
import { SimWorld } from '../../lab/sim/world.js'
import { addNode, direct, forEachSeed, PLAIN_QUEUE, TX_QUEUE } from '../fixtures/sim-tests.js'

const FAULTS_MS = 300_000
const HOUR_MS = 3_600_000

type Kind = 'express' | 'recoverable' | 'transactional'

/** What one node sent to another, per kind in the order in which it was handed over. */
class Promises {
  readonly sent: Record<Kind, string[]> = { express: [], recoverable: [], transactional: [] }
  readonly from: SimNode
  readonly to: SimNode
  #number = 0

  constructor(from: SimNode, to: SimNode) {
    this.from = from
    this.to = to
  }

  send(kind: Kind, count: number): void {
    const bodies = Array.from({ length: count }, () => {
      this.#number += 1
      return `${kind} ${this.#number}`
    })
    this.sent[kind].push(...bodies)
    if (kind === 'transactional') {
      const destination = direct(this.to, TX_QUEUE)
      this.from.sendTransaction(bodies.map(body => ({ destination, body: Buffer.from(body) })))
      return
    }
    for (const body of bodies)
      this.from.send({ destination: direct(this.to, PLAIN_QUEUE), body: Buffer.from(body), delivery: kind })
  }

  /** Everything once, nothing twice, each kind in order. */
  check(): void {
    const plain = this.to.bodies(PLAIN_QUEUE)
    const got: Record<Kind, string[]> = {
      express: plain.filter(body => body.startsWith('express')),
      recoverable: plain.filter(body => body.startsWith('recoverable')),
      transactional: this.to.bodies(TX_QUEUE),
    }
    for (const kind of ['express', 'recoverable', 'transactional'] as const) {
      const first = got[kind].findIndex((body, index) => body !== this.sent[kind][index])
      if (first >= 0 || got[kind].length !== this.sent[kind].length) {
        const at = first < 0 ? got[kind].length : first
        throw new Error(
          `${this.from.name} to ${this.to.name}, ${kind}: sent ${this.sent[kind].length}, got ${got[kind].length}; ` +
            `at ${at}: ${got[kind].slice(at, at + 3)} instead of ${this.sent[kind].slice(at, at + 3)}`,
        )
      }
    }
  }
}

function outgoing(world: SimWorld): number {
  return world.nodes.reduce((sum, node) => sum + node.engine.counters.outgoingMessages, 0)
}

/** Two engines that send to each other through a hostile network for five minutes, and then are left in peace. */
function runFaults(seed: number): SimWorld {
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
  }
  for (const each of promises) {
    const kinds = random.fork()
    world.atRandom(15_000, FAULTS_MS, () =>
      each.send(kinds.pick(['express', 'recoverable', 'transactional']), kinds.between(1, 4)),
    )
  }
  world.atRandom(60_000, FAULTS_MS, () => {
    const open = world.network.connections()
    if (open.length > 0) random.pick(open).reset()
  })
  world.atRandom(150_000, FAULTS_MS, () => {
    world.network.part(one.address, two.address)
    world.scheduler.after(random.between(1_000, 90_000), () => world.network.join(one.address, two.address))
  })
  world.runFor(FAULTS_MS)
  world.network.heal()
  if (!world.runUntil(() => outgoing(world) === 0, 2 * HOUR_MS)) {
    throw new Error(
      `${outgoing(world)} messages never left: ${JSON.stringify(world.nodes.flatMap(node => node.engine.outgoingQueues()))}`,
    )
  }
  for (const each of promises) each.check()
  return world
}

t.test('after every kind of fault everything owed arrives, once and in order', async t => {
  const total = { resends: 0, duplicates: 0, rejected: 0, closed: 0, failures: 0, violations: 0 }
  const seeds = forEachSeed(200, seed => {
    const world = runFaults(seed)
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
  const first = JSON.stringify(runFaults(42).history)
  t.ok(first.length > 1_000)
  t.equal(JSON.stringify(runFaults(42).history), first)
})
