/**
 * Counts the packets of one TCP direction by kind, looking only at the head of each and skipping the rest by its stated
 * size. Nothing is held back or copied except the head of a packet that is cut across chunks (at most
 * `HEAD_BYTES_MAX`), so a stream of any length costs a few dozen nanoseconds a packet and bounded memory.
 *
 * It judges nothing: what it cannot read it calls undecodable and ignores from there on. The full decoder is
 * protocol/binary.
 */

const BASE_HEADER_SIZE = 16
const VERSION = 0x10
/** The signature as the first four bytes at offset 4 read little-endian. [MS-MQMQ] 2.2.19.1. */
const SIGNATURE = 0x524f494c
const PACKET_SIZE_MAX = 0x00400000
const SESSION_HEADER_SIZE = 16
/** Enough of a packet to see the label and class of an ack to the longest direct name of an order queue. */
const HEAD_BYTES_MAX = 512

const FLAG_INTERNAL = 0x0008
const FLAG_SESSION_HEADER = 0x0010
/** Base flags that neither an order ack nor a final ack has. [MS-MQQB] 2.2.4, 3.1.5.1.1. */
const FLAGS_OF_NO_ACK = 0xffff & ~FLAG_SESSION_HEADER

const INTERNAL_TYPE_OFFSET = 18
const INTERNAL_HEADER_END = 20
const INTERNAL_TYPE_MASK = 0x000f

const USER_FLAGS_OFFSET = 60
const USER_HEADER_END = 64
/** User flags but the routing count and delivery mode: an order or final ack has only DQ and MP. [MS-MQQB] 2.2.4. */
const USER_FLAGS_MASK = 0xffffff80
const USER_FLAGS_ACK_DIRECT = 0x00201c00
const USER_FLAGS_ACK_PRIVATE = 0x00200c00
const ORDER_QUEUE_NUMBER = 4
const ORDER_QUEUE_SUFFIX = '\\private$\\order_queue$'
const ACK_LABEL = 'QM Ordering Ack'
const ACK_BODY_BYTES = 0x24
const PROPERTIES_CLASS_OFFSET = 2
const PROPERTIES_MESSAGE_SIZE_OFFSET = 32
const PROPERTIES_LABEL_OFFSET = 56
const CLASS_ORDER_ACK = 0x00ff
const CLASS_FINAL_ACK_FROM = 0x4000

export interface PacketCounts {
  establishConnection: number
  connectionParameters: number
  sessionAck: number
  userMessage: number
  orderAck: number
  finalAck: number
  /** Internal packets of a type the specification does not have. */
  other: number
  /** Directions that stopped being readable as packets; counted once per direction of a connection. */
  undecodable: number
}

export type PacketKind = Exclude<keyof PacketCounts, 'undecodable'>

export function zeroPacketCounts(): PacketCounts {
  return {
    establishConnection: 0,
    connectionParameters: 0,
    sessionAck: 0,
    userMessage: 0,
    orderAck: 0,
    finalAck: 0,
    other: 0,
    undecodable: 0,
  }
}

export function addPacketCounts(sum: PacketCounts, counts: PacketCounts): void {
  for (const kind of Object.keys(sum) as (keyof PacketCounts)[]) sum[kind] += counts[kind]
}

/** `#read` saw all it needs. */
const READ = 0

export class PacketCounter {
  readonly counts = zeroPacketCounts()
  #foreign = false
  /** Bytes of the present packet still to come and of no interest. */
  #skipBytes = 0
  /** The last packet announced a SessionHeader, which may lie behind its PacketSize: see `#read`. */
  #sessionHeaderMayFollow = false
  /** Head of a packet that was cut: how much of it is held, and how much `#read` wants. */
  #held: Buffer | undefined
  #heldBytes = 0
  #wantedBytes = 0

