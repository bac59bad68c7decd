import { buildUserMessage, type QueueNameSpec, type TransactionSpec } from '../protocol/binary/build.js'
import { MessageHead } from '../protocol/binary/message-head.js'
import {
  createMqfAddressHeader,
  createMultiQueueFormatHeader,
  MQF_FORMAT_TYPE,
  MQF_HEADER_ID,
  type MqfElement,
  type MultiQueueFormatHeader,
} from '../protocol/binary/multi-queue-format-header.js'
import { QUEUE_TYPE } from '../protocol/binary/queue-name.js'
import { OptionError } from '../protocol/errors.js'
import { directWireName, type FormatName, formatNameText, isHttp, parseFormatName } from '../protocol/format-name.js'
import type { Guid } from '../protocol/guid.js'
import { MessageClass } from '../protocol/message-class.js'
import type { MqErrorName } from '../protocol/mq-error.js'
import { wallSeconds } from './clock.js'
import type { Context } from './context.js'
import { createOutgoingMessage, OUTGOING_FLAGS, type OutgoingMessage } from './outgoing-message.js'
import type { Target } from './outgoing-targets.js'
import { isSecurityWanted, type SecurityRequest } from './security/security-request.js'

const INFINITE_S = 0xffffffff
const DEFAULT_PRIORITY = 3
const NO_BODY = Buffer.alloc(0)

/** A message as an application gives it. Sizes in bytes, times in seconds; see [MS-MQDMPR] 3.1.1.12. */
export interface MessageToSend extends SecurityRequest {
  /** Format name, such as `DIRECT=TCP:127.0.1.9\private$\orders`; or several, separated by commas: each gets a copy. */
  readonly destination: string
  readonly body: Buffer
  readonly label?: string
  /** Ignored in transactions, which are recoverable. Default express. */
  readonly delivery?: 'express' | 'recoverable'
  /** 0..7, default 3; 0 in transactions. */
  readonly priority?: number
  /** Default and cap LongLiveTime. */
  readonly timeToReachQueueS?: number
  readonly timeToBeReceivedS?: number
  /** MP_FLAGS. */
  readonly acknowledgements?: number
  readonly adminQueue?: string
  readonly responseQueue?: string
  /** Queue of this machine that takes the message if it fails, where journalNegative is set; default the system's. */
  readonly deadLetterQueue?: string
  /** Public queue for reports, `PUBLIC=guid`. */
  readonly reportQueue?: string
  /** Ask queue managers on the way for reports; needs a report queue. */
  readonly trace?: boolean
  readonly journalNegative?: boolean
  readonly journalPositive?: boolean
  readonly correlationId?: Buffer
  readonly applicationTag?: number
  readonly bodyType?: number
  readonly extension?: Buffer
}

/** The wire's idea of a destination: its name in the UserHeader, and the queue manager it is on (zero for direct names). */
export interface WireDestination {
  readonly destination: QueueNameSpec
  readonly queueManagerAddress: Guid
  /** Head of the message that was built last for it. */
  lastBuilt: LastBuilt | null
}

/** What a head stands for: the message's properties without its body, and whether it was part of a transaction. */
interface LastBuilt {
  readonly properties: MessageToSend
  readonly transactional: boolean
  readonly head: MessageHead
}

/** The part of a transaction that a message is: the queue manager's sequence time stamp. Flags and place are still to come. */
export interface TransactionPart {
  readonly timeStamp: number
}

/**
 * Encodes an application's message for an outgoing queue; a transactional one has yet to get its place.
 * @param targets all destinations of the message, one of which is `target`.
 * The name of the error where it cannot be signed or encrypted.
 * @throws OptionError MSMQ_OPTION_FORMAT_NAME for an administration, response, report or dead-letter queue; EncodeError for a
 * property out of range.
 */
export function buildMessage(
  context: Context,
  message: MessageToSend,
  target: Target,
  targets: readonly Target[],
  messageId: number,
  part: TransactionPart | null,
): OutgoingMessage | MqErrorName {
  const { now, settings } = context
  if (target.outgoing?.isHttp === true) {
    // nothing in SRMP's syntax says who sent it, or how it is encrypted: HTTPS is what there is ([MC-MQSRM] 5.1)
    if (isSecurityWanted(message)) return 'MQ_ERROR_UNSUPPORTED_FORMATNAME_OPERATION'
    requireUrl(message)
  }
  const priority = part === null ? (message.priority ?? DEFAULT_PRIORITY) : 0
  const recoverable = part !== null || message.delivery === 'recoverable'
  const timeToReachQueue = Math.floor(Math.min(message.timeToReachQueueS ?? Infinity, settings.LongLiveTime))
  const sentTime = wallSeconds(now)
  const built =
    (targets.length === 1
      ? buildLikeLast(context, message, target, messageId, sentTime, timeToReachQueue, part)
      : null) ?? buildAnew(context, message, target, targets, messageId, sentTime, timeToReachQueue, part)
  const packet = isSecurityWanted(message) || target.local !== null ? secured(context, built, message, target) : built
  if (typeof packet === 'string') return packet
  // SentTime is whole seconds, and so is the expiry that a peer computes from it
  const expiresMs = (sentTime + timeToReachQueue + 1) * 1000
  const deadLetterQueue = message.deadLetterQueue === undefined ? null : deadLetterPath(context, message, part !== null)
  const flags = outgoingFlags(message, target)
  return createOutgoingMessage(
    packet,
    packet.length,
    messageId,
    priority,
    recoverable,
    expiresMs,
    flags,
    deadLetterQueue,
  )
}

