import { fewNames, lands, type Machine } from '../deployment.js'
import { ALL_WELL, always, sometimes } from '../prediction.js'
import type { Rule, RuleFinding } from '../rule.js'
import type { TopologySender } from '../topology-schema.js'
import { trial } from '../trial.js'
import { balancedSends, IGNORE_NAMES, isBalancedNode, isBinary, sendText } from './balanced-sends.js'

/* Who sends, and from where. */

const nodesThatSend: Rule = {
  id: 'NLB-16/nodes-send-to-their-cluster',
  about: 'balanced nodes that send to the cluster they belong to',
  verdicts: ['supported', 'supported-if', 'unsupported'],
  shownBy: 'each reaches itself (Windows NLB); its acks come home (sources kept) or reach other nodes (translated)',
  check: deployment =>
    balancedSends(deployment)
      .filter(send => send.senders.some(isBalancedNode) && (isBinary(send) || send.style === 'http'))
      .flatMap((send): RuleFinding[] => {
        const { balancer, path } = send
        if (balancer.isNlb)
          return [
            {
              verdict: 'supported-if',
              condition: 'each node is meant to reach itself',
              path,
              reason:
                'what a host of Windows NLB sends to its own cluster address never leaves it: by design it is looped back and not balanced',
              consequence: `${sendText(send)}: each node receives what it sends itself, and nobody else does`,
              remedy: 'send from machines outside the cluster, or to a node by its own name',
              proof: trial(deployment, {
                sends: [{ ...send, senders: send.senders.filter(isBalancedNode) }],
                messages: 30,
                settingsOf: IGNORE_NAMES,
                prediction: always(
                  { delivered: 'all', lost: 0, misroutedAcks: 0, unacknowledged: 0 },
                  'reached-itself',
                ),
              }),
            },
          ]
        if (!send.isTransactional || !isBinary(send) || balancer.source === null) return []
        return balancer.source === 'snat' ? [acksToOtherNodes(send.path)] : [acksHome(send.path)]

        function acksToOtherNodes(path: readonly PropertyKey[]): RuleFinding {
          return {
            verdict: 'unsupported',
            path,
            reason: `all senders are behind one address, that of ${balancer.title}: order acks for any of them come back to it, and it draws a node`,
            consequence:
              'order acks reach another sender, which drops them; messages that were delivered build up in the outgoing queues',
            remedy: 'send transactions past the balancer, to one machine by its own name',
            proof: trial(deployment, {
              sends: [{ ...send, senders: send.senders.filter(isBalancedNode) }],
              messages: 12,
              ratePerS: 20,
              settingsOf: IGNORE_NAMES,
              prediction: sometimes({ acksToOtherSenders: '>= 1', unacknowledged: '>= 1' }, 'order-ack-sent'),
            }),
          }
        }
        function acksHome(path: readonly PropertyKey[]): RuleFinding {
          return {
            verdict: 'supported',
            path,
            reason: `${balancer.title} leaves the address of the node that sends as it is, and order acks come to that`,
            consequence: 'acknowledgements are not the problem here; the state of sequences may be',
            proof: trial(deployment, {
              sends: [{ ...send, senders: send.senders.filter(isBalancedNode) }],
              messages: 12,
              ratePerS: 20,
              settingsOf: IGNORE_NAMES,
              prediction: always({ misroutedAcks: 0, unacknowledged: 0 }, 'order-ack-sent'),
            }),
          }
        }
      }),
}

const unicastNeighbours: Rule = {
  id: 'NLB-16/unicast-neighbours',
  about: 'Windows NLB in unicast mode: nodes that send to each other',
  verdicts: ['supported-if'],
  shownBy: 'nothing: it is about MAC addresses',
  check: ({ balancer, sends }) =>
    !balancer?.isNlb || balancer.mode !== 'unicast'
      ? []
      : sends
          .filter(({ senders, destinations }) =>
            senders.some(
              sender =>
                isBalancedNode(sender) &&
                destinations.some(({ at }) => at !== null && at !== 'balancer' && isBalancedNode(at) && at !== sender),
            ),
          )
          .map(({ path }) => ({
            verdict: 'supported-if',
            condition: 'nodes have a second network adapter, or UnicastInterHostCommSupport = 1',
            path,
            reason:
              'in unicast mode all nodes have one MAC address on the cluster adapter, so that they cannot talk to each other over it',
            consequence: 'sessions between nodes of the cluster do not come about',
            remedy: 'use multicast mode, or a second adapter for traffic between nodes',
            proof: { notRun: 'machines of the lab have no MAC addresses' },
          })),
}

