import { BASE_HEADER_SIZE, INFINITE, PACKET_SIGNATURE, VERSION_NUMBER } from '../protocol/binary/base-header.js'
import { CORRELATION_ID_SIZE } from '../protocol/binary/message-properties-header.js'
import { encodedSizeOf, encodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { QUEUE_TYPE, type QueueName } from '../protocol/binary/queue-name.js'
import { SECURITY_FLAGS, SENDER_ID_TYPE } from '../protocol/binary/security-header.js'
import type { TransactionHeader } from '../protocol/binary/transaction-header.js'
import { USER_FLAGS } from '../protocol/binary/user-header.js'
import { NIL_GUID } from '../protocol/guid.js'

/** What benchmark messages differ in. Everything else has one ordinary value. */
export interface MessageParts {
  readonly source: string
  readonly messageId: number
  readonly destination: QueueName
  readonly admin?: QueueName | undefined
  readonly transaction?: TransactionHeader | undefined
  /** Security identifier of the sender. */
  readonly sid?: Buffer | undefined
  readonly label: string
  readonly correlationId?: Buffer | undefined
  readonly body: Buffer
}

const PRIORITY = 3
const SENT_TIME_S = 1_750_000_000
const EMPTY = Buffer.alloc(0)
const NO_CORRELATION = Buffer.alloc(CORRELATION_ID_SIZE)
const SHA_512 = 0x800e
const AES_256 = 0x6610

/** A user message as a packet value; `encodePacket` makes it bytes. */
export function composeUserMessage(parts: MessageParts): UserMessagePacket {
  const { admin, transaction, sid, label, body } = parts
  const flags =
    USER_FLAGS.MP |
    (queueTypeOf(parts.destination) << USER_FLAGS.DQ_SHIFT) |
    (admin === undefined ? 0 : queueTypeOf(admin) << USER_FLAGS.AQ_SHIFT) |
    (transaction === undefined ? 0 : USER_FLAGS.TH | USER_FLAGS.RECOVERABLE) |
    (sid === undefined ? 0 : USER_FLAGS.SH)
  return {
    packetType: 'UserMessage',
    base: {
      versionNumber: VERSION_NUMBER,
      reserved: 0,
      flags: transaction === undefined ? PRIORITY : 0,
      signature: PACKET_SIGNATURE,
      packetSize: BASE_HEADER_SIZE,
      timeToReachQueue: INFINITE,
    },
    user: {
      sourceQueueManager: parts.source,
      queueManagerAddress: NIL_GUID,
      timeToBeReceived: INFINITE,
      sentTime: SENT_TIME_S,
      messageId: parts.messageId,
      flags,
      destinationQueue: parts.destination,
      adminQueue: admin ?? null,
      responseQueue: null,
      connectorType: null,
    },
    transaction: transaction ?? null,
    security:
      sid === undefined
        ? null
        : {
            flags: SENDER_ID_TYPE.SID | SECURITY_FLAGS.DE,
            securityId: sid,
            encryptionKey: EMPTY,
            signature: EMPTY,
            senderCert: EMPTY,
            providerInfo: null,
            paddings: null,
          },
    properties: {
      flags: 0,
      labelLength: label.length + 1,
      messageClass: 0,
      correlationId: parts.correlationId ?? NO_CORRELATION,
      bodyType: 0,
      applicationTag: 0,
      messageSize: body.length,
      allocationBodySize: body.length,
      privacyLevel: 0,
      hashAlgorithm: SHA_512,
      encryptionAlgorithm: AES_256,
      extensionSize: 0,
      label,
      extensionData: EMPTY,
      body,
      padding: 0,
    },
    debug: null,
    srmpEnvelope: null,
    compoundMessage: null,
    soap: null,
    multiQueueFormat: null,
    trailing: EMPTY,
    session: null,
    sessionInside: false,
  }
}

function queueTypeOf(queue: QueueName): number {
  switch (queue.type) {
    case 'DirectQueueFormatName':
      return QUEUE_TYPE.DIRECT
    case 'PrivateQueueFormatNameId':
      return QUEUE_TYPE.PRIVATE_ON_DESTINATION
    case 'PrivateQueueFormatName':
      return QUEUE_TYPE.PRIVATE
    case 'PublicQueueFormatName':
      return QUEUE_TYPE.PUBLIC
  }
}

/** `name` as on the wire, without `DIRECT=`. */
export function directQueue(name: string): QueueName {
  return { type: 'DirectQueueFormatName', name, count: (name.length + 1) * 2, padding: 0 }
}

export interface FrameShape {
  readonly bodyBytes: number
}

const FRAME_PARTS = {
  source: '6c1f0c5e-35c1-4f0e-9d57-2b8f4c1a7e01',
  destination: directQueue('TCP:127.0.0.2\\private$\\benchmark'),
  label: 'benchmark',
} as const

/** Bytes of one express message of this shape on the wire. */
export function userMessageSize(shape: FrameShape): number {
  return encodedSizeOf(composeUserMessage({ ...FRAME_PARTS, messageId: 1, body: Buffer.alloc(shape.bodyBytes) }))
}

/** Express messages one after another, different in message id and body. */
export function userMessageBatch(count: number, { bodyBytes }: FrameShape): Buffer {
  const frames: Buffer[] = []
  for (let messageId = 1; messageId <= count; messageId++) {
    const body = Buffer.alloc(bodyBytes, messageId)
    frames.push(encodePacket(composeUserMessage({ ...FRAME_PARTS, messageId, body })))
  }
  return Buffer.concat(frames)
}
