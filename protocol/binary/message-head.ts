import { PACKET_SIZE_MAX } from './base-header.js'
import { align4 } from './byte-writer.js'
import {
  MESSAGE_ID_OFFSET,
  PACKET_SIZE_OFFSET,
  propertiesHeaderOffset,
  SENT_TIME_OFFSET,
  TIME_TO_REACH_QUEUE_OFFSET,
  transactionHeaderOffset,
} from './user-message-layout.js'

/** Inside the MessagePropertiesHeader ([MS-MQMQ] 2.2.19.3). */
const LABEL_LENGTH = 1
const MESSAGE_SIZE = 32
const ALLOCATION_BODY_SIZE = 36
const EXTENSION_SIZE = 52
const FIXED_SIZE = 56

/**
 * Everything before the body of a built message, for further messages that differ in nothing but body, identifier, times
 * and transaction: copying it and patching six fields is several times faster than building each anew. The message must
 * end with its body: no headers behind it.
 */
export class MessageHead {
  readonly #bytes: Buffer
  readonly #properties: number
  readonly #transaction: number

  constructor(packet: Buffer) {
    this.#properties = propertiesHeaderOffset(packet)
    this.#transaction = transactionHeaderOffset(packet)
    const label = 2 * packet.readUInt8(this.#properties + LABEL_LENGTH)
    const end = this.#properties + FIXED_SIZE + label + packet.readUInt32LE(this.#properties + EXTENSION_SIZE)
    this.#bytes = Buffer.from(packet.subarray(0, end))
  }

  /** Bytes of a message with this head; null when that is more than a packet may have. */
  sizeWith(body: Uint8Array): number | null {
    const size = align4(this.#bytes.length + body.length)
    return size > PACKET_SIZE_MAX ? null : size
  }

  /** The message in `packet`, which has the size that `sizeWith` gave. `transactionFlags` only where there is a TransactionHeader. */
  write(
    packet: Buffer,
    messageId: number,
    sentTime: number,
    timeToReachQueue: number,
    transactionFlags: number,
    body: Uint8Array,
  ): void {
    const end = this.#bytes.length + body.length
    packet.set(this.#bytes)
    packet.set(body, this.#bytes.length)
    for (let at = end; at < packet.length; at += 1) packet[at] = 0
    put32(packet, PACKET_SIZE_OFFSET, packet.length)
    put32(packet, TIME_TO_REACH_QUEUE_OFFSET, timeToReachQueue)
    put32(packet, SENT_TIME_OFFSET, sentTime)
    put32(packet, MESSAGE_ID_OFFSET, messageId)
    put32(packet, this.#properties + MESSAGE_SIZE, body.length)
    put32(packet, this.#properties + ALLOCATION_BODY_SIZE, body.length)
    if (this.#transaction >= 0) put32(packet, this.#transaction, transactionFlags)
  }
}

function put32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}
