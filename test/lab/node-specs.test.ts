import t from 'tap'
import { parseScenario } from '../../lab/scenario-file.js'
import { cast } from '../../lab/worlds/node-specs.js'

const SCENARIO = parseScenario(
  `
scenario: clones-behind-a-gateway
about: every kind of placeholder
topology:
  settings: { TryConnectInterval: 100, CleanupInterval: 500 }
  gateway: { source: keep, cutAfterBytes: 1000 }
  receivers: { count: 2, queues: [{ name: private$\\orders, number: 100 }], settings: { CleanupInterval: 200 } }
  senders: [{ name: A, queues: { name: private$\\nacks } }, { name: B, cloneOf: A }, { name: C }]
load:
  - { from: A, to: ['PRIVATE={R1.guid}\\64', 'DIRECT=TCP:{vip}\\private$\\orders'], delivery: express, messages: 2, negativeAcksTo: 'private$\\nacks' }
  - { from: [B, R2], to: 'DIRECT=OS:{cluster}\\private$\\orders', delivery: recoverable, messages: 3, ratePerS: 10, startAfterMs: 5 }
expect: {}
`,
  'cast.yaml',
)
const addressOf = (last: number) => `127.1.2.${last}`

t.test('machines get addresses, identities, settings and destinations', async t => {
  const { nodes, specs, gateway } = cast(SCENARIO, 1, addressOf, '/data')
  t.same(
    nodes.map(({ name, address, sender }) => [name, address, sender]),
    [
      ['R1', '127.1.2.11', null],
      ['R2', '127.1.2.12', 0],
      ['A', '127.1.2.101', 1],
      ['B', '127.1.2.102', 2],
      ['C', '127.1.2.103', null],
    ],
  )
  const [r1, r2, a, b] = specs
  t.same(r1?.settings, { TryConnectInterval: 100, CleanupInterval: 200 })
  t.same(a?.settings, { TryConnectInterval: 100, CleanupInterval: 500 })
  t.same(a?.workload?.destinations, [`PRIVATE=${r1?.guid}\\64`, 'DIRECT=TCP:127.1.2.10\\private$\\orders'])
  t.match(a?.workload, { acknowledgements: 4, adminQueue: 'DIRECT=TCP:127.1.2.101\\private$\\nacks' })
  t.equal(a?.consumer, undefined, 'negative acknowledgements stay in their queue')
  t.same(r2?.consumer?.queues, ['private$\\orders'])
  t.same(r2?.workload?.destinations, ['DIRECT=OS:CLUSTER\\private$\\orders'])
  t.match(b?.workload, { sender: 2, ratePerS: 10, startDelayMs: 5, messages: 3 })
  t.match(gateway?.spec, { source: 'keep', cutAfterBytes: 1000, listen: { address: '127.1.2.10', port: 1801 } })
  t.match(gateway?.spec, { hosts: [{ name: 'R1' }, { name: 'R2' }] })
})

t.test('clones share a QMId and a computer name, and no directory knows them', async t => {
  const { specs } = cast(SCENARIO, 1, addressOf, '/data')
  const [r1, , a, b, c] = specs
  t.equal(a?.guid, b?.guid)
  t.equal(b?.computerName, 'A')
  t.not(a?.sequenceTimeStamp, b?.sequenceTimeStamp)
  t.same(r1?.resolver.queueManagers[r1.guid], ['127.1.2.11'])
  t.same(r1?.resolver.queueManagers[c!.guid], ['127.1.2.103'])
  t.notOk(a!.guid in r1!.resolver.queueManagers)
  t.same(r1?.resolver.names.CLUSTER, ['127.1.2.10'])
})

t.test('the seed decides the identities', async t => {
  const guids = (seed: number) => cast(SCENARIO, seed, addressOf, '/data').nodes.map(({ guid }) => guid)
  t.same(guids(4), guids(4))
  t.not(guids(4)[0], guids(5)[0])
  for (const guid of guids(4)) t.match(guid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

const FRONT_ENDS = parseScenario(
  `
scenario: front-ends
about: names and mappings over HTTP
topology:
  gateway: { protocol: http, balance: request, source: keep, healthCheck: { intervalMs: 100 } }
  frontEnds: [{ count: 1 }, { name: OWN, mapping: { from: 'http://{vip}:8080/msmq/q', to: 'http://{B1}:8080/msmq/private$/orders' } }]
  backEnd: { queues: { name: 'private$\\orders', transactional: true } }
  senders: [{ name: A, sendReceiptsTo: 'http://{vip}:8080/msmq/private$/order_queue$' }, { name: B, http: false }]
load: { to: 'DIRECT=HTTP://{cluster}:8080/msmq/private$/orders', delivery: transactional, messages: 2 }
faults: [{ atS: 1, kill: F1, backAfterS: 1 }, { atS: 1, stop: B1, backAfterS: 1 }]
expect: {}
`,
  'front-ends.yaml',
)

t.test(
  'front ends map the cluster to the back end; balanced machines and the back end are known by its address',
  async t => {
    const { specs, gateway } = cast(FRONT_ENDS, 3, addressOf, '/data')
    const [back, f1, own, a, b] = specs
    t.match(back, { name: 'B1', data: '/data/B1', http: { port: 8080, aliases: ['127.1.2.10', 'CLUSTER'] } })
    t.equal(back?.consumer, undefined, 'what a machine that restarts had consumed would be lost with it')
    t.match(f1, {
      name: 'F1',
      data: '/data/F1',
      http: {
        aliases: ['127.1.2.10', 'CLUSTER'],
        redirections: {
          inbound: ['127.1.2.10', 'CLUSTER'].map(host => ({
            from: `http://${host}:8080/msmq/private$/orders`,
            to: 'http://127.1.2.11:8080/msmq/private$/orders',
          })),
          defaultStreamReceipt: null,
        },
      },
    })
    t.equal(own?.data, undefined)
    t.strictSame(own?.http?.redirections.inbound, [
      { from: 'http://127.1.2.10:8080/msmq/q', to: 'http://127.1.2.11:8080/msmq/private$/orders' },
    ])
    t.match(a?.http, {
      aliases: [],
      redirections: { inbound: [], defaultStreamReceipt: 'http://127.1.2.10:8080/msmq/private$/order_queue$' },
    })
    t.equal(b?.http, undefined)
    t.strictSame(a?.workload?.destinations, ['DIRECT=HTTP://CLUSTER:8080/msmq/private$/orders'])
    t.match(gateway?.spec, {
      listen: { address: '127.1.2.10', port: 8080 },
      hosts: [{ name: 'F1', port: 8080 }, { name: 'OWN' }],
      protocol: 'http',
      balance: 'request',
      seed: 3,
      healthCheck: { intervalMs: 100 },
    })
    t.strictSame(Object.keys(gateway?.spec.healthCheck ?? {}), ['intervalMs'], 'nothing undefined travels')
  },
)
