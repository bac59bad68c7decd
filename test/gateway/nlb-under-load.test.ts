import { platform } from 'node:os'
import t from 'tap'
import { runLoad } from '../fixtures/nlb-load.js'
import { SEEDS_TIMEOUT_MS, seedRange } from '../fixtures/sim-tests.js'

t.setTimeout(SEEDS_TIMEOUT_MS + 60_000)

const DURATION_MS = 8_000

t.test(
  'hosts crash, drain, leave, join and lose each other under load: only what was in a dead machine’s memory is lost',
  { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' },
  async t => {
    const [first, last] = seedRange(1, 1)
    for (let seed = first; seed <= last; seed++) {
      const { findings, ...report } = await runLoad(seed, DURATION_MS)
      t.comment(`seed ${seed}: ${JSON.stringify(report)}`)
      t.strictSame(findings, [], `again: MQLAB_SEEDS=${seed}`)
      t.equal(report.delivered + report.diedInMemory, report.accepted)
      const { accepted, connections, faults, stalled, moves } = report
      t.ok(accepted > 300 && connections > 12, `work was done: ${accepted} messages, ${connections} connections`)
      const sum = Object.values(faults).reduce((total, count) => total + count, 0)
      t.ok(sum >= 3 && stalled > 0 && moves > 0, 'and disturbed: connections met silence, and went elsewhere')
    }
  },
)
