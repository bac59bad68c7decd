import t from 'tap'
import type { Exploration } from '../../../lab/explore/exploration.js'
import { explore } from '../../../lab/explore/explore.js'
import { SeedPool, type SeedPoolOptions } from '../../../lab/explore/seed-pool.js'
import { parseScenario } from '../../../lab/scenario-file.js'
import { SCENARIO_TEXT } from '../../fixtures/run-record.js'

const RUNNER = new URL('../../fixtures/seed-runner.js', import.meta.url)

async function explored(about: string, to: number, options: SeedPoolOptions, signal?: AbortSignal) {
  const pool = new SeedPool({ runner: RUNNER, ...options })
  const scenario = parseScenario(SCENARIO_TEXT.replace('a run that never was', about), 'by-hand.yaml')
  const progress: number[] = []
  try {
    const exploration = await explore(scenario, {
      seeds: { from: 1, to },
      pool,
      onProgress: ({ done }) => progress.push(done),
      ...(signal === undefined ? {} : { signal }),
    })
    return { exploration, progress }
  } finally {
    await pool.close()
  }
}

const lostSeeds = ({ anomalies }: Exploration) => anomalies.find(({ kind }) => kind === 'run-lost')

t.test('the number of threads is of no consequence', async t => {
  const [one, three] = [await explored('fine', 500, { workers: 1 }), await explored('fine', 500, { workers: 3 })]
  t.equal(one.exploration.seeds, 500)
  t.same(one.exploration, three.exploration)
  t.same(
    one.progress,
    Array.from({ length: 500 }, (_, index) => index + 1),
  )
})

t.test('a seed that takes its thread with it is a finding; the others run', async t => {
  const { exploration } = await explored('dies', 300, { workers: 2 })
  t.equal(exploration.seeds, 300)
  t.match(lostSeeds(exploration), { seeds: 3, firstSeed: 77, text: 'its thread ended with 3' })
  t.ok(exploration.failing.includes(77))
})

t.test('so is one that does not come back', async t => {
  const { exploration } = await explored('hangs', 100, { workers: 2, seedLimitMs: 1500 })
  t.equal(exploration.seeds, 100)
  t.match(lostSeeds(exploration), { seeds: 1, firstSeed: 88, text: 'it was not over after 1.5 s' })
})

t.test('interrupted, there is what there was', async t => {
  const { exploration } = await explored('hangs', 100, { workers: 1 }, AbortSignal.timeout(1000))
  t.ok(exploration.seeds < 100)
  const { exploration: none } = await explored('fine', 10, { workers: 1 }, AbortSignal.abort())
  t.equal(none.seeds, 0)
})

t.test('threads that cannot start are no finding but an error', async t => {
  await t.rejects(explored('fine', 10, { runner: new URL('./no-such-module.js', import.meta.url) }), /no-such-module/)
})
