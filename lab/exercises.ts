import { MessageClass } from '../protocol/message-class.js'
import { balancedHosts } from './balanced-hosts.js'
import { tornTransactions } from './checkers/incomplete-transaction.js'
import { isAstray, landingKind } from './checkers/misrouted-ack.js'
import type { RunView } from './finding.js'
import { groupBy } from './group-by.js'
import { eventsOf, type FaultEvent } from './history.js'
import { distinctDiscards } from './message-facts.js'
import { EXERCISES, type Exercise } from './scenario-schema.js'

export interface ExerciseDefinition {
  /** What has to have happened, for people. */
  readonly meaning: string
  /** How often it did. */
  readonly count: (view: RunView) => number
}

const TIMEOUTS: ReadonlySet<number> = new Set([
  MessageClass.NACK_REACH_QUEUE_TIMEOUT,
  MessageClass.NACK_RECEIVE_TIMEOUT,
])

/** What a scenario can demand to have happened. A run in which it did not is vacuous: it passed by silence. */
export const EXERCISE_DEFINITIONS: Readonly<Record<Exercise, ExerciseDefinition>> = {
  'order-ack-sent': { meaning: 'a receiver sent an order ack', count: ({ acks }) => acks.length },
  'order-ack-matched': {
    meaning: 'an order ack found the messages that it acknowledges',
    count: ({ run }) => eventsOf(run, 'order-ack-received').filter(({ result }) => result === 'matched').length,
  },
  'order-ack-in-new-session': {
    meaning: 'an order ack came home in a session that the receiver had opened',
    count: acksInNewSessions,
  },
  'order-ack-misrouted': {
    meaning: 'an order ack landed on the wrong machine',
    count: ({ acks }) => acks.filter(isAstray).length,
  },
  'order-ack-to-wrong-sender': {
    meaning: 'an order ack landed on another sender',
    count: view => view.acks.filter(isAstray).filter(journey => landingKind(view, journey) === 'other-sender').length,
  },
  resend: {
    meaning: 'the resend timer fired with messages unacknowledged',
    count: ({ run }) => eventsOf(run, 'resend').length,
  },
  'resend-in-new-session': { meaning: 'a message was sent again in another session', count: resendsInNewSessions },
  'duplicate-rejected': {
    meaning: 'a receiver rejected a message that it had logged before',
    count: ({ run }) =>
      eventsOf(run, 'discarded').filter(({ reason, tx }) => reason === 'duplicate' && tx !== null).length,
  },
  'acknowledged-again': { meaning: 'a receiver acknowledged the same number again', count: repeatedAcks },
  'middle-of-sequence': {
    meaning: 'a receiver refused a message whose predecessor it lacks',
    count: ({ run }) => distinctDiscards(run, new Set(['middle-of-sequence', 'hole'] as const)).length,
  },
  'name-validation': {
    meaning: 'a receiver discarded a message for a machine name that is not its own',
    count: ({ run }) => distinctDiscards(run, new Set(['name-validation'] as const)).length,
  },
  'dead-letter': {
    meaning: 'a message went to a dead-letter queue',
    count: ({ run }) => eventsOf(run, 'dead-lettered').length,
  },
  'negative-ack': { meaning: 'a sender got a negative acknowledgement', count: negativeAcks },
  balanced: { meaning: 'the gateway used more than one receiver', count: hostsBeyondTheFirst },
  'connection-cut': {
    meaning: 'the gateway cut a connection',
    count: ({ run }) => eventsOf(run, 'gateway-closed').filter(({ closed }) => closed.manner === 'cut').length,
  },
  'transaction-over-several-receivers': {
    meaning: 'the messages of one transaction were delivered by several receivers',
    count: ({ senders }) => senders.flatMap(tornTransactions).filter(({ at }) => at.length > 1).length,
  },
  'qmid-cached': { meaning: 'a row QMId -> address was made', count: view => cacheChanges(view, 'new') },
  'qmid-row-held': {
    meaning: 'a row QMId -> address stood against a message from another address',
    count: view => cacheChanges(view, 'kept-other'),
  },
  'qmid-row-expired': { meaning: 'a row QMId -> address was made anew after it had expired', count: rowsMadeAnew },
  'stalled-then-drained': {
    meaning: 'acks of a sender went astray, and in the end it holds nothing',
    count: stalledThenDrained,
  },
  forwarded: {
    meaning: 'a front end took a message to pass it on',
    count: ({ run }) => eventsOf(run, 'forwarded').length,
  },
  'forwarded-by-several': {
    meaning: 'more than one front end had messages to pass on',
    count: ({ run }) => Math.max(0, new Set(eventsOf(run, 'forwarded').map(({ node }) => node)).size - 1),
  },
  'sequence-over-several-receivers': {
    meaning: 'the messages of one sequence reached several receivers',
    count: sequencesOverSeveralReceivers,
  },
  'machine-restarted': {
    meaning: 'a machine ended and came back with what was on its disk',
    count: ({ run }) => faults(run, ['started']),
  },
  'host-left': { meaning: 'a host left the cluster', count: ({ run }) => faults(run, ['left', 'draining']) },
  'machine-paused': { meaning: 'a machine stood still for a while', count: ({ run }) => faults(run, ['paused']) },
  'clock-set': { meaning: 'the clock of a machine was set', count: ({ run }) => faults(run, ['clock-set']) },
  'link-changed': {
    meaning: 'a link became worse, or parted its ends',
    count: ({ run }) => faults(run, ['link-changed', 'link-parted']),
  },
  'disk-ill': {
    meaning: 'a disk was full, failing, slow, unreadable or lying',
    count: ({ run }) => faults(run, ['disk-ill']),
  },
  'fault-struck': {
    meaning: 'a fault by meaning struck at a packet or a machine',
    count: ({ run }) => eventsOf(run, 'injected').length,
  },
  expired: {
    meaning: 'the time of a message ran out where it was sent, on its way or in a queue',
    count: expiries,
  },
  'answer-dropped': {
    meaning: 'the gateway kept the answer to a request from its client',
    count: ({ run }) => eventsOf(run, 'gateway-request').filter(({ request }) => request.outcome === 'dropped').length,
  },
  'reached-itself': {
    meaning: 'every host that sent to the cluster delivered its own messages itself',
    count: hostsThatReachedThemselves,
  },
}

