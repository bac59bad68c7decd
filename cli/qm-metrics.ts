import { messageClassName } from '../protocol/message-class.js'
import type { Counters } from '../queue-manager/counters.js'
import type { LocalQueueView, OutgoingQueueView } from '../queue-manager/queue-manager.js'
import type { Settings } from '../queue-manager/settings.js'
import { MetricsText, type MetricType } from '../transport/metrics-text.js'
import type { StoreMeter } from './qm-store-meter.js'

/** What `GET /metrics` tells of a queue manager. */
export interface MetricsSource {
  readonly engine: {
    readonly name: string
    readonly guid: string
    readonly counters: Counters
    readonly settings: Settings
    localQueues(): LocalQueueView[]
    outgoingQueues(): OutgoingQueueView[]
  }
  readonly driver: { readonly counters: Readonly<Record<'acceptErrors' | 'connectionsOverLimit', number>> }
  readonly store: StoreMeter
  readonly version: string
  readonly startedMs: number
}

/** Queues with a series of their own; what all further ones hold together has `queue="(others)"`. */
export const QUEUE_SERIES_MAX = 1_000
const OTHERS = '(others)'

/** Counters that tell what is now; all others only rise. */
const GAUGES: ReadonlySet<string> = new Set(['outgoingMessages', 'messageBytes', 'systemBytes', 'expressHeld'])
/** Told by a label instead. */
const LABELLED: ReadonlySet<string> = new Set([
  'adminAcksSent',
  'adminAcksByClass',
  'discardedByReason',
  'httpAnswersByStatus',
  'httpStatusesGiven',
])

const HELP: Partial<Record<keyof Counters, string>> = {
  connectionsAccepted: 'TCP connections accepted.',
  connectionsClosedBeforeHandshake: 'Accepted connections that ended before they were a session.',
  sessionsOpened: 'Sessions opened, in both directions.',
  sessionsClosed: 'Sessions closed, in both directions.',
  sessionsRefused: 'Sessions refused by either side in the handshake.',
  connectFailures: 'Attempts to open a session that failed.',
  malformedPackets: 'Packets that do not follow the specification; each closed its session.',
  quotaCloses: 'Sessions closed because a message had no room on this machine.',
  sessionAcksSent: 'SessionAck packets sent.',
  sessionAcksReceived: 'SessionAck packets received.',
  httpPosts: 'Messages posted over HTTP, again and again where they had to be.',
  httpRequests: 'Requests that came in over HTTP.',
  malformedRequests: 'Requests over HTTP that are no message; each got status 400.',
  forwarded: 'Messages for other machines that came over HTTP and were taken to be sent on.',
  orderAcksSent: 'Order acknowledgements sent; over HTTP these are stream receipts.',
  orderAcksReceived: 'Order acknowledgements received; over HTTP these are stream receipts.',
  orderAcksUnmatched: 'Order acknowledgements that are for nothing of ours.',
  finalAcksSent: 'Final acknowledgements sent; over HTTP these are final stream receipts.',
  finalAcksReceived: 'Final acknowledgements received; over HTTP these are final stream receipts.',
  delivered: 'Messages put into local queues.',
  duplicatesRejected: 'Messages that had arrived before.',
  resends: 'Transactional messages sent again for want of an order acknowledgement.',
  deadLettered: 'Messages put into a dead-letter queue.',
  expressLost: 'Express messages that a former run held and this one does not have.',
  expressHeld: 'Express messages held: what a crash would lose.',
  outgoingMessages: 'Messages in all outgoing queues.',
  messageBytes: 'Bytes of messages held, in outgoing and local queues; without those of system queues.',
  systemBytes: 'Bytes of messages held in journals, dead-letter and other system queues.',
}

