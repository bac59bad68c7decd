import t from 'tap'
import { meets } from '../../lab/verdict.js'
import { event, GUID, SEQUENCE, verdictOf } from '../fixtures/run-record.js'

const ALL = { S1: '111111', S2: '111111' }

t.test('everything delivered once', async t => {
  const { counts, findings, asExpected, receivers, senders } = verdictOf({ delivered: { R1: ALL } })
  t.match(counts, { sent: 12, accepted: 12, delivered: 12, unknown: 0, lost: 0, duplicated: 0, unacknowledged: 0 })
  t.match(counts, { incompleteTransactions: 0, misroutedAcks: 0, discardedByNameValidation: 0, deadLettered: 0 })
  t.same(findings, [])
  t.ok(asExpected)
  t.match(receivers, { R1: { delivered: 12 }, R2: { delivered: 0 } })
  t.match(senders, { S1: { sent: 6, delivered: 6 }, S2: { sent: 6 } })
})

t.test('lost: accepted and nowhere; not what waits, was refused, or nobody can tell', async t => {
  const lost = verdictOf({ delivered: { R1: { S1: '111', S2: '111111' } }, held: { S1: [4] } })
  t.match(lost.counts, { accepted: 12, delivered: 9, lost: 2, unacknowledged: 1, unknown: 0 })
  t.match(
    lost.findings.map(({ id, count }) => [id, count]),
    [
      ['lost', 2],
      ['undelivered', 1],
    ],
  )
  t.match(lost.findings[0]?.first.text, /message 5 of S1/)

  const refused = verdictOf({ sent: { S1: 'arraua' }, delivered: { R1: { S1: '100001', S2: '111111' } } })
  t.match(refused.counts, { sent: 12, accepted: 9, delivered: 8, lost: 1, unknown: 1 })
  t.equal(refused.senders.S1?.refused, 2)
})

t.test('unknown is not lost: a message without an answer that was delivered is delivered', async t => {
  const { counts } = verdictOf({ sent: { S1: 'uuuuuu' }, delivered: { R1: { S1: '100000', S2: '111111' } } })
  t.match(counts, { delivered: 7, unknown: 5, lost: 0, accepted: 6 })
})

t.test(
  'a sender that died leaves unknown, and what was delivered beyond its last checkpoint counts as sent',
  async t => {
    const death = { node: 'S1', exitCode: null, signal: 'SIGKILL', reason: null }
    const { counts, asExpected, findings, senders } = verdictOf({
      sent: { S1: 'aaaa' },
      delivered: { R1: { S1: '110001', S2: '111111' } },
      partial: ['S1'],
      deaths: [death],
    })
    t.match(counts, { sent: 12, delivered: 9, lost: 0, unknown: 3 })
    t.notOk(asExpected, 'a death was not asked for')
    t.match(findings[0], { id: 'node-died', first: { nodes: ['S1'], text: /SIGKILL/ } })
    t.match(senders.S1, { sent: 6, accepted: 4, unknown: 3, partial: true })
  },
)

t.test('a receiver that died may have delivered what nobody else did', async t => {
  const { counts } = verdictOf({ delivered: { R1: { S1: '111111' } }, partial: ['R2'] })
  t.match(counts, { delivered: 6, lost: 0, unknown: 6 })
})

t.test('duplicates: by two receivers, by one, and how many copies too many', async t => {
  const { counts, findings, receivers } = verdictOf({
    delivered: { R1: { S1: '311111', S2: '111111' }, R2: { S1: '110000' } },
  })
  t.match(counts, { delivered: 12, duplicated: 2, duplicateCopies: 4 })
  t.match(
    findings.find(({ id }) => id === 'duplicated'),
    {
      behaviour: 'NLB-13',
      count: 2,
      first: { nodes: ['R1', 'R2'], text: 'message 1 of S1 was delivered by R1 (3 copies) and R2' },
    },
  )
  t.equal(receivers.R1?.duplicateCopies, 2)
})

