import {
  buildUserMessage,
  type QueueNameSpec,
  type TransactionSpec,
  type UserMessageSpec,
} from '../protocol/binary/build.js'
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
  const delivery = part === null ? (message.delivery ?? 'express') : 'recoverable'
  const timeToReachQueue = Math.floor(Math.min(message.timeToReachQueueS ?? Infinity, settings.LongLiveTime))
  // one literal, every field in it: objects put together piece by piece are many times slower
  const spec: UserMessageSpec = {
    priority,
    timeToReachQueue,
    sourceQueueManager: context.guid,
    queueManagerAddress: target.queueManagerAddress,
    timeToBeReceived: message.timeToBeReceivedS === undefined ? INFINITE_S : Math.floor(message.timeToBeReceivedS),
    sentTime: wallSeconds(now),
    messageId,
    delivery,
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
  }
  // SentTime is whole seconds, and so is the expiry that a peer computes from it
  const expiresMs = (wallSeconds(now) + timeToReachQueue + 1) * 1000
  const packet = buildUserMessage(spec, context.memory.take)
  const journaled = message.journalNegative === true || message.journalPositive === true
  return createOutgoingMessage(packet, messageId, priority, delivery === 'recoverable', journaled, expiresMs, order)
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
