import t, { type Test } from 'tap'
import { type FaultRun, type FaultRunOptions, faultRun } from '../../fixtures/fault-runs.js'

/* One sender, one receiver, ten messages at once, in the simulated world with MSMQ's own timers: what follows from each
 * fault follows by the protocol, to the second. */

const PLAIN: FaultRunOptions = { delivery: 'recoverable' }
const OVER_HTTP: FaultRunOptions = { to: 'DIRECT=HTTP://{R1}:8080/msmq/private$/orders' }

const seconds = (times: readonly number[]) => times.map(ms => Math.floor(ms / 1000))
const openedAt = (run: FaultRun) =>
  seconds(run.times('session-open', ({ node, role }) => node === 'S1' && role === 'initiator'))
const closed = (run: FaultRun, where: string) =>
  run
    .of('session-closed')
    .filter(({ node, reason }) => node === where && reason !== 'queue manager stopped')
    .map(({ atMs, reason }) => `${Math.floor((atMs - run.run.startedMs) / 1000)} s: ${reason}`)
const discarded = (run: FaultRun) => run.of('discarded').filter(({ node }) => node === 'R1')

/** All delivered once, nothing left; `struck` times, at one machine, in one direction. */
function checkOutcome(t: Test, run: FaultRun, struck: number, node: string, direction: 'in' | 'out'): void {
  t.ok(run.verdict.asExpected, 'all delivered')
  t.ok(run.run.drained, 'nothing is left')
  t.same(
    run.injected.map(event => [event.node, event.direction]),
    Array(struck).fill([node, direction]),
  )
}

t.test('nothing goes wrong: the same run without faults', async t => {
  const run = faultRun([])
  checkOutcome(t, run, 0, 'S1', 'in')
  t.same(openedAt(run), [0])
  t.same(closed(run, 'S1'), [])
})

t.test('the handshake waits a minute for what was dropped, and the retry comes 5 s later', async t => {
  const request = faultRun(['{ drop: establish, from: S1, nth: 1 }'])
  checkOutcome(t, request, 1, 'S1', 'out')
  t.same(openedAt(request), [65])
  t.same(closed(request, 'S1'), ['60 s: handshake not finished in time'])
  const answer = faultRun(['{ drop: connection-parameters, to: S1, nth: 1 }'])
  checkOutcome(t, answer, 1, 'S1', 'in')
  t.same(openedAt(answer), [65])
  t.equal(answer.times('session-open', ({ node }) => node === 'R1').length, 3, 'R1 held it for open; and once for acks')
})

t.test('a transactional message is missing: a hole until the resend', async t => {
  const run = faultRun(['{ drop: user-message, message: 4, of: S1, to: R1, nth: 1 }'])
  checkOutcome(t, run, 1, 'R1', 'in')
  t.same(
    discarded(run).map(({ reason, tx }) => [reason, tx?.number]),
    [5, 6, 7, 8, 9, 10].map(number => ['hole', number]),
  )
  t.same(seconds(run.times('resend')), [30])
  t.same(
    run.of('order-ack-received').map(({ number }) => number),
    [3, 10],
  )
})

t.test('a plain message is missing: the count acknowledges one that never came, and it is lost', async t => {
  const run = faultRun(['{ drop: user-message, message: 4, nth: 1 }'], PLAIN)
  t.notOk(run.verdict.asExpected)
  t.same(run.verdict.counts.lost, 1)
  t.same(closed(run, 'S1'), ['40 s: no session ack in time'], 'the tenth is not acknowledged')
})

t.test('a message twice: the receiver counts more than was sent, and the sender closes', async t => {
  const run = faultRun(['{ duplicate: user-message, message: 4, nth: 1 }'], PLAIN)
  checkOutcome(t, run, 1, 'S1', 'out')
  t.same(closed(run, 'S1'), ['0 s: AckSequenceNumber 11 acknowledges messages never sent (sent 10)'])
  t.same(openedAt(run), [0, 5])
  t.equal(
    discarded(run).filter(({ reason }) => reason === 'duplicate').length,
    11,
    'the copy, and all ten of the second session',
  )
})

t.test('a session ack is missing: nothing is heard for twice 20 s, then all goes again', async t => {
  const run = faultRun(['{ drop: session-ack, from: R1, nth: 1 }'], PLAIN)
  checkOutcome(t, run, 1, 'R1', 'out')
  t.same(closed(run, 'S1'), ['40 s: no session ack in time'])
  t.equal(discarded(run).length, 10)
})

