import t from 'tap'
import { simulatedOnly } from '../../lab/faults/fault-checks.js'
import { parseScenario } from '../../lab/scenario-file.js'
import { scenarioNodes } from '../../lab/scenario-nodes.js'
import { FileError } from '../../lab/yaml-file.js'

const GOOD = `scenario: sample
behaviours: [NLB-11]
about: a sample
topology:
  settings: { TryConnectInterval: 100 }
  gateway: { affinity: single, source: translate }
  receivers: { count: 3, queues: { name: private$\\orders, transactional: true }, settings: { OrderAckTimeout: 50 } }
  senders:
    - { count: 2 }
    - { name: CLONE, cloneOf: S1 }
load:
  to: DIRECT=TCP:{vip}\\private$\\orders
  delivery: transactional
  messages: 9
  perTransaction: 3
expect: { misroutedAcks: '>= 1', delivered: all, lost: 0 }
exercises: [order-ack-misrouted]
`

t.test('a good file', async t => {
  const scenario = parseScenario(GOOD, 'sample.yaml')
  t.equal(scenario.load[0]?.sizeBytes, 256)
  t.same(scenario.time, { loadS: 5, drainS: 3 })
  const { nodes, gatewayHosts, problems } = scenarioNodes(scenario)
  t.same(problems, [])
  t.same(
    nodes.map(({ name, role, identity }) => [name, role, identity]),
    [
      ['R1', 'receiver', 'R1'],
      ['R2', 'receiver', 'R2'],
      ['R3', 'receiver', 'R3'],
      ['S1', 'sender', 'S1'],
      ['S2', 'sender', 'S2'],
      ['CLONE', 'sender', 'S1'],
    ],
  )
  t.same(gatewayHosts, ['R1', 'R2', 'R3'])
  t.ok(nodes.filter(({ role }) => role === 'sender').every(({ load }) => load !== null))
  t.equal(new Set(nodes.map(({ sequenceTimeStamp }) => sequenceTimeStamp)).size, 6, 'clones differ in sequence ids')
})

/** What is replaced, by what, where the error points (line:column), its field, and words that its text must have. */
const BAD: readonly (readonly [what: string, by: string, at: string, field: string, words: RegExp])[] = [
  ['affinity: single', 'affinty: single', '6:14', 'topology.gateway.affinty', /did you mean affinity\?/],
  ['single', 'singel', '6:24', 'topology.gateway.affinity', /did you mean single\?.*none, single, network/],
  ['source: translate', 'source: 5', '6:40', 'topology.gateway.source', /keep, translate/],
  ['count: 3', 'count: three', '7:23', 'topology.receivers.count', /is not a number/],
  ['count: 3', 'count: 300', '7:23', 'topology.receivers.count', /at most 16/],
  [
    'OrderAckTimeout: 50',
    'OrderAckTimout: 50',
    '7:94',
    'topology.receivers.settings.OrderAckTimout',
    /did you mean OrderAckTimeout\?/,
  ],
  ['OrderAckTimeout: 50', 'OrderAckTimeout: -5', '7:111', 'topology.receivers.settings.OrderAckTimeout', /from 0 to/],
  [
    'TryConnectInterval: 100',
    'TryConnectInterval: fast',
    '5:35',
    'topology.settings.TryConnectInterval',
    /is not a number/,
  ],
  ['private$\\orders, tr', 'orders, tr', '7:42', 'topology.receivers.queues.name', /private\$\\ and a queue name/],
  ['cloneOf: S1', 'cloneOf: S9', '10:31', 'topology.senders[1].cloneOf', /one of R1, R2, R3, S1, S2, CLONE/],
  ['name: CLONE', 'name: S2', '10:7', 'topology.senders[1]', /two nodes are named S2/],
  ['name: CLONE', 'name: cluster', '10:15', 'topology.senders[1].name', /is taken/],
  ['{vip}', '{vp}', '12:7', 'load.to', /\{vp\} names nothing/],
  ['DIRECT=TCP:{vip}', 'DIRECT=HTTP://{vip}', '12:7', 'load.to', /no format name for this/],
  ['  messages: 9\n', '', '12:3', 'load.messages', /is missing/],
  ['delivery: transactional', 'delivery: express', '15:19', 'load.perTransaction', /only transactional/],
  ["'>= 1'", "'=> 1'", '16:26', 'expect.misroutedAcks', /a comparison such as ">= 1"/],
  ['lost: 0', 'lst: 0', '16:50', 'expect.lst', /did you mean lost\?/],
  ['[order-ack-misrouted]', 'order-ack-misroutd', '17:12', 'exercises', /did you mean order-ack-misrouted\?/],
  ['about: a sample\n', '', '1:1', 'about', /is missing: a text is needed/],
  ['topology:', 'topology: [', '', '', /not YAML/],
]

