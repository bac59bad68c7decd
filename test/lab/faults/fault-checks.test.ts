import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { simulatedOnly } from '../../../lab/faults/fault-checks.js'
import { faultText } from '../../../lab/faults/fault-text.js'
import { parseScenario } from '../../../lab/scenario-file.js'
import { inSimulation } from '../../../lab/scenario-worlds.js'
import { RealisationError, runScenario } from '../../../lab/worlds/run-scenario.js'
import { faultScenario } from '../../fixtures/fault-runs.js'

const OPTIONS = {
  receivers: '{ count: 3, queues: { name: private$\\orders, transactional: true } }',
  senders: '[{ count: 2 }, { name: IDLE }]',
  gateway: '{ kind: nlb, affinity: single, source: keep }',
  load: 'from: [S1, S2]',
}

const parsed = (faults: readonly string[]) => parseScenario(faultScenario(faults, OPTIONS), 'faults.yaml')

const GOOD = [
  '{ drop: order-ack, to: S1, nth: 2 }',
  '{ cut: session, after: persisted, message: 17, of: S1, at: R1 }',
  '{ delay: session-ack, byS: 3, fromS: 30, forS: 10 }',
  '{ swapQmId: S2, with: S1, atS: 0 }',
  '{ crash: R2, between: [logged, order-ack] }',
  '{ crash: R3, after: logged, message: 17, backAfterS: 5 }',
  '{ duplicate: user-message, message: [1, 2, 3], of: S2, class: NORMAL, every: 2 }',
  '{ corrupt: final-ack, offset: 4, class: 49154, sequence: 1, number: [2, 3], from: R1, to: S1 }',
  '{ drop: ping, from: S1, atS: 3 }',
  '{ cut: session, before: http-post, at: S1 }',
  '{ kill: R1, atS: 1, backAfterS: 1 }',
  '{ leave: [R1, R2], atS: 3, drain: true, backAfterS: 1 }',
  '{ pause: [S1, R2], atS: 5, forS: 1 }',
  '{ clock: { of: S1, jumpS: -3600 }, atS: 6 }',
  '{ disk: { of: R1, full: true }, atS: 7, forS: 1 }',
  '{ link: { between: [S1, R1], latencyMs: 200, jitterMs: 50, lossChance: 0.1, bytesPerS: 1000 }, atS: 8, forS: 1 }',
  '{ link: { at: gateway, partition: true }, atS: 10, forS: 1 }',
  '{ link: { between: [S1, R1], cut: true }, atS: 12, forS: 0.1 }',
  '{ partition: [R1, [R2, R3]], atS: 20, backAfterS: 1 }',
]

t.test('what can be said, and said again', async t => {
  const { faults } = parsed(GOOD)
  t.same(faults.map(faultText), GOOD)
  t.same(parsed(faults.map(faultText)).faults, faults, 'the text of a fault is that fault')
  t.same(inSimulation(parsed(GOOD)).faults, faults)
})

