import t from 'tap'
import { BEHAVIOUR_IDS } from '../../lab/behaviours.js'
import { parseScenario } from '../../lab/scenario-file.js'
import { event, GUID, type HandMadeRun, SCENARIO_TEXT, SEQUENCE, verdictOf } from '../fixtures/run-record.js'

const ALL = { S1: '111111', S2: '111111' }

function claiming(ids: string, hand: HandMadeRun = {}) {
  const claim = ['about:', `behaviours: [${ids}]\nabout:`] as const
  return verdictOf({ ...hand, scenario: [claim, ...(hand.scenario ?? [])] })
}

/** An order ack of R1 for S1 that lands on `node`. */
const ackLandsOn = (node: string, result: 'matched' | 'unknown-sequence' = 'unknown-sequence', direct = true) => [
  event('R1', 'order-ack-sent', { direct }),
  event(node, 'order-ack-received', { result }),
]

const clones = [{ name: 'S2', guid: GUID.S1 }]
const newRow = () => event('R1', 'qmid-cached', { guid: GUID.S1, change: 'new' })
const plain = [
  ['delivery: transactional, messages: 6, perTransaction: 3', 'delivery: express, messages: 6'],
  [', transactional: true', ''],
] as const
const toCluster = [...plain, ['DIRECT=TCP:{vip}', 'DIRECT=OS:{cluster}']] as const
const balanced = event('gateway', 'gateway-decision', {
  decision: { host: 'R1' } as Parameters<typeof event<'gateway-decision'>>[2]['decision'] & object,
})
const refusal = event('R1', 'discarded', {})
const tx = { sequence: SEQUENCE.S1, number: 4, previous: 3 }
const stuck = { reason: 'middle-of-sequence', messageId: 4, tx } as Partial<Parameters<typeof event<'discarded'>>[2]>

const overHttp = [['DIRECT=TCP:{vip}\\private$\\orders', 'DIRECT=HTTP://{vip}:8080/msmq/private$/orders']] as const
const http = { protocol: 'http' } as const
const passedOn = [event('F1', 'forwarded', {}), event('F2', 'forwarded', { messageId: 2 })]
const throughFrontEnds: HandMadeRun = {
  scenario: overHttp,
  gateway: http,
  frontEnds: {},
  delivered: { R1: ALL },
  events: [...passedOn, ...ackLandsOn('S1', 'matched')],
}

/** Each id with a run that proves it and one that nearly does. */
const RUNS: readonly [id: string, proof: HandMadeRun, nearly: HandMadeRun, missing: RegExp][] = [
  [
    'NLB-1',
    { scenario: plain, delivered: { R1: ALL }, events: [balanced] },
    { scenario: plain, delivered: { R1: { S1: '111111', S2: '111110' } }, events: [balanced] },
    /did not each reach one receiver/,
  ],
  [
    'NLB-2',
    { scenario: toCluster, delivered: { R1: ALL }, events: [balanced] },
    { scenario: plain, delivered: { R1: ALL }, events: [balanced] },
    /DIRECT=OS/,
  ],
  ['NLB-3', { events: [refusal, event('S1', 'dead-lettered', {})] }, { events: [refusal] }, /sender told/],
  [
    'NLB-4',
    { scenario: [...plain, ...overHttp], gateway: http, delivered: { R1: ALL }, events: [balanced] },
    { scenario: plain, delivered: { R1: ALL }, events: [balanced] },
    /DIRECT=HTTP/,
  ],
  ['NLB-5', throughFrontEnds, { ...throughFrontEnds, held: { S1: [6] } }, /did not all reach one back end/],
  [
    'NLB-6',
    { scenario: overHttp, gateway: http, delivered: { R1: ALL, R2: { S1: '100000' } } },
    { scenario: overHttp, gateway: http, delivered: { R1: ALL } },
    /showed no failure/,
  ],
  [
    'NLB-8',
    { events: [event('S1', 'session-open', { role: 'acceptor', connection: 1 }), ...ackLandsOn('S1', 'matched')] },
    { events: ackLandsOn('S1', 'matched') },
    /new session/,
  ],
  ['NLB-9', { events: [event('S1', 'resend', {})] }, {}, /sent again/],
  [
    'NLB-10',
    {
      events: [
        event('R1', 'discarded', { ...stuck, reason: 'duplicate' }),
        event('R1', 'order-ack-sent', {}),
        event('R1', 'order-ack-sent', { messageId: 51 }),
      ],
    },
    { events: [event('R1', 'discarded', { ...stuck, reason: 'duplicate' }), event('R1', 'order-ack-sent', {})] },
    /acknowledged again/,
  ],
  ['NLB-11', { events: ackLandsOn('R2') }, { events: ackLandsOn('S1', 'matched') }, /to the balancer/],
  [
    'NLB-12',
    { delivered: { R1: ALL }, held: { S1: [1] }, events: ackLandsOn('S2') },
    { delivered: { R1: ALL }, held: { S1: [1] }, events: ackLandsOn('R2') },
    /another sender/,
  ],
  [
    'NLB-13',
    { delivered: { R1: ALL, R2: { S1: '111000' } } },
    { delivered: { R1: { S1: '211111', S2: '111111' } } },
    /^NLB-13: no resend reached another receiver$/,
  ],
  ['NLB-14', { delivered: { R1: { S1: '110' }, R2: { S1: '001' } } }, { delivered: { R1: ALL } }, /in part/],
  [
    'NLB-15',
    { events: [event('R2', 'discarded', stuck)] },
    { events: [event('R2', 'discarded', stuck), event('R2', 'arrived', { messageId: 4 })] },
    /predecessor/,
  ],
  [
    'QMID-2',
    { events: [newRow(), newRow(), ...ackLandsOn('S1', 'matched', false)] },
    { events: [newRow(), ...ackLandsOn('S1', 'matched', false)] },
    /made anew/,
  ],
  ['QMID-3', { nodes: clones, events: ackLandsOn('S2') }, { events: ackLandsOn('S2') }, /one clone/],
  ['QMID-4', { nodes: clones, events: ackLandsOn('S2') }, { nodes: clones, events: ackLandsOn('S2', 'matched') }, /./],
  [
    'QMID-5',
    { nodes: clones, events: [newRow(), newRow(), ...ackLandsOn('S1', 'matched', false)] },
    { nodes: clones, events: [newRow(), newRow(), ...ackLandsOn('S2', 'matched', false)] },
    /coming home/,
  ],
  [
    'QMID-6',
    { nodes: clones, delivered: { R1: ALL }, events: [...ackLandsOn('S2'), ...ackLandsOn('S1', 'matched').slice(1)] },
    { nodes: clones, delivered: { R1: ALL }, events: ackLandsOn('S2') },
    /then emptied/,
  ],
  [
    'QMID-8',
    { events: ackLandsOn('S1', 'matched', false) },
    { nodes: clones, events: ackLandsOn('S1', 'matched', false) },
    /QMIds of their own/,
  ],
]