t.test('an order ack is missing: all goes again after 30 s, is refused and acknowledged again', async t => {
  const run = faultRun(['{ drop: order-ack, to: S1, nth: 1 }'])
  checkOutcome(t, run, 1, 'S1', 'in')
  t.same(seconds(run.times('order-ack-sent')), [0, 30])
  t.same(seconds(run.times('order-ack-received')), [30])
  t.equal(discarded(run).filter(({ reason }) => reason === 'duplicate').length, 10)
  t.equal(run.injected[0]?.packet?.number, 10, 'the fault knows what it struck')
})

t.test('the n-th, and every n-th', async t => {
  const slow = { load: 'ratePerS: 0.5', messages: 12 }
  const second = faultRun(['{ drop: order-ack, to: S1, nth: 2 }'], slow)
  t.same(
    second.injected.map(({ packet }) => packet?.sequence?.ordinal),
    [2],
  )
  const every = faultRun(['{ drop: order-ack, every: 2 }'], slow)
  t.same(every.injected.map(({ packet }) => packet?.sequence?.ordinal).slice(0, 6), [2, 3, 4, 5, 6, 7])
  t.ok(
    every.injected.every(({ node, direction }) => node === 'R1' && direction === 'out'),
    'by whoever writes it',
  )
})

t.test('times count from the beginning of the load', async t => {
  const slow = { load: 'ratePerS: 1', messages: 20 }
  const once = faultRun(['{ drop: order-ack, atS: 10 }'], slow)
  t.same(seconds(once.times('injected')), [10], 'the first that fits from then on')
  const window = faultRun(['{ drop: order-ack, fromS: 5, forS: 3 }'], slow)
  t.ok(window.injected.length >= 2)
  t.ok(window.times('injected').every(ms => ms >= 5000 && ms < 8000))
})

t.test('a delay holds that direction of the connection, and nothing overtakes', async t => {
  const run = faultRun(['{ delay: user-message, message: 4, byS: 3 }'])
  checkOutcome(t, run, 1, 'S1', 'out')
  t.same(
    run.of('arrived').map(({ tx, atMs }) => [tx?.number, Math.floor((atMs - run.run.startedMs) / 1000)]),
    Array.from({ length: 10 }, (_, index) => [index + 1, index < 3 ? 0 : 3]),
  )
  const acks = faultRun(['{ delay: session-ack, byS: 3, fromS: 0, forS: 10 }'], PLAIN)
  checkOutcome(t, acks, 1, 'R1', 'out')
  t.same(seconds(acks.times('session-acked')), Array(10).fill(3))
})

t.test('a byte of the signature is turned: whoever gets it closes', async t => {
  const run = faultRun(['{ corrupt: user-message, message: 4, offset: 4, nth: 1 }'], PLAIN)
  checkOutcome(t, run, 1, 'S1', 'out')
  t.match(closed(run, 'R1')[0], /Signature/)
  t.equal(discarded(run).length, 3, 'the three before it, again')
})

t.test('a session is cut before or after a packet', async t => {
  const before = faultRun(['{ cut: session, before: session-ack, at: R1, nth: 1 }'], PLAIN)
  checkOutcome(t, before, 1, 'R1', 'out')
  t.same(closed(before, 'R1'), ['0 s: reset'])
  t.same(closed(before, 'S1'), ['0 s: reset'])
  t.equal(discarded(before).length, 10, 'none was acknowledged')
  const after = faultRun(['{ cut: session, after: session-ack, at: R1, nth: 1 }'], PLAIN)
  checkOutcome(t, after, 1, 'R1', 'out')
  t.same(closed(after, 'R1'), ['0 s: reset'])
  t.equal(discarded(after).length, 0, 'the ack got through')
  const taken = faultRun(['{ cut: session, after: user-message, message: 4, at: R1, nth: 1 }'], PLAIN)
  checkOutcome(t, taken, 1, 'R1', 'in')
  t.equal(discarded(taken).length, 4, 'four had come')
})

t.test('who writes and who gets it', async t => {
  const two = { senders: '{ count: 2 }' }
  const to = faultRun(['{ drop: order-ack, to: S2, nth: 1 }'], two)
  t.same(
    to.injected.map(({ node }) => node),
    ['S2'],
  )
  t.same(seconds(to.times('resend', ({ node }) => node === 'S1')), [])
  t.same(seconds(to.times('resend', ({ node }) => node === 'S2')), [30])
  const both = faultRun(['{ drop: order-ack, from: R1, to: S2, nth: 1 }'], two)
  t.same(
    both.injected.map(({ node, direction, peer }) => [node, direction, peer]),
    [['R1', 'out', '10.66.0.102']],
  )
  const at = faultRun(['{ drop: user-message, at: R1, from: S1, nth: 2 }'], two)
  t.same(
    at.injected.map(({ node, packet }) => [node, packet?.sender, packet?.message]),
    [['R1', 0, 2]],
  )
  const of = faultRun(['{ drop: user-message, message: [3, 5], of: S2, to: R1, nth: [1, 2] }'], two)
  t.same(
    of.injected.map(({ packet }) => [packet?.sender, packet?.message]),
    [
      [1, 3],
      [1, 5],
    ],
  )
})

