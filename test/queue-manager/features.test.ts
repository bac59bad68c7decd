import t from 'tap'
import { exchange, expectedMessage, expectedOutcome } from '../fixtures/feature-exchange.js'
import { DELIVERIES, FEATURE_ROWS, FORMS } from '../fixtures/feature-rows.js'

for (const row of FEATURE_ROWS)
  t.test(row.what, async t => {
    for (const delivery of row.deliveries ?? DELIVERIES)
      for (const form of row.forms ?? FORMS) {
        const { submission, outcome, seen, addresses } = exchange(row, delivery, form)
        const what = `${delivery}, ${form}`
        t.equal(submission.outcome, 'accepted', `${what}: accepted`)
        t.strictSame(outcome, expectedOutcome(row, delivery), `${what}: where everything is`)
        const expected = expectedMessage(row, delivery, form, addresses)
        if (Object.keys(expected).length > 0) t.match(seen, expected, `${what}: as it was sent`)
      }
  })