export function metricsText({ engine, driver, store, version, startedMs }: MetricsSource): string {
  const text = new MetricsText()
  const { counters } = engine
  text
    .family('mqlab_info', 'gauge', 'What runs: always 1.')
    .sample(1, { version, name: engine.name, guid: engine.guid })
  text.single('mqlab_start_time_seconds', 'gauge', 'When the queue manager was started, Unix time.', startedMs / 1000)
  localQueues(text, engine.localQueues())
  outgoingQueues(text, engine.outgoingQueues())
  text.single(
    'mqlab_machine_quota_bytes',
    'gauge',
    'Bytes of messages that this queue manager holds at most (setting MachineQuota).',
    engine.settings.MachineQuota * 1024,
  )
  text.single(
    'mqlab_sessions',
    'gauge',
    'Sessions open now, in both directions.',
    counters.sessionsOpened - counters.sessionsClosed,
  )
  byLabel(
    text,
    'mqlab_admin_acks_total',
    'counter',
    'Administration acknowledgements sent, by message class.',
    'class',
    Object.entries(counters.adminAcksByClass).map(([code, count]) => [messageClassName(Number(code)), count]),
  )
  byLabel(
    text,
    'mqlab_discarded_total',
    'counter',
    'Messages not put into a queue, by reason.',
    'reason',
    Object.entries(counters.discardedByReason),
  )
  byLabel(
    text,
    'mqlab_http_posts_answered_total',
    'counter',
    'Answers to messages posted over HTTP, by status.',
    'status',
    Object.entries(counters.httpAnswersByStatus),
  )
  byLabel(
    text,
    'mqlab_http_requests_answered_total',
    'counter',
    'Answers to requests that came in over HTTP, by status.',
    'status',
    Object.entries(counters.httpStatusesGiven),
  )
  for (const [counter, value] of Object.entries(counters)) {
    if (LABELLED.has(counter) || typeof value !== 'number') continue
    const gauge = GAUGES.has(counter)
    const name = `mqlab_${snakeCase(counter)}${gauge ? '' : '_total'}`
    text.single(name, gauge ? 'gauge' : 'counter', HELP[counter as keyof Counters] ?? wordsOf(counter), value)
  }
  for (const [counter, value] of Object.entries(driver.counters))
    text.single(`mqlab_${snakeCase(counter)}_total`, 'counter', wordsOf(counter), value)
  store.writeTo(text)
  processMemory(text)
  return text.toString()
}

/** One series: a queue by its name, or all those that have none of their own. */
interface Series<Queue> {
  readonly name: string
  readonly queues: readonly Queue[]
}

function localQueues(text: MetricsText, queues: readonly LocalQueueView[]): void {
  const series = seriesOf(
    queues,
    queue => queue.name,
    ({ messages, journalMessages }) => messages + journalMessages,
  )
  text.single('mqlab_queues', 'gauge', 'Local queues, system queues included.', queues.length)
  const gauges: readonly [name: string, help: string, of: (queue: LocalQueueView) => number][] = [
    ['mqlab_queue_messages', 'Messages in a local queue.', queue => queue.messages],
    ['mqlab_queue_bytes', 'Bytes of messages in a local queue.', queue => queue.bytes],
    ['mqlab_queue_journal_messages', "Messages in a local queue's journal.", queue => queue.journalMessages],
    ['mqlab_queue_journal_bytes', "Bytes of messages in a local queue's journal.", queue => queue.journalBytes],
  ]
  for (const [name, help, of] of gauges) writeSeries(text, name, help, series, of)
  const limits: readonly [name: string, help: string, of: (queue: LocalQueueView) => number | null][] = [
    ['mqlab_queue_quota_bytes', 'Quota of a local queue that has one.', ({ quotaKB }) => quotaKB],
    [
      'mqlab_queue_journal_quota_bytes',
      'Quota of the journal of a local queue that has one.',
      ({ journalQuotaKB }) => journalQuotaKB,
    ],
  ]
  for (const [name, help, of] of limits) {
    const family = text.family(name, 'gauge', help)
    for (const { name: queue, queues } of series) {
      const quotaKB = queues.length === 1 ? of(queues[0]!) : null
      if (quotaKB !== null) family.sample(quotaKB * 1024, { queue })
    }
  }
}

