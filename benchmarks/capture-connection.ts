import type { CaptureFile } from './capture-file.js'

/** A machine, or one side of a balancer, on Ethernet. */
export interface CaptureHost {
  /** Six bytes. */
  readonly mac: readonly number[]
  /** IPv4, four bytes. */
  readonly address: readonly number[]
}

export interface CaptureEnd {
  readonly host: CaptureHost
  readonly port: number
}

/** One place on a connection's way where it was captured: a balancer that translates has two. */
export interface CaptureLeg {
  readonly client: CaptureEnd
  readonly server: CaptureEnd
}

/** The time of the capture, microseconds since 1970. Each frame takes a little of it. */
export interface CaptureClock {
  nowUs: number
}

const ETHERNET_BYTES = 14
const IP_BYTES = 20
const TCP_BYTES = 20
const HEAD_BYTES = ETHERNET_BYTES + IP_BYTES + TCP_BYTES
/** Ethernet's 1,500 bytes without the headers of IP and TCP. */
const SEGMENT_BYTES_MAX = 1460
const FRAME_GAP_US = 3
const FIN = 1
const SYN = 2
const PUSH = 8
const ACK = 16
/** As most systems do: an acknowledgement for every other segment. */
const SEGMENTS_PER_ACK = 2

/** Frames of one direction on one leg. */
class Way {
  /** All of a frame before its payload, with what changes left zero. */
  readonly head = Buffer.alloc(HEAD_BYTES)
  readonly headWords: Uint16Array
  /** Of the pseudo header, without its length. */
  readonly pseudoSum: number
  sequence: number
  identification = 0
  /** The last frame with payload was left out. */
  dropped = false

  constructor(from: CaptureEnd, to: CaptureEnd, sequence: number) {
    const { head } = this
    Buffer.from([...to.host.mac, ...from.host.mac, 0x08, 0x00, 0x45, 0x00]).copy(head)
    head.writeUInt16BE(0x4000, 20)
    head[22] = 64
    head[23] = 6
    Buffer.from([...from.host.address, ...to.host.address]).copy(head, 26)
    head.writeUInt16BE(from.port, 34)
    head.writeUInt16BE(to.port, 36)
    head[46] = (TCP_BYTES / 4) << 4
    head.writeUInt16BE(0xffff, 48)
    this.headWords = new Uint16Array(new Uint8Array(head).buffer)
    this.pseudoSum = sumOf(this.headWords, 26 / 2, 34 / 2) + nativeWord(6)
    this.sequence = sequence
  }
}

/**
 * A TCP connection as frames of a capture, with right sequence numbers and checksums. What is written is captured on each
 * leg in turn; `loses` decides for each frame with payload from the client whether the capture lacks it, never two in a row.
 */
export class CaptureConnection {
  /** Frames that the capture lacks, and their payload. */
  holes = 0
  missingBytes = 0
  readonly #file: CaptureFile
  readonly #clock: CaptureClock
  /** By leg, [from the client, from the server]. */
  readonly #ways: readonly (readonly [Way, Way])[]
  readonly #loses: (() => boolean) | null
  readonly #segmentsUnacknowledged: [number, number] = [0, 0]

