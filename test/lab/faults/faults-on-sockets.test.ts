import t from 'tap'
import { eventsOf } from '../../../lab/history.js'
import { parseScenario } from '../../../lab/scenario-file.js'
import { createRunView, createVerdict } from '../../../lab/verdict.js'
import { type RunOptions, runScenario } from '../../../lab/worlds/run-scenario.js'
import { faultScenario } from '../../fixtures/fault-runs.js'

/* The same faults where packets pass real sockets and the timers are short. */

const SHORT =
  'settings: { AckWaitTimeout: 1000, OrderAckTimeout: 200, TryConnectInterval: 200, SeqResend13Time: 1500, RoundTripDelay: 0 }'

async function socketRun(faults: readonly string[], options: Partial<RunOptions> = {}) {
  const scenario = parseScenario(faultScenario(faults, { topology: SHORT }), 'faults.yaml')
  const run = await runScenario(scenario, { seed: 1, ...options })
  return { run, verdict: createVerdict(createRunView(run)), injected: eventsOf(run, 'injected') }
}

t.test('a session is cut after message 7 is on disk and before its ack leaves', async t => {
  const { run, verdict, injected } = await socketRun([
    '{ cut: session, after: persisted, at: R1, message: 7, of: S1 }',
    '{ drop: order-ack, to: S1, nth: 1 }',
  ])
  t.ok(verdict.asExpected, 'all delivered')
  t.same(run.deaths, [])
  t.same(injected.map(({ node, rule, packet }) => [node, rule, packet?.kind]).sort(), [
    ['R1', 0, 'user-message'],
    ['S1', 1, 'order-ack'],
  ])
  const cutMs = injected.find(({ rule }) => rule === 0)?.atMs ?? 0
  t.ok(eventsOf(run, 'session-acked').every(({ atMs }) => atMs > cutMs))
  t.ok(eventsOf(run, 'session-closed').some(({ node, reason }) => node === 'R1' && reason === 'reset'))
  const droppedMs = injected.find(({ rule }) => rule === 1)?.atMs ?? 0
  const [order] = eventsOf(run, 'order-ack-received')
  t.ok(order !== undefined && order.atMs > droppedMs, 'acknowledged again')
})

for (const nodesAs of ['process', 'thread'] as const)
  t.test(`a machine crashes between log and ack, and comes back with what it has (${nodesAs})`, async t => {
    const { run, verdict, injected } = await socketRun(
      [
        '{ crash: R1, between: [logged, order-ack], backAfterS: 0.5 }',
        // over before that; times count from the beginning of the load in the second life too
        '{ delay: establish, byS: 0.001, at: R1, fromS: 0, forS: 0.2 }',
      ],
      { nodesAs },
    )
    t.ok(verdict.asExpected, 'all delivered')
    t.same(run.deaths, [], 'it was meant to')
    const crashes = injected.filter(({ rule }) => rule === 0)
    t.same(
      crashes.map(({ node, packet }) => [node, packet?.kind, packet?.number]),
      [['R1', 'order-ack', 10]],
      'its last word, once',
    )
    t.ok(injected.every(({ atMs }) => atMs <= crashes[0]!.atMs))
    t.same(
      eventsOf(run, 'fault').map(({ node, fault }) => [node, fault]),
      [
        ['R1', 'killed'],
        ['R1', 'started'],
      ],
    )
    t.ok(eventsOf(run, 'order-ack-received').every(({ atMs }) => atMs > crashes[0]!.atMs))
    t.equal(verdict.counts.duplicated, 0)
  })

t.test('a run that is over does not wait for a machine that was to come back later', async t => {
  const timers = () => process.getActiveResourcesInfo().filter(resource => resource === 'Timeout').length
  const before = timers()
  const text = faultScenario(['{ crash: R1, between: [logged, order-ack], backAfterS: 300 }'], { topology: SHORT })
  const expected = text.replace('expect: { delivered: all }', 'expect: { sent: 10 }\ntime: { drainS: 0.5 }')
  const run = await runScenario(parseScenario(expected, 'faults.yaml'), { seed: 1, nodesAs: 'thread' })
  t.same(
    eventsOf(run, 'fault').map(({ node, fault }) => [node, fault]),
    [['R1', 'killed']],
  )
  t.ok(timers() <= before, `${timers()} timers, ${before} before`)
})