/** An entry of a verdict's `vacuous`, for people. */
export function vacuousText(entry: string): string {
  const exercise = EXERCISES.find(name => name === entry)
  return exercise === undefined
    ? `not proved: ${entry}`
    : `never happened: ${EXERCISE_DEFINITIONS[exercise].meaning} (${exercise})`
}

function acksInNewSessions({ run }: RunView): number {
  const accepted = new Set(
    eventsOf(run, 'session-open')
      .filter(({ role }) => role === 'acceptor')
      .map(({ node, connection }) => `${node} ${connection}`),
  )
  return eventsOf(run, 'order-ack-received').filter(
    ({ node, connection, result }) => result === 'matched' && accepted.has(`${node} ${connection}`),
  ).length
}

function resendsInNewSessions({ run }: RunView): number {
  const connections = new Map<string, number>()
  let count = 0
  for (const { node, queue, messageId, connection } of eventsOf(run, 'sent')) {
    const key = `${node} ${queue} ${messageId}`
    const before = connections.get(key)
    if (before !== undefined && before !== connection) count++
    connections.set(key, connection)
  }
  return count
}

function repeatedAcks({ acks }: RunView): number {
  const same = groupBy(
    acks,
    ({ sent }) => `${sent.node} ${sent.forSource} ${sent.sequence} ${sent.number} ${sent.destination}`,
  )
  return [...same.values()].reduce((sum, group) => sum + group.length - 1, 0)
}

function negativeAcks({ run }: RunView): number {
  const queues = new Map(run.nodes.map(({ name, load }) => [name, load?.negativeAcksTo?.toLowerCase()]))
  return eventsOf(run, 'arrived').filter(({ node, queue }) => queue.toLowerCase() === queues.get(node)).length
}

function hostsBeyondTheFirst({ run }: RunView): number {
  return Math.max(0, balancedHosts(run).size - 1)
}

function cacheChanges({ run }: RunView, wanted: 'new' | 'kept-other'): number {
  return eventsOf(run, 'qmid-cached').filter(({ change }) => change === wanted).length
}

function rowsMadeAnew({ run }: RunView): number {
  const made = eventsOf(run, 'qmid-cached').filter(({ change }) => change === 'new')
  return made.length - new Set(made.map(({ node, guid }) => `${node} ${guid}`)).size
}

function sequencesOverSeveralReceivers({ run }: RunView): number {
  const reached = [...eventsOf(run, 'arrived'), ...eventsOf(run, 'discarded')].filter(({ tx }) => tx !== null)
  const bySequence = groupBy(reached, ({ source, tx }) => `${source} ${tx?.sequence}`)
  return [...bySequence.values()].filter(events => new Set(events.map(({ node }) => node)).size > 1).length
}

/** 0 when one of them reached another. */
function hostsThatReachedThemselves({ run, senders }: RunView): number {
  const own = senders.filter(({ node }) => run.gateway?.hosts.includes(node.name))
  return own.every(({ node, copiesAt }) => [...copiesAt.keys()].every(at => at === node.name)) ? own.length : 0
}

function expiries({ run }: RunView): number {
  const outOfTime = ({ messageClass }: { readonly messageClass: number }) => TIMEOUTS.has(messageClass)
  return (
    eventsOf(run, 'discarded').filter(({ reason }) => reason === 'expired').length +
    eventsOf(run, 'given-up').filter(outOfTime).length +
    eventsOf(run, 'removed').filter(outOfTime).length
  )
}

function faults(run: RunView['run'], wanted: readonly FaultEvent['fault'][]): number {
  return eventsOf(run, 'fault').filter(({ fault }) => wanted.includes(fault)).length
}

function stalledThenDrained({ run, senders, acks }: RunView): number {
  return senders.filter(({ node, messages }) => {
    const firstAstray = acks.find(journey => isAstray(journey) && journey.owners.includes(node.name))?.sent.atMs
    if (firstAstray === undefined || messages.some(({ held }) => held)) return false
    return eventsOf(run, 'order-ack-received').some(
      ack => ack.node === node.name && ack.result === 'matched' && ack.atMs >= firstAstray,
    )
  }).length
}
