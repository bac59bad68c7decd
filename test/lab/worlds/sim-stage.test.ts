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

t.test('a machine that two faults have ended starts again once', async t => {
  const { run, of } = faultRun([
    '{ crash: R1, before: order-ack, backAfterS: 20 }',
    '{ kill: R1, atS: 5, backAfterS: 5 }',
  ])
  t.strictSame(
    of('fault').map(({ fault }) => fault),
    ['killed', 'killed', 'started'],
  )
  t.ok(run.drained)
})

t.test('a machine that starts again before it has stopped ends at once', async t => {
  const { run, of } = faultRun(['{ stop: R1, atS: 0, backAfterS: 1 }'])
  t.strictSame(
    of('fault').map(({ fault, atMs }) => [fault, atMs - run.startedMs]),
    [
      ['stopped', 0],
      ['started', 1000],
    ],
  )
  t.ok(run.drained)
})
