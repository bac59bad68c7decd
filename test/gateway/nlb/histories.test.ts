import fc from 'fast-check'
import t from 'tap'
import { ClusterHistory, clusterHistories, type HistoryStep, zeroTally } from '../../fixtures/nlb-history.js'
import { SUITE_SEED } from '../../fixtures/suite-seed.js'

t.setTimeout(120_000)

/** Of all histories of a run; `MQLAB_SEEDS` gives another. */
const seed = Number.parseInt(process.env.MQLAB_SEEDS ?? '', 10) || SUITE_SEED

function happen(steps: readonly HistoryStep[], tally = zeroTally()): ClusterHistory {
  const history = new ClusterHistory(tally)
  for (const step of steps) history.apply(step)
  history.finish()
  return history
}

/** What must hold is in `ClusterHistory`. */
function assertAll(divided: boolean, numRuns: number) {
  const tally = zeroTally()
  try {
    fc.assert(
      fc.property(clusterHistories(divided), steps => {
        happen(steps, tally)
      }),
      { seed, numRuns },
    )
  } catch (error) {
    const { message, cause } = error as Error
    throw new Error(`MQLAB_SEEDS=${seed}: ${cause instanceof Error ? cause.message : ''}: ${message}`)
  }
  return tally
}

t.test('hosts come, go, crash, drain and change while all hear each other: never two takers', async t => {
  const tally = assertAll(false, 150)
  t.comment(`seed ${seed}: ${JSON.stringify(tally)}`)
  t.equal(tally.splitBrains, 0)
  t.ok(tally.convergences > 150 && tally.movedBuckets > 1000, 'it converged again and again')
  t.ok(tally.blackHoles > 0 && tally.connections > 50 && tally.outlived > 0, 'and connections lived through it')
})

t.test('partitions, silence one way and hosts that are cut off as well', async t => {
  const tally = assertAll(true, 150)
  t.comment(`seed ${seed}: ${JSON.stringify(tally)}`)
  t.ok(tally.splitBrains > 0, 'several took the same where they could not hear each other')
  t.ok(tally.convergences > 150 && tally.connections > 50)
})

t.test('a history that happens again ends in the same maps: nothing is dealt in turn', async t => {
  fc.assert(
    fc.property(clusterHistories(true), steps => {
      const [first, again] = [happen(steps), happen(steps)]
      return `${first.maps}` === `${again.maps}`
    }),
    { seed, numRuns: 25 },
  )
  t.pass()
})
