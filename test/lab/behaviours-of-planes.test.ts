import t from 'tap'
import { parseScenario } from '../../lab/scenario-file.js'
import { event, GUID, type HandMadeRun, SCENARIO_TEXT, verdictOf } from '../fixtures/run-record.js'

const ALL = '111111'
const BOTH = { S1: ALL, S2: ALL }
const CLUSTER_GUID = '44444444-0000-4000-8000-000000000001'

function proved(id: string, hand: HandMadeRun): boolean {
  const claim = ['about:', `behaviours: [${id}]\nabout:`] as const
  return verdictOf({ ...hand, scenario: [claim, ...(hand.scenario ?? [])] }).behaviours.includes(id as never)
}

/** The load of a hand-made scenario, changed. */
function loadOf(...changes: readonly (readonly [string, string])[]) {
  const text = changes.reduce((all, [what, by]) => all.replace(what, by), SCENARIO_TEXT)
  return parseScenario(text, 'load.yaml').load[0]!
}

t.test('NLB-7: a name by QMId is refused at the handshake, and a direct one passes', async t => {
  const plain = ['delivery: transactional, messages: 6, perTransaction: 3', 'delivery: express, messages: 6'] as const
  const byQmid = ['DIRECT=TCP:{vip}\\private$\\orders', 'PRIVATE={cluster.guid}\\64'] as const
  const refusal = event('S1', 'session-closed', {
    queue: `PRIVATE=${CLUSTER_GUID}\\64`,
    reason: 'refused by the peer',
  })
  const balanced = [event('S2', 'sent', {}), event('R1', 'arrived', { source: GUID.S2 })]
  const proof: HandMadeRun = {
    scenario: [plain, [', transactional: true', '']],
    nodes: [{ name: 'S1', load: loadOf(plain, byQmid) }],
    gateway: { guid: CLUSTER_GUID },
    delivered: { R1: { S2: ALL } },
    held: { S1: [1, 2, 3, 4, 5, 6] },
    events: [refusal, ...balanced],
  }
  t.ok(proved('NLB-7', proof))
  t.notOk(proved('NLB-7', { ...proof, events: balanced }), 'nobody refused')
  t.notOk(proved('NLB-7', { ...proof, gateway: {} }), 'it was not the cluster that refused')
  t.notOk(proved('NLB-7', { ...proof, delivered: { R1: BOTH } }), 'it arrived all the same')
  t.notOk(proved('NLB-7', { ...proof, delivered: {} }), 'direct names did not pass either')
})

t.test('NLB-16: order acks for a balanced node that sends go where its source address says', async t => {
  const sends = (address: string) => ({
    nodes: [{ name: 'S1', address }],
    gateway: { hosts: ['R1', 'S1'], source: 'keep' as const },
  })
  const ack = (sessionPeer: string) => [
    event('R1', 'order-ack-sent', { sessionPeer }),
    event('S1', 'order-ack-received', { result: 'matched' }),
  ]
  t.ok(proved('NLB-16', { ...sends('127.0.9.12'), events: ack('127.0.9.12') }))
  t.notOk(proved('NLB-16', { ...sends('127.0.9.12'), events: ack('127.0.9.10') }), 'to the balancer that keeps sources')
  t.notOk(proved('NLB-16', { events: ack('127.0.9.101') }), 'it is not balanced')
  const translated = { ...sends('127.0.9.12'), gateway: { hosts: ['S1'], source: 'translate' as const } }
  t.ok(proved('NLB-16', { ...translated, events: ack('127.0.9.10') }))
  t.notOk(proved('NLB-16', { ...translated, events: ack('127.0.9.12') }))
})

t.test('QMID-1: machines of one name, told apart by QMId', async t => {
  const twins = [
    { name: 'S1', computerName: 'DESK' },
    { name: 'S2', computerName: 'DESK' },
  ]
  const home = [
    event('R1', 'order-ack-sent', { direct: false }),
    event('S1', 'order-ack-received', { result: 'matched' }),
    event('R1', 'order-ack-sent', { direct: false, forSource: GUID.S2, messageId: 51 }),
    event('S2', 'order-ack-received', { result: 'matched', messageId: 51 }),
  ]
  t.ok(proved('QMID-1', { nodes: twins, events: home }))
  t.notOk(proved('QMID-1', { events: home }), 'their names differ')
  t.notOk(proved('QMID-1', { nodes: twins, events: home.slice(0, 2) }), 'one had no order ack')
  t.notOk(
    proved('QMID-1', { nodes: [twins[0]!, { ...twins[1]!, guid: GUID.S1 }], events: home }),
    'they are clones and nothing tells them apart',
  )
})

t.test(
  'QMID-7: messages of a clone that nobody has, or that were given up since another got their order ack',
  async t => {
    const clones = [{ name: 'S2', guid: GUID.S1 }]
    t.ok(proved('QMID-7', { nodes: clones, delivered: { R1: { S1: ALL } } }), 'those of S2 are nowhere')
    t.notOk(proved('QMID-7', { delivered: { R1: { S1: ALL } } }), 'lost, but by no clone')
    t.notOk(proved('QMID-7', { nodes: clones, delivered: { R1: BOTH } }))
    const misled = [event('R1', 'order-ack-sent', { direct: false }), event('S2', 'order-ack-received', {})]
    const given = { nodes: clones, delivered: { R1: BOTH } }
    t.ok(proved('QMID-7', { ...given, events: [...misled, event('S1', 'dead-lettered', {})] }))
    t.notOk(proved('QMID-7', { ...given, events: misled }), 'nobody gave up')
  },
)

t.test('a balancer that tells of no decision is believed by what its hosts got', async t => {
  const plain = [
    ['delivery: transactional, messages: 6, perTransaction: 3', 'delivery: express, messages: 6'],
    [', transactional: true', ''],
  ] as const
  const run = (events: HandMadeRun['events']) =>
    verdictOf({
      scenario: [...plain, ['about:', 'behaviours: [NLB-1]\nexercises: [balanced]\nabout:']],
      delivered: { R1: BOTH },
      ...(events === undefined ? {} : { events }),
    }).vacuous
  const sent = event('S1', 'sent', {})
  const second = event('S1', 'sent', { messageId: 2 })
  const arrivals = [event('R1', 'arrived', {}), event('R2', 'discarded', { messageId: 2 })]
  t.same(run([sent, second, ...arrivals]), [])
  t.same(run([sent, arrivals[0]!]), ['balanced'], 'one host alone')
  t.match(run([...arrivals]), ['balanced', /NLB-1: /], 'they were not sent to the cluster')
  const elsewhere = event('S1', 'sent', { queue: 'DIRECT=TCP:127.0.9.101\\private$\\orders' })
  t.match(run([elsewhere, arrivals[0]!]), ['balanced', /NLB-1: /], 'an address that only begins like the cluster’s')
})
