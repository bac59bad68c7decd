import { BASE_FLAGS, BASE_HEADER_SIZE } from './base-header.js'
import { align4 } from './byte-writer.js'
import { QUEUE_TYPE } from './queue-name.js'
import { USER_FLAGS } from './user-header.js'

/* Where the headers of an encoded user message lie, found without decoding it. The engine patches packets it built by
 * these offsets, and the framer learns whether a SessionHeader lies inside PacketSize. On bytes a peer sent, sizes may
 * lie: sums are plain numbers, which do not wrap, and reads past the end yield an offset past the end. */

export const BASE_FLAGS_OFFSET = 2
export const PACKET_SIZE_OFFSET = 8
export const TIME_TO_REACH_QUEUE_OFFSET = 12
/** Of the QMId of the queue manager that sent it first. */
export const SOURCE_OFFSET = 16
export const TIME_TO_BE_RECEIVED_OFFSET = 48
export const SENT_TIME_OFFSET = 52
export const MESSAGE_ID_OFFSET = 56
export const USER_FLAGS_OFFSET = 60
const NAMES_OFFSET = 64
const BEYOND = Number.POSITIVE_INFINITY

/** Offset of what follows the UserHeader. */
export function endOfUserHeader(packet: Uint8Array): number {
  const flags = u32(packet, USER_FLAGS_OFFSET)
  let at = NAMES_OFFSET
  at = endOfQueueName(packet, at, (flags & USER_FLAGS.DQ) >>> USER_FLAGS.DQ_SHIFT)
  at = endOfQueueName(packet, at, (flags & USER_FLAGS.AQ) >>> USER_FLAGS.AQ_SHIFT)
  at = endOfQueueName(packet, at, (flags & USER_FLAGS.RQ) >>> USER_FLAGS.RQ_SHIFT)
  return (flags & USER_FLAGS.CQ) !== 0 ? at + 16 : at
}

function endOfQueueName(packet: Uint8Array, at: number, type: number): number {
  switch (type) {
    case QUEUE_TYPE.NONE:
    case QUEUE_TYPE.SAME_AS_ADMIN:
      return at
    case QUEUE_TYPE.PUBLIC:
      return at + 16
    case QUEUE_TYPE.PRIVATE:
      return at + 20
    case QUEUE_TYPE.DIRECT:
      return at + 2 > packet.length ? BEYOND : at + align4(2 + (packet[at]! | (packet[at + 1]! << 8)))
    default:
      return at + 4
  }
}

/** Offset of the TransactionHeader, -1 when the message has none. */
export function transactionHeaderOffset(packet: Uint8Array): number {
  return (u32(packet, USER_FLAGS_OFFSET) & USER_FLAGS.TH) === 0 ? -1 : endOfUserHeader(packet)
}

/** Offset of the MessagePropertiesHeader. */
export function propertiesHeaderOffset(packet: Uint8Array): number {
  const flags = u32(packet, USER_FLAGS_OFFSET)
  let at = endOfUserHeader(packet)
  if ((flags & USER_FLAGS.TH) !== 0) at += (u32(packet, at) & 1) !== 0 ? 36 : 20
  if ((flags & USER_FLAGS.SH) !== 0) {
    at +=
      16 +
      align4(u16(packet, at + 2)) +
      align4(u16(packet, at + 4)) +
      align4(u16(packet, at + 6)) +
      roundUp4(u32(packet, at + 8)) +
      roundUp4(u32(packet, at + 12))
  }
  return at
}

/** Offset after the last header that the flags announce, the SessionHeader not counted; beyond the packet, perhaps
 *  infinitely, when sizes lie. */
export function endOfHeaders(packet: Uint8Array): number {
  const flags = u32(packet, USER_FLAGS_OFFSET)
  const properties = propertiesHeaderOffset(packet)
  let at =
    properties +
    roundUp4(56 + 2 * u8(packet, properties + 1) + u32(packet, properties + 52) + u32(packet, properties + 36))
  if ((u16(packet, BASE_FLAGS_OFFSET) & BASE_FLAGS.DH) !== 0) at += (u16(packet, at) & 3) === 1 ? 20 : 4
  if ((flags & USER_FLAGS.AH) !== 0) {
    at += 8 + roundUp4(2 * u32(packet, at + 4))
    at += 16 + roundUp4(u32(packet, at + 4))
  }
  if ((flags & USER_FLAGS.HH) !== 0) {
    at += 8 + roundUp4(2 * u32(packet, at + 4))
    at += 8 + roundUp4(2 * u32(packet, at + 4))
  }
  if ((flags & USER_FLAGS.MQ) !== 0) {
    for (let header = 0; header < 3; header++) at += roundUp4(u32(packet, at))
    at += 8 + roundUp4(u32(packet, at + 4))
  }
  return at
}

/** Smallest user message: BaseHeader, UserHeader without names, MessagePropertiesHeader without data. */
export const USER_MESSAGE_SIZE_MIN = BASE_HEADER_SIZE + 48 + 56

// align4 works on 32 bits; a size a peer claims may be near 2^32.
function roundUp4(size: number): number {
  return Math.ceil(size / 4) * 4
}

function u8(bytes: Uint8Array, at: number): number {
  return at < bytes.length ? bytes[at]! : BEYOND
}

function u16(bytes: Uint8Array, at: number): number {
  return at + 2 <= bytes.length ? bytes[at]! | (bytes[at + 1]! << 8) : 0
}

function u32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) return BEYOND
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}
