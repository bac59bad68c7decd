import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { checkCrashes } from '../../lab/crash/crash-check.js'
import { CRASH_QUEUES, nodeLedgers } from '../../lab/crash/crash-layout.js'
import { FileLedger, type LedgerLine, readLedger } from '../../lab/crash/crash-ledger.js'

const [ORDERS, PAYMENTS, RECOVERABLE, EXPRESS, REPLY, JOURNAL] = [0, 1, 2, 3, 4, 5]

/** A campaign in which all is well: two transactions, one abandoned, a single message, an express one, a reply. */
const OFFERS: readonly LedgerLine[] = [
  { do: 'life', life: 1 },
  {
    do: 'offer',
    kind: 'transactional',
    messages: [
      [1, ORDERS],
      [2, PAYMENTS],
      [3, ORDERS],
    ],
  },
  { do: 'offer', kind: 'transactional', messages: [[4, ORDERS]] },
  { do: 'commit', group: 1 },
  { do: 'outcome', group: 1, outcome: 'accepted' },
  { do: 'abandon', group: 4 },
  { do: 'offer', kind: 'recoverable', messages: [[5, RECOVERABLE]] },
  { do: 'outcome', group: 5, outcome: 'accepted' },
  { do: 'offer', kind: 'express', messages: [[6, EXPRESS]] },
  { do: 'outcome', group: 6, outcome: 'accepted' },
  {
    do: 'offer',
    kind: 'transactional',
    messages: [
      [7, ORDERS],
      [8, PAYMENTS],
    ],
  },
  { do: 'commit', group: 7 },
  { do: 'life', life: 2 },
]
const SENDER_TAKES: readonly LedgerLine[] = [
  { do: 'take', take: 1, by: 'receive', messages: [[REPLY, 2, 1]], reply: 0 },
  { do: 'taken', take: 1 },
]
const RECEIVER_TAKES: readonly LedgerLine[] = [
  {
    do: 'take',
    take: 1,
    by: 'transaction',
    messages: [
      [ORDERS, 1, 1],
      [PAYMENTS, 1, 2],
    ],
    reply: 1,
  },
  { do: 'taken', take: 1 },
  { do: 'take', take: 2, by: 'receive', messages: [[ORDERS, 1, 3]], reply: 0 },
  { do: 'life', life: 2 },
  { do: 'taken', take: 2, only: [0] },
  { do: 'take', take: 3, by: 'receive', messages: [[RECOVERABLE, 1, 5]], reply: 0 },
  { do: 'taken', take: 3 },
  {
    do: 'take',
    take: 4,
    by: 'transaction',
    messages: [
      [ORDERS, 1, 7],
      [PAYMENTS, 1, 8],
    ],
    reply: 0,
  },
  { do: 'taken', take: 4 },
  {
    do: 'take',
    take: 5,
    by: 'receive',
    messages: [
      [JOURNAL, 1, 1],
      [JOURNAL, 1, 3],
      [JOURNAL, 1, 7],
    ],
    reply: 0,
  },
  { do: 'taken', take: 5 },
]

function findings(offers = OFFERS, receiverTakes = RECEIVER_TAKES, senderTakes = SENDER_TAKES): string {
  return checkCrashes(CRASH_QUEUES, nodeLedgers(offers, senderTakes, receiverTakes)).findings.join('\n')
}

function without(lines: readonly LedgerLine[], ...indexes: number[]): LedgerLine[] {
  return lines.filter((_, index) => !indexes.includes(index))
}

t.test('a campaign in which all is well has no findings', async t => {
  const { findings, tally } = checkCrashes(CRASH_QUEUES, nodeLedgers(OFFERS, SENDER_TAKES, RECEIVER_TAKES))
  t.strictSame(findings, [])
  t.match(tally, {
    accepted: 4,
    unknown: 1,
    unknownArrived: 1,
    abandoned: 1,
    taken: 7,
    replies: 1,
    takesFound: 1,
    expressSent: 1,
    expressLost: 1,
    expressTwice: 0,
  })
})

t.test('an unknown transaction may have come to nothing', async t => {
  const takes = without(RECEIVER_TAKES, 7, 8).map(line =>
    line.do === 'take' && line.take === 5 ? { ...line, messages: line.messages.slice(0, 2) } : line,
  )
  t.equal(findings(OFFERS, takes), '')
})

