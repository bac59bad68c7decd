import { type Deployment, fewNames, holderOf, lands, type Machine } from '../deployment.js'
import { ALL_WELL, always, sometimes } from '../prediction.js'
import type { Rule } from '../rule.js'
import type { TopologySender } from '../topology-schema.js'
import { trial } from '../trial.js'
import { type BalancedSend, balancedSends, IGNORE_NAMES, isBinary, isRedrawn, sendText } from './balanced-sends.js'

/* Transactions over a balancer: sequence state is with one receiver, and order acks come in sessions of their own. */

const transactional = (deployment: Deployment) =>
  balancedSends(deployment).filter(({ isTransactional, style }) => isTransactional && style !== 'directory')

const overTcp = (deployment: Deployment) => transactional(deployment).filter(isBinary)
const overHttp = (deployment: Deployment) => transactional(deployment).filter(({ style }) => style === 'http')

/** Machines that hold what is sent to one queue, over all nodes; null stands for a node that has no place for it. */
function holders(deployment: Deployment, queue: string): ReadonlySet<Machine | null> {
  return new Set(deployment.nodes.map(node => holderOf(node, queue, deployment)))
}

const holdersOf = (deployment: Deployment, { destinations }: BalancedSend) =>
  destinations.map(({ queue }) => holders(deployment, queue ?? ''))

const isOnNodes = (machines: ReadonlySet<Machine | null>) => [...machines].some(machine => machine?.role === 'node')

const UNSUPPORTED_REMEDY =
  'send over HTTP to store-and-forward front ends that map the queue to one back end, the only configuration that KB 899611 supports for transactions; or have each sender choose a receiver itself'

/**
 * A stream in which a part is acknowledged and a part is not, whenever one looks: order acks are put off for up to 10 s while
 * messages come. When all is acknowledged a sequence ends, and the next begins anew wherever it meets.
 */
const STREAM = { messages: 600, ratePerS: 20, drainS: 1_800 } as const

/** Sessions end in the middle of that, and the next ones may meet another node. */
const NODES_LEAVE = {
  faults: (hosts: readonly string[]) => [{ atS: 12, leave: hosts.slice(0, -1) }],
  stress: 'in the middle of a stream of 20 messages a second all nodes but the last leave the cluster',
  simulationOnly: 'the stream takes longer than a run on sockets',
} as const

const singleBackEnd: Rule = {
  id: 'NLB-5/single-back-end',
  about: 'transactions over HTTP to front ends that map each queue to one back end',
  verdicts: ['supported'],
  shownBy: 'each message is delivered once, in order, in whole transactions, and acknowledged',
  check: deployment =>
    overHttp(deployment)
      .filter(send => lands(send, deployment) && send.senders.every(getsReceipts))
      .filter(send =>
        holdersOf(deployment, send).every(machines => machines.size === 1 && [...machines][0]?.role === 'back-end'),
      )
      .filter(send => new Set(holdersOf(deployment, send).map(machines => [...machines][0])).size === 1)
      .map(send => ({
        verdict: 'supported',
        path: send.path,
        reason: `${sendText(send)}: every node forwards them to one back end, which alone keeps the sequence, and receipts go by name from there to the sender (KB 899611)`,
        consequence: 'exactly once, in order, all acknowledged; which node a request takes makes no difference',
        proof: trial(deployment, {
          sends: [send],
          prediction: always(
            { ...ALL_WELL, reordered: 0, incompleteTransactions: 0, waitingAtFrontEnds: 0 },
            'order-ack-matched',
          ),
        }),
      })),
}