t.test('class, sequence and number', async t => {
  const options = { load: 'deadLetter: true', messages: 3 }
  const order = faultRun(['{ drop: order-ack, class: ORDER_ACK, sequence: 1, number: 3, nth: 1 }'], options)
  t.same(
    order.injected.map(({ packet }) => [packet?.messageClass, packet?.sequence?.ordinal, packet?.number]),
    [[255, 1, 3]],
  )
  t.same(faultRun(['{ drop: order-ack, number: 2 }'], options).injected, [], 'no ack says 2')
  t.same(faultRun(['{ drop: order-ack, sequence: 2 }'], options).injected, [], 'there is one sequence')
  const final = faultRun(['{ drop: final-ack, class: 0x4000, number: 2, nth: 1 }'], options)
  t.same(
    final.injected.map(({ node, packet }) => [node, packet?.number]),
    [['R1', 2]],
  )
})

t.test('behind a balancer that hides addresses a peer is known by its QMId', async t => {
  const run = faultRun(['{ drop: user-message, at: R1, from: S2, nth: 1 }'], {
    senders: '{ count: 2 }',
    gateway: '{ affinity: single, source: translate }',
    to: 'DIRECT=TCP:{vip}\\private$\\orders',
    drainS: 60,
  })
  t.same(
    run.injected.map(({ node, packet }) => [node, packet?.sender]),
    [['R1', 1]],
  )
})

t.test('pings', async t => {
  const run = faultRun(['{ drop: ping, from: S1, nth: 1 }'], { topology: 'settings: { EnablePingService: 1 }' })
  checkOutcome(t, run, 1, 'S1', 'out')
  t.same(closed(run, 'S1'), ['1 s: ping unanswered or refused'])
  const late = faultRun(['{ delay: ping, byS: 0.5, to: R1, nth: 1 }'], {
    topology: 'settings: { EnablePingService: 1 }',
  })
  checkOutcome(t, late, 1, 'R1', 'in')
  t.ok(late.times('session-open')[0]! > 500 && late.times('session-open')[0]! < 600)
})

t.test('over HTTP: answers, posts and receipts', async t => {
  const answer = faultRun(['{ drop: http-answer, nth: 2 }'], OVER_HTTP)
  checkOutcome(t, answer, 1, 'S1', 'in')
  t.match(closed(answer, 'S1')[0], /no answer in time/)
  const post = faultRun(['{ drop: http-post, message: 4, nth: 1 }'], OVER_HTTP)
  checkOutcome(t, post, 1, 'S1', 'out')
  t.same(
    discarded(post).map(({ reason }) => reason),
    Array(6).fill('hole'),
  )
  t.same(seconds(post.times('resend')), [30])
  const receipt = faultRun(['{ drop: stream-receipt, from: R1, nth: 1 }'], OVER_HTTP)
  checkOutcome(t, receipt, 1, 'R1', 'out')
  t.same(seconds(receipt.times('order-ack-received')), [30])
  const late = faultRun(['{ delay: http-post, byS: 7, message: 4 }'], OVER_HTTP)
  checkOutcome(t, late, 1, 'S1', 'out')
  t.same(
    late.of('arrived').map(({ atMs }) => Math.floor((atMs - late.run.startedMs) / 1000)),
    [0, 0, 0, 7, 7, 7, 7, 7, 7, 7],
  )
  const before = faultRun(['{ cut: session, before: http-post, message: 4, nth: 1 }'], OVER_HTTP)
  checkOutcome(t, before, 1, 'S1', 'out')
  t.match(closed(before, 'S1')[0], /reset/)
  const after = faultRun(['{ cut: session, after: http-post, message: 4, nth: 1 }'], OVER_HTTP)
  checkOutcome(t, after, 1, 'S1', 'out')
  t.match(closed(after, 'S1')[0], /reset/)
})

t.test('the same seed gives the same run, faults and all', async t => {
  const faults = ['{ cut: session, after: persisted, at: R1, message: 7 }', '{ drop: order-ack, to: S1, nth: 1 }']
  t.same(faultRun(faults).run.events, faultRun(faults).run.events)
})