t.test('names what was lost', async t => {
  t.match(findings(OFFERS, without(RECEIVER_TAKES, 5, 6)), /recoverable group 1\/5 was accepted; lost: 1\/5/)
  t.match(findings(OFFERS, without(RECEIVER_TAKES, 2, 4)), /transactional group 1\/1 was accepted; lost: 1\/3/)
  t.match(findings(OFFERS, RECEIVER_TAKES, []), /reply of take 1 was accepted; lost: 2\/1/)
})

t.test('names what came twice', async t => {
  const again: LedgerLine[] = [
    { do: 'take', take: 9, by: 'receive', messages: [[RECOVERABLE, 1, 5]], reply: 0 },
    { do: 'taken', take: 9 },
  ]
  t.match(findings(OFFERS, [...RECEIVER_TAKES, ...again]), /1\/5 was taken 2 times/)
})

t.test('names what must not have come', async t => {
  const more = (queue: number, number: number): LedgerLine[] => [
    ...RECEIVER_TAKES,
    { do: 'take', take: 9, by: 'receive', messages: [[queue, 1, number]], reply: 0 },
    { do: 'taken', take: 9 },
  ]
  t.match(findings(OFFERS, more(ORDERS, 4)), /group 1\/4 was uncommitted; all the same there came 1\/4/)
  t.match(findings(OFFERS, more(ORDERS, 99)), /1\/99 was taken from private\$\\orders, but nobody offered it/)
  const refused = OFFERS.map(line =>
    line.do === 'outcome' && line.group === 5 ? { ...line, outcome: 'refused' as const } : line,
  )
  t.match(findings(refused), /group 1\/5 was refused; all the same there came 1\/5/)
  const elsewhere = RECEIVER_TAKES.map(
    (line): LedgerLine => (line.do === 'take' && line.take === 3 ? { ...line, messages: [[EXPRESS, 1, 5]] } : line),
  )
  t.match(findings(OFFERS, elsewhere), /1\/5 was taken from private\$\\express, its queue is private\$\\recoverable/)
  t.match(findings(OFFERS, without(RECEIVER_TAKES, 1)), /reply of take 1 was uncommitted/, 'a reply without its take')
})

t.test('names a torn transaction and a wrong order', async t => {
  const torn = RECEIVER_TAKES.map(
    (line): LedgerLine => (line.do === 'take' && line.take === 4 ? { ...line, messages: [[ORDERS, 1, 7]] } : line),
  )
  t.match(findings(OFFERS, torn), /transactional group 1\/7 is torn: only 1\/7 came/)
  const [first, , third] = [RECEIVER_TAKES.slice(0, 2), null, RECEIVER_TAKES.slice(2, 5)]
  const late = RECEIVER_TAKES.slice(7, 9)
  const swapped = [...first, ...late, ...third, ...RECEIVER_TAKES.slice(5, 7), ...RECEIVER_TAKES.slice(9)]
  t.match(findings(OFFERS, swapped), /group 1\/1: 1\/3 was taken after messages of a later commit/)
})

t.test('names a journal that is not what was taken', async t => {
  const journal = (messages: Extract<LedgerLine, { do: 'take' }>['messages']) =>
    RECEIVER_TAKES.map((line): LedgerLine => (line.do === 'take' && line.take === 5 ? { ...line, messages } : line))
  t.match(
    findings(
      OFFERS,
      journal([
        [JOURNAL, 1, 1],
        [JOURNAL, 1, 3],
      ]),
    ),
    /missing: 1\/7/,
  )
  const tooMany = journal([
    [JOURNAL, 1, 1],
    [JOURNAL, 1, 3],
    [JOURNAL, 1, 7],
    [JOURNAL, 1, 7],
  ])
  t.match(findings(OFFERS, tooMany), /3 messages were taken, its journal had 4/)
})

t.test('passes on what an application saw, and a take that nobody settled', async t => {
  t.match(findings([...OFFERS, { do: 'wrong', what: 'bytes' }]), /crash-sender: bytes/)
  t.match(findings(OFFERS, without(RECEIVER_TAKES, 6)), /crash-receiver: take 3 was never settled/)
})

t.test('a ledger file keeps what was appended, and a line that was cut off spoils no other', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-ledger-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'ledger.jsonl')
  t.strictSame(readLedger(path), [])
  const [first, second, third] = OFFERS as [LedgerLine, LedgerLine, LedgerLine]
  const ledger = new FileLedger(path)
  ledger.append(first)
  ledger.append(second)
  ledger.close()
  appendFileSync(path, '{"do":"off')
  const next = new FileLedger(path)
  next.append(third)
  next.close()
  t.strictSame(readLedger(path), [first, second, third])
})
