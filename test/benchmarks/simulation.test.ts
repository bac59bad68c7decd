import t from 'tap'
import { simulationBenchmark } from '../../benchmarks/simulation.js'
import { quickContext } from '../fixtures/bench-context.js'

t.test('simulated messages arrive, without faults and with them', async t => {
  const { figures } = await simulationBenchmark.run({ ...quickContext(), messages: 400 })
  t.equal(figures.length, 2)
  for (const { name, value, goal, verdict } of figures) {
    t.ok(verdict.ok, `${name}: ${verdict.says}`)
    t.ok(value > 0)
    t.not(goal, null)
  }
  t.ok((figures[0]?.verdict.counts.delivered ?? 0) >= 400)
  t.ok((figures[1]?.verdict.counts.seeds ?? 0) >= 4)
})
