import { ackJourneys } from './ack-journeys.js'
import { unprovedReason } from './behaviour-evidence.js'
import type { BehaviourId } from './behaviours.js'
import { tornTransactions } from './checkers/incomplete-transaction.js'
import { CHECKERS } from './checkers/index.js'
import { isAstray } from './checkers/misrouted-ack.js'
import { DISAGREEMENT } from './checkers/mqlab-disagrees.js'
import { EXERCISE_DEFINITIONS } from './exercises.js'
import type { Finding, RunView } from './finding.js'
import { eventsOf, queueManagerReport, type RunRecord } from './history.js'
import { distinctDiscards, messageFacts, type SenderFacts } from './message-facts.js'
import type { NodeRole } from './scenario-nodes.js'
import { EXPECTED_COUNTS, type Expectation, type ExpectedCount } from './scenario-schema.js'

/** Totals of a run. Messages are those of the workloads; acknowledgements are no messages here. */
export interface VerdictCounts {
  /** Offered by applications to their queue managers. */
  readonly sent: number
  readonly accepted: number
  /** Nobody can tell their fate: the sender got no answer, or a node that could tell has died. */
  readonly unknown: number
  /** Distinct messages that an application received. */
  readonly delivered: number
  /** Accepted and never delivered after the drain, in no outgoing queue, not dead-lettered. */
  readonly lost: number
  /** Distinct messages delivered more than once, by one receiver or by several. */
  readonly duplicated: number
  /** Copies beyond the first. */
  readonly duplicateCopies: number
  readonly reordered: number
  /** In a sender's outgoing queue after the drain, delivered or not. */
  readonly unacknowledged: number
  /** In a front end's outgoing queue after the drain, not passed on yet. */
  readonly waitingAtFrontEnds: number
  /** Transactions of which some receiver delivered a part. */
  readonly incompleteTransactions: number
  /** Order acks that landed on a machine whose messages they do not acknowledge. */
  readonly misroutedAcks: number
  readonly discardedByNameValidation: number
  readonly deadLettered: number
}

export interface ReceiverRow {
  /** Messages that its application received, copies included. */
  readonly delivered: number
  readonly duplicateCopies: number
  readonly reordered: number
  readonly orderAcksSent: number
  /** Order acks for others that landed here. */
  readonly acksOfOthers: number
  /** Messages not put into a queue, by reason. */
  readonly discarded: Readonly<Record<string, number>>
  /** Messages that are not of a workload, or whose body is damaged. */
  readonly foreign: number
  readonly partial: boolean
}

export interface FrontEndRow {
  /** Messages taken to be passed on, repetitions included. */
  readonly forwarded: number
  /** In its outgoing queues at the end. */
  readonly waiting: number
  readonly deadLettered: number
  /** Requests answered with a status of 400 or 500. */
  readonly refused: number
  /** How often it started again. */
  readonly restarts: number
  readonly partial: boolean
}

export interface SenderRow {
  readonly sent: number
  readonly accepted: number
  readonly refused: number
  readonly unknown: number
  readonly delivered: number
  readonly unacknowledged: number
  readonly lost: number
  /** Order acks for messages of its own. */
  readonly orderAcksMatched: number
  /** Order acks for others that landed here. */
  readonly acksOfOthers: number
  readonly resends: number
  readonly deadLettered: number
  readonly partial: boolean
}

export interface UnmetExpectation {
  readonly count: ExpectedCount
  readonly expected: Expectation
  readonly actual: number
}

/** The outcome of a run, as `mqlab run --json` prints it. */
export interface Verdict {
  readonly scenario: string
  readonly world: string
  readonly seed: number
  /** Those that the scenario claims and this run proved. */
  readonly behaviours: readonly BehaviourId[]
  /** Each expectation met, everything exercised that should be, no node died, and mqlab does not contradict itself. */
  readonly asExpected: boolean
  readonly counts: VerdictCounts
  readonly receivers: Readonly<Record<string, ReceiverRow>>
  readonly frontEnds: Readonly<Record<string, FrontEndRow>>
  readonly senders: Readonly<Record<string, SenderRow>>
  readonly findings: readonly Finding[]
  /** Exercises of the scenario that never happened; and behaviours not proved, as `NLB-13: no resend reached …`. */
  readonly vacuous: readonly string[]
  readonly unmet: readonly UnmetExpectation[]
  readonly durationMs: number
}

export function createRunView(run: RunRecord): RunView {
  return { run, senders: messageFacts(run), acks: ackJourneys(run) }
}

export function createVerdict(view: RunView): Verdict {
  const { run } = view
  const { scenario } = run
  const counts = countAll(view)
  const unmet = EXPECTED_COUNTS.flatMap((count): UnmetExpectation[] => {
    const expected = scenario.expect[count]
    if (expected === undefined || meets(counts[count], expected, counts.sent)) return []
    return [{ count, expected, actual: counts[count] }]
  })
  const findings = CHECKERS.flatMap(check => check(view))
  const claims = scenario.behaviours.map(id => ({ id, unproved: unprovedReason(view, id) }))
  const vacuous = [
    ...scenario.exercises.filter(exercise => EXERCISE_DEFINITIONS[exercise].count(view) === 0),
    ...claims.flatMap(({ id, unproved }) => (unproved === null ? [] : [`${id}: ${unproved}`])),
  ]
  return {
    scenario: scenario.scenario,
    world: run.world,
    seed: run.seed,
    behaviours: claims.filter(({ unproved }) => unproved === null).map(({ id }) => id),
    asExpected:
      unmet.length === 0 &&
      vacuous.length === 0 &&
      run.deaths.length === 0 &&
      findings.every(({ id }) => id !== DISAGREEMENT),
    counts,
    receivers: rowsOf('receiver', name => receiverRow(view, name)),
    frontEnds: rowsOf('front-end', name => frontEndRow(view, name)),
    senders: Object.fromEntries(view.senders.map(sender => [sender.node.name, senderRow(view, sender)])),
    findings,
    vacuous,
    unmet,
    durationMs: Math.round(run.endedMs - run.startedMs),
  }

  function rowsOf<Row>(wanted: NodeRole, row: (name: string) => Row): Record<string, Row> {
    return Object.fromEntries(run.nodes.filter(({ role }) => role === wanted).map(({ name }) => [name, row(name)]))
  }
}