/** A fault, where in it the problem is, and words that its text must have. */
const BAD: readonly (readonly [fault: string, field: string, words: RegExp])[] = [
  ['{ atS: 1 }', 'faults[0]', /one of kill, stop, leave, .*, crash and swapQmId$/],
  ['{ drop: order-ack, kill: R1 }', 'faults[0]', /a fault is one of/],
  ['{ drp: order-ack }', 'faults[0].drp', /did you mean drop\?/],
  ['{ drop: orderack }', 'faults[0].drop', /did you mean order-ack\?/],
  ['{ kill: R1 }', 'faults[0].atS', /is missing: a number is needed/],
  ['{ kill: R1, atS: 1, forS: 2 }', 'faults[0].forS', /not with kill: beside it go atS, onceAcknowledged, backAfterS/],
  ['{ drop: order-ack, backAfterS: 1 }', 'faults[0].backAfterS', /not with drop/],
  ['{ drop: order-ack, onceAcknowledged: true }', 'faults[0].onceAcknowledged', /not with drop/],
  ['{ drop: order-ack, to: S9 }', 'faults[0].to', /there is no machine S9: one of R1, R2, R3, S1, S2, IDLE/],
  ['{ drop: order-ack, nth: 2, every: 2 }', 'faults[0].every', /exclude each other/],
  ['{ drop: order-ack, nth: 0 }', 'faults[0].nth', /at least 1/],
  ['{ drop: order-ack, atS: 1, forS: 2 }', 'faults[0].forS', /use fromS instead of atS/],
  ['{ drop: order-ack, message: 3 }', 'faults[0].message', /says nothing of order-ack: only of user-message/],
  ['{ drop: session-ack, class: NORMAL }', 'faults[0].class', /says nothing of session-ack/],
  ['{ drop: session-ack, number: 3 }', 'faults[0].number', /says nothing of session-ack/],
  ['{ drop: user-message, class: NACK_BAD }', 'faults[0].class', /a number up to 65535 or one of NORMAL/],
  ['{ drop: user-message, of: IDLE }', 'faults[0].of', /IDLE sends nothing: one of S1, S2/],
  ['{ delay: session-ack }', 'faults[0].byS', /is missing: delay needs it/],
  ['{ corrupt: session-ack }', 'faults[0].offset', /is missing: corrupt needs it/],
  ['{ swapQmId: S2 }', 'faults[0].with', /is missing: swapQmId needs it/],
  ['{ swapQmId: S2, with: S2 }', 'faults[0].with', /has that QMId already/],
  ['{ swapQmId: S2, with: S1, nth: 1 }', 'faults[0].nth', /not with swapQmId/],
  ['{ cut: session, at: R1 }', 'faults[0]', /cut needs one of before, after and between/],
  ['{ cut: session, before: order-ack, after: order-ack }', 'faults[0].after', /needs one of/],
  ['{ cut: session, between: [persisted, http-answer], at: R1 }', 'faults[0].between', /use before: http-answer/],
  ['{ cut: connection, before: order-ack }', 'faults[0].cut', /session/],
  ['{ cut: session, before: persisted }', 'faults[0].before', /persisted.*is not allowed/],
  ['{ crash: R1, atS: 3 }', 'faults[0]', /crash needs one of .*at a time of its own: kill/],
  ['{ crash: S1, before: order-ack }', 'faults[0].crash', /S1 has a load/],
  ['{ crash: R1, before: order-ack, at: R2 }', 'faults[0].at', /not with crash/],
  ['{ cut: session, before: ping }', 'faults[0].before', /a ping has no session/],
  ['{ duplicate: http-post }', 'faults[0].duplicate', /no packet of a session/],
  ['{ pause: R9, atS: 1 }', 'faults[0].pause', /R9 is nobody that can pause: one of R1/],
  ['{ link: { latencyMs: 3 }, atS: 1 }', 'faults[0].link', /one of between, with two names, and at/],
  ['{ link: { at: R1 }, atS: 1 }', 'faults[0].link', /says nothing of the link/],
  ['{ link: { between: [R1, R1], cut: true }, atS: 1 }', 'faults[0].link.between', /two different machines/],
  ['{ link: { between: [R1, X], cut: true }, atS: 1 }', 'faults[0].link.between', /no machine X: .*, gateway/],
  ['{ link: { at: R1, lossChance: 2 }, atS: 1 }', 'faults[0].link.lossChance', /at most 1/],
  [
    '{ disk: { of: R1 }, atS: 1 }',
    'faults[0].disk',
    /one of full: true, failing: true, slowMs, unreadable: true and unflushedMs/,
  ],
  ['{ disk: { of: R1, full: true, slowMs: 3 }, atS: 1 }', 'faults[0].disk', /one of full/],
  ['{ clock: { of: X, jumpS: 3 }, atS: 1 }', 'faults[0].clock.of', /no machine X/],
]