function outgoingQueues(text: MetricsText, queues: readonly OutgoingQueueView[]): void {
  const series = seriesOf(
    queues,
    ({ formatName }) => formatName,
    ({ messages }) => messages,
  )
  const states = new Map<string, number>()
  for (const { state } of queues) states.set(state, (states.get(state) ?? 0) + 1)
  byLabel(text, 'mqlab_outgoing_queues', 'gauge', 'Outgoing queues, by state.', 'state', states)
  const state = text.family(
    'mqlab_outgoing_queue_state',
    'gauge',
    'State of an outgoing queue: 1 for the one it is in.',
  )
  for (const { name: queue, queues } of series)
    if (queue !== OTHERS) state.sample(1, { queue, state: queues[0]!.state })
  const gauges: readonly [name: string, help: string, of: (queue: OutgoingQueueView) => number][] = [
    ['mqlab_outgoing_queue_messages', 'Messages in an outgoing queue.', ({ messages }) => messages],
    ['mqlab_outgoing_queue_bytes', 'Bytes of messages in an outgoing queue.', ({ bytes }) => bytes],
    [
      'mqlab_outgoing_queue_in_flight',
      'Messages sent to the destination and without its session ack.',
      ({ inFlight }) => inFlight,
    ],
    [
      'mqlab_outgoing_queue_unacknowledged',
      'Transactional messages in an outgoing queue without their order ack.',
      ({ unacknowledged }) => unacknowledged,
    ],
    [
      'mqlab_outgoing_queue_resend_stage',
      'Expiries of the resend timer since the last progress.',
      ({ resendStage }) => resendStage,
    ],
  ]
  for (const [name, help, of] of gauges) writeSeries(text, name, help, series, of)
}

/** The fullest queues by themselves, the rest together: names come from peers too, and a scrape must stay small. */
function seriesOf<Queue>(
  queues: readonly Queue[],
  nameOf: (queue: Queue) => string,
  messagesOf: (queue: Queue) => number,
): Series<Queue>[] {
  const own = (queue: Queue) => ({ name: nameOf(queue), queues: [queue] })
  if (queues.length <= QUEUE_SERIES_MAX) return queues.map(own)
  const fullest = [...queues].sort((a, b) => messagesOf(b) - messagesOf(a))
  return [...fullest.slice(0, QUEUE_SERIES_MAX).map(own), { name: OTHERS, queues: fullest.slice(QUEUE_SERIES_MAX) }]
}

function writeSeries<Queue>(
  text: MetricsText,
  name: string,
  help: string,
  series: readonly Series<Queue>[],
  of: (queue: Queue) => number,
): void {
  const family = text.family(name, 'gauge', help)
  for (const { name: queue, queues } of series)
    family.sample(
      queues.reduce((sum, one) => sum + of(one), 0),
      { queue },
    )
}

export function byLabel(
  text: MetricsText,
  name: string,
  type: MetricType,
  help: string,
  label: string,
  values: Iterable<readonly [string, number]>,
): void {
  const family = text.family(name, type, help)
  for (const [key, value] of values) family.sample(value, { [label]: key })
}

/** What every process tells of itself. */
export function processMemory(text: MetricsText): void {
  const { rss, heapUsed, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  text.single('process_resident_memory_bytes', 'gauge', 'Resident memory of the process.', rss)
  text.single('nodejs_heap_size_used_bytes', 'gauge', 'Memory that JavaScript objects take.', heapUsed)
  text.single('nodejs_external_memory_bytes', 'gauge', 'Memory of buffers and the like.', external)
  text.single('process_cpu_seconds_total', 'counter', 'Processor time taken.', (user + system) / 1e6)
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** `connectFailures` as "Connect failures." */
function wordsOf(name: string): string {
  const words = snakeCase(name).replaceAll('_', ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`
}
