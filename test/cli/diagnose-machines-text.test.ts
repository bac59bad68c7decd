import t from 'tap'
import { describeMachines } from '../../cli/diagnose-machines-text.js'
import { handMadeCapture, RECEIVER_QM, SENDER_QM } from '../fixtures/diagnosed-capture.js'

t.test('a line for each, or a paragraph where the terminal is too narrow for that', async t => {
  const wide = describeMachines(handMadeCapture()).split('\n')
  t.match(wide[0], /^QMId +names +role +address +MAC +system started +sent +received +clock ahead$/)
  t.match(wide[1], new RegExp(`^${SENDER_QM}  S1 +sender +10\\.0\\.0\\.7  02:4?`))
  t.match(wide[2], new RegExp(`^${RECEIVER_QM}  - +receiver +- `), 'what is not known is a dash')
  const narrow = describeMachines(handMadeCapture(), 80)
  t.match(
    narrow,
    `${SENDER_QM}  S1; sender\n  10.0.0.7  02:00:0a:00:00:07  system started 2026-11-22 12:25:19\n  sent 9, received 0, clock 0.4 s ahead\n` +
      `${RECEIVER_QM}  receiver\n  sent 0, received 9\n\nBalancers\n`,
  )
  t.ok(narrow.split('\n').every(line => line.length <= 80))
})