t.test('torn transactions: part of one on a receiver, even when it is whole on another', async t => {
  const split = verdictOf({ delivered: { R1: { S1: '110111', S2: '111111' }, R2: { S1: '001000' } } })
  t.match(split.counts, { delivered: 12, incompleteTransactions: 1 })
  t.match(split.findings[0], {
    id: 'incomplete-transaction',
    behaviour: 'NLB-14',
    first: { text: 'transaction 1 of S1: R1 delivered 2 of 3, R2 delivered 1 of 3 messages' },
  })
  const twice = verdictOf({ delivered: { R1: ALL, R2: { S1: '000010' } } })
  t.equal(twice.counts.incompleteTransactions, 1)
  const apart = verdictOf({ delivered: { R1: { S1: '111000', S2: '111111' }, R2: { S1: '000111' } } })
  t.equal(apart.counts.incompleteTransactions, 0, 'whole transactions on two receivers are not torn')
  const short = verdictOf({ sent: { S1: 'aaaa' }, delivered: { R1: { S1: '1111', S2: '111111' } } })
  t.equal(short.counts.incompleteTransactions, 0, 'the last transaction may be short')
  const express = [
    ['delivery: transactional, messages: 6, perTransaction: 3', 'delivery: express, messages: 6'],
  ] as const
  t.equal(verdictOf({ scenario: express, delivered: { R1: { S1: '110000' } } }).counts.incompleteTransactions, 0)
})

t.test('reordered, per receiver', async t => {
  const { counts, findings } = verdictOf({ delivered: { R1: ALL }, outOfOrder: { R1: 2 } })
  t.equal(counts.reordered, 4)
  t.match(findings[0], { id: 'reordered', first: { atMs: 1600, text: /message 2 of S1 .* after message 3/ } })
})

t.test('unacknowledged: delivered and yet held, apart from undelivered and held', async t => {
  const { counts, findings } = verdictOf({
    delivered: { R1: { S1: '111000', S2: '111111' } },
    held: { S1: [1, 2, 3, 4, 5, 6] },
  })
  t.match(counts, { delivered: 9, unacknowledged: 6, lost: 0 })
  t.match(
    findings.map(({ id, count }) => [id, count]),
    [
      ['unacknowledged', 3],
      ['undelivered', 3],
    ],
  )
})

t.test('unacknowledged: says whether the acks went to another sender, or to machines that send nothing', async t => {
  const behaviourWhenAckLandsOn = (node: string) =>
    verdictOf({
      delivered: { R1: ALL },
      held: { S1: [1, 2, 3] },
      events: [event('R1', 'order-ack-sent', { messageId: 50 }), event(node, 'order-ack-received', { messageId: 50 })],
    }).findings.find(({ id }) => id === 'unacknowledged')?.behaviour
  t.equal(behaviourWhenAckLandsOn('R2'), 'NLB-11')
  t.equal(behaviourWhenAckLandsOn('S2'), 'NLB-12')
})

t.test('misrouted acks: told apart by where they land', async t => {
  const { counts, findings, receivers, senders } = verdictOf({
    delivered: { R1: ALL },
    events: [
      event('R1', 'order-ack-sent', { messageId: 50 }),
      event('R2', 'order-ack-received', { messageId: 50, atMs: 1510 }),
      event('R1', 'order-ack-sent', { messageId: 51 }),
      event('S2', 'order-ack-received', { messageId: 51 }),
      event('R1', 'order-ack-sent', { messageId: 52 }),
      event('S1', 'order-ack-received', { messageId: 52, result: 'matched', removed: 6 }),
      event('R1', 'order-ack-sent', { messageId: 53 }),
      event('R2', 'order-ack-sent', { messageId: 54 }),
      event('R2', 'order-ack-received', { messageId: 54, from: GUID.R2 }),
    ],
  })
  t.equal(counts.misroutedAcks, 3)
  t.match(
    findings.map(({ id, behaviour, count }) => [id, behaviour, count]),
    [
      ['misrouted-ack', 'NLB-11', 2],
      ['misrouted-ack-other-sender', 'NLB-12', 1],
      ['ack-never-arrived', null, 1],
    ],
  )
  t.match(findings[0]?.first, {
    atMs: 1510,
    nodes: ['R1', 'R2', 'S1'],
    text: /R1 acknowledged number 6 .* for S1.*R2 got it at 0\.510 s/,
  })
  t.match(receivers, { R1: { orderAcksSent: 4, acksOfOthers: 0 }, R2: { orderAcksSent: 1, acksOfOthers: 2 } })
  t.match(senders, { S1: { orderAcksMatched: 1, acksOfOthers: 0 }, S2: { acksOfOthers: 1 } })
})

