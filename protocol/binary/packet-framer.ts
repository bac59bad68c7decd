import { DecodeError } from '../errors.js'
import { BASE_FLAGS, BASE_HEADER_SECTION, BASE_HEADER_SIZE, PACKET_SIZE_MAX, VERSION_NUMBER } from './base-header.js'
import { INTERNAL_FLAGS, INTERNAL_HEADER_SECTION, INTERNAL_HEADER_SIZE, internalPacketSize } from './internal-header.js'
import { decodePacket } from './packet.js'
import { SESSION_HEADER_SIZE } from './session-header.js'
import { endOfHeaders, USER_MESSAGE_SIZE_MIN } from './user-message-layout.js'

/** Largest packet in the stream: PacketSize at its limit and a SessionHeader behind it. */
export const WIRE_SIZE_MAX = PACKET_SIZE_MAX + SESSION_HEADER_SIZE

const INTERNAL_SIZE_END = BASE_HEADER_SIZE + INTERNAL_HEADER_SIZE
const HELD_SIZE_MIN = 256
const SIGNATURE_BYTES = [0x4c, 0x49, 0x4f, 0x52]

/** Cuts one direction of a TCP stream into packets.
 *
 *  Chunks of any size go in; each whole packet comes out as one Buffer, a view of the chunk when it lay in it whole. Who
 *  keeps a packet past the callback thereby keeps the chunk. Bytes of an unfinished packet are held in a buffer that
 *  grows with what arrives, never by what PacketSize promises; at most {@link WIRE_SIZE_MAX} are held.
 *
 *  A wrong version, signature or size throws a DecodeError as soon as the byte that decides it is there, and every later
 *  push throws the same error: the stream has no place to resume from. Packets complete before the fault have been
 *  handed out. Contents are not examined further; {@link decodePacket} does that. */
export class PacketFramer {
  private held: Buffer | null = null
  private heldSize = 0
  private error: DecodeError | null = null
  private stopped = false

  /** Bytes of an unfinished packet. */
  get bytesHeld(): number {
    return this.heldSize
  }

  /** Drops what is held and whatever is pushed from now on; may be called from within the callback. */
  stop(): void {
    this.stopped = true
    this.held = null
    this.heldSize = 0
  }

  /** Feeds the next bytes of the stream. `onPacket` is called once per packet that they complete, in order. */
  push(chunk: Buffer, onPacket: (packet: Buffer) => void): void {
    if (this.error !== null) throw this.error
    let offset = this.heldSize > 0 ? this.completeHeld(chunk, onPacket) : 0
    while (offset < chunk.length && !this.stopped) {
      const size = this.measure(chunk, offset, chunk.length)
      if (size > chunk.length - offset) {
        this.hold(chunk, offset, chunk.length, size)
        return
      }
      const end = offset + size
      onPacket(offset === 0 && end === chunk.length ? chunk : chunk.subarray(offset, end))
      offset = end
    }
  }

  private measure(bytes: Buffer, offset: number, end: number): number {
    try {
      return wireSizeWithin(bytes, offset, end)
    } catch (error) {
      this.error = error as DecodeError
      this.held = null
      this.heldSize = 0
      throw error
    }
  }

  // Moves bytes of the chunk behind those held until the packet is whole or the chunk is used up. Returns the offset of
  // the first byte not taken.
  private completeHeld(chunk: Buffer, onPacket: (packet: Buffer) => void): number {
    let offset = 0
    for (;;) {
      const wanted = this.measure(this.held!, 0, this.heldSize)
      if (this.heldSize >= wanted) {
        const packet = this.held!.subarray(0, wanted)
        this.held = null
        this.heldSize = 0
        onPacket(packet)
        return offset
      }
      if (offset === chunk.length) return offset
      const end = Math.min(chunk.length, offset + wanted - this.heldSize)
      this.hold(chunk, offset, end, wanted)
      offset = end
    }
  }

  private hold(chunk: Buffer, start: number, end: number, wanted: number): void {
    const size = this.heldSize + (end - start)
    if (this.held === null || this.held.length < size) {
      const doubled = Math.max(HELD_SIZE_MIN, 2 * size)
      const grown = Buffer.allocUnsafeSlow(Math.max(size, Math.min(wanted, doubled)))
      if (this.held !== null) this.held.copy(grown, 0, 0, this.heldSize)
      this.held = grown
    }
    chunk.copy(this.held, this.heldSize, start, end)
    this.heldSize = size
  }
}

