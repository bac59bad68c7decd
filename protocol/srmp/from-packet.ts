import { buildMessageIdentifier } from '../binary/build.js'
import { decodeFinalAckBody, FINAL_ACK_BODY_SIZE, type FinalAckBody } from '../binary/final-ack.js'
import { MP_FLAGS } from '../binary/message-properties-header.js'
import { type MqfAddressHeader, type MqfElement, mqfElements } from '../binary/multi-queue-format-header.js'
import { ORDER_ACK_LABEL } from '../binary/order-ack.js'
import type { UserMessagePacket } from '../binary/packet.js'
import { QUEUE_TYPE, type QueueName, queueNameText } from '../binary/queue-name.js'
import { TX_FLAGS } from '../binary/transaction-header.js'
import { USER_FLAGS } from '../binary/user-header.js'
import { decodeGuid } from '../guid.js'
import { isNegativeAcknowledgment, MessageClass } from '../message-class.js'
import { type CommitmentReceiptRequest, type Msmq, NEVER_S, type SrmpMessage, type Stream } from './message.js'

/* A user message as SRMP carries it: the reverse of to-packet.ts. Source: [MC-MQSRM] 3.1.7.2.4, and 3.1.6.3, 3.1.7.3 for
 * receipts, which are acknowledgements by their class. */

const INFINITE_S = 0xffffffff
const NOTHING = Buffer.alloc(20)

/** The part of a message that is an acknowledgement of another. */
type Receipts = Pick<SrmpMessage, 'streamReceipt' | 'deliveryReceipt' | 'commitmentReceipt'>

const NO_RECEIPTS: Receipts = { streamReceipt: null, deliveryReceipt: null, commitmentReceipt: null }

/**
 * @param packet for a queue whose name is a URL. A stream message has its place.
 * @param sendReceiptsTo for the first message of a stream, and no other: where its receipts go.
 */
export function messageOfPacket(packet: UserMessagePacket, sendReceiptsTo: string | null): SrmpMessage {
  const { base, user, properties, transaction } = packet
  const { sentTime, sourceQueueManager: guid } = user
  const receipts = receiptsOf(packet)
  const isReceipt = receipts !== NO_RECEIPTS
  const { body, extensionData } = properties
  const hasBody = !isReceipt && properties.messageSize > 0
  return {
    action: `MSMQ:${properties.label}`,
    to: user.destinationQueue === null ? '' : urlOf(user.destinationQueue, guid),
    id: { index: user.messageId, guid },
    via: viaOf(packet),
    expiresAtS: moment(isReceipt ? NEVER_S : sentTime, user.timeToBeReceived),
    sentAtS: sentTime,
    durable: !isReceipt && (user.flags & USER_FLAGS.DM) !== 0,
    ...receiptRequests(packet),
    stream: transaction === null ? null : streamOf(packet, sendReceiptsTo),
    ...receipts,
    msmq: msmqOf(packet, isReceipt, moment(sentTime, base.timeToReachQueue)),
    signature: null,
    body: hasBody ? { contentId: `body@${guid}`, bytes: body.subarray(0, properties.messageSize) } : null,
    extension:
      isReceipt || extensionData.length === 0 ? null : { contentId: `extension@${guid}`, bytes: extensionData },
    attachments: [],
  }
}

function moment(fromS: number, lifeS: number): number {
  return lifeS === INFINITE_S ? NEVER_S : Math.min(NEVER_S, fromS + lifeS)
}

/** By its class, an acknowledgement of the binary protocol's, as the receipt that says the same. */
function receiptsOf({ user, properties }: UserMessagePacket): Receipts {
  const { messageClass, correlationId, label } = properties
  if (label === ORDER_ACK_LABEL && properties.messageSize === FINAL_ACK_BODY_SIZE) {
    const ack = decodeFinalAckBody(properties.body)
    if (messageClass === MessageClass.ORDER_ACK) return { ...NO_RECEIPTS, streamReceipt: streamReceipt(ack) }
    if (isCommitment(messageClass))
      return {
        ...NO_RECEIPTS,
        streamReceipt: streamReceipt(ack),
        commitmentReceipt: commitment(user.sentTime, messageClass, { index: ack.messageId, guid: ack.sourceGuid }),
      }
  }
  const id = { index: correlationId.readUInt32LE(16), guid: decodeGuid(correlationId, 0) }
  if (messageClass === MessageClass.ACK_REACH_QUEUE)
    return { ...NO_RECEIPTS, deliveryReceipt: { receivedAtS: user.sentTime, id } }
  if (isCommitment(messageClass))
    return { ...NO_RECEIPTS, commitmentReceipt: commitment(user.sentTime, messageClass, id) }
  return NO_RECEIPTS
}

function isCommitment(messageClass: number): boolean {
  return messageClass === MessageClass.ACK_RECEIVE || isNegativeAcknowledgment(messageClass)
}

function streamReceipt({ sourceGuid, sequenceId, sequenceNumber }: FinalAckBody): SrmpMessage['streamReceipt'] {
  return { streamId: { guid: sourceGuid, sequence: sequenceId }, lastOrdinal: sequenceNumber }
}

