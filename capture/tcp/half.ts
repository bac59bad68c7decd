import type { FrameRef } from '../frame.js'
import { macNumber } from '../packets/address-texts.js'
import type { Packet } from '../packets/packet.js'
import type { Connection } from './connection.js'
import type { Direction } from './seen-connection.js'

/** A segment that came before its turn. */
export interface HeldSegment {
  readonly seq: number
  /** On the wire; `bytes` is what was captured of it. */
  readonly size: number
  readonly bytes: Buffer
  readonly frame: FrameRef
}

/** What objects for a held segment take beside its bytes, about. */
const SEGMENT_COST = 256

/** One direction of a connection: where its sender stands, and what waits for bytes before it. Sequence numbers are
 *  signed 32 bits and wrap: only differences, taken with `| 0`, say anything. */
export class Half {
  readonly connection: Connection
  readonly direction: Direction
  /** Whether `next` is known: after a SYN, or the first payload in mid-stream. */
  isBegun = false
  /** Sequence number of the next byte of the stream. */
  next = 0
  /** Sequence number of the SYN, or what it would be by the first frame. */
  base = 0
  isBased = false
  isSynSeen = false
  /** What the other end acknowledged last. */
  acked = 0
  isAcked = false
  /** Sequence number of the FIN. */
  fin = 0
  isFinSeen = false
  /** The interface that captured what was new last: SYN, payload, FIN. What others show of the same is a copy. */
  shownBy = -1
  /** Time of the last frame. */
  lastUs = 0
  isWindowZero = false
  /** The first one came where no sender with this stream would be; if another follows on it, the stream goes on there. */
  strayNext = 0
  isStraying = false
  /** By sequence number. */
  readonly held: HeldSegment[] = []
  heldCost = 0
  /** Since when bytes before the first held one are missing. */
  waitingSinceUs = 0
  /** Time to live and MAC of the last frames: two of each, for captures on both sides of a router. -1: none. */
  private ttl = -1
  private earlierTtl = -1
  private mac = -1
  private earlierMac = -1

  constructor(connection: Connection, direction: Direction) {
    this.connection = connection
    this.direction = direction
  }

  get other(): Half {
    return this.direction === 0 ? this.connection.fromServer : this.connection.fromClient
  }

  /** Puts a segment in its place, behind those with the same number that came before. */
  hold(segment: HeldSegment): void {
    this.held.splice(this.placeFor(segment.seq), 0, segment)
    this.heldCost += segment.bytes.length + SEGMENT_COST
  }

  /** Whether all of a segment is held already by one other. */
  isHeld(seq: number, size: number): boolean {
    const before = this.held[this.placeFor(seq) - 1]
    return before !== undefined && ((before.seq + before.size - seq) | 0) >= size
  }

  takeFirst(): HeldSegment {
    const first = this.held.shift()!
    this.heldCost -= first.bytes.length + SEGMENT_COST
    return first
  }

  private placeFor(seq: number): number {
    const { held } = this
    let low = 0
    let high = held.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (((held[middle]!.seq - seq) | 0) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Remembers what frames of this sender look like. */
  noteSender(packet: Packet): void {
    if (packet.ttl !== this.ttl) {
      this.earlierTtl = this.ttl
      this.ttl = packet.ttl
    }
    if (packet.fromMacOffset === -1) return
    const mac = macNumber(packet.frame, packet.fromMacOffset)
    if (mac !== this.mac) {
      this.earlierMac = this.mac
      this.mac = mac
    }
  }

  /** Whether a frame does not look like those of this sender. Unknown is no. */
  isForeign(packet: Packet): boolean {
    if (this.ttl === -1) return false
    if (packet.ttl !== this.ttl && packet.ttl !== this.earlierTtl) return true
    if (packet.fromMacOffset === -1 || this.mac === -1) return false
    const mac = macNumber(packet.frame, packet.fromMacOffset)
    return mac !== this.mac && mac !== this.earlierMac
  }
}
