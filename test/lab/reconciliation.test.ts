import t from 'tap'
import { zeroPacketCounts } from '../../gateway/planes/packet-count.js'
import type { LabEvent } from '../../lab/history.js'
import { accountOf, reconcile } from '../../lab/reconciliation.js'
import { parseScenario } from '../../lab/scenario-file.js'
import { inSimulation } from '../../lab/scenario-worlds.js'
import { createRunView, createVerdict } from '../../lab/verdict.js'
import { simulateScenario } from '../../lab/worlds/simulated.js'
import { event, GUID, type HandMadeRun, handMadeRun } from '../fixtures/run-record.js'

const DELIVERED = { R1: { S1: '110000' } }
const claimsOf = (hand: HandMadeRun) => reconcile(createRunView(handMadeRun(hand))).map(({ claim }) => claim)

const sent = (messageId: number) => event('S1', 'sent', { messageId })
const arrived = (messageId: number) => event('R1', 'arrived', { messageId })
const passed = (userMessage: number, undecodable = 0) =>
  event('gateway', 'gateway-closed', {
    closed: { toHost: { bytes: 0, packets: { ...zeroPacketCounts(), userMessage, undecodable } } } as never,
  })
const GOOD = [sent(1), sent(2), arrived(1), arrived(2), passed(2)]

t.test('witnesses that agree', async t => {
  t.same(claimsOf({ delivered: DELIVERED, events: GOOD }), [])
  t.same(claimsOf({ delivered: DELIVERED }), [], 'without notes there is no witness')
})

t.test('delivered and never offered', async t => {
  const claim = ['nobody delivers what was never offered']
  t.same(claimsOf({ sent: { S1: 'aa' }, delivered: { R1: { S1: '111' } } }), claim)
  t.same(
    claimsOf({ sent: { S1: 'aa' }, delivered: { R1: { S1: '111' } }, partial: ['S1'] }),
    [],
    'its last word is lost',
  )
})

t.test('delivered more than arrived, unless the machine had no time to say so', async t => {
  const delivered = { R1: { S1: '120000' } }
  t.same(claimsOf({ delivered, events: GOOD }), ['what is delivered has arrived'])
  const killed = event('R1', 'fault', { fault: 'killed' })
  t.same(claimsOf({ delivered, events: [...GOOD, killed] }), [])
  t.same(claimsOf({ delivered, events: [...GOOD, killed], nodes: [{ name: 'S1', guid: GUID.R1 }] }), [], 'to itself')
})

t.test('arrived more than sent, unless faults made more of it', async t => {
  const events = [...GOOD, event('R2', 'discarded', { messageId: 1, reason: 'duplicate' })]
  t.same(claimsOf({ delivered: DELIVERED, events: [...events, passed(1)] }), ['what arrives was sent'].concat(PASSED))
  t.same(claimsOf({ delivered: DELIVERED, events: [...events, passed(1), event('S1', 'injected', {})] }), [])
})

const PASSED = ['what the gateway passes on was sent to the cluster']

t.test('taken more than the gateway passed on, and passed on more than was sent', async t => {
  const came = ['what comes to hosts of the cluster came through the gateway']
  const less: LabEvent[] = [sent(1), sent(2), arrived(1), arrived(2)]
  t.same(claimsOf({ delivered: DELIVERED, events: [...less, passed(1)] }), came)
  t.same(claimsOf({ delivered: DELIVERED, events: less }), [], 'a plane that tells of no connection')
  t.same(claimsOf({ delivered: DELIVERED, events: [...less, passed(1, 1)] }), [], 'what it could not read')
  t.same(claimsOf({ delivered: DELIVERED, events: [...less, passed(1)], gateway: { plane: 'haproxy' } }), [])
  t.same(claimsOf({ delivered: DELIVERED, events: [...less, passed(3)] }), PASSED)
})

t.test('a disagreement comes first, with all the numbers, as a bug of mqlab', async t => {
  const { findings, asExpected } = createVerdict(
    createRunView(handMadeRun({ delivered: { R1: { S1: '220000' } }, events: GOOD })),
  )
  t.notOk(asExpected)
  t.match(findings[0], {
    id: 'mqlab-disagrees',
    severity: 'anomaly',
    first: {
      nodes: ['R1', 'S1'],
      text: /bug of mqlab itself: what is delivered has arrived, yet R1 delivered 4 .* noted 2 arrivals .*12 accepted, 4 delivered.* 2 sent, 2 arrived, the gateway passed on 2/,
    },
  })
})

