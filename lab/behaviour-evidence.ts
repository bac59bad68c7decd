import { balancedHosts, goesTo } from './balanced-hosts.js'
import type { BehaviourId } from './behaviours.js'
import { tornTransactions } from './checkers/incomplete-transaction.js'
import { isAstray, type LandingKind, landingKind } from './checkers/misrouted-ack.js'
import { checkReordered } from './checkers/reordered.js'
import { checkSequenceStuck } from './checkers/sequence-stuck.js'
import { EXERCISE_DEFINITIONS } from './exercises.js'
import type { RunView } from './finding.js'
import { eventsOf, type RunNode, type RunRecord } from './history.js'
import type { SenderFacts } from './message-facts.js'
import type { NodeRole } from './scenario-nodes.js'
import type { Exercise } from './scenario-schema.js'

interface Evidence {
  /** What did not happen when it is not proved, for people. */
  readonly missing: string
  readonly occurred: (view: RunView) => boolean
}

/** What proves a behaviour in a run. Those without an entry cannot be shown by any run yet. */
const EVIDENCE: Readonly<Partial<Record<BehaviourId, Evidence>>> = {
  'NLB-1': {
    missing: 'plain messages to DIRECT=TCP:{vip} did not each reach one receiver through the balancer',
    occurred: view => plainMessagesArrivedOnce(view, /^DIRECT=TCP:\{vip\}/i),
  },
  'NLB-2': {
    missing: 'plain messages to DIRECT=OS:{cluster} did not each reach one receiver through the balancer',
    occurred: view => plainMessagesArrivedOnce(view, /^DIRECT=OS:\{cluster\}/i),
  },
  'NLB-3': {
    missing: 'no message was discarded for its machine name with its sender told',
    occurred: view => did(view, 'name-validation') && (did(view, 'negative-ack') || did(view, 'dead-letter')),
  },
  'NLB-4': {
    missing: 'plain messages to DIRECT=HTTP://{vip} did not each reach one receiver through the balancer',
    occurred: view => plainMessagesArrivedOnce(view, OVER_HTTP),
  },
  'NLB-5': {
    missing: 'transactions through several front ends did not all reach one back end, once, in order, acknowledged',
    occurred: transactionsThroughFrontEnds,
  },
  'NLB-6': {
    missing: 'transactions over HTTP to queues on the balanced nodes showed no failure',
    occurred: view => transactionsOverHttp(view, 'receiver').length > 0 && failed(view),
  },
  'NLB-7': {
    missing: 'no name by QMId was refused at the handshake while direct names came through the balancer',
    occurred: view =>
      refusedAtTheHandshake(view) && plainMessagesArrivedOnce(view, /^DIRECT=(TCP|OS):\{(vip|cluster)\}/i),
  },
  'NLB-8': {
    missing: 'no order ack came home in a new session to the source address',
    occurred: view =>
      did(view, 'order-ack-in-new-session') && view.acks.some(({ sent, astray }) => sent.direct && astray === null),
  },
  'NLB-9': { missing: 'no message was sent again for want of an order ack', occurred: view => did(view, 'resend') },
  'NLB-10': {
    missing: 'no resend was rejected and acknowledged again',
    occurred: view => did(view, 'duplicate-rejected') && did(view, 'acknowledged-again'),
  },
  'NLB-11': {
    missing: 'no order ack went to the balancer and on to the wrong machine',
    occurred: view =>
      view.run.gateway?.source === 'translate' && (ackLandedOn(view, 'no-sender') || ackLandedOn(view, 'other-sender')),
  },
  'NLB-12': {
    missing: 'no order ack reached another sender while delivered messages stayed in outgoing queues',
    occurred: view =>
      ackLandedOn(view, 'other-sender') &&
      view.senders.some(({ messages }) => messages.some(({ held, copies }) => held && copies > 0)),
  },
  'NLB-13': { missing: 'no resend reached another receiver', occurred: deliveredByTwoReceivers },
  'NLB-14': {
    missing: 'no receiver delivered a transaction in part',
    occurred: ({ run, senders }) => run.gateway !== null && senders.some(sender => tornTransactions(sender).length > 0),
  },
  'NLB-15': {
    missing: 'no receiver refused, for good, a message whose predecessor it lacks',
    occurred: view => checkSequenceStuck(view).length > 0,
  },
  'NLB-16': {
    missing: 'no order ack for a balanced node went where its source address had been presented to be',
    occurred: acksOfBalancedSenders,
  },
  'QMID-1': {
    missing: 'machines of one name, with QMIds of their own, did not each get their order acks',
    occurred: namesakesGotTheirAcks,
  },
  'QMID-2': {
    missing: 'no order ack was addressed by a cached row, or no row expired and was made anew',
    occurred: view => did(view, 'qmid-row-expired') && view.acks.some(({ sent }) => !sent.direct),
  },
  'QMID-3': {
    missing: 'no order ack for one clone went to another',
    occurred: view => ackLandedOn(view, 'clone'),
  },
  'QMID-4': {
    missing: 'no machine discarded an order ack for messages it does not have',
    occurred: ({ acks }) => acks.some(({ astray }) => astray !== null && astray.result !== 'matched'),
  },
  'QMID-5': {
    missing: 'no row of clones expired and was made anew with every order ack coming home',
    occurred: view => hasClones(view) && did(view, 'qmid-row-expired') && ownersGotTheirAcks(view),
  },
  'QMID-6': {
    missing: 'no outgoing queue of a clone stalled and then emptied',
    occurred: view => hasClones(view) && did(view, 'stalled-then-drained'),
  },
  'QMID-7': {
    missing: 'no clone lost a message, or gave one up whose order ack another had got',
    occurred: view => hasClones(view) && (cloneLostMessages(view) || cloneGaveUp(view)),
  },
  'QMID-8': {
    missing: 'order acks addressed by cached rows did not all come home to machines with QMIds of their own',
    occurred: view => !hasClones(view) && view.senders.length > 1 && ownersGotTheirAcks(view),
  },
}

