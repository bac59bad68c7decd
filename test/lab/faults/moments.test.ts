import t from 'tap'
import { faultRun } from '../../fixtures/fault-runs.js'

/* What the disk has, and machines that end at an instant; in the simulated world with MSMQ's own timers. */

const PLAIN = { delivery: 'recoverable' } as const
const RECEIVER = '{ count: 1, queues: { name: private$\\orders, transactional: true } }'

t.test('the session is cut after the receiver persisted message 7 and before its ack leaves', async t => {
  const run = faultRun(['{ cut: session, after: persisted, at: R1, message: 7, of: S1 }'])
  t.same(
    run.injected.map(({ node, what, packet }) => [node, what, packet?.message]),
    [['R1', '{ cut: session, after: persisted, message: 7, of: S1, at: R1 }', 7]],
  )
  t.ok(run.verdict.asExpected)
  t.ok(run.run.drained)
  const [cut = 0] = run.times('injected')
  const acked = run.times('session-acked')
  t.ok(acked.length > 0 && acked.every(ms => ms > cut + 5000), 'no session ack before the next session')
  t.equal(run.of('discarded').filter(({ reason }) => reason === 'duplicate').length, 10, 'R1 had them all')
})

t.test('persisted happens at the sender too, where there is no session to cut', async t => {
  t.same(faultRun(['{ cut: session, after: persisted, at: S1, message: 7 }']).injected, [])
})

t.test('express messages are on no disk', async t => {
  const run = faultRun(['{ crash: R1, after: persisted }'], { delivery: 'express' })
  t.same(run.injected, [])
  t.ok(run.verdict.asExpected)
})

t.test('logged is of transactions only', async t => {
  t.same(faultRun(['{ cut: session, after: logged, at: R1 }'], PLAIN).injected, [])
  t.equal(faultRun(['{ cut: session, after: logged, at: R1, nth: 1 }']).injected.length, 1)
})

t.test('R1 crashes between log and ack: it comes back, has all, and acknowledges what is sent again', async t => {
  const run = faultRun(['{ crash: R1, between: [logged, order-ack], backAfterS: 20 }'])
  t.ok(run.verdict.asExpected)
  t.same(
    run.injected.map(({ node, direction, packet }) => [node, direction, packet?.kind, packet?.number]),
    [['R1', 'out', 'order-ack', 10]],
    'once, and not again in its next life',
  )
  const [crashed = 0] = run.times('injected')
  t.same(
    run.times('fault', ({ fault }) => fault === 'killed'),
    [crashed],
  )
  t.same(
    run.times('fault', ({ fault }) => fault === 'started'),
    [crashed + 20_000],
  )
  t.ok(run.times('order-ack-received').every(ms => ms > crashed + 20_000))
  t.equal(run.of('arrived').length, 10, 'none was taken twice')
  t.equal(run.of('discarded').filter(({ reason }) => reason === 'duplicate').length, 10)
})

t.test('a crash at once when message 7 is on disk: no ack of any kind has left', async t => {
  const run = faultRun(['{ crash: R1, after: logged, message: 7, backAfterS: 20 }'])
  t.ok(run.verdict.asExpected)
  const [crashed = 0] = run.times('injected')
  t.ok([...run.times('session-acked'), ...run.times('order-ack-sent')].every(ms => ms > crashed))
  t.equal(run.of('discarded').filter(({ reason }) => reason === 'duplicate').length, 10)
})

t.test('a crash before a packet, after it, and when it comes in', async t => {
  const before = faultRun(['{ crash: R1, before: session-ack, backAfterS: 20 }'], PLAIN)
  const after = faultRun(['{ crash: R1, after: session-ack, backAfterS: 20 }'], PLAIN)
  t.ok(
    before.times('session-acked').every(ms => ms > 20_000),
    'it did not leave',
  )
  t.ok(
    after.times('session-acked').every(ms => ms < 1000),
    'it left',
  )
  const taken = faultRun(['{ crash: R1, after: user-message, message: 4, backAfterS: 20 }'], PLAIN)
  t.equal(taken.injected[0]?.direction, 'in')
  for (const run of [before, after, taken]) {
    t.equal(run.injected.length, 1)
    t.ok(run.verdict.asExpected, 'all delivered')
  }
})

