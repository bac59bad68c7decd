import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type NlbFlags, nlbConfig } from '../../cli/nlb-config.js'
import { temporaryDirectory } from '../fixtures/qm-child.js'

const HEAD = 'cluster: { addresses: 127.86.1.100 }'
const R1 = 'hosts: [{ name: R1, address: 127.86.1.11 }]'

function read(t: Test, lines: readonly string[], flags?: NlbFlags) {
  const path = join(temporaryDirectory(t), 'cluster.yaml')
  writeFileSync(path, lines.join('\n'))
  return nlbConfig(path, flags)
}

t.test('what is left out is the default of Windows', async t => {
  const { cluster, plane, source, hash, settled, kernelMode } = read(t, [HEAD, R1])
  t.strictSame(
    [cluster.name, cluster.mode, plane, source, hash.name, settled, kernelMode],
    ['CLUSTER', 'unicast', 'proxy', 'keep', 'nlb-sub-1', false, null],
  )
  t.match(cluster.rules, [{ startPort: 0, endPort: 65_535, protocol: 'both', mode: 'multiple', affinity: 'single' }])
  t.match(cluster.hosts, [{ name: 'R1', priority: 1, perRule: [{ weight: 50, handlingPriority: 1 }] }])
})

t.test('ports are one, a range or all; a host may have its own part in the rules for a port', async t => {
  const { cluster } = read(t, [
    HEAD,
    'rules: [{ ports: 1801, protocol: tcp }, { ports: 8000 - 8080 }, { ports: 80, mode: single }]',
    'hosts:',
    '  - { name: R1, address: 127.86.1.11, weight: 10, perRule: { port: 8001, weight: 90 } }',
    '  - { name: R2, address: 127.86.1.12, perRule: [{ port: 80, handlingPriority: 1 }, { port: 1801, weight: 0 }] }',
  ])
  t.strictSame(
    cluster.rules.map(({ startPort, endPort }) => [startPort, endPort]),
    [
      [1801, 1801],
      [8000, 8080],
      [80, 80],
    ],
  )
  t.strictSame(
    cluster.hosts.map(({ perRule }) => perRule.map(({ weight, handlingPriority }) => [weight, handlingPriority])),
    [
      [
        [10, 1],
        [90, 1],
        [10, 1],
      ],
      [
        [0, 2],
        [50, 2],
        [50, 1],
      ],
    ],
  )
})

t.test('flags win over the file, and each plane has its own defaults', async t => {
  const file = [HEAD, 'plane: haproxy', 'settled: false', 'metrics: 9000', R1]
  t.match(read(t, file), { plane: 'haproxy', source: 'translate', metrics: { address: '127.0.0.1', port: 9000 } })
  t.match(read(t, file, { plane: 'proxy', settled: true, metrics: '0' }), {
    plane: 'proxy',
    source: 'keep',
    settled: true,
    metrics: { port: 0 },
  })
  const kernel = read(t, [HEAD, 'seed: 5', 'hash: jhash', R1], { plane: 'kernel', mode: 'dsr' })
  t.match(kernel, { kernelMode: 'dsr', source: null, hash: { name: 'jhash seed 5' } })
  t.equal(read(t, [HEAD, R1], { plane: 'kernel' }).hash.name, 'jhash seed 0', 'the kernel knows no other hash')
})

t.test('a hash that was measured is read beside the file', async t => {
  const folder = temporaryDirectory(t)
  writeFileSync(join(folder, 'table.txt'), '# two hosts, a Windows lab\nsingle 10.0.0.7 17\n')
  writeFileSync(join(folder, 'cluster.yaml'), [HEAD, 'hash: { measured: table.txt }', R1].join('\n'))
  const { hash } = nlbConfig(join(folder, 'cluster.yaml'))
  t.match(hash.name, /^measured \(two hosts, a Windows lab\)/)
  t.equal(hash.bucket('single', '10.0.0.7', 1), 17)
})