/** `all` means every message sent. */
export function meets(actual: number, expected: Expectation, sent: number): boolean {
  if (typeof expected === 'number') return actual === expected
  if (expected === 'all') return actual === sent && sent > 0
  const [, comparison, text] = /^(>=|>|<=|<)\s*(\d+)$/.exec(expected) ?? []
  const bound = Number(text)
  switch (comparison) {
    case '>=':
      return actual >= bound
    case '>':
      return actual > bound
    case '<=':
      return actual <= bound
    case '<':
      return actual < bound
    default:
      throw new RangeError(`${expected} is no comparison`)
  }
}

function countAll(view: RunView): VerdictCounts {
  const { run, senders, acks } = view
  const sum = (ofSender: (messages: SenderFacts['messages']) => number) =>
    senders.reduce((total, { messages }) => total + ofSender(messages), 0)
  return {
    sent: sum(({ length }) => length),
    accepted: sum(messages => messages.count(({ accepted }) => accepted)),
    unknown: sum(messages => messages.countOf('unknown')),
    delivered: sum(messages => messages.countOf('delivered')),
    lost: sum(messages => messages.countOf('lost')),
    duplicated: sum(messages => messages.count(({ copies }) => copies > 1)),
    duplicateCopies: sum(({ duplicateCopies }) => duplicateCopies),
    reordered: run.nodes.reduce((sum, { name }) => sum + reorderedAt(run, name), 0),
    unacknowledged: sum(messages => messages.count(({ held }) => held)),
    waitingAtFrontEnds: sum(messages => messages.count(({ waitingAt }) => waitingAt.length > 0)),
    incompleteTransactions: senders.reduce((sum, sender) => sum + tornTransactions(sender).length, 0),
    misroutedAcks: acks.filter(isAstray).length,
    discardedByNameValidation: distinctDiscards(run, new Set(['name-validation'] as const)).length,
    deadLettered: eventsOf(run, 'dead-lettered').length,
  }
}

function receiverRow({ run, acks }: RunView, name: string): ReceiverRow {
  const report = queueManagerReport(run, name)
  const ledger = report?.receiver
  const discarded: Record<string, number> = {}
  for (const event of eventsOf(run, 'discarded')) {
    if (event.node === name) discarded[event.reason] = (discarded[event.reason] ?? 0) + 1
  }
  return {
    delivered: ledger?.senders.reduce((sum, row) => sum + row.delivered + row.duplicateCopies, 0) ?? 0,
    duplicateCopies: ledger?.senders.reduce((sum, row) => sum + row.duplicateCopies, 0) ?? 0,
    reordered: reorderedAt(run, name),
    orderAcksSent: acks.filter(({ sent }) => sent.node === name).length,
    acksOfOthers: acks.filter(({ astray }) => astray?.node === name).length,
    discarded,
    foreign: (ledger?.foreign ?? 0) + (ledger?.bodyFailures ?? 0),
    partial: report?.partial ?? true,
  }
}

function frontEndRow({ run, senders }: RunView, name: string): FrontEndRow {
  const own = <Event extends { node: string }>(events: readonly Event[]) => events.filter(event => event.node === name)
  return {
    forwarded: own(eventsOf(run, 'forwarded')).length,
    waiting: senders.reduce(
      (sum, { messages }) => sum + messages.count(({ waitingAt }) => waitingAt.includes(name)),
      0,
    ),
    deadLettered: own(eventsOf(run, 'dead-lettered')).length,
    refused: own(eventsOf(run, 'http-refused')).length,
    restarts: own(eventsOf(run, 'fault')).filter(({ fault }) => fault === 'started').length,
    partial: queueManagerReport(run, name)?.partial ?? true,
  }
}

function senderRow({ run, acks }: RunView, { node, ledger, messages, sent, partial }: SenderFacts): SenderRow {
  const own = <Event extends { node: string }>(events: readonly Event[]) =>
    events.filter(event => event.node === node.name)
  return {
    sent,
    accepted: ledger?.accepted ?? 0,
    refused: ledger?.refused ?? 0,
    unknown: messages.countOf('unknown'),
    delivered: messages.countOf('delivered'),
    unacknowledged: messages.count(({ held }) => held),
    lost: messages.countOf('lost'),
    orderAcksMatched: own(eventsOf(run, 'order-ack-received')).filter(({ result }) => result === 'matched').length,
    acksOfOthers: acks.filter(({ astray }) => astray?.node === node.name).length,
    resends: own(eventsOf(run, 'resend')).length,
    deadLettered: own(eventsOf(run, 'dead-lettered')).length,
    partial,
  }
}

function reorderedAt(run: RunRecord, node: string): number {
  return queueManagerReport(run, node)?.receiver?.senders.reduce((sum, row) => sum + row.outOfOrder, 0) ?? 0
}