const queuesOnNodes: Rule = {
  id: 'NLB-6/queues-on-nodes',
  about: 'transactions over HTTP to queues on the balanced nodes themselves',
  verdicts: ['unsupported'],
  shownBy: 'duplicates, torn transactions, or messages that stay with their sender',
  check: deployment =>
    overHttp(deployment)
      .filter(send => holdersOf(deployment, send).some(isOnNodes))
      .map(send => {
        const perRequest = send.balancer.balance === 'request'
        return {
          verdict: 'unsupported',
          path: send.path,
          reason: `${sendText(send)}: each node keeps sequence state of its own, and the next ${send.balancer.balance} may go to another one`,
          consequence:
            'duplicates, incomplete transactions, messages that stay with their senders though every POST was answered 200',
          remedy: 'let the nodes forward: map the queue to one single back end on each of them (forwardTo)',
          proof:
            deployment.nodes.length < 2
              ? { notRun: 'with one node there is nothing to balance' }
              : trial(deployment, {
                  sends: [send],
                  messages: 60,
                  drainS: 600,
                  ...(perRequest ? {} : { ...STREAM, ...NODES_LEAVE }),
                  prediction: sometimes(
                    [{ duplicated: '>= 1' }, { incompleteTransactions: '>= 1' }, { unacknowledged: '>= 1' }],
                    'sequence-over-several-receivers',
                  ),
                }),
        }
      }),
}

const severalBackEnds: Rule = {
  id: 'NLB-6/several-back-ends',
  about: 'front ends that map one queue to different machines, or not all of them',
  verdicts: ['unsupported'],
  shownBy: 'duplicates, torn transactions, or messages that stay or are refused',
  check: deployment =>
    overHttp(deployment)
      .filter(send => {
        const all = holdersOf(deployment, send)
        if (all.some(isOnNodes) || !deployment.nodes.some(({ isFrontEnd }) => isFrontEnd)) return false
        return new Set(all.flatMap(machines => [...machines])).size > 1
      })
      .map(send => {
        const found = [...new Set(holdersOf(deployment, send).flatMap(machines => [...machines]))]
        const backEnds = found.filter(machine => machine !== null)
        return {
          verdict: 'unsupported',
          path: send.path,
          reason: found.includes(null)
            ? `${sendText(send)}: not every node maps the queue, and one that does not answers 400`
            : `${sendText(send)}: the nodes forward to ${fewNames(backEnds)}, so that each gets a part of a stream or of a transaction`,
          consequence: 'duplicates, incomplete transactions, messages that are refused or wait for ever',
          remedy: 'map every queue of the transaction to the same single back end on every node',
          proof: trial(deployment, {
            sends: [send],
            messages: 30,
            drainS: 600,
            mayNotLand: true,
            prediction: sometimes([
              { duplicated: '>= 1' },
              { incompleteTransactions: '>= 1' },
              { unacknowledged: '>= 1' },
              { waitingAtFrontEnds: '>= 1' },
              { lost: '>= 1' },
              { deadLettered: '>= 1' },
            ]),
          }),
        }
      }),
}

const acksComeHome: Rule = {
  id: 'NLB-8/order-acks-come-home',
  about: "order acks where nodes see the sender's own address",
  verdicts: ['supported'],
  shownBy: 'while no session is drawn anew, order acks find the sender and empty its outgoing queue',
  check: deployment =>
    overTcp(deployment)
      .filter(({ balancer, senders }) => balancer.source === 'keep' && senders.every(isReachable))
      .map(send => ({
        verdict: 'supported',
        path: send.path,
        reason: `${send.balancer.title} leaves the source address as it is, so that the session for an order ack goes to the sender itself, past the balancer`,
        consequence: 'acknowledgements are not the problem here; the state of sequences may be (see the other rows)',
        proof: trial(deployment, {
          sends: [send],
          messages: 12,
          ratePerS: 20,
          settingsOf: IGNORE_NAMES,
          prediction: always({ misroutedAcks: 0, unacknowledged: 0, lost: 0 }, 'order-ack-in-new-session'),
        }),
      })),
}

