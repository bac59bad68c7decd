/** Packet headers of classic pcap: 16 bytes, of which none is marked as one. */

export const PCAP_PACKET_HEADER_BYTES = 16

/** Wireshark's limit, too: more than any link has, with room for segments that are cut up by the network card. */
const CAPTURED_BYTES_USUAL = 262_144
const PACKET_BYTES_MAX = 1_048_576
/** Between packets that follow each other around damage: a month. */
const SECONDS_APART_MAX = 2_592_000

/** What a packet header says, or would say if it were one. */
export interface PacketHeader {
  readonly seconds: number
  /** Microseconds or nanoseconds. */
  readonly fraction: number
  readonly capturedLength: number
  readonly originalLength: number
}

/** Tells packet headers from other bytes, for one file. */
export class PacketHeaderRules {
  readonly capturedLengthMax: number
  readonly #isBigEndian: boolean
  readonly #fractionMax: number

  constructor(isBigEndian: boolean, unitsPerSecond: number, snapLength: number) {
    this.#isBigEndian = isBigEndian
    this.#fractionMax = unitsPerSecond - 1
    this.capturedLengthMax = Math.max(CAPTURED_BYTES_USUAL, Math.min(snapLength, PACKET_BYTES_MAX))
  }

  /** What every writer keeps to that is in order. */
  isRegular(header: PacketHeader): boolean {
    const { fraction, capturedLength, originalLength } = header
    return (
      fraction <= this.#fractionMax &&
      capturedLength <= originalLength &&
      capturedLength <= this.capturedLengthMax &&
      originalLength > 0 &&
      originalLength <= PACKET_BYTES_MAX
    )
  }

  /**
   * Looks for a packet header that another one follows, or the end of the file, at times that fit each other.
   * @param seconds of the packet before; null: there was none
   * @returns where it begins, or where to go on when there are more bytes, and whether it is one
   */
  find(
    bytes: Buffer,
    from: number,
    end: number,
    isEnd: boolean,
    seconds: number | null,
  ): { at: number; isFound: boolean } {
    for (let at = from; at + PCAP_PACKET_HEADER_BYTES <= end; at++) {
      if (seconds !== null && !areNear(this.#u32(bytes, at), seconds)) continue
      if (this.#u32(bytes, at + 4) > this.#fractionMax) continue
      if (this.#u32(bytes, at + 8) > this.capturedLengthMax) continue
      const header = this.#header(bytes, at)
      if (!this.isRegular(header)) continue
      const isFollowed = this.isFollowed(bytes, at, end, header)
      if (isFollowed === true) {
        const next = this.#u32(bytes, at + PCAP_PACKET_HEADER_BYTES + header.capturedLength)
        if (areNear(next, header.seconds)) return { at, isFound: true }
      }
      if (isFollowed === null) {
        if (!isEnd) return { at, isFound: false }
        if (at + PCAP_PACKET_HEADER_BYTES + header.capturedLength === end) return { at, isFound: true }
      }
    }
    return { at: Math.max(from, end - PCAP_PACKET_HEADER_BYTES + 1), isFound: false }
  }

  /** Whether behind a packet there is the header of another; null: it ends where the bytes do, or later. */
  isFollowed(bytes: Buffer, at: number, end: number, header: PacketHeader): boolean | null {
    const next = at + PCAP_PACKET_HEADER_BYTES + header.capturedLength
    return next + PCAP_PACKET_HEADER_BYTES > end ? null : this.isRegular(this.#header(bytes, next))
  }

  #header(bytes: Buffer, at: number): PacketHeader {
    return {
      seconds: this.#u32(bytes, at),
      fraction: this.#u32(bytes, at + 4),
      capturedLength: this.#u32(bytes, at + 8),
      originalLength: this.#u32(bytes, at + 12),
    }
  }

  #u32(bytes: Buffer, at: number): number {
    return this.#isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)
  }
}

/** Of two times in seconds: whether packets that follow each other may well have them. */
export function areNear(one: number, other: number): boolean {
  return Math.abs(one - other) <= SECONDS_APART_MAX
}
