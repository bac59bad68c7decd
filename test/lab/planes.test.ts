import t from 'tap'
import { PLANES, planeObstacle, sourceOf } from '../../lab/planes.js'
import { parseScenario } from '../../lab/scenario-file.js'
import { cast } from '../../lab/worlds/node-specs.js'
import { RealisationError, runScenario } from '../../lab/worlds/run-scenario.js'

function scenario(gateway: string, more = '') {
  return parseScenario(
    `
scenario: for-planes
about: what a balancer can do
topology:
${gateway === '' ? '' : `  gateway: ${gateway}`}
  receivers: { count: 2, queues: { name: 'private$\\orders' } }
  senders: { count: 1 }
load: { to: 'DIRECT=TCP:{R1}\\private$\\orders', delivery: express, messages: 1 }
${more}
expect: {}
`,
    'planes.yaml',
  )
}

t.test('what a plane cannot do is said, and never left out in silence', async t => {
  const obstacles = (gateway: string, source: 'keep' | 'translate', more?: string) =>
    Object.fromEntries(
      PLANES.map(plane => [
        plane,
        planeObstacle(scenario(gateway, more), { plane, source: sourceOf(plane) ?? source }),
      ]),
    )
  const nobody = Object.fromEntries(PLANES.map(plane => [plane, null]))
  t.same(obstacles('{ source: keep }', 'keep'), nobody)
  t.same(obstacles('', 'keep'), { ...nobody, haproxy: 'no balancer takes part', nginx: 'no balancer takes part' })
  for (const gateway of [
    '{ source: keep, cutAfterBytes: 100 }',
    '{ source: keep, idleTimeoutMs: 100 }',
    '{ protocol: http, source: keep, dropAnswers: {} }',
    '{ protocol: http, source: keep, forwardedFor: true }',
  ]) {
    const { proxy, ...others } = obstacles(gateway, 'keep')
    t.equal(proxy, null, gateway)
    for (const [plane, why] of Object.entries(others)) t.match(why, /^only the proxy plane /, `${gateway} on ${plane}`)
  }
  for (const gateway of [
    '{ protocol: http, balance: request, source: keep }',
    '{ protocol: http, source: keep, healthCheck: {} }',
  ]) {
    for (const [plane, why] of Object.entries(obstacles(gateway, 'keep')))
      t.equal(why !== null, plane.startsWith('kernel-'), `${gateway} on ${plane}`)
  }
  const nlb = '{ kind: nlb, source: keep }'
  t.match(obstacles(nlb, 'translate').proxy, /rewrites no address/)
  const parted = obstacles(nlb, 'keep', 'faults: { atS: 1, partition: [R1, R2] }')
  t.same([parted.proxy, parted['kernel-nlb']], [null, null])
  for (const plane of ['kernel-dnat', 'kernel-dsr', 'haproxy', 'nginx'] as const) t.match(parted[plane], /appliance/)
})

t.test('a run that a plane cannot make is refused before anything starts', async t => {
  await t.rejects(runScenario(scenario(''), { seed: 1, plane: 'nginx' }), RealisationError)
  await t.rejects(runScenario(scenario('{ source: keep }'), { seed: 1, plane: 'kernel-snat', source: 'keep' }), {
    message: 'not on kernel-snat: its hosts see the balancer',
  })
})

t.test('machines are the same on every plane; only the balancer differs', async t => {
  const given = scenario('{ source: keep, affinity: single }')
  const addressOf = (last: number) => `10.77.1.${last}`
  const plain = cast(given, 1, addressOf, '/data')
  const kernel = cast(given, 1, addressOf, '/data', { plane: 'kernel-snat', source: 'translate' })
  t.equal(kernel.networks, true)
  t.equal(plain.networks, false)
  t.same(
    kernel.specs.map(({ listenAddress, ...spec }) => spec),
    plain.specs,
  )
  t.ok(kernel.specs.every(({ listenAddress }) => listenAddress === '0.0.0.0'))
  t.match(kernel.gateway, {
    run: { plane: 'kernel-snat', source: 'translate', kind: 'appliance', address: '10.77.1.10' },
    spec: {
      kind: 'cluster',
      cluster: {
        addresses: ['10.77.1.10'],
        rules: [{ startPort: 1801, endPort: 1801, protocol: 'tcp', affinity: 'single' }],
        hosts: [{ name: 'R1', address: '10.77.1.11' }, { name: 'R2' }],
      },
      machines: [{ name: 'S1', address: '10.77.1.101' }],
    },
  })
  const alone = cast(scenario(''), 1, addressOf, '/data', { plane: 'kernel-nlb', source: 'keep' })
  t.equal(alone.gateway?.run, null, 'it makes the networks, and takes no part')
  t.same(alone.gateway?.spec.kind, 'cluster')
  t.equal(cast(scenario(''), 1, addressOf, '/data', { plane: 'proxy', source: 'keep' }).gateway, null)
})

t.test('a cluster of kind nlb: weights, priorities, times; both ports where HTTP is spoken', async t => {
  const given = scenario(
    "{ kind: nlb, protocol: http, source: keep, weights: { R1: 70 }, priorities: { R2: 9 }, heartbeatPeriodMs: 200, profile: '2003' }",
  )
  const { gateway } = cast(given, 1, last => `127.1.2.${last}`, '/data')
  t.match(gateway?.spec, {
    kind: 'cluster',
    plane: 'proxy',
    ports: [8080, 1801],
    cluster: {
      parameters: { heartbeatPeriodMs: 200, profile: '2003' },
      hosts: [
        { name: 'R1', weight: 70 },
        { name: 'R2', priority: 9 },
      ],
    },
  })
})