/** Receipts are posted to URLs only ([MC-MQSRM] 2.2.5.2). */
function requireUrl({ acknowledgements, adminQueue }: MessageToSend): void {
  if (adminQueue === undefined || (acknowledgements ?? 0) === 0) return
  const name = parseFormatName(adminQueue)
  if (isHttp(name)) return
  const allowed = 'DIRECT=HTTP: or DIRECT=HTTPS:, for a message that goes over HTTP'
  throw new OptionError('MSMQ_OPTION_FORMAT_NAME', 'adminQueue', adminQueue, allowed)
}

/** Signed and encrypted as asked, and as a queue of this machine demands; or the name of the error. */
function secured(
  { security, now }: Context,
  packet: Buffer,
  message: MessageToSend,
  { local }: Target,
): Buffer | MqErrorName {
  const done =
    local === null
      ? security.secureOutgoing(now.monotonicMs, packet, message)
      : security.secureLocal(packet, message, local.properties)
  return Buffer.isBuffer(done) ? done : done.error
}

function outgoingFlags(message: MessageToSend, { isService }: Target): number {
  const traced = message.trace === true ? OUTGOING_FLAGS.TRACED : 0
  if (isService) return traced
  const negative = message.journalNegative === true ? OUTGOING_FLAGS.JN : 0
  return traced | negative | (message.journalPositive === true ? OUTGOING_FLAGS.JP : 0)
}

/** The path of the message's own dead-letter queue, which must be on this machine, and transactional as the message is. */
function deadLetterPath(context: Context, message: MessageToSend, transactional: boolean): string {
  const name = message.deadLetterQueue as string
  const location = name.includes('=') ? context.destinations.locateFormatName(parseFormatName(name)) : null
  const queue = location === null ? context.localQueues.byName(name) : location.kind === 'queue' ? location.queue : null
  if (queue === null || queue.transactional !== transactional)
    throw new OptionError(
      'MSMQ_OPTION_FORMAT_NAME',
      'deadLetterQueue',
      name,
      `a ${transactional ? 'transactional' : 'plain'} queue of this machine`,
    )
  return queue.name
}

/** Applications send many messages of one kind: from the second on, only what differs is written. */
function buildLikeLast(
  context: Context,
  message: MessageToSend,
  target: WireDestination,
  messageId: number,
  sentTime: number,
  timeToReachQueue: number,
  part: TransactionPart | null,
): Buffer | null {
  const last = target.lastBuilt
  if (last === null || last.transactional !== (part !== null) || !isAlike(message, last.properties)) return null
  const size = last.head.sizeWith(message.body)
  if (size === null) return null
  const packet = context.memory.take(size)
  last.head.write(packet, messageId, sentTime, timeToReachQueue, 0, message.body)
  return packet
}

/** Equal in everything that the head of a message says. Byte strings are the application's to change: never alike. */
function isAlike(one: MessageToSend, other: MessageToSend): boolean {
  return (
    one.correlationId === undefined &&
    one.extension === undefined &&
    one.label === other.label &&
    one.delivery === other.delivery &&
    one.priority === other.priority &&
    one.timeToBeReceivedS === other.timeToBeReceivedS &&
    one.acknowledgements === other.acknowledgements &&
    one.adminQueue === other.adminQueue &&
    one.responseQueue === other.responseQueue &&
    one.reportQueue === undefined &&
    one.trace !== true &&
    one.journalNegative === other.journalNegative &&
    one.journalPositive === other.journalPositive &&
    one.applicationTag === other.applicationTag &&
    one.bodyType === other.bodyType
  )
}