function commitment(
  decidedAtS: number,
  messageClass: number,
  id: SrmpMessage['id'],
): NonNullable<SrmpMessage['commitmentReceipt']> {
  return { decidedAtS, decision: isNegativeAcknowledgment(messageClass) ? 'negative' : 'positive', id }
}

/** Receipts go to URLs only: other administration queues cannot be asked for (2.2.5.2). */
function receiptRequests({
  user,
  properties: { flags },
}: UserMessagePacket): Pick<SrmpMessage, 'deliveryReceiptTo' | 'commitmentReceiptRequest'> {
  const { adminQueue } = user
  const sendTo = adminQueue?.type === 'DirectQueueFormatName' ? urlText(adminQueue.name) : null
  if (sendTo === null) return { deliveryReceiptTo: null, commitmentReceiptRequest: null }
  const positiveOnly = (flags & MP_FLAGS.PR) !== 0
  const negativeOnly = (flags & MP_FLAGS.NR) !== 0
  const commitmentReceiptRequest: CommitmentReceiptRequest | null =
    positiveOnly || negativeOnly ? { sendTo, positiveOnly, negativeOnly } : null
  return { deliveryReceiptTo: flags & MP_FLAGS.PA ? sendTo : null, commitmentReceiptRequest }
}

function streamOf({ user, transaction }: UserMessagePacket, sendReceiptsTo: string | null): Stream | null {
  if (transaction === null) return null
  const { sequenceId, sequenceNumber, previousSequenceNumber } = transaction
  return {
    streamId: { guid: user.sourceQueueManager, sequence: sequenceId },
    current: sequenceNumber,
    previous: previousSequenceNumber === 0 ? null : previousSequenceNumber,
    sendReceiptsTo,
  }
}

function msmqOf(packet: UserMessagePacket, isReceipt: boolean, ttrqS: number): Msmq {
  const { base, user, properties, transaction, multiQueueFormat } = packet
  return {
    class: properties.messageClass,
    priority: base.flags & 7,
    journal: (user.flags & USER_FLAGS.JP) !== 0,
    deadLetter: (user.flags & USER_FLAGS.JN) !== 0,
    correlation: correlationOf(packet),
    trace: false,
    connectorType: user.connectorType,
    app: properties.applicationTag,
    bodyType: properties.bodyType,
    hashAlgorithm: isReceipt ? 0 : properties.hashAlgorithm,
    eod: transaction === null ? null : endsOf(transaction.flags),
    provider: null,
    sourceQmGuid: user.sourceQueueManager,
    destinationMqf: namesIn(multiQueueFormat?.destination),
    adminMqf: namesIn(multiQueueFormat?.administration),
    responseMqf: namesIn(multiQueueFormat?.response),
    ttrqS,
  }
}

/** Of a final receipt, the message it is about; a stream receipt is about many, and says zero. */
function correlationOf({ properties }: UserMessagePacket): Buffer {
  const { messageClass, messageSize, label, body, correlationId } = properties
  if (label !== ORDER_ACK_LABEL || messageSize !== FINAL_ACK_BODY_SIZE) return correlationId
  if (!isCommitment(messageClass)) return NOTHING
  const { sourceGuid, messageId } = decodeFinalAckBody(body)
  return buildMessageIdentifier(sourceGuid, messageId)
}

function endsOf(flags: number): Msmq['eod'] {
  const first = (flags & TX_FLAGS.FM) !== 0
  const last = (flags & TX_FLAGS.LM) !== 0
  return first || last ? { first, last, connectorId: null } : null
}

function viaOf({ user }: UserMessagePacket): string | null {
  const { responseQueue, adminQueue, flags, queueManagerAddress, sourceQueueManager } = user
  const type = (flags & USER_FLAGS.RQ) >>> USER_FLAGS.RQ_SHIFT
  const name = type === QUEUE_TYPE.SAME_AS_ADMIN ? adminQueue : responseQueue
  if (name === null) return null
  const text = urlOf(name, type === QUEUE_TYPE.PRIVATE_ON_SOURCE ? sourceQueueManager : queueManagerAddress)
  return isUrl(text) ? text : `MSMQ:${text}`
}

function namesIn(header: MqfAddressHeader | undefined): readonly string[] {
  return header === undefined ? [] : mqfElements(header).map(elementText)
}

function elementText(element: MqfElement): string {
  switch (element.formatType) {
    case 1:
      return `PUBLIC=${element.guid}`
    case 2:
      return queueNameText({ type: 'PrivateQueueFormatName', ...element }, element.queueManager)
    case 3:
      return urlText(element.name) ?? `DIRECT=${element.name}`
    case 6:
      return `DL=${element.guid}`
  }
}

/** A URL where the name is one, else a format name. */
function urlOf(name: QueueName, machine: string): string {
  const url = name.type === 'DirectQueueFormatName' ? urlText(name.name) : null
  return url ?? queueNameText(name, machine)
}

/** `HTTP://host/…` of a direct name, with its scheme as the product writes it; null for one of another protocol. */
export function urlText(directName: string): string | null {
  if (!isUrl(directName)) return null
  const colon = directName.indexOf(':')
  return `${directName.slice(0, colon).toLowerCase()}${directName.slice(colon)}`
}

export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}