t.test('bad files: place, field and what is allowed', async t => {
  for (const [what, by, at, field, words] of BAD) {
    t.ok(GOOD.includes(what), `the sample has ${what}`)
    try {
      parseScenario(GOOD.replace(what, by), 'bad.yaml')
      t.fail(`${by} was taken`)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      t.match(error.message, words, by)
      const [problem] = error.problems
      t.equal(problem?.field, field, `field of ${by}`)
      if (at !== '') t.equal(`${problem?.line}:${problem?.column}`, at, `place of ${by}`)
      if (at !== '') t.ok(error.message.startsWith(`bad.yaml:${at} ${field}:`), error.message)
      t.notOk(error.message.includes('\n'), 'one line')
    }
  }
})

t.test('a misspelt key comes before what is missing for it', async t => {
  t.throws(() => parseScenario(GOOD.replace('delivery:', 'delivry:'), 'x.yaml'), {
    message: /unknown key delivry: did you mean delivery\?.*\(and 1 more\)/,
  })
  t.throws(() => parseScenario(GOOD.replace('about:', 'abut:'), 'x.yaml'), {
    message: /x\.yaml:3:1 abut: unknown key abut: did you mean about\?.*\(and 1 more\)/,
  })
})

t.test('what is no mapping at all', async t => {
  for (const text of ['', '5', '- a\n- b', 'null', '\0', '&a [*a]', '{'.repeat(2000)]) {
    t.throws(() => parseScenario(text, 'x.yaml'), FileError, JSON.stringify(text.slice(0, 20)))
  }
})

t.test('aliases that multiply are refused', async t => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((key, index) => `${key}: &${key} [${`*${'abcdefgh'[index]},`.repeat(10)}]`),
  ].join('\n')
  t.throws(() => parseScenario(bomb, 'bomb.yaml'), FileError)
})

t.test('loads: one a node, known nodes, negative acknowledgements to a queue of the sender', async t => {
  const twice = GOOD.replace(
    'load:\n  to',
    'load:\n - {from: S1, to: "DIRECT=TCP:{R1}\\\\private$\\\\orders", delivery: express, messages: 1}\n - to',
  ).replace(/\n {2}(delivery|messages: 9|perT)/g, '\n   $1')
  t.throws(() => parseScenario(twice, 'x.yaml'), { message: /S1 has a load already/ })
  t.throws(() => parseScenario(GOOD.replace('load:\n', 'load:\n  from: [S1, S7]\n'), 'x.yaml'), {
    message: /there is no node S7/,
  })
  t.throws(() => parseScenario(GOOD.replace('load:\n', 'load:\n  negativeAcksTo: private$\\nacks\n'), 'x.yaml'), {
    message: /no sender with a queue/,
  })
  t.throws(() => parseScenario(GOOD.replace('  gateway: { affinity: single, source: translate }\n', ''), 'x.yaml'), {
    message: /\{vip\} needs a gateway/,
  })
})

const HTTP = `scenario: front-ends
about: a sample over HTTP
topology:
  gateway: { protocol: http, balance: request, source: translate, dropAnswers: { requestsMax: 2 } }
  frontEnds: { count: 2 }
  backEnd: { queues: { name: private$\\orders, transactional: true } }
  senders: [{ name: A, sendReceiptsTo: 'http://{vip}:8080/msmq/private$/order_queue$', aliases: '{vip}' }, { name: B }]
load: { to: 'DIRECT=HTTP://{vip}:8080/msmq/private$/orders', delivery: transactional, messages: 9 }
faults:
  - { atS: 1, kill: F1, backAfterS: 1 }
  - { atS: 3, leave: [F1, F2], drain: true }
  - { atS: 4, stop: B1 }
expect: { waitingAtFrontEnds: 0 }
`

t.test('front ends, their back end, and what befalls them', async t => {
  const scenario = parseScenario(HTTP, 'http.yaml')
  const { nodes, gatewayHosts, problems } = scenarioNodes(scenario)
  t.same(problems, [])
  t.same(
    nodes.map(({ name, role, http, restarts }) => [name, role, http, restarts]),
    [
      ['B1', 'receiver', true, false],
      ['F1', 'front-end', true, true],
      ['F2', 'front-end', true, false],
      ['A', 'sender', true, false],
      ['B', 'sender', true, false],
    ],
  )
  t.same(gatewayHosts, ['F1', 'F2'])
  t.notOk(scenarioNodes(parseScenario(GOOD, 'x.yaml')).nodes.some(({ http }) => http))
})