/** What did not happen of what would prove it; null when the run proves it. */
export function unprovedReason(view: RunView, id: BehaviourId): string | null {
  const evidence = EVIDENCE[id]
  if (evidence === undefined) return 'nothing that a run records can show it yet'
  return evidence.occurred(view) ? null : evidence.missing
}

const did = (view: RunView, exercise: Exercise) => EXERCISE_DEFINITIONS[exercise].count(view) > 0

const OVER_HTTP = /^DIRECT=HTTP:\/\/\{(vip|cluster)\}/i

/** Senders of transactions over HTTP to the cluster, whose hosts are all of `role`. */
function transactionsOverHttp({ run, senders }: RunView, role: NodeRole): readonly SenderFacts[] {
  const { gateway, nodes } = run
  if (gateway?.protocol !== 'http') return []
  if (nodes.some(node => gateway.hosts.includes(node.name) && node.role !== role)) return []
  return senders.filter(
    ({ node: { load } }) => load?.delivery === 'transactional' && load.to.every(to => OVER_HTTP.test(to)),
  )
}

/** What came through two front ends at least is with one receiver: each message once, whole, in order, and done with. */
function transactionsThroughFrontEnds(view: RunView): boolean {
  const senders = transactionsOverHttp(view, 'front-end')
  return (
    senders.length > 0 &&
    senders.every(
      ({ messages, copiesAt }) =>
        messages.length > 0 && copiesAt.size === 1 && messages.every(({ copies, held }) => copies === 1 && !held),
    ) &&
    new Set(senders.flatMap(({ copiesAt }) => [...copiesAt.keys()])).size === 1 &&
    checkReordered(view).length === 0 &&
    did(view, 'forwarded-by-several') &&
    did(view, 'order-ack-matched')
  )
}

/** Duplicates, torn transactions, messages refused for good, or sent again and never acknowledged. */
function failed(view: RunView): boolean {
  return (
    deliveredByTwoReceivers(view) ||
    view.senders.some(sender => tornTransactions(sender).length > 0) ||
    checkSequenceStuck(view).length > 0 ||
    (did(view, 'resend') && view.senders.some(({ messages }) => messages.some(({ held }) => held)))
  )
}