const receiptsToBalancer: Rule = {
  id: 'NLB-12/receipts-to-the-cluster',
  about: "senders over HTTP that ask for order acks at the balancer's address",
  verdicts: ['unsupported'],
  shownBy: 'order acks land on the wrong machine, and messages stay in the outgoing queue',
  check: deployment => {
    const asking = (machine: Machine) => (machine.definition as Partial<TopologySender>).receiptsTo === 'balancer'
    return deployment.sends
      .filter(
        send =>
          send.isTransactional && send.senders.some(asking) && send.destinations.some(({ style }) => style === 'http'),
      )
      .map(send => ({
        verdict: 'unsupported',
        path: send.path,
        reason: `${fewNames(send.senders.filter(asking))} name the balancer's address for receipts, and it gives each to whichever machine it draws`,
        consequence:
          'the wrong one knows no such stream, answers 200 and drops the receipt; what was delivered is sent again and again',
        remedy:
          'give each sender an address for receipts of its own (the default, or a stream receipt mapping for each)',
        proof: trial(deployment, {
          sends: [send],
          messages: 12,
          ratePerS: 20,
          drainS: 600,
          prediction: always({ unacknowledged: '>= 1' }, 'order-ack-sent'),
        }),
      }))
  },
}

const pastTheBalancer: Rule = {
  id: 'NLB-8/past-the-balancer',
  about: 'messages to one machine by its own address or name',
  verdicts: ['supported'],
  shownBy: 'each is delivered once, in order, and acknowledged',
  check: deployment =>
    deployment.sends.flatMap((send): RuleFinding[] => {
      const destinations = send.destinations.filter(
        ({ at, style, isPublic }) => at !== null && at !== 'balancer' && style !== 'directory' && !isPublic,
      )
      const plain = { ...send, destinations }
      if (destinations.length === 0 || send.senders.length === 0 || !lands(plain, deployment)) return []
      const isPlainSender = (machine: Machine) => {
        const {
          reachable = true,
          receiptsTo = 'itself',
          addressChanges = false,
        } = machine.definition as Partial<TopologySender>
        return reachable && receiptsTo === 'itself' && !addressChanges && machine.definition.identity !== 'cloned'
      }
      if (!send.senders.every(isPlainSender)) return []
      return [
        {
          verdict: 'supported',
          path: send.path,
          reason: `${sendText(plain)}: no balancer is between them`,
          consequence: 'what message queuing promises anywhere',
          proof: trial(deployment, { sends: [plain], prediction: always({ ...ALL_WELL, incompleteTransactions: 0 }) }),
        },
      ]
    }),
}

const severalAddresses: Rule = {
  id: 'CLU-8/several-addresses',
  about: 'machines with several addresses and no BindInterfaceIP',
  verdicts: ['supported-if'],
  shownBy: 'nothing: machines of the lab have one address',
  check: ({ machines }) => {
    const groups = machines.filter(
      ({ definition }, index) =>
        definition.addresses > 1 &&
        !Object.keys(definition.registry).some(name => name.toLowerCase() === 'bindinterfaceip') &&
        machines.findIndex(other => other.definition === definition) === index,
    )
    return groups.map(({ path, definition }) => ({
      verdict: 'supported-if',
      condition: 'the first of its addresses is the one that others reach it by',
      path: [...path, 'addresses'],
      reason: `${fewNames(machines.filter(machine => machine.definition === definition))} have ${definition.addresses} addresses each, and nothing says which one message queuing uses`,
      consequence:
        'works until a session idles out; the next leaves by another interface and is refused, or order acks go to an address that leads nowhere',
      remedy: 'set BindInterfaceIP to the address that others know',
      proof: { notRun: 'machines of the lab have one address each' },
    }))
  },
}

export const SENDER_RULES: readonly Rule[] = [
  pastTheBalancer,
  nodesThatSend,
  unicastNeighbours,
  receiptsToBalancer,
  severalAddresses,
]
