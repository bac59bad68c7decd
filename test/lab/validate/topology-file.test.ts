import t from 'tap'
import { parseTopology } from '../../../lab/validate/topology-file.js'
import { FileError } from '../../../lab/yaml-file.js'

const GOOD = `topology: sample
senders: { count: 2, registry: { CleanupInterval: 60000 } }
sends:
  - { to: 'DIRECT=OS:MQCLUSTER\\private$\\orders', delivery: recoverable }
  - { from: nodes, to: ['DIRECT=TCP:10.0.0.100\\private$\\paid', 'PRIVATE={R1.guid}\\65'], delivery: transactional }
balancer: { kind: f5, source: snat, name: MQCLUSTER, address: 10.0.0.100 }
nodes:
  - { count: 2, queues: [{ name: private$\\orders }, { name: private$\\paid, transactional: true }] }
  - { name: FE, forwardTo: B1 }
backEnds: { queues: { name: private$\\orders } }
`

t.test('what goes without saying is said', async t => {
  const { machines, balancer, sends, nodes } = parseTopology(GOOD, 'good.yaml')
  t.strictSame(
    machines.map(({ name, role, isFrontEnd }) => `${name} ${role}${isFrontEnd ? ' forwards' : ''}`),
    ['S1 sender', 'S2 sender', 'R1 node', 'R2 node', 'FE node forwards', 'B1 back-end'],
  )
  t.match(balancer, {
    title: 'F5',
    source: 'snat',
    destination: 'host',
    affinity: 'none',
    idleTimeoutS: 300,
    check: 'tcp',
  })
  t.strictSame(
    sends.map(({ senders }) => senders.map(({ name }) => name)),
    [['S1', 'S2'], nodes.map(({ name }) => name)],
    'all senders by default, or all nodes',
  )
  t.match(sends[0]?.destinations, [{ style: 'os', at: 'balancer', queue: 'private$\\orders', isPublic: false }])
  t.match(sends[1]?.destinations, [
    { style: 'tcp', at: 'balancer', queue: 'private$\\paid' },
    { style: 'qmid', at: { name: 'R1' }, queue: 'private$\\paid' },
  ])
})

t.test('format names of every style are read', async t => {
  const styleOf = (to: string) => {
    const text = GOOD.replace(/'DIRECT=OS:.*?'/, `'${to}'`)
    const [destination] = parseTopology(text, 'styles.yaml').sends[0]!.destinations
    return `${destination?.style} ${destination?.isPublic ? 'public' : 'private'} ${typeof destination?.at === 'string' ? destination.at : (destination?.at?.name ?? 'nobody')}`
  }
  for (const [to, expected] of [
    ['DIRECT=TCP:{vip}\\private$\\orders', 'tcp private balancer'],
    ['DIRECT=OS:mqcluster\\orders', 'os public balancer'],
    ['DIRECT=OS:R2\\private$\\orders', 'os private R2'],
    ['DIRECT=HTTP://10.0.0.100:8080/msmq/private$/orders', 'http private balancer'],
    ['DIRECT=HTTPS://{cluster}/msmq/orders', 'http public balancer'],
    ['PRIVATE={cluster.guid}\\64', 'qmid private balancer'],
    ['PUBLIC=0f8fad5b-d9cb-469f-a165-70867728950e', 'directory public nobody'],
    ['{cluster}\\orders', 'directory public balancer'],
    ['R1\\private$\\orders', 'directory private R1'],
  ] as const)
    t.equal(styleOf(to), expected, to)
})

/** What is replaced, by what, where the error points (line:column), its field, and words that its text must have. */
const BAD: readonly (readonly [what: string, by: string, at: string, field: string, words: RegExp])[] = [
  ['kind: f5', 'kind: f6', '6:19', 'balancer.kind', /one of windows-nlb, f5/],
  ['source: snat', 'sorce: snat', '6:23', 'balancer.sorce', /did you mean source\?/],
  [
    'CleanupInterval',
    'CleanupIntervall',
    '2:34',
    'senders.registry.CleanupIntervall',
    /did you mean CleanupInterval\?/,
  ],
  ['60000', 'soon', '2:51', 'senders.registry.CleanupInterval', /"soon" is not a number/],
  [
    'OS:MQCLUSTER',
    'OS:NOBODY',
    '4:11',
    'sends[0].to',
    /NOBODY is nobody's: \{vip\}, \{cluster\}, MQCLUSTER, 10\.0\.0\.100, S1/,
  ],
  ['TCP:10.0.0.100', 'TCP:MQCLUSTER', '5:25', 'sends[1].to[0]', /an IP address after TCP:/],
  ['{R1.guid}', '{R9.guid}', '5:64', 'sends[1].to[1]', /\{R9\.guid\} names nothing/],
  ['\\\\65', '\\\\99', '5:64', 'sends[1].to[1]', /no such queue/],
  ['from: nodes', 'from: R9', '5:13', 'sends[1].from', /there is no machine R9: nodes, or S1, S2, R1/],
  ['forwardTo: B1', 'forwardTo: B2', '9:28', 'nodes[1].forwardTo', /FE cannot forward to B2: one of B1/],
  ['name: FE', 'name: S1', '9:5', 'nodes[1]', /two machines are named S1/],
  ['kind: f5', 'kind: windows-nlb', '6:40', 'balancer.source', /Windows NLB rewrites no address/],
  [
    'delivery: recoverable',
    'delivery: recoverable, perTransaction: 2',
    '4:89',
    'sends[0].perTransaction',
    /only transactional/,
  ],
]

t.test('what is wrong is told with its place and what is allowed', async t => {
  for (const [what, by, at, field, words] of BAD) {
    const pattern = new RegExp(what.replaceAll(/[.${}[\]]/g, '\\$&'))
    const text = GOOD.replace(pattern, by.replaceAll('\\\\', '\\').replaceAll('$', '$$$$'))
    t.not(text, GOOD, `${what} is in the sample`)
    try {
      parseTopology(text, 'bad.yaml')
      t.fail(`${by} was taken`)
    } catch (error) {
      t.ok(error instanceof FileError, String(error))
      const [problem] = (error as FileError).problems
      t.equal(`${problem?.line}:${problem?.column} ${problem?.field}`, `${at} ${field}`, by)
      t.match(problem?.what, words, by)
      t.notOk((error as FileError).message.includes('\n'), 'one line')
    }
  }
})