t.test('what cannot be said: one line, where it stands and what is allowed', async t => {
  for (const [fault, field, words] of BAD) {
    try {
      parsed([fault])
      t.fail(`${fault} was taken`)
    } catch (error) {
      const { problems, message } = error as { problems: { field: string; what: string }[]; message: string }
      t.match(problems?.[0], { field, what: words }, fault)
      t.notMatch(message, /\n/)
    }
  }
})

t.test('what docs/faults.md shows can be said', async t => {
  const text = readFileSync(join(process.cwd(), 'docs/faults.md'), 'utf8')
  const lists = [...text.matchAll(/```yaml\nfaults:\n([\s\S]*?)```/g)]
  t.equal(lists.length, 1)
  const faults = lists.flatMap(([, list = '']) =>
    [...list.matchAll(/^ {2}- (\{.*\})/gm)].map(([, fault = '']) => fault),
  )
  t.equal(faults.length, 7)
  t.doesNotThrow(() => parsed(faults))
  const [, chaos = ''] = /^ {2}chaos: (\{.*\})$/m.exec(text) ?? []
  t.doesNotThrow(() => parseScenario(faultScenario([], { ...OPTIONS, chaos }), 'chaos.yaml'))
  t.throws(() => parseScenario(faultScenario([], { ...OPTIONS, chaos: '{ untilS: 60 }' }), 'x'), { message: /everyS/ })
})

t.test('nothing is struck twice at a time', async t => {
  const bad = (faults: readonly string[]) => t.throws(() => parsed(faults), { message: /another fault/ }, faults.join())
  const good = (faults: readonly string[]) => t.doesNotThrow(() => parsed(faults), faults.join())
  bad(['{ pause: R1, atS: 1, forS: 5 }', '{ kill: R1, atS: 3 }'])
  bad(['{ kill: R1, atS: 3 }', '{ pause: R1, atS: 30, forS: 1 }'])
  good(['{ pause: R1, atS: 1, forS: 2 }', '{ kill: R1, atS: 3 }', '{ pause: R2, atS: 3, forS: 1 }'])
  bad(['{ disk: { of: R1, full: true }, atS: 1, forS: 5 }', '{ disk: { of: R1, slowMs: 9 }, atS: 3, forS: 1 }'])
  good(['{ disk: { of: R1, full: true }, atS: 1, forS: 5 }', '{ disk: { of: R2, slowMs: 9 }, atS: 3, forS: 1 }'])
  const link = (where: string, atS: number) => `{ link: { ${where}, cut: true }, atS: ${atS}, forS: 5 }`
  bad([link('between: [R1, S1]', 1), link('between: [S1, R1]', 3)])
  bad([link('at: R1', 1), link('between: [S1, R1]', 3)])
  bad([link('at: R1', 1), link('at: S1', 3)])
  good([link('between: [R1, S1]', 1), link('between: [S1, R1]', 6)])
  good([link('between: [R1, S1]', 1), link('between: [S1, R2]', 3)])
  good([link('at: R1', 1), link('between: [S1, R2]', 3)])
})

t.test('what only the simulated world has is refused on sockets, before anything starts', async t => {
  const only = (faults: readonly string[]) => simulatedOnly(parsed(faults))
  t.equal(only(['{ drop: order-ack }', '{ pause: R1, atS: 1 }']), 'faults[1].pause is only in the simulated world')
  t.equal(only(['{ kill: R1, atS: 601 }']), 'faults[0].atS is 601, on sockets 600 at most')
  t.equal(only(['{ drop: order-ack, fromS: 5 }', '{ kill: R1, atS: 1, backAfterS: 1 }']), null)
  const scenario = parsed(['{ disk: { of: R1, full: true }, atS: 1 }'])
  await t.rejects(runScenario(scenario, { seed: 1 }), RealisationError)
  await t.rejects(runScenario(scenario, { seed: 1 }), {
    message: 'faults[0].disk is only in the simulated world: run it with --world sim',
  })
})