const returnPath: Rule = {
  id: 'NLB-8/sender-unreachable',
  about: 'senders of transactions that nobody can open a connection to',
  verdicts: ['unsupported'],
  shownBy: 'messages are delivered, and stay in the outgoing queue',
  check: deployment =>
    deployment.sends
      .filter(({ isTransactional, senders }) => isTransactional && senders.some(sender => !isReachable(sender)))
      .map(send => ({
        verdict: 'unsupported',
        path: send.path,
        reason: `an order ack comes in a session of its own, from the receiver to the sender, and ${fewNames(send.senders.filter(sender => !isReachable(sender)))} can not be reached: a firewall that lets 1801 through one way only is not enough`,
        consequence: 'everything is delivered, nothing is acknowledged; the sender sends it all again and again',
        remedy:
          'open TCP 1801 (over HTTP the HTTP port) towards the senders too, or send plain messages: their acks come in the same session',
        proof: trial(deployment, {
          sends: [send],
          messages: 12,
          ratePerS: 20,
          drainS: 600,
          settingsOf: IGNORE_NAMES,
          prediction: always({ unacknowledged: '>= 1' }, 'order-ack-sent'),
        }),
      })),
}

const getsReceipts = (machine: Machine) =>
  isReachable(machine) && (machine.definition as Partial<TopologySender>).receiptsTo !== 'balancer'

const isReachable = ({ definition }: Machine) => (definition as Partial<TopologySender>).reachable !== false

const acksToBalancer: Rule = {
  id: 'NLB-11/acks-to-the-balancer',
  about: 'transactions through a balancer that nodes see as the source',
  verdicts: ['unsupported'],
  shownBy: 'order acks land on the wrong machine, and what was delivered stays in the outgoing queue',
  check: deployment =>
    overTcp(deployment)
      .filter(({ balancer }) => balancer.source === 'snat')
      .map(send => {
        const { balancer } = send
        const listens = balancer.listens
        return {
          verdict: 'unsupported',
          path: ['balancer'],
          reason: listens
            ? `${balancer.title} puts its own address in place of the sender's. A receiver opens a new session for the order ack, to the address that the message came from: to the balancer, which hands it to one of the nodes`
            : `${balancer.title} puts an address in place of the sender's that takes no connections, and there the receiver sends its order acks`,
          consequence: listens
            ? `${sendText(send)} are delivered and stay in the outgoing queue as unacknowledged; the node that gets the ack drops it`
            : `${sendText(send)} are delivered and stay in the outgoing queue; the acks wait in outgoing queues of the nodes`,
          remedy: `have the nodes see the sender's address (no SNAT, transparent, direct routing), and still: ${UNSUPPORTED_REMEDY}`,
          proof: listens
            ? trial(deployment, {
                sends: [send],
                messages: 12,
                ratePerS: 20,
                settingsOf: IGNORE_NAMES,
                drainS: 3_600,
                prediction: always({ misroutedAcks: '>= 1', unacknowledged: '>= 1' }, 'order-ack-sent'),
              })
            : {
                notRun:
                  'in the lab nodes see the cluster address, which listens; mqlab run --plane kernel-snat can take another',
              },
        }
      }),
}

const sourceUnknown: Rule = {
  id: 'NLB-11/source-not-stated',
  about: 'balancers that keep or translate the source as they are set up, where the file does not say',
  verdicts: ['unknown'],
  shownBy: 'nothing: it is the file that has to say',
  check: deployment =>
    overTcp(deployment)
      .filter(({ balancer }) => balancer.source === null)
      .map(({ balancer }) => ({
        verdict: 'unknown',
        path: ['balancer', 'source'],
        reason: `where order acks go depends on whose address the nodes see, and ${balancer.title} can be set up both ways`,
        consequence: 'with source translation no transactional message is ever acknowledged',
        remedy:
          'look at the address of an incoming session on a node (netstat, port 1801), and write source: keep or source: snat',
        proof: { notRun: 'the file does not say which address nodes see' },
      })),
}