  /** Reads the next bytes of the stream. Keeps no reference to `chunk`. Never throws. */
  push(chunk: Buffer): void {
    let offset = 0
    while (offset < chunk.length && !this.#foreign) {
      const left = chunk.length - offset
      if (this.#skipBytes > 0) {
        const bytes = Math.min(this.#skipBytes, left)
        offset += bytes
        this.#skipBytes -= bytes
      } else if (this.#heldBytes === 0) {
        const wanted = this.#read(chunk, offset, left)
        if (wanted === READ) continue
        this.#held ??= Buffer.allocUnsafeSlow(HEAD_BYTES_MAX)
        this.#heldBytes = chunk.copy(this.#held, 0, offset)
        this.#wantedBytes = wanted
        return
      } else {
        const held = this.#held!
        const bytes = Math.min(this.#wantedBytes - this.#heldBytes, left)
        chunk.copy(held, this.#heldBytes, offset, offset + bytes)
        this.#heldBytes += bytes
        offset += bytes
        if (this.#heldBytes < this.#wantedBytes) return
        this.#wantedBytes = this.#read(held, 0, this.#heldBytes)
        if (this.#wantedBytes === READ) {
          this.#skipBytes -= this.#heldBytes
          this.#heldBytes = 0
        }
      }
    }
  }

  /**
   * Looks at a packet of which `length` bytes lie at `start`. Returns how many it must see, never more than the packet
   * has, or `READ` when it has counted the packet and set `#skipBytes` to its size.
   */
  #read(bytes: Buffer, start: number, length: number): number {
    if (length < 8) return 8
    const isHead = bytes[start] === VERSION && bytes.readUInt32LE(start + 4) === SIGNATURE
    if (this.#sessionHeaderMayFollow) {
      // The sources disagree whether PacketSize counts a user packet's SessionHeader. If what follows is not the start
      // of a packet, it is that header; one that mimics a packet would claim acknowledgement flags 0x524F494C.
      this.#sessionHeaderMayFollow = false
      if (!isHead) {
        this.#skipBytes = SESSION_HEADER_SIZE
        return READ
      }
    }
    if (!isHead) return this.#giveUp()
    if (length < BASE_HEADER_SIZE) return BASE_HEADER_SIZE

    const flags = bytes.readUInt16LE(start + 2)
    const size = bytes.readUInt32LE(start + 8)
    const internal = (flags & FLAG_INTERNAL) !== 0
    if (size > PACKET_SIZE_MAX || size < (internal ? INTERNAL_HEADER_END : USER_HEADER_END)) return this.#giveUp()
    if (internal) {
      if (length < INTERNAL_HEADER_END) return INTERNAL_HEADER_END
      this.counts[internalKind(bytes.readUInt16LE(start + INTERNAL_TYPE_OFFSET) & INTERNAL_TYPE_MASK)]++
    } else {
      let kind: PacketKind = 'userMessage'
      if ((flags & FLAGS_OF_NO_ACK) === 0) {
        if (length < USER_HEADER_END) return USER_HEADER_END
        if (hasAckFlags(bytes.readUInt32LE(start + USER_FLAGS_OFFSET))) {
          const head = Math.min(size, HEAD_BYTES_MAX)
          if (length < head) return head
          kind = ackKind(bytes.subarray(start, start + head)) ?? kind
        }
      }
      this.counts[kind]++
      this.#sessionHeaderMayFollow = (flags & FLAG_SESSION_HEADER) !== 0
    }
    this.#skipBytes = size
    return READ
  }

  #giveUp(): typeof READ {
    this.#foreign = true
    this.#held = undefined
    this.counts.undecodable++
    return READ
  }
}

function internalKind(type: number): PacketKind {
  switch (type) {
    case 1:
      return 'sessionAck'
    case 2:
      return 'establishConnection'
    case 3:
      return 'connectionParameters'
    default:
      return 'other'
  }
}

function hasAckFlags(userFlags: number): boolean {
  const flags = (userFlags & USER_FLAGS_MASK) >>> 0
  return flags === USER_FLAGS_ACK_DIRECT || flags === USER_FLAGS_ACK_PRIVATE
}

/** An order or final ack, by destination, label, body size and class ([MS-MQQB] 3.1.5.1.1); else undefined. */
function ackKind(head: Buffer): 'orderAck' | 'finalAck' | undefined {
  let properties = USER_HEADER_END + 4
  if ((head.readUInt32LE(USER_FLAGS_OFFSET) & USER_FLAGS_MASK) >>> 0 === USER_FLAGS_ACK_DIRECT) {
    if (head.length < properties) return undefined
    const nameBytes = head.readUInt16LE(USER_HEADER_END)
    const name = head.toString('utf16le', USER_HEADER_END + 2, USER_HEADER_END + 2 + nameBytes)
    if (!name.replace(/\0+$/, '').toLowerCase().endsWith(ORDER_QUEUE_SUFFIX)) return undefined
    properties = (USER_HEADER_END + 2 + nameBytes + 3) & ~3
  } else if (head.length < properties || head.readUInt32LE(USER_HEADER_END) !== ORDER_QUEUE_NUMBER) {
    return undefined
  }
  const labelStart = properties + PROPERTIES_LABEL_OFFSET
  const labelEnd = labelStart + 2 * ACK_LABEL.length
  if (head.length < labelEnd || head.toString('utf16le', labelStart, labelEnd) !== ACK_LABEL) return undefined
  if (head.readUInt32LE(properties + PROPERTIES_MESSAGE_SIZE_OFFSET) !== ACK_BODY_BYTES) return undefined
  const messageClass = head.readUInt16LE(properties + PROPERTIES_CLASS_OFFSET)
  if (messageClass === CLASS_ORDER_ACK) return 'orderAck'
  return messageClass >= CLASS_FINAL_ACK_FROM ? 'finalAck' : undefined
}
