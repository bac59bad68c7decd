import { buildMessageIdentifier, type QueueNameSpec } from '../protocol/binary/build.js'
import { buildFinalAckBody, decodeFinalAckBody, type FinalAckBody } from '../protocol/binary/final-ack.js'
import { MP_FLAGS } from '../protocol/binary/message-properties-header.js'
import { buildOrderAckBody, decodeOrderAckBody, ORDER_ACK_LABEL } from '../protocol/binary/order-ack.js'
import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { QUEUE_TYPE, queueNameText } from '../protocol/binary/queue-name.js'
import { TX_FLAGS } from '../protocol/binary/transaction-header.js'
import { USER_FLAGS } from '../protocol/binary/user-header.js'
import { type Guid, NIL_GUID } from '../protocol/guid.js'
import { isNegativeAcknowledgment, MessageClass } from '../protocol/message-class.js'
import { sequenceIdText, type TxSequenceId } from '../protocol/sequence-id.js'
import { isUrl } from '../protocol/srmp/from-packet.js'
import { effectiveId, type SrmpMessage } from '../protocol/srmp/message.js'
import { decodeSrmpRequest } from '../protocol/srmp/request.js'
import { AwaitedFinalAcks, endTransactional } from './awaited-final-acks.js'
import type { Context } from './context.js'
import { storedRequest } from './http/request.js'
import type { IncomingSequence } from './incoming-sequence.js'
import { sendOrderAck } from './order-ack.js'
import { OUTGOING_FLAGS, type OutgoingMessage } from './outgoing-message.js'
import type { OutgoingQueue } from './outgoing-queue.js'
import type { Carrier } from './queue-entry.js'
import { wasEncrypted } from './security/message-security.js'
import { isServiceQueue } from './service-queues.js'
import type { Session } from './session.js'
import { deadLetterSent } from './source-journal.js'

/** Classes that Windows withholds as administration acks unless PermitInsecureNacks is 1 ([MS-MQQB] 3.1.7.15 <28>). */
const INSECURE_NACKS: ReadonlySet<number> = new Set([
  MessageClass.NACK_BAD_DST_Q,
  MessageClass.NACK_ACCESS_DENIED,
  MessageClass.NACK_BAD_SIGNATURE,
  MessageClass.NACK_BAD_ENCRYPTION,
  MessageClass.NACK_UNSUPPORTED_CRYPTO_PROVIDER,
])

const EMPTY = Buffer.alloc(0)

/** How an order ack came: what the history tells of it. */
interface AckSource {
  readonly connection: number
  readonly peer: string
  readonly from: Guid
  readonly messageId: number
  readonly destination: string
}

/**
 * Acknowledgements that travel as messages: order acks and final acks to the sender's order queue, administration acks to
 * the queue the message names ([MS-MQQB] 3.1.7.15, 3.1.7.17, 3.1.5.6, 3.1.5.7). All go out by ordinary outgoing queues.
 */
export class Acknowledgements {
  readonly #context: Context
  /** Transactional messages of this machine that were taken, and whose end is still to come. */
  readonly awaited: AwaitedFinalAcks

  constructor(context: Context) {
    this.#context = context
    this.awaited = new AwaitedFinalAcks(context)
  }

  /**
   * Where order and final acks for a message go: to the address of the session's peer when the session carries direct
   * format names (whoever that peer is: a balancer that translates addresses gets them), else to the order queue of the
   * queue manager that sent it ([MS-MQQB] 3.1.7.17, decisions A18 and A27).
   */
  orderQueueOf(session: Session, packet: UserMessagePacket): string {
    return this.#orderQueue(session, packet.user.sourceQueueManager)
  }

