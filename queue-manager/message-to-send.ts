import { buildUserMessage, type QueueNameSpec, type TransactionSpec } from '../protocol/binary/build.js'
import { MessageHead } from '../protocol/binary/message-head.js'
import { QUEUE_TYPE } from '../protocol/binary/queue-name.js'
import { OptionError } from '../protocol/errors.js'
import { directWireName, type FormatName, parseFormatName } from '../protocol/format-name.js'
import type { Guid } from '../protocol/guid.js'
import { MessageClass } from '../protocol/message-class.js'
import { wallSeconds } from './clock.js'
import type { Context } from './context.js'
import { createOutgoingMessage, type OutgoingMessage } from './outgoing-message.js'

const INFINITE_S = 0xffffffff
const DEFAULT_PRIORITY = 3
const NO_BODY = Buffer.alloc(0)

/** A message as an application gives it. Sizes in bytes, times in seconds; see [MS-MQDMPR] 3.1.1.12. */
export interface MessageToSend {
  /** Format name, such as `DIRECT=TCP:127.0.1.9\private$\orders`. */
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

/** The part of a transaction that a message is: flags of its TransactionHeader, the queue manager's sequence time stamp. */
export interface TransactionPart {
  readonly flags: number
  readonly timeStamp: number
}

/**
 * Encodes an application's message for an outgoing queue; a transactional one has yet to get its place.
 * `order` is the message's among all that this queue manager sends.
 * @throws OptionError MSMQ_OPTION_FORMAT_NAME for an administration or response queue; EncodeError for a property out of range.
 */
export function buildMessage(
  context: Context,
  message: MessageToSend,
  target: WireDestination,
  messageId: number,
  order: number,
  part: TransactionPart | null,
): OutgoingMessage {
  const { now, settings } = context
  const priority = part === null ? (message.priority ?? DEFAULT_PRIORITY) : 0
  const recoverable = part !== null || message.delivery === 'recoverable'
  const timeToReachQueue = Math.floor(Math.min(message.timeToReachQueueS ?? Infinity, settings.LongLiveTime))
  const sentTime = wallSeconds(now)
  const packet =
    buildLikeLast(context, message, target, messageId, sentTime, timeToReachQueue, part) ??
    buildAnew(context, message, target, messageId, sentTime, timeToReachQueue, part)
  // SentTime is whole seconds, and so is the expiry that a peer computes from it
  const expiresMs = (sentTime + timeToReachQueue + 1) * 1000
  const journaled = message.journalNegative === true || message.journalPositive === true
  return createOutgoingMessage(packet, messageId, priority, recoverable, journaled, expiresMs, order)
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
  last.head.write(packet, messageId, sentTime, timeToReachQueue, part?.flags ?? 0, message.body)
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
    one.journalNegative === other.journalNegative &&
    one.journalPositive === other.journalPositive &&
    one.applicationTag === other.applicationTag &&
    one.bodyType === other.bodyType
  )
}

function buildAnew(
  context: Context,
  message: MessageToSend,
  target: WireDestination,
  messageId: number,
  sentTime: number,
  timeToReachQueue: number,
  part: TransactionPart | null,
): Buffer {
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
    },
    context.memory.take,
  )
  if (message.correlationId === undefined && message.extension === undefined)
    target.lastBuilt = {
      properties: { ...message, body: NO_BODY },
      transactional: part !== null,
      head: new MessageHead(packet),
    }
  return packet
}

function unplaced({ flags, timeStamp }: TransactionPart): TransactionSpec {
  return { flags, sequenceId: { ordinal: 0, timeStamp }, sequenceNumber: 1, previousSequenceNumber: 0 }
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

/** A format name as DestinationQueue, for names that the binary protocol carries. */
export function destinationSpec(name: FormatName): QueueNameSpec {
  switch (name.kind) {
    case 'direct':
      if (name.protocol === 'TCP' || name.protocol === 'OS')
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
    'DIRECT=TCP:, DIRECT=OS:, PRIVATE= or PUBLIC= over the binary protocol',
  )
}
