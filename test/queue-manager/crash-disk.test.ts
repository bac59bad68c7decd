import t from 'tap'
import type { CrashTally } from '../../lab/crash/crash-check.js'
import { HOSTILE_LINK, QUIET_LINK } from '../../lab/sim/link-profile.js'
import { CrashWorld } from '../fixtures/crash-world.js'
import { forEachSeed, SEEDS_TIMEOUT_MS } from '../fixtures/sim-tests.js'

const FAULTS_MS = 120_000

/**
 * What befalls the disks: nothing but that what was not flushed is lost and the last write torn; writes that fail, one by
 * one or for a while; disks that fill up, and have space again; disks that are slow now and then.
 */
const DISKS = ['good', 'failing', 'full', 'slow', 'everything'] as const

function runSeed(seed: number, total: Record<string, number>): void {
  const run = new CrashWorld(seed, random => ({
    settings: {
      // whether packets of durable messages stay in memory, some of them, or are read again
      ResidentPacketsKB: random.pick([0, 16, 65_536]),
      MaxUnackedPacket: random.pick([1, 4, 64]),
      SeqMaxAckDelay: random.pick([1, 10]),
    },
  }))
  const { world } = run
  const { random } = world
  const disk = random.pick(DISKS)
  world.network.profile = random.chance(0.5) ? QUIET_LINK : { ...HOSTILE_LINK, cutChance: 0.02, stallMaxMs: 5_000 }
  for (const machine of run.machines) {
    const { store } = machine.node
    store.delayMs = random.pick([0, 5, 100])
    store.jitterMs = random.between(0, 50)
    world.atRandom(20_000, FAULTS_MS, () =>
      run.crash(machine, random.pick(['process', 'power']), random.pick([0, 50, 10_000])),
    )
    const befall = (everyMs: number, lastsMs: number, begin: () => void, end: () => void) =>
      world.atRandom(everyMs, FAULTS_MS, () => {
        begin()
        world.scheduler.after(random.unit() * lastsMs, end)
      })
    if (disk === 'failing' || disk === 'everything') {
      world.atRandom(5_000, FAULTS_MS, () => (store.failuresLeft += 1))
      befall(
        30_000,
        8_000,
        () => (store.failing = true),
        () => (store.failing = false),
      )
    }
    if (disk === 'full' || disk === 'everything')
      befall(
        20_000,
        20_000,
        () => (store.capacityBytes = store.bytes + random.between(0, 4_000)),
        () => (store.capacityBytes = Number.POSITIVE_INFINITY),
      )
    if (disk === 'slow' || disk === 'everything')
      befall(
        20_000,
        15_000,
        () => (store.delayMs = 3_000),
        () => (store.delayMs = 5),
      )
  }
  world.runFor(FAULTS_MS + 21_000)
  for (const { node } of run.machines) {
    node.store.failing = false
    node.store.failuresLeft = 0
    node.store.capacityBytes = Number.POSITIVE_INFINITY
  }
  const { findings, tally } = run.drain()
  if (findings.length > 0) throw new Error(`disk ${disk}: ${findings.join('\n')}`)
  const add = (name: string, count: number) => (total[name] = (total[name] ?? 0) + count)
  for (const [name, count] of Object.entries(tally) as [keyof CrashTally, number][]) add(name, count)
  for (const { node } of run.machines) for (const [code, count] of Object.entries(node.store.failures)) add(code, count)
  add('crashes', run.crashes)
}

t.setTimeout(SEEDS_TIMEOUT_MS)

t.test(
  'on disks that lose, fail, fill up and dawdle, under crashes: nothing promised is lost or comes twice',
  async t => {
    const total: Record<string, number> = {}
    const seeds = forEachSeed(120, seed => runSeed(seed, total))
    t.comment(`${seeds} seeds: ${JSON.stringify(total)}`)
    for (const fault of ['crashes', 'unknown', 'unknownArrived', 'takesFound', 'MSMQ_STORE_IO', 'MSMQ_STORE_FULL'])
      t.ok((total[fault] ?? 0) > seeds / 10, `${fault} happened`)
    t.ok(total.accepted! > 20 * seeds && total.taken! > 20 * seeds && total.replies! > seeds, 'and work was done')
  },
)