/** Bytes the packet at `offset` takes in the stream, or as many as are needed to tell: more than `end - offset` when it
 *  is not whole. Checks whatever the bytes up to `end` decide; at least one byte is there. Throws DecodeError. */
export function wireSizeWithin(bytes: Buffer, offset: number, end: number): number {
  const available = end - offset
  if (bytes[offset] !== VERSION_NUMBER) {
    fail('MSMQ_DECODE_VERSION', 'VersionNumber', 0, `${bytes[offset]}, must be 16`)
  }
  if (available < 12) {
    for (let i = 4; i < Math.min(8, available); i++) checkSignatureByte(bytes, offset, i)
    return BASE_HEADER_SIZE
  }
  for (let i = 4; i < 8; i++) checkSignatureByte(bytes, offset, i)
  const flags = bytes[offset + 2]! | (bytes[offset + 3]! << 8)
  const packetSize =
    (bytes[offset + 8]! | (bytes[offset + 9]! << 8) | (bytes[offset + 10]! << 16) | (bytes[offset + 11]! << 24)) >>> 0
  if ((flags & BASE_FLAGS.IN) !== 0) return internalWireSize(bytes, offset, available, packetSize)
  if (packetSize < USER_MESSAGE_SIZE_MIN || packetSize > PACKET_SIZE_MAX) {
    const what = `${packetSize}, must be ${USER_MESSAGE_SIZE_MIN} to ${PACKET_SIZE_MAX} for a user message`
    fail('MSMQ_DECODE_PACKET_SIZE', 'PacketSize', 8, what)
  }
  if ((flags & BASE_FLAGS.SH) === 0) return packetSize
  if (available < packetSize) return packetSize
  // [MS-MQMQ] 2.2.19.1 leaves the SessionHeader out of PacketSize; a sender that counts it leaves exactly its 16 bytes
  // behind the last header.
  const packet = bytes.subarray(offset, offset + packetSize)
  const headersEnd = endOfHeaders(packet)
  // Sizes that lie would have us wait for 16 bytes that need not come; the decoder says what is wrong.
  if (headersEnd > packetSize) decodePacket(packet)
  return packetSize - headersEnd === SESSION_HEADER_SIZE ? packetSize : packetSize + SESSION_HEADER_SIZE
}

function internalWireSize(bytes: Buffer, offset: number, available: number, packetSize: number): number {
  if (packetSize <= BASE_HEADER_SIZE || packetSize > PACKET_SIZE_MAX) {
    fail('MSMQ_DECODE_PACKET_SIZE', 'PacketSize', 8, `${packetSize}, must be 17 to ${PACKET_SIZE_MAX}`)
  }
  if (packetSize !== 32 && packetSize !== 36 && packetSize !== 572) {
    fail('MSMQ_DECODE_INTERNAL_SIZE', 'PacketSize', 8, `${packetSize}, an internal packet has 32, 36 or 572`)
  }
  if (available < INTERNAL_SIZE_END - 1) return packetSize
  const packetType = bytes[offset + 18]! & INTERNAL_FLAGS.PT
  const size = internalPacketSize(packetType)
  if (size === null) {
    throw new DecodeError(
      'MSMQ_DECODE_INTERNAL_TYPE',
      'InternalHeader',
      'Flags.PT',
      18,
      INTERNAL_HEADER_SECTION,
      `${packetType}, must be 1, 2 or 3`,
    )
  }
  if (packetSize !== size) {
    fail('MSMQ_DECODE_INTERNAL_SIZE', 'PacketSize', 8, `${packetSize}, must be ${size} for this type`)
  }
  return packetSize
}

function checkSignatureByte(bytes: Buffer, offset: number, index: number): void {
  if (bytes[offset + index] !== SIGNATURE_BYTES[index - 4]) {
    fail('MSMQ_DECODE_SIGNATURE', 'Signature', 4, 'must be 0x524f494c')
  }
}

function fail(code: `MSMQ_DECODE_${string}`, field: string, offset: number, what: string): never {
  throw new DecodeError(code, 'BaseHeader', field, offset, BASE_HEADER_SECTION, what)
}