t.test('an ack of another node with the same MessageID is another ack', async t => {
  const { counts } = verdictOf({
    delivered: { R1: ALL },
    events: [
      event('R1', 'order-ack-sent', { messageId: 50 }),
      event('S2', 'order-ack-received', { messageId: 50, from: GUID.R2 }),
    ],
  })
  t.equal(counts.misroutedAcks, 0)
})

t.test('clones: the sequence says whose message it was, then the address, else it is for any of them', async t => {
  const clones = [{ name: 'S2', guid: GUID.S1 }] as const
  const landed = (sequence: string, sessionPeer: string, at: string) =>
    verdictOf({
      nodes: clones,
      delivered: { R1: ALL },
      events: [
        event('R1', 'order-ack-sent', { sequence, sessionPeer, direct: false }),
        event(at, 'order-ack-received', {}),
      ],
    })
  t.equal(landed(SEQUENCE.S1, '127.0.9.102', 'S1').counts.misroutedAcks, 0)
  t.match(
    landed(SEQUENCE.S1, '127.0.9.102', 'S2').findings.map(({ id }) => id),
    ['misrouted-ack-clone'],
  )
  t.equal(landed('00000000:00000000', '127.0.9.102', 'S2').counts.misroutedAcks, 0)
  t.equal(landed('00000000:00000000', '127.0.9.102', 'S1').counts.misroutedAcks, 1)
  t.equal(landed('00000000:00000000', '127.0.9.10', 'S1').counts.misroutedAcks, 0)
  t.equal(landed('00000000:00000000', '127.0.9.10', 'R2').counts.misroutedAcks, 1)
})