t.test('what is wrong is said with line, field and what is allowed', async t => {
  const cases: readonly [what: string, lines: readonly string[], message: RegExp, flags?: NlbFlags][] = [
    ['nothing', [''], /:1:1 the file is empty/],
    ['a misspelt key', [HEAD, 'rule: []', R1], /:2:1 rule: unknown key rule: did you mean rules\?/],
    [
      'a weight',
      [HEAD, 'hosts:', '  - { name: R1, address: 127.86.1.11, weight: 101 }'],
      /:3:47 hosts\[0\]\.weight: 101: .* 0 to 100/,
    ],
    ['a range', [HEAD, 'rules:', '  - ports: 9-8', R1], /:3:12 rules\[0\]\.ports: 8 is below the start port 9/],
    [
      'no port',
      [HEAD, 'rules: [{ ports: some }]', R1],
      /:2:18 rules\[0\]\.ports: "some" is not allowed: a port, FIRST-LAST, or all/,
    ],
    ['an overlap', [HEAD, 'rules:', '  - ports: 1-9', '  - ports: 9', R1], /:4:12 rules\[1\]\.ports: .*overlaps/],
    [
      'an address',
      ['cluster: { addresses: here }', R1],
      /:1:23 cluster\.addresses: "here" is not allowed: an IP address/,
    ],
    [
      'a period',
      [HEAD, 'parameters: { heartbeatPeriodMs: 5 }', R1],
      /:2:34 parameters\.heartbeatPeriodMs: 5: 100 to 10000 allowed/,
    ],
    ['a name', [HEAD, 'hosts: [{ name: all, address: 127.86.1.11 }]'], /:2:17 hosts\[0\]\.name: "all" is not allowed/],
    [
      'no rule for a port',
      [HEAD, 'rules: []', 'hosts: [{ name: R1, address: 127.86.1.11, perRule: { port: 80, weight: 1 } }]'],
      /:3:60 hosts\[0\]\.perRule\.port: 80: no rule covers this port/,
    ],
    [
      'a hash the kernel cannot',
      [HEAD, 'plane: kernel', 'hash: nlb-sub-1', R1],
      /:3 hash: the kernel knows no hash but jhash/,
    ],
    ['a seed of nothing', [HEAD, 'seed: 5', R1], /:2 seed: only jhash has a seed/],
    ['no table', [HEAD, 'hash: { measured: none.txt }', R1], /:2 hash\.measured: .*none\.txt cannot be read/],
    ['metrics for all', [HEAD, 'metrics: 0.0.0.0:80', R1], /:2:10 metrics: .*loopback/],
    ['a mode without the kernel', [HEAD, R1], /--mode dnat: only the plane kernel has modes/, { mode: 'dnat' }],
    ['a source for the kernel', [HEAD, R1], /--source keep: the plane kernel/, { plane: 'kernel', source: 'keep' }],
  ]
  for (const [what, lines, message, flags] of cases)
    t.throws(() => read(t, lines, flags), { name: 'CliError', exitCode: 2, message }, what)
})

t.test('what is allowed and hardly meant is told with its line', async t => {
  const advice = (...lines: string[]) => read(t, [HEAD, ...lines]).advice.map(({ line, what }) => `${line} ${what}`)
  t.strictSame(advice(R1), ['2 affinity none with UDP'].slice(1), 'the default rule is in order')
  t.match(advice('rules: [{ ports: 80 }]', R1), [/^2 no rule covers TCP 1801: the default host takes all of it/])
  t.match(advice('rules: [{ ports: 1801, protocol: tcp }]', R1), [/^2 no rule covers UDP 3527/])
  t.match(advice('rules: [{ affinity: none }]', R1), [/^2 .*UDP/, /^2 .*draw apart/])
  t.match(advice('rules: [{ mode: disabled }]', R1), [/^2 the rule for TCP 1801 is disabled/])
  t.match(advice('hosts: [{ name: R1, address: 127.86.1.11, weight: 0 }]'), [/all weights are 0, so nobody takes it/])
  t.match(
    advice('hosts:', '  - { name: A, address: 127.86.1.11 }', '  - { name: B, address: 127.86.1.12, priority: 1 }'),
    [/^4 B and A both have priority 1: the cluster will not converge/],
  )
  t.match(
    advice(
      'hosts:',
      '  - { name: A, address: 127.86.1.11 }',
      '  - name: B',
      '    address: 127.86.1.12',
      '    rules: [{ ports: 80 }]',
    ),
    [/^6 B has other rules than the cluster: it will not be admitted/],
  )
})