  constructor(
    file: CaptureFile,
    clock: CaptureClock,
    legs: readonly CaptureLeg[],
    random: () => number,
    loses: (() => boolean) | null = null,
  ) {
    this.#file = file
    this.#clock = clock
    this.#loses = loses
    this.#ways = legs.map(({ client, server }) => [
      new Way(client, server, random()),
      new Way(server, client, random()),
    ])
  }

  open(): void {
    this.#control(0, SYN)
    this.#control(1, SYN | ACK)
    this.#control(0, ACK)
  }

  /** Writes the first `length` bytes (a multiple of 2), cut into segments. */
  write(direction: 0 | 1, bytes: Buffer, length: number): void {
    const opposite = direction === 0 ? 1 : 0
    for (let at = 0; at < length; at += SEGMENT_BYTES_MAX) {
      const end = Math.min(length, at + SEGMENT_BYTES_MAX)
      this.#each(direction, ways => this.#payload(ways, direction, bytes, at, end, end === length))
      this.#segmentsUnacknowledged[opposite] = 0
      this.#segmentsUnacknowledged[direction] += 1
      if (this.#segmentsUnacknowledged[direction] === SEGMENTS_PER_ACK) this.acknowledge(opposite)
    }
  }

  /** An acknowledgement of TCP from that side, without payload. */
  acknowledge(from: 0 | 1): void {
    this.#control(from, ACK)
    this.#segmentsUnacknowledged[from === 0 ? 1 : 0] = 0
  }

  /** In order, begun by the client. */
  close(): void {
    this.#control(0, FIN | ACK)
    this.#control(1, FIN | ACK)
    this.#control(0, ACK)
  }

  #control(direction: 0 | 1, flags: number): void {
    this.#each(direction, ways => {
      this.#frame(ways, direction, flags, null, 0, 0)
      if ((flags & (SYN | FIN)) !== 0) ways[direction].sequence = (ways[direction].sequence + 1) >>> 0
    })
  }

  /** From the client leg by leg, from the server the other way round. */
  #each(direction: 0 | 1, write: (ways: readonly [Way, Way]) => void): void {
    const count = this.#ways.length
    for (let leg = 0; leg < count; leg++) write(this.#ways[direction === 0 ? leg : count - 1 - leg]!)
  }

  #payload(
    ways: readonly [Way, Way],
    direction: 0 | 1,
    bytes: Buffer,
    start: number,
    end: number,
    isLast: boolean,
  ): void {
    const way = ways[direction]
    if (direction === 0 && this.#loses !== null && !way.dropped && this.#loses()) {
      way.dropped = true
      this.holes += 1
      this.missingBytes += end - start
    } else {
      way.dropped = false
      this.#frame(ways, direction, isLast ? ACK | PUSH : ACK, bytes, start, end)
    }
    way.sequence = (way.sequence + end - start) >>> 0
  }

  #frame(
    ways: readonly [Way, Way],
    direction: 0 | 1,
    flags: number,
    payload: Buffer | null,
    start: number,
    end: number,
  ): void {
    const way = ways[direction]
    const size = HEAD_BYTES + end - start
    this.#clock.nowUs += FRAME_GAP_US
    const file = this.#file
    const at = file.frame(size, this.#clock.nowUs)
    const { bytes, words } = file
    const word = at >>> 1
    words.set(way.headWords, word)
    if (payload !== null) payload.copy(bytes, at + HEAD_BYTES, start, end)
    way.identification = (way.identification + 1) & 0xffff
    bytes.writeUInt16BE(size - ETHERNET_BYTES, at + 16)
    bytes.writeUInt16BE(way.identification, at + 18)
    words[(at + 24) >>> 1] = complement(sumOf(words, word + 7, word + 17))
    bytes.writeUInt32BE(way.sequence, at + 38)
    if ((flags & ACK) !== 0) bytes.writeUInt32BE(ways[direction === 0 ? 1 : 0].sequence, at + 42)
    bytes[at + 47] = flags
    const tcpSum = way.pseudoSum + nativeWord(TCP_BYTES + end - start)
    words[(at + 50) >>> 1] = complement(tcpSum + sumOf(words, word + 17, (at + size) >>> 1))
  }
}

/** Plain, of words `from` to before `to`; a frame's cannot overflow. */
function sumOf(words: Uint16Array, from: number, to: number): number {
  let sum = 0
  for (let at = from; at < to; at++) sum += words[at]!
  return sum
}

/** Checksums do not mind the order of bytes as long as all words have the same: here the machine's own. */
const scratch = new Uint8Array(2)
const scratchWord = new Uint16Array(scratch.buffer)

function nativeWord(value: number): number {
  scratch[0] = value >>> 8
  scratch[1] = value
  return scratchWord[0]!
}

function complement(sum: number): number {
  const folded = (sum & 0xffff) + (sum >>> 16)
  return ~((folded & 0xffff) + (folded >>> 16)) & 0xffff
}
