import t from 'tap'
import type { FindingFilter } from '../../../diagnosis/output/finding-filter.js'
import { SeenNames } from '../../../diagnosis/output/seen-names.js'
import { Parties } from '../../../diagnosis/parties.js'
import type { SeenMessage } from '../../../diagnosis/seen-message.js'
import type { Session } from '../../../diagnosis/session.js'
import { frameRef, SENDER_QM } from '../../fixtures/diagnosed-capture.js'

function seen(queues: readonly string[], addresses: readonly string[] = []) {
  const names = new SeenNames()
  const parties = new Parties()
  parties.namesOf('10.0.0.100', ['gateway', 'CLUSTER'])
  parties.namesOf('10.0.0.200', ['elsewhere'])
  parties.seen(SENDER_QM, '10.0.0.7', frameRef(1, 0), 'opens', null)
  parties.named(SENDER_QM, 'Sender1')
  for (const destination of queues) names.message({ destination } as SeenMessage)
  for (const address of ['10.0.0.7', ...addresses]) {
    const connection = { client: { address }, server: { address: '10.0.0.100' } }
    names.session({ connection } as Session)
  }
  return (given: Partial<FindingFilter>) =>
    names.lacking({ ids: [], fromUs: null, toUs: null, hosts: [], queue: null, ...given }, parties)
}

t.test('what the capture has is not lacking, by whatever name', async t => {
  const lacking = seen(['TCP:10.0.0.100\\private$\\Orders', 'http://web/msmq/private$/invoices'])
  for (const host of ['10.0.0.7', 'sender1', SENDER_QM, `{${SENDER_QM}}`, '10.0.0.100', 'gateway', 'cluster'])
    t.equal(lacking({ hosts: [host] }), null, host)
  for (const queue of ['orders', 'PRIVATE$', '10.0.0.100', 'invoices']) t.equal(lacking({ queue }), null, queue)
  t.equal(lacking({}), null)
})

t.test('what it does not have is named, with what is near, or what there is', async t => {
  const lacking = seen([
    'TCP:10.0.0.100\\private$\\orders',
    'OS:web\\private$\\orders',
    'http://web/msmq/private$/bills',
  ])
  t.equal(
    lacking({ queue: 'oders' }),
    '--queue oders: no message in the capture is for a queue with that in its name; did you mean orders?',
  )
  t.match(lacking({ queue: 'nothing-like-it' }), /in its name; there are orders, bills$/)
  t.equal(
    lacking({ hosts: ['sender1', 'Sendre1'] }),
    '--host Sendre1: no machine of that name, address or QMId was seen in the capture; did you mean Sender1?',
  )
  t.match(lacking({ hosts: ['elsewhere'] }), /^--host elsewhere: no machine/, 'a name of an address that says nothing')
  const many = Array.from({ length: 9 }, (_, index) => `192.0.2.${index}`)
  t.match(
    seen([], many)({ hosts: ['nobody-we-know'] }),
    /; there are Sender1, 10\.0\.0\.7, 10\.0\.0\.100, 192\.0\.2\.0, 192\.0\.2\.1 and 7 more$/,
  )
  t.match(seen([])({ queue: 'x' }), /in its name$/)
})

t.test('where names are too many to keep, nothing is called unknown', async t => {
  const lacking = seen(Array.from({ length: 10_000 }, (_, index) => `TCP:a\\q${index}`))
  t.equal(lacking({ queue: 'other' }), null)
})
