import t from 'tap'
import { INSTANCES_MAX } from '../../../diagnosis/finding.js'
import { type FindingFilter, filterFindings } from '../../../diagnosis/output/finding-filter.js'
import { Parties } from '../../../diagnosis/parties.js'
import {
  CAPTURE_STARTED_US,
  captureFinding,
  evidence,
  frameRef,
  MISROUTED,
  RECEIVER_QM,
  SENDER_QM,
} from '../../fixtures/diagnosed-capture.js'

const ALL: FindingFilter = { ids: [], fromUs: null, toUs: null, hosts: [], queue: null }
const HTTP = captureFinding('outgoing-queue-stuck', [
  evidence([frameRef(3, 1)], 'to http://web/msmq/private$/invoices', { machines: [SENDER_QM] }),
])
const QUEUES: Readonly<Record<string, string>> = { '5f620480:00000001': 'TCP:10.0.0.100\\private$\\Orders' }

function filtered(filter: Partial<FindingFilter>) {
  const parties = new Parties()
  parties.seen(SENDER_QM, '10.0.0.7', frameRef(1, 0), 'opens', null)
  parties.named(SENDER_QM, 'S1')
  const { findings, texts } = filterFindings(
    [MISROUTED, HTTP],
    { ...ALL, ...filter },
    parties,
    id => QUEUES[id] ?? null,
  )
  return {
    texts,
    shown: findings.map(({ id, count, proven, first }) => `${id} ${count} ${proven} ${first.frames[0]!.number}`),
  }
}

t.test('what is asked for, and how many of it are proven', async t => {
  const rows: [name: string, filter: Partial<FindingFilter>, shown: string[]][] = [
    ['nothing asked', {}, ['order-ack-misrouted 3 2 12', 'outgoing-queue-stuck 1 1 3']],
    ['a kind', { ids: ['outgoing-queue-stuck'] }, ['outgoing-queue-stuck 1 1 3']],
    ['from', { fromUs: CAPTURE_STARTED_US + 3.5e6 }, ['order-ack-misrouted 2 1 15']],
    ['from, later', { fromUs: CAPTURE_STARTED_US + 8e6 }, ['order-ack-misrouted 1 0 30']],
    ['to', { toUs: CAPTURE_STARTED_US + 3e6 }, ['order-ack-misrouted 1 1 12', 'outgoing-queue-stuck 1 1 3']],
    ['a QMId', { hosts: [RECEIVER_QM.toUpperCase()] }, ['order-ack-misrouted 1 1 12']],
    ['in braces', { hosts: [`{${RECEIVER_QM}}`] }, ['order-ack-misrouted 1 1 12']],
    ['an address of an end', { hosts: ['10.0.0.100'] }, ['order-ack-misrouted 1 1 12']],
    ['a machine by its address', { hosts: ['10.0.1.12'] }, ['order-ack-misrouted 1 1 12']],
    ['a name stands for its QMId', { hosts: ['s1'] }, ['outgoing-queue-stuck 1 1 3']],
    ['an address stands for who is there', { hosts: ['10.0.0.7'] }, ['outgoing-queue-stuck 1 1 3']],
    ['any of two', { hosts: ['s1', '10.0.1.12'] }, ['order-ack-misrouted 1 1 12', 'outgoing-queue-stuck 1 1 3']],
    ['nobody', { hosts: ['s2'] }, []],
    ['the queue of a sequence', { queue: 'orders' }, ['order-ack-misrouted 1 1 12']],
    ['a queue in the text', { queue: 'INVOICES' }, ['outgoing-queue-stuck 1 1 3']],
    ['a word that is no queue', { queue: 'worst' }, []],
  ]
  for (const [name, filter, shown] of rows) t.strictSame(filtered(filter).shown, shown, name)
})

t.test('what was asked for is told, and when only the kept instances could be looked through', async t => {
  t.strictSame(filtered({}).texts, [])
  t.strictSame(filtered({ ids: ['outgoing-queue-stuck'], hosts: ['s1'] }).texts, [
    'findings outgoing-queue-stuck',
    'of s1',
  ])
  const many = { ...MISROUTED, count: INSTANCES_MAX + 1 }
  const { texts } = filterFindings([many], { ...ALL, queue: 'x' }, new Parties(), () => null)
  t.match(texts.at(-1), /^of order-ack-misrouted the first 1,000 were looked through$/)
})