/** Exactly one copy of each message of the senders that sent nothing else; the balancer had connections. */
function plainMessagesArrivedOnce({ run, senders }: RunView, destination: RegExp): boolean {
  const plain = senders.filter(
    ({ node: { load } }) => load?.delivery !== 'transactional' && load?.to.every(to => destination.test(to)),
  )
  return (
    balancedHosts(run).size > 0 &&
    plain.some(({ messages }) => messages.length > 0) &&
    plain.every(({ messages }) => messages.every(({ copies }) => copies === 1))
  )
}

/** A session to the cluster for a name that is not direct was turned away, and nothing that was sent so arrived. */
function refusedAtTheHandshake({ run, senders }: RunView): boolean {
  const { gateway } = run
  const indirect = senders.filter(({ node: { load } }) => load?.to.every(to => /^P(RIVATE|UBLIC)=/i.test(to)))
  return (
    gateway !== null &&
    eventsOf(run, 'session-closed').some(
      ({ node, queue, reason }) =>
        reason === 'refused by the peer' &&
        queue !== null &&
        goesTo(gateway, queue) &&
        indirect.some(sender => sender.node.name === node),
    ) &&
    indirect.every(({ messages }) => messages.every(({ copies }) => copies === 0))
  )
}

/** Balanced nodes that send: behind source translation all their order acks go to the cluster, otherwise to themselves. */
function acksOfBalancedSenders({ run, acks }: RunView): boolean {
  const { gateway, nodes } = run
  if (gateway === null) return false
  const balanced = nodes.filter(({ name, sender }) => sender !== null && gateway.hosts.includes(name))
  const own = acks.filter(({ owners }) => owners.some(owner => balanced.some(({ name }) => name === owner)))
  return (
    own.length > 0 &&
    own.every(({ sent, owners }) => {
      const { address } = balanced.find(({ name }) => owners.includes(name)) ?? gateway
      return sent.sessionPeer === (gateway.source === 'translate' ? gateway.address : address)
    })
  )
}

/** By the cache, which knows QMIds and no names. */
function namesakesGotTheirAcks(view: RunView): boolean {
  const nameOf = ({ name, computerName }: RunNode) => computerName ?? name
  const senders = view.senders.map(({ node }) => node)
  const namesakes = senders.filter(node =>
    senders.some(other => other !== node && nameOf(other) === nameOf(node) && other.guid !== node.guid),
  )
  return (
    namesakes.length > 1 &&
    ownersGotTheirAcks(view) &&
    namesakes.every(({ name }) => view.acks.some(({ sent, owners }) => !sent.direct && owners.includes(name)))
  )
}

/** Accepted, done with, and delivered by nobody. */
function cloneLostMessages({ run, senders }: RunView): boolean {
  return senders.some(({ node, messages }) => isClone(run, node) && messages.countOf('lost') > 0)
}

function cloneGaveUp(view: RunView): boolean {
  const { run } = view
  const misled = view.acks.filter(isAstray).filter(journey => landingKind(view, journey) === 'clone')
  return eventsOf(run, 'dead-lettered').some(({ node }) => misled.some(({ owners }) => owners.includes(node)))
}

const isClone = ({ nodes }: RunRecord, { guid }: RunNode) => nodes.filter(other => other.guid === guid).length > 1

function ackLandedOn(view: RunView, kind: LandingKind): boolean {
  return view.acks.filter(isAstray).some(journey => landingKind(view, journey) === kind)
}

function deliveredByTwoReceivers({ run, senders }: RunView): boolean {
  return (
    run.gateway !== null &&
    senders.some(({ messages, copiesAt }) =>
      messages.some(({ number }) => [...copiesAt.values()].filter(copies => (copies[number - 1] ?? 0) > 0).length > 1),
    )
  )
}

const hasClones = ({ run }: RunView) => new Set(run.nodes.map(({ guid }) => guid)).size < run.nodes.length

/** Order acks that the cache addressed, none astray and at least one of them home. */
function ownersGotTheirAcks({ acks }: RunView): boolean {
  const cached = acks.filter(({ sent }) => !sent.direct)
  return acks.every(({ astray }) => astray === null) && cached.some(({ landings }) => landings.length > 0)
}
