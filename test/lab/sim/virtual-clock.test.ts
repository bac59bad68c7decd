import t from 'tap'
import { createRandom } from '../../../lab/sim/random.js'
import { Scheduler } from '../../../lab/sim/scheduler.js'
import { randomClockOptions, SIMULATED_EPOCH_MS, VirtualClock } from '../../../lab/sim/virtual-clock.js'
import { SimWorld } from '../../../lab/sim/world.js'
import { addNode, direct, PLAIN_QUEUE } from '../../fixtures/sim-tests.js'

t.test('a wall clock is off, and may be set; the monotonic one does not notice', async t => {
  const scheduler = new Scheduler()
  const clock = new VirtualClock(scheduler, { uptimeMs: 5_000, wallSkewMs: -300 })
  scheduler.runFor(1_000)
  t.strictSame(clock.now(), { monotonicMs: 6_000, wallMs: SIMULATED_EPOCH_MS + 700 })
  clock.stepWall(-3_600_000)
  t.strictSame(clock.now(), { monotonicMs: 6_000, wallMs: SIMULATED_EPOCH_MS + 700 - 3_600_000 })
  t.equal(clock.simulatedMs(7_000), 2_000)
})

t.test('a clock that is not exact runs ahead, or behind, and its timers with it', async t => {
  const scheduler = new Scheduler()
  const fast = new VirtualClock(scheduler, { uptimeMs: 1_000, driftPpm: 100 })
  const slow = new VirtualClock(scheduler, { driftPpm: -50 })
  const dayMs = 86_400_000
  scheduler.runFor(dayMs)
  t.equal(Math.round(fast.now().monotonicMs), 1_000 + dayMs + 8_640)
  t.equal(Math.round(fast.now().wallMs - SIMULATED_EPOCH_MS), dayMs + 8_640)
  t.equal(Math.round(slow.now().wallMs - SIMULATED_EPOCH_MS), dayMs - 4_320)
  t.equal(Math.round(fast.simulatedMs(fast.now().monotonicMs)), dayMs)
})

t.test('chance clocks are as machines have them', async t => {
  const random = createRandom(3)
  for (let drawn = 0; drawn < 100; drawn++) {
    const { uptimeMs = -1, wallSkewMs = Number.NaN, driftPpm = Number.NaN } = randomClockOptions(random, 30_000)
    t.ok(uptimeMs >= 0 && Math.abs(wallSkewMs) <= 30_000 && Math.abs(driftPpm) <= 100)
  }
})

t.test('a queue manager whose clock is fast gives up a message sooner, by true time', async t => {
  const gaveUpMs = (driftPpm: number): number => {
    const world = new SimWorld(1)
    const node = addNode(world, 1, { clock: { driftPpm } })
    const destination = direct({ address: '10.0.0.9' }, PLAIN_QUEUE)
    node.send({ destination, body: Buffer.from('x'), delivery: 'recoverable', timeToReachQueueS: 100_000 })
    world.runUntil(() => node.engine.counters.outgoingMessages === 1, 1_000)
    t.ok(world.runUntil(() => node.engine.counters.outgoingMessages === 0, 200_000_000))
    return world.nowMs
  }
  const early = gaveUpMs(0) - gaveUpMs(100)
  t.ok(early > 9_000 && early < 11_000, `${early} ms of 100,000 s`)
})