t.test('a claim is proved by what happened in the run, and by nothing less', async t => {
  for (const [id, proof, nearly, missing] of RUNS) {
    const proved = claiming(id, proof)
    t.same([proved.behaviours, proved.vacuous, proved.asExpected], [[id], [], true], `${id} proved`)
    const silent = claiming(id, nearly)
    t.same(silent.behaviours, [], `${id} not proved`)
    t.match(silent.vacuous, [missing])
    t.ok(silent.vacuous[0]?.startsWith(`${id}: `))
    t.notOk(silent.asExpected, `${id} claimed in vain`)
  }
})

t.test('NLB-5 wants all of it: two front ends, one receiver, no copy, order, acknowledgements', async t => {
  for (const [why, hand] of [
    ['one front end alone', { events: [passedOn[0]!, ...ackLandsOn('S1', 'matched')] }],
    ['no receipt', { events: passedOn }],
    ['two receivers', { delivered: { R1: { S1: '111111' }, R2: { S2: '111111' } } }],
    ['a copy too many', { delivered: { R1: { S1: '111112', S2: '111111' } } }],
    ['one missing', { delivered: { R1: { S1: '111110', S2: '111111' } } }],
    ['out of order', { outOfOrder: { R1: 1 } }],
    ['over TCP', { gateway: {} }],
    ['balanced nodes with queues', { gateway: { ...http, hosts: ['R1', 'F1'] } }],
    [
      'not to the cluster',
      { scenario: [['DIRECT=TCP:{vip}\\private$\\orders', 'DIRECT=HTTP://{R1}:8080/msmq/private$/orders']] },
    ],
  ] satisfies [string, HandMadeRun][]) {
    t.same(claiming('NLB-5', { ...throughFrontEnds, ...hand }).behaviours, [], why)
  }
})

t.test('NLB-6 is shown by each of its failures', async t => {
  const delivered = { R1: ALL }
  const to: HandMadeRun = { scenario: overHttp, gateway: http, delivered }
  for (const [what, hand] of [
    ['torn', { delivered: { R1: { S1: '110111', S2: '111111' } }, held: { S1: [3] } }],
    ['refused for good', { events: [event('R2', 'discarded', stuck)] }],
    ['never acknowledged', { held: { S1: [6] }, events: [event('S1', 'resend', {})] }],
  ] satisfies [string, HandMadeRun][]) {
    t.same(claiming('NLB-6', { ...to, ...hand }).behaviours, ['NLB-6'], what)
  }
  t.same(claiming('NLB-6', { ...to, held: { S1: [6] } }).behaviours, [], 'held, but never repeated')
  t.same(claiming('NLB-6', { ...throughFrontEnds, held: { S1: [6] } }).behaviours, [], 'through front ends')
})

t.test('of several claims the proved ones stay; what no run can show is never proved', async t => {
  const verdict = claiming('NLB-9, NLB-13, QMID-9', { events: [event('S1', 'resend', {})] })
  t.same(verdict.behaviours, ['NLB-9'])
  t.same(verdict.vacuous, [
    'NLB-13: no resend reached another receiver',
    'QMID-9: nothing that a run records can show it yet',
  ])
})

t.test('an unknown id is refused with its place, the near one and what is allowed', async t => {
  t.equal(BEHAVIOUR_IDS.length, 25)
  const text = SCENARIO_TEXT.replace('about:', 'behaviours: [NLB-9, NLB-17]\nabout:')
  t.throws(() => parseScenario(text, 'x.yaml'), {
    message: /^x\.yaml:3:21 behaviours\[1\]: "NLB-17" is not allowed: did you mean NLB-1\? one of NLB-1, .*, QMID-9$/,
  })
})