t.test('a machine that does not come back', async t => {
  const run = faultRun(['{ crash: R1, before: order-ack }'], { drainS: 3600 })
  t.same(
    run.times('fault', ({ fault }) => fault === 'started'),
    [],
  )
  t.notOk(run.run.drained, 'S1 keeps what was not acknowledged')
})

t.test('in the simulated world a sender may crash: its ledger is kept outside', async t => {
  const faults = ['{ kill: R1, atS: 1, backAfterS: 1 }']
  t.throws(() => faultRun(['{ crash: S1, after: persisted, message: 5, backAfterS: 3 }']), {
    message: /crash: S1 has a load/,
  })
  const run = faultRun(faults, {
    load: `startAfterMs: 0`,
    simulatedFaults: ['{ crash: S1, after: persisted, message: 5, backAfterS: 3 }'],
  })
  t.same(
    run.injected.map(({ node, packet }) => [node, packet?.message]),
    [['S1', 5]],
  )
  t.equal(run.verdict.counts.lost, 0)
  t.equal(run.verdict.counts.duplicated, 0)
})

t.test('the QMId of S2 is swapped for that of S1: the receiver takes them for one', async t => {
  const run = faultRun(['{ swapQmId: S2, with: S1, atS: 0 }'], {
    senders: '{ count: 2 }',
    drainS: 600,
    receivers: RECEIVER,
  })
  const [one, two] = run.run.nodes.filter(({ role }) => role === 'sender')
  t.not(one?.guid, two?.guid, 'they are no clones')
  const sources = new Set(run.of('arrived').map(({ source }) => source))
  t.same([...sources], [one?.guid], 'R1 has never heard of the QMId of S2')
  t.same(
    run.injected.map(({ node, packet }) => [node, packet]),
    [['S2', null]],
    'told once',
  )
  const refused = run.of('discarded').filter(({ reason }) => reason === 'older-sequence')
  t.ok(refused.length > 0, 'the sequence of one is older than that of the other')
  t.ok(run.verdict.counts.unacknowledged! > 0, 'and the older one is never acknowledged')
})

t.test('a swap that ends: from then on S2 is itself', async t => {
  const run = faultRun(['{ swapQmId: S2, with: S1, atS: 0, forS: 30 }'], {
    senders: '{ count: 2 }',
    messages: 30,
    load: 'ratePerS: 0.5',
    drainS: 3600,
  })
  const [, two] = run.run.nodes.filter(({ role }) => role === 'sender')
  const own = run.times('arrived', ({ source }) => source === two?.guid)
  t.ok(own.length > 0 && own.every(ms => ms >= 30_000))
})

t.test('over HTTP a QMId is text, and is swapped there too', async t => {
  const run = faultRun(['{ swapQmId: S2, with: S1, atS: 0 }'], {
    senders: '{ count: 2 }',
    to: 'DIRECT=HTTP://{R1}:8080/msmq/private$/orders',
    drainS: 600,
  })
  const [one] = run.run.nodes.filter(({ role }) => role === 'sender')
  t.same([...new Set(run.of('arrived').map(({ source }) => source))], [one?.guid])
})

t.test('a sender crashes before it posts, or before it hears the answer', async t => {
  for (const packet of ['http-post', 'http-answer']) {
    const run = faultRun([], {
      to: 'DIRECT=HTTP://{R1}:8080/msmq/private$/orders',
      messages: 1,
      simulatedFaults: [`{ crash: S1, before: ${packet}, backAfterS: 10 }`],
    })
    t.same(
      run.injected.map(({ node, packet }) => [node, packet?.kind]),
      [['S1', packet]],
    )
    t.equal(run.of('arrived').length, 1)
    t.equal(run.times('arrived')[0]! > 10_000, packet === 'http-post', `arrived at ${run.times('arrived')[0]} ms`)
    t.equal(run.of('discarded').length, packet === 'http-post' ? 0 : 1, 'what R1 had, it knew again')
    t.equal(run.verdict.counts.lost, 0)
  }
})