const resendElsewhere: Rule = {
  id: 'NLB-13/resend-to-another-node',
  about: 'resends behind a source-translating balancer, with more than one node',
  verdicts: ['unsupported'],
  shownBy: 'messages are delivered by more than one node',
  check: deployment =>
    deployment.nodes.length < 2
      ? []
      : overTcp(deployment)
          .filter(({ balancer }) => balancer.source === 'snat')
          .map(send => {
            const redrawn = isRedrawn(send)
            return {
              verdict: 'unsupported',
              path: send.path,
              reason: redrawn
                ? 'what is not acknowledged is sent again, in a new session when the old one has idled out, and the balancer draws a node for that afresh; one that has not seen the sequence takes it as new'
                : 'what is not acknowledged is sent again; as soon as the client is given to another node (one came or went), that node takes everything as new',
              consequence: 'the same message is processed by several receivers, up to one copy per node',
              remedy: UNSUPPORTED_REMEDY,
              proof: trial(deployment, {
                sends: [send],
                messages: 12,
                ratePerS: 20,
                drainS: 2 * 86_400,
                settingsOf: IGNORE_NAMES,
                shortened: { CleanupInterval: 120 },
                ...(redrawn ? {} : NODES_LEAVE),
                prediction: sometimes({ duplicated: '>= 1' }, 'resend'),
              }),
            }
          }),
}

const tornTransactions: Rule = {
  id: 'NLB-14/torn-transactions',
  about: 'transactions of several messages to queues on the balanced nodes',
  verdicts: ['unsupported'],
  shownBy: 'a node delivers a part of a transaction',
  check: deployment =>
    deployment.nodes.length < 2
      ? []
      : overTcp(deployment)
          .filter(({ perTransaction, destinations }) => perTransaction > 1 && destinations.length > 1)
          .map(send => {
            const redrawn = isRedrawn(send)
            return {
              verdict: 'unsupported',
              path: send.path,
              reason: `the messages of a transaction go to ${send.destinations.length} queues, a session each${redrawn ? ', and the balancer draws a node for each session' : ', which change their node apart from each other when nodes come or go'}`,
              consequence: 'all messages may be delivered, and yet no receiver has the transaction whole',
              remedy: UNSUPPORTED_REMEDY,
              proof: trial(deployment, {
                sends: [send],
                ratePerS: 20,
                settingsOf: IGNORE_NAMES,
                ...(redrawn ? {} : { ...STREAM, ...NODES_LEAVE }),
                prediction: sometimes({ incompleteTransactions: '>= 1' }),
              }),
            }
          }),
}

const sequenceLost: Rule = {
  id: 'NLB-15/sequence-state-stays-behind',
  about: 'transactions over the binary protocol to queues on the balanced nodes, sources kept',
  verdicts: ['unsupported'],
  shownBy: 'a node refuses what it lacks the predecessor of, and it stays with the sender',
  check: deployment =>
    overTcp(deployment)
      .filter(({ balancer }) => balancer.source !== 'snat' && balancer.source !== null)
      .map(send => ({
        verdict: 'unsupported',
        path: send.path,
        reason: `each node knows only the sequences that it has seen the beginning of. When a session ends in the middle of one${
          isRedrawn(send)
            ? ' (a fault of the network, a limit of the balancer, a node that goes), the balancer draws a node for the next session afresh'
            : ' because nodes come or go, the client is given to another one'
        }`,
        consequence:
          'a node that lacks the predecessor refuses the message; it stays in the outgoing queue until its time is over, and everything behind it waits',
        remedy: UNSUPPORTED_REMEDY,
        proof:
          deployment.nodes.length < 2
            ? { notRun: 'with one node there is nothing to balance' }
            : trial(deployment, {
                sends: [send],
                settingsOf: IGNORE_NAMES,
                ...STREAM,
                ...NODES_LEAVE,
                prediction: sometimes(
                  { unacknowledged: '>= 1', refusedInMidSequence: '>= 1' },
                  'sequence-over-several-receivers',
                ),
              }),
      })),
}

export const TRANSACTION_RULES: readonly Rule[] = [
  singleBackEnd,
  queuesOnNodes,
  severalBackEnds,
  acksComeHome,
  returnPath,
  acksToBalancer,
  sourceUnknown,
  resendElsewhere,
  tornTransactions,
  sequenceLost,
]
