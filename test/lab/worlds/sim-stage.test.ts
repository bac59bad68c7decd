import t from 'tap'
import { faultRun } from '../../fixtures/fault-runs.js'

t.test('what the queues of a machine that will come back hold is waited for, also when nothing else waits', async t => {
  const { run, verdict, times } = faultRun([], {
    simulatedFaults: ['{ crash: S1, before: order-ack, backAfterS: 600 }'],
  })
  const [killed = 0] = times('fault', ({ fault }) => fault === 'killed')
  t.ok(killed > run.loadEndedMs - run.startedMs, 'after the load')
  t.strictSame(
    times('fault', ({ fault }) => fault === 'started'),
    [killed + 600_000],
  )
  t.ok(run.drained)
  t.equal(verdict.counts.unacknowledged, 0)
})

t.test('a sender that comes back when the load is over offers nothing more', async t => {
  const { run, verdict } = faultRun([], {
    messages: 4_000,
    load: 'ratePerS: 2',
    loadS: 10,
    simulatedFaults: ['{ kill: S1, atS: 20, backAfterS: 5 }'],
  })
  t.ok(verdict.counts.sent < 30, `${verdict.counts.sent} sent`)
  t.ok(run.drained)
  t.equal(verdict.counts.delivered, verdict.counts.sent)
})