t.test('the cache row that sent a clone’s ack astray is named', async t => {
  const { findings } = verdictOf({
    nodes: [{ name: 'S2', guid: GUID.S1 }],
    delivered: { R1: ALL },
    events: [
      event('R1', 'qmid-cached', { change: 'kept-other', address: '127.0.9.101' }),
      event('R1', 'order-ack-sent', { direct: false }),
      event('S2', 'order-ack-received', {}),
    ],
  })
  t.match(findings.find(({ id }) => id === 'qmid-cache-misroute')?.first.text, /R1 kept S2's address 127\.0\.9\.102/)
})

t.test('name validation counts messages, not attempts; a copy on another node counts again', async t => {
  const { counts, findings, receivers } = verdictOf({
    held: { S1: [1, 2, 3, 4, 5, 6], S2: [1, 2, 3, 4, 5, 6] },
    events: [
      event('R1', 'discarded', { messageId: 1 }),
      event('R1', 'discarded', { messageId: 1 }),
      event('R1', 'discarded', { messageId: 2 }),
      event('R2', 'discarded', { messageId: 1 }),
      event('R2', 'discarded', { messageId: 3, reason: 'expired' }),
    ],
  })
  t.equal(counts.discardedByNameValidation, 3)
  t.match(
    findings.find(({ id }) => id === 'name-validation'),
    { behaviour: 'NLB-3', count: 3 },
  )
  t.same(receivers.R1?.discarded, { 'name-validation': 3 })
  t.same(receivers.R2?.discarded, { 'name-validation': 1, expired: 1 })
})

t.test('dead-lettered messages are not lost; one that was delivered all the same stays delivered', async t => {
  const { counts, senders } = verdictOf({
    delivered: { R1: { S1: '100000', S2: '111111' } },
    events: [1, 2, 3].map(messageId => event('S1', 'dead-lettered', { messageId })),
  })
  t.match(counts, { delivered: 7, deadLettered: 3, lost: 3 })
  t.equal(senders.S1?.deadLettered, 3)
})

t.test('stuck in mid-sequence: refused and never taken by that node', async t => {
  const tx = { sequence: SEQUENCE.S1, number: 4, previous: 3 }
  const refusal = event('R2', 'discarded', { messageId: 4, reason: 'middle-of-sequence', tx })
  const { findings } = verdictOf({
    delivered: { R1: ALL },
    events: [
      refusal,
      event('R2', 'discarded', { messageId: 5, reason: 'hole', tx: { ...tx, number: 5, previous: 4 } }),
    ],
  })
  t.match(findings[0], {
    id: 'sequence-stuck',
    behaviour: 'NLB-15',
    count: 2,
    first: { text: /R2 refused number 4 \(previous 3\)/ },
  })
  t.same(
    verdictOf({ delivered: { R1: ALL }, events: [refusal, event('R2', 'arrived', { messageId: 4, tx })] }).findings,
    [],
  )
})

t.test('what should have happened and did not makes the run vacuous, and not as expected', async t => {
  const exercises = [['expect: {}', 'expect: {}\nexercises: [order-ack-misrouted, resend]']] as const
  const silent = verdictOf({ scenario: exercises, delivered: { R1: ALL }, events: [event('S1', 'resend', {})] })
  t.same(silent.vacuous, ['order-ack-misrouted'])
  t.notOk(silent.asExpected)
})

t.test('expectations', async t => {
  const expect = [['expect: {}', "expect: { delivered: all, duplicated: '>= 1', lost: 0 }"]] as const
  const met = verdictOf({ scenario: expect, delivered: { R1: ALL, R2: { S1: '100000' } } })
  t.ok(met.asExpected)
  const unmet = verdictOf({ scenario: expect, delivered: { R1: { S1: '111111' } } })
  t.notOk(unmet.asExpected)
  t.same(unmet.unmet, [
    { count: 'delivered', expected: 'all', actual: 6 },
    { count: 'lost', expected: 0, actual: 6 },
    { count: 'duplicated', expected: '>= 1', actual: 0 },
  ])
  for (const [actual, expected, sent, verdict] of [
    [3, 3, 9, true],
    [3, 4, 9, false],
    [9, 'all', 9, true],
    [8, 'all', 9, false],
    [0, 'all', 0, false],
    [2, '>= 2', 9, true],
    [1, '>=2', 9, false],
    [2, '> 2', 9, false],
    [2, '<= 2', 9, true],
    [2, '< 2', 9, false],
    [10, '< 11', 9, true],
  ] as const) {
    t.equal(meets(actual, expected, sent), verdict, `${actual} ${expected}`)
  }
})

t.test('what waits at a front end is neither lost nor delivered, and no sender holds it', async t => {
  const { counts, findings, frontEnds } = verdictOf({
    delivered: { R1: { S1: '111100', S2: '111111' } },
    frontEnds: { F1: [5], F2: [5, 4] },
    events: [
      event('F1', 'forwarded', { messageId: 5 }),
      event('F2', 'forwarded', { messageId: 5 }),
      event('F2', 'forwarded', { messageId: 4 }),
      event('F2', 'http-refused', { peer: '127.0.9.10', status: 500, error: 'full' }),
      event('F1', 'fault', { fault: 'killed' }),
      event('F1', 'fault', { fault: 'started' }),
    ],
  })
  t.match(counts, { delivered: 10, waitingAtFrontEnds: 2, unacknowledged: 0, lost: 1 })
  t.match(
    findings.find(({ id }) => id === 'waiting-at-front-end'),
    { count: 3, first: { text: /message 4 of S1 waits at F2 .* F2 holds 2, F1 holds 1/ } },
  )
  t.match(frontEnds, {
    F1: { forwarded: 1, waiting: 1, refused: 0, restarts: 1, partial: false },
    F2: { forwarded: 2, waiting: 2, refused: 1, restarts: 0 },
  })
})

t.test('dead-lettered at a front end: of the sender whose message it had', async t => {
  const { counts } = verdictOf({
    delivered: { R1: { S1: '111110', S2: '111110' } },
    frontEnds: {},
    events: [event('F1', 'forwarded', { messageId: 6 }), event('F1', 'dead-lettered', { messageId: 6 })],
  })
  t.match(counts, { deadLettered: 1, lost: 1 }, "S2's message 6 is lost, S1's is not")
})

t.test('a front end that never came back may have what is missing', async t => {
  const { counts } = verdictOf({ delivered: { R1: { S1: '111110', S2: '111111' } }, frontEnds: {}, partial: ['F2'] })
  t.match(counts, { lost: 0, unknown: 1 })
})