t.test('what cannot be over HTTP, or cannot befall anybody', async t => {
  for (const [what, by, message] of [
    [
      '  backEnd: { queues: { name: private$\\orders, transactional: true } }\n',
      '',
      /nobody receives|neither is there/,
    ],
    [':8080/msmq/private$/orders', '/msmq/private$/orders', /load\.to: .*the port is 8080/],
    [':8080/msmq/private$/orders', ':8080/private$/orders', /no format name for this/],
    ['http://{vip}', 'https://{vip}', /sendReceiptsTo: .*a URL such as http:/],
    ["aliases: '{vip}'", "aliases: '{F7}'", /senders\[0\]\.aliases: \{F7\} names nothing/],
    ['protocol: http, ', '', /topology\.gateway\.balance: only for a gateway that reads HTTP/],
    ['protocol: http, balance: request', 'protocol: tcp', /dropAnswers: only for a gateway that reads HTTP/],
    ['kill: F1', 'kill: A', /faults\[0\]\.kill: A has a load/],
    ['kill: F1', 'kill: F9', /F9 is nobody that can end: one of B1, F1, F2, A, B/],
    ['leave: [F1, F2]', 'leave: [F1, B1]', /faults\[1\]\.leave: B1 is nobody that can leave: one of F1, F2/],
    ['kill: F1', 'kill: F1, stop: F2', /faults\[0\]: a fault is one of kill, stop, leave, partition/],
    [', drain: true', ', kill: F1', /faults\[1\]: a fault is one of/],
    ['stop: B1', 'stop: B1, drain: true', /faults\[2\]\.drain: only who leaves can drain/],
    ['atS: 4, stop: B1', 'atS: 1.5, stop: F1', /stop: another fault has F1 out|leave: another fault has F1 out/],
    [
      'frontEnds: { count: 2 }',
      "frontEnds: { mapping: { from: 'http://{vip}/msmq/q', to: 'http://{B1}:8080/msmq/q' } }",
      /mapping\.from: .*the port is 8080/,
    ],
  ] as const) {
    t.ok(HTTP.includes(what), `the sample has ${what}`)
    t.throws(() => parseScenario(HTTP.replace(what, by), 'bad.yaml'), { message }, by)
  }
})

const NLB = `
scenario: a-cluster
about: what only Windows NLB has
topology:
  gateway: { kind: nlb, source: keep, weights: { R1: 70 }, heartbeatPeriodMs: 100, profile: '2003' }
  receivers: { count: 3, queues: { name: private$\\orders } }
  senders: { count: 1 }
load: { to: 'PRIVATE={cluster.guid}\\64', delivery: express, messages: 1 }
faults:
  - { atS: 1, partition: [R1, [R2, R3]], backAfterS: 1 }
  - { atS: 3, learnMac: R2 }
expect: { lost: 0 }
`

t.test('a cluster of Windows NLB, and what an appliance has not', async t => {
  t.same(scenarioNodes(parseScenario(NLB, 'nlb.yaml')).problems, [])
  for (const [what, by, message] of [
    ['source: keep', 'source: translate', /gateway\.source: Windows NLB keeps it/],
    [
      'source: keep',
      'source: keep, protocol: http, balance: request',
      /gateway\.balance: Windows NLB sees no requests/,
    ],
    ['source: keep', 'source: keep, cutAfterBytes: 9', /gateway\.cutAfterBytes: not of Windows NLB/],
    ['source: keep', 'source: keep, idleManner: silent', /gateway\.idleManner: not of Windows NLB/],
    ['R1: 70', 'R9: 70', /gateway\.weights\.R9: no host: one of R1, R2, R3/],
    ['kind: nlb, ', '', /gateway\.weights: only for a cluster: add kind: nlb/],
    [
      "kind: nlb, source: keep, weights: { R1: 70 }, heartbeatPeriodMs: 100, profile: '2003'",
      'source: keep',
      /faults\[0\]\.partition: only for a gateway of kind: nlb/,
    ],
    ['[R2, R3]', '[R2]', /faults\[0\]\.partition: each host is in one group: R1, R2, R3/],
    ['[R2, R3]', '[R2, R3, R1]', /faults\[0\]\.partition: each host is in one group/],
    ['learnMac: R2', 'learnMac: S1', /faults\[1\]\.learnMac: S1 is no host/],
  ] as const) {
    t.ok(NLB.includes(what))
    t.throws(() => parseScenario(NLB.replace(what, by), 'bad.yaml'), { message }, `${what} -> ${by}`)
  }
})

t.test('an appliance that forgets idle connections without a word is only in the simulated world', async t => {
  const text = (gateway: string) => `scenario: idle
about: a test
topology: { gateway: { source: keep, ${gateway} }, receivers: { name: R1, queues: { name: private$\\q } }, senders: { name: S1 } }
load: { to: 'DIRECT=TCP:{vip}\\private$\\q', delivery: express, messages: 1 }
expect: { lost: 0 }
`
  t.equal(simulatedOnly(parseScenario(text('idleTimeoutMs: 1000, idleManner: reset'), 'idle.yaml')), null)
  t.equal(
    simulatedOnly(parseScenario(text('idleTimeoutMs: 1000, idleManner: silent'), 'idle.yaml')),
    'topology.gateway.idleManner: silent is only in the simulated world',
  )
  t.throws(() => parseScenario(text('idleManner: silent'), 'idle.yaml'), {
    message: /gateway\.idleManner: only with an idle limit: add idleTimeoutMs/,
  })
})