  sendOrderAck(session: Session, sequence: IncomingSequence): void {
    const { id, number } = sequence.durable
    // taken, but the store is still at it: the ack follows when it is durable
    if (number === 0) return
    sendOrderAck(this.#context, sequence, {
      destination: this.#orderQueue(session, sequence.source),
      body: buildOrderAckBody(id, number),
      sessionPeer: session.peer.address,
      direct: session.directFormatSession,
    })
  }

  wantsFinalAck(packet: UserMessagePacket): boolean {
    const journaled = (packet.user.flags & (USER_FLAGS.JN | USER_FLAGS.JP)) !== 0
    return packet.transaction !== null && (journaled || (packet.transaction.flags & TX_FLAGS.FA) !== 0)
  }

  /** Tells the sender's order queue at `destination` what became of a transactional message. */
  sendFinalAckFor(packet: UserMessagePacket, destination: string, messageClass: number): void {
    if (packet.transaction === null) return
    const { counters, log, now, outgoingQueues } = this.#context
    const { sourceQueueManager, messageId } = packet.user
    const { sequenceId, sequenceNumber, previousSequenceNumber } = packet.transaction
    const ackId = outgoingQueues.internal.send({
      destination,
      delivery: 'recoverable',
      priority: 0,
      label: ORDER_ACK_LABEL,
      messageClass,
      body: buildFinalAckBody({
        sequenceId,
        sequenceNumber,
        previousSequenceNumber,
        sourceGuid: sourceQueueManager,
        messageId,
      }),
    })
    if (ackId === 0) return
    counters.finalAcksSent += 1
    if (log.noting)
      log.note(now, {
        kind: 'final-ack-sent',
        messageId: ackId,
        destination,
        forSource: sourceQueueManager,
        forMessageId: messageId,
        messageClass,
      })
  }

  /** An administration ack of a message's arrival, or of its failure to arrive, if the message asks for such. */
  sendArrivalAck(original: UserMessagePacket, messageClass: number): void {
    const wanted = isNegativeAcknowledgment(messageClass) ? MP_FLAGS.NA : MP_FLAGS.PA
    if (original.properties.flags & wanted) this.sendAdminAck(original, messageClass)
  }

  /**
   * An administration ack to the queue that the message names, here or elsewhere; nothing when it names none, or was sent
   * to a queue of a queue manager's own ([MS-MQQB] 3.1.7.15, <62>). Negative ones carry the body, unless it is encrypted.
   * The destination of the original is the response queue.
   */
  sendAdminAck(original: UserMessagePacket, messageClass: number): void {
    const { counters, log, now, outgoingQueues, settings } = this.#context
    const { user, properties } = original
    if (settings.PermitInsecureNacks === 0 && INSECURE_NACKS.has(messageClass)) return
    const cameByHttp = original.compoundMessage !== null
    const destination = (cameByHttp ? receiptQueueText(original, messageClass) : null) ?? adminQueueText(original)
    if (destination === null || isServiceQueue(user.destinationQueue)) return
    const messageId = outgoingQueues.internal.send({
      destination,
      delivery: (user.flags & USER_FLAGS.DM) === 0 ? 'express' : 'recoverable',
      priority: original.base.flags & 7,
      // receipts over HTTP repeat the label ([MC-MQSRM] 2.2.4.1)
      label: cameByHttp ? properties.label : '',
      messageClass,
      correlationId: buildMessageIdentifier(user.sourceQueueManager, user.messageId),
      response: responseSpec(original),
      body: isNegativeAcknowledgment(messageClass) && !wasEncrypted(original) ? properties.body : EMPTY,
    })
    if (messageId === 0) return
    counters.adminAcksSent += 1
    counters.adminAcksByClass[messageClass] = (counters.adminAcksByClass[messageClass] ?? 0) + 1
    if (log.noting)
      log.note(now, {
        kind: 'admin-ack-sent',
        destination,
        forSource: user.sourceQueueManager,
        forMessageId: user.messageId,
        messageClass,
      })
  }

  /** A message for this machine's order queue: an order ack, a final ack, or something that has no business there. */
  received(session: Session, packet: UserMessagePacket): void {
    if (packet.packetType === 'OrderAck') this.#orderAckReceived(session, packet)
    else if (packet.packetType === 'FinalAck') this.#finalAckReceived(packet)
    else this.#context.counters.protocolViolations += 1
  }

  /**
   * A transactional message got its order ack. If it is journaled, its end is still to come by a final ack: true when it
   * is awaited, and with it the message's row in the store. Over HTTP only one that is dead-lettered awaits an end; of one
   * that is journaled alone the receipt for its stream is all that comes ([MC-MQSRM] 3.1.5.1.8).
   */
  transactionalMessageTaken(message: OutgoingMessage, queue: OutgoingQueue): boolean {
    if (!queue.isHttp || (message.flags & OUTGOING_FLAGS.JN) !== 0) return this.awaited.add(message, queue)
    endTransactional(this.#context, message, queue.text, MessageClass.ACK_RECEIVE)
    return false
  }

  /** The sender (or a router) gives a message up: NACK if asked for, dead letter if wanted ([MS-MQQB] 3.1.7.1.2). */
  messageGivenUp(bytes: Buffer, queue: string, messageClass: number, deadLetterQueue: string | null): void {
    const packet = decodePacket(bytes) as UserMessagePacket
    this.sendArrivalAck(packet, messageClass)
    deadLetterSent(this.#context, bytes, queue, messageClass, deadLetterQueue)
  }

  /** [MS-MQQB] 3.1.5.6; the sequence is found by its id among all of this machine's (decision A12). */
  #orderAckReceived(session: Session, packet: UserMessagePacket): void {
    const { sequenceId, sequenceNumber } = decodeOrderAckBody(packet.properties.body)
    const { destinationQueue, sourceQueueManager, messageId } = packet.user
    this.#orderAcknowledged(sequenceId, sequenceNumber, true, {
      connection: session.connection,
      peer: session.peer.address,
      from: sourceQueueManager,
      messageId,
      destination: destinationQueue?.type === 'DirectQueueFormatName' ? `DIRECT=${destinationQueue.name}` : 'PRIVATE',
    })
  }

  /** The same over HTTP ([MC-MQSRM] 3.1.5.1.8): the stream is found by its whole identifier. */
  streamReceiptReceived(carrier: Carrier, message: SrmpMessage): void {
    if (message.streamReceipt === null) return
    const { streamId, lastOrdinal } = message.streamReceipt
    const { index, guid } = effectiveId(message)
    this.#orderAcknowledged(streamId.sequence, lastOrdinal, streamId.guid === this.#context.guid, {
      connection: carrier.connection,
      peer: carrier.peer,
      from: guid,
      messageId: index,
      destination: `DIRECT=${message.to}`,
    })
  }

  /** Messages up to `number` were taken, if the sequence is one of this machine's. `source`: where that was heard. */
  #orderAcknowledged(id: TxSequenceId, number: number, isOwn: boolean, source: AckSource): void {
    const { counters, log, now, outgoingQueues } = this.#context
    counters.orderAcksReceived += 1
    const { result, removed } = isOwn
      ? outgoingQueues.orderAcknowledged(id, number)
      : ({ result: 'unknown-sequence', removed: 0 } as const)
    if (result !== 'matched' && result !== 'stale') counters.orderAcksUnmatched += 1
    if (log.noting)
      log.note(now, {
        kind: 'order-ack-received',
        ...source,
        sequence: sequenceIdText(id),
        number,
        result,
        removed,
      })
  }

  /** [MS-MQQB] 3.1.5.7: for messages of this machine only; what is said of unknown ones is ignored. */
  #finalAckReceived({ properties, user }: UserMessagePacket): void {
    const ack = decodeFinalAckBody(properties.body)
    this.#finallyAcknowledged(ack, ack.messageId, properties.messageClass, user.sourceQueueManager)
  }

  /** The same over HTTP ([MC-MQSRM] 3.1.5.1.9): about the one message that stands at that place of the stream. */
  finalReceiptReceived(message: SrmpMessage): void {
    const { commitmentReceipt, streamReceipt, msmq } = message
    if (commitmentReceipt === null || streamReceipt === null || msmq === null) return
    const { streamId, lastOrdinal } = streamReceipt
    const ack = {
      sequenceId: streamId.sequence,
      sequenceNumber: lastOrdinal,
      previousSequenceNumber: lastOrdinal - 1,
      sourceGuid: streamId.guid,
      messageId: commitmentReceipt.id.index,
    }
    const awaited = this.awaited.atPlace({ id: streamId.sequence, number: lastOrdinal })
    this.#finallyAcknowledged(ack, awaited, msmq.class, msmq.sourceQmGuid)
  }

  /** @param awaited MessageID of the message meant, where it may have been taken already. */
  #finallyAcknowledged(ack: FinalAckBody, awaited: number | null, messageClass: number, from: Guid): void {
    const { counters, guid, log, now, outgoingQueues } = this.#context
    const isSettled = () => awaited !== null && this.awaited.settle(awaited, messageClass)
    const matched = ack.sourceGuid === guid && (isSettled() || outgoingQueues.finallyAcknowledged(ack, messageClass))
    counters.finalAcksReceived += 1
    if (!matched) counters.finalAcksUnmatched += 1
    if (log.noting)
      log.note(now, {
        kind: 'final-ack-received',
        from,
        forMessageId: ack.messageId,
        messageClass,
        matched,
      })
  }

  #orderQueue(session: Session, source: Guid): string {
    return session.directFormatSession
      ? `DIRECT=TCP:${session.peer.address}\\PRIVATE$\\order_queue$`
      : `PRIVATE=${source}\\00000004`
  }
}