/** Balanced transactions and whatever may befall links, hosts and disks. */
const FOUL = (source: string, affinity: string, protocol: string) => `scenario: foul
about: witnesses of a run with faults
topology:
  gateway: { source: ${source}, affinity: ${affinity}${protocol === 'http' ? ', protocol: http, balance: request' : ''} }
  receivers: { count: 3, queues: { name: private$\\orders, transactional: true } }
  senders: { count: 2, settings: { SeqResend13Time: 1 } }
load: { to: 'DIRECT=${protocol === 'http' ? 'HTTP://{vip}:8080/msmq/private$/' : 'TCP:{vip}\\private$\\'}orders', delivery: transactional, messages: 60, perTransaction: 3, ratePerS: 20 }
faults:
  - { atS: 0.5, link: { at: R2, latencyMs: 3, jitterMs: 20, splitChance: 0.4, cutChance: 0.05, stallChance: 0.05, stallMaxMs: 900 }, forS: 3 }
  - { atS: 1, disk: { of: R1, failing: true }, forS: 1 }
  - { atS: 1.5, pause: R3, forS: 2 }
  - { atS: 2, disk: { of: R2, slowMs: 300 }, forS: 1 }
simulated: { time: { loadS: 60, drainS: 300 } }
expect: {}
`

const SWAPPED = `scenario: swapped
about: what S2 sends comes under the QMId of S1
topology: { receivers: { count: 1, queues: { name: private$\\orders, transactional: true } }, senders: { count: 2 } }
load: { to: 'DIRECT=TCP:{R1}\\private$\\orders', delivery: transactional, messages: 5 }
faults: [{ swapQmId: S2, with: S1, atS: 0 }]
time: { loadS: 3, drainS: 60 }
expect: {}
`

t.test('a machine under the QMId of another is no disagreement', async t => {
  const view = createRunView(simulateScenario(inSimulation(parseScenario(SWAPPED, 'swapped.yaml')), { seed: 1 }))
  t.ok(accountOf(view).delivered > 0)
  t.same(reconcile(view), [])
})

const DOUBLED = `scenario: doubled
about: R1 gets each message of the cluster's twice
topology:
  gateway: { source: keep, affinity: single }
  receivers: { count: 1, queues: { name: private$\\orders, transactional: true } }
  senders: { count: 1 }
load: { to: 'DIRECT=TCP:{vip}\\private$\\orders', delivery: transactional, messages: 5 }
faults: [{ duplicate: user-message, to: R1 }]
time: { loadS: 3, drainS: 60 }
expect: {}
`

t.test('messages that a fault doubles behind the gateway are no disagreement', async t => {
  const view = createRunView(simulateScenario(inSimulation(parseScenario(DOUBLED, 'doubled.yaml')), { seed: 1 }))
  const { arrived, passed } = accountOf(view)
  t.ok(passed !== null && arrived > passed, `${arrived} arrived, ${passed} passed on`)
  t.same(reconcile(view), [])
})

for (const [source, affinity, protocol] of [
  ['keep', 'single', 'tcp'],
  ['translate', 'none', 'tcp'],
  ['keep', 'none', 'http'],
] as const) {
  t.test(`they agree in simulated runs with faults: ${protocol}, source ${source}, affinity ${affinity}`, async t => {
    const scenario = inSimulation(parseScenario(FOUL(source, affinity, protocol), 'foul.yaml'))
    for (let seed = 1; seed <= 4; seed++) {
      const view = createRunView(simulateScenario(scenario, { seed }))
      t.same(reconcile(view), [], `seed ${seed}`)
      const { accepted, delivered, sent, arrived, passed } = accountOf(view)
      t.equal(accepted, 120)
      t.ok(delivered > 0 && arrived > 0 && sent >= arrived, `sent ${sent}, arrived ${arrived}`)
      t.ok(passed !== null && passed > 0, `the gateway passed on ${passed}`)
    }
  })
}