function buildAnew(
  context: Context,
  message: MessageToSend,
  target: Target,
  targets: readonly Target[],
  messageId: number,
  sentTime: number,
  timeToReachQueue: number,
  part: TransactionPart | null,
): Buffer {
  const debugQueue = message.reportQueue === undefined ? undefined : reportQueueGuid(message.reportQueue)
  if (message.trace === true && debugQueue === undefined)
    throw new OptionError('MSMQ_OPTION_RANGE', 'trace', 'true', 'false, where there is no report queue')
  const packet = buildUserMessage(
    {
      priority: part === null ? (message.priority ?? DEFAULT_PRIORITY) : 0,
      timeToReachQueue,
      sourceQueueManager: context.guid,
      queueManagerAddress: target.queueManagerAddress,
      timeToBeReceived: message.timeToBeReceivedS === undefined ? INFINITE_S : Math.floor(message.timeToBeReceivedS),
      sentTime,
      messageId,
      delivery: part === null ? (message.delivery ?? 'express') : 'recoverable',
      journalNegative: message.journalNegative,
      journalPositive: message.journalPositive,
      destination: target.destination,
      admin: message.adminQueue === undefined ? undefined : companionSpec(context, message.adminQueue, target),
      response: message.responseQueue === undefined ? undefined : companionSpec(context, message.responseQueue, target),
      transaction: part === null ? undefined : unplaced(part),
      acknowledgements: message.acknowledgements ?? 0,
      label: message.label ?? '',
      messageClass: MessageClass.NORMAL,
      correlationId: message.correlationId,
      bodyType: message.bodyType ?? 0,
      applicationTag: message.applicationTag ?? 0,
      extension: message.extension,
      body: message.body,
      debugQueue,
      tracing: message.trace,
      multiQueueFormat: targets.length === 1 ? undefined : multiQueueFormat(message, targets),
    },
    context.memory.take,
  )
  const endsWithBody = debugQueue === undefined && targets.length === 1
  if (endsWithBody && message.correlationId === undefined && message.extension === undefined)
    target.lastBuilt = {
      properties: { ...message, body: NO_BODY },
      transactional: part !== null,
      head: new MessageHead(packet),
    }
  return packet
}

function unplaced({ timeStamp }: TransactionPart): TransactionSpec {
  return { flags: 0, sequenceId: { ordinal: 0, timeStamp }, sequenceNumber: 1, previousSequenceNumber: 0 }
}

/** Administration and response queues, in the shortest form the header has for them ([MS-MQMQ] 2.2.19.2). */
function companionSpec(context: Context, text: string, target: WireDestination): QueueNameSpec {
  const name = parseFormatName(text)
  if (name.kind !== 'private') return destinationSpec(name)
  if (name.queueManager === context.guid) return { type: QUEUE_TYPE.PRIVATE_ON_SOURCE, number: name.number }
  if (name.queueManager === target.queueManagerAddress)
    return { type: QUEUE_TYPE.PRIVATE_ON_DESTINATION, number: name.number }
  return { type: QUEUE_TYPE.PRIVATE, queueManager: name.queueManager, number: name.number }
}

/** Every name that the message goes to, as each copy of it tells ([MS-MQMQ] 2.2.20.1). */
function multiQueueFormat(message: MessageToSend, targets: readonly Target[]): MultiQueueFormatHeader {
  const { DESTINATION, ADMINISTRATION, RESPONSE } = MQF_HEADER_ID
  const named = (text: string | undefined) => (text === undefined ? [] : [multiQueueElement(parseFormatName(text))])
  return createMultiQueueFormatHeader(
    createMqfAddressHeader(
      DESTINATION,
      targets.map(({ formatName }) => multiQueueElement(formatName)),
    ),
    createMqfAddressHeader(ADMINISTRATION, named(message.adminQueue)),
    createMqfAddressHeader(RESPONSE, named(message.responseQueue)),
  )
}

function multiQueueElement(name: FormatName): MqfElement {
  switch (name.kind) {
    case 'direct':
      return { formatType: MQF_FORMAT_TYPE.DIRECT, name: directWireName(name) }
    case 'private':
      return { formatType: MQF_FORMAT_TYPE.PRIVATE, queueManager: name.queueManager, number: name.number, padding: 0 }
    case 'public':
      return { formatType: MQF_FORMAT_TYPE.PUBLIC, guid: name.guid, padding: 0 }
    default:
      throw new OptionError(
        'MSMQ_OPTION_FORMAT_NAME',
        'queue',
        formatNameText(name),
        'a direct, private or public name',
      )
  }
}

function reportQueueGuid(text: string): Guid {
  const name = parseFormatName(text)
  if (name.kind === 'public' && name.suffix === '') return name.guid
  throw new OptionError('MSMQ_OPTION_FORMAT_NAME', 'reportQueue', text, 'PUBLIC=guid: a report queue is public')
}

/** A format name as DestinationQueue, for names that the binary protocol carries. */
export function destinationSpec(name: FormatName): QueueNameSpec {
  switch (name.kind) {
    case 'direct':
      if (name.protocol === 'TCP' || name.protocol === 'OS' || isHttp(name))
        return { type: QUEUE_TYPE.DIRECT, name: directWireName(name) }
      break
    case 'private':
      return { type: QUEUE_TYPE.PRIVATE_ON_DESTINATION, number: name.number }
    case 'public':
      return { type: QUEUE_TYPE.PUBLIC, guid: name.guid }
  }
  throw new OptionError(
    'MSMQ_OPTION_FORMAT_NAME',
    'destination',
    name.kind,
    'DIRECT=TCP:, DIRECT=OS:, DIRECT=HTTP:, DIRECT=HTTPS:, PRIVATE= or PUBLIC=',
  )
}