/** The destination of a message, as the response queue of another; for an administration ack. */
function responseSpec({ user }: UserMessagePacket): QueueNameSpec | undefined {
  const name = user.destinationQueue
  switch (name?.type) {
    case 'DirectQueueFormatName':
      return { type: QUEUE_TYPE.DIRECT, name: name.name }
    case 'PublicQueueFormatName':
      return { type: QUEUE_TYPE.PUBLIC, guid: name.guid }
    case 'PrivateQueueFormatNameId':
      return { type: QUEUE_TYPE.PRIVATE, queueManager: user.queueManagerAddress, number: name.number }
    default:
      return undefined
  }
}

/**
 * Where the receipt for a message that came over HTTP goes, if that is not its administration queue: receipts for its
 * arrival and for its end may be asked for at two addresses ([MC-MQSRM] 2.2.5.2; decision 0022).
 */
function receiptQueueText(packet: UserMessagePacket, messageClass: number): string | null {
  const { flags } = packet.properties
  const isBoth = (flags & MP_FLAGS.PA) !== 0 && (flags & (MP_FLAGS.PR | MP_FLAGS.NR)) !== 0
  if (!isBoth || messageClass === MessageClass.ACK_REACH_QUEUE) return null
  const request = storedRequest(packet)
  const sendTo = request === null ? undefined : decodeSrmpRequest(request).commitmentReceiptRequest?.sendTo
  return sendTo !== undefined && isUrl(sendTo) ? `DIRECT=${sendTo}` : null
}

/** The administration queue of a message as a format name, or null ([MS-MQQB] 3.1.7.15). */
export function adminQueueText(packet: UserMessagePacket): string | null {
  const { adminQueue, flags, queueManagerAddress, sourceQueueManager } = packet.user
  if (adminQueue === null) return null
  const type = (flags & USER_FLAGS.AQ) >>> USER_FLAGS.AQ_SHIFT
  const machine = type === QUEUE_TYPE.PRIVATE_ON_SOURCE ? sourceQueueManager : queueManagerAddress
  // that no machine is named says nothing of where its private queue is
  return adminQueue.type === 'PrivateQueueFormatNameId' && machine === NIL_GUID
    ? null
    : queueNameText(adminQueue, machine)
}
