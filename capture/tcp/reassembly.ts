import type { FrameRef } from '../frame.js'
import type { Packet } from '../packets/packet.js'
import type { TcpHeader } from '../packets/tcp-header.js'
import type { Half } from './half.js'
import type { StreamLimits } from './limits.js'
import type { RecentSegments } from './recent-segments.js'
import type { StreamSink, TcpTrouble } from './seen-connection.js'

/** A segment this far ahead can be one of the same stream: the largest window there is. */
const AHEAD_MAX = 1 << 30
/** Old segments come from within a window; what lies further back is another stream, or this one after a long gap. */
const BEHIND_MAX = 1 << 24
/** Segments swap places within moments; what fills a hole later than this was sent again. */
const SWAP_US_MAX = 3000

const NOTHING = Buffer.alloc(0)

/** Turns the segments of each direction into its stream. A byte that was told is never told again; of segments that wait,
 *  the one that begins earlier gives its bytes first. */
export class Reassembly {
  private readonly sink: StreamSink
  private readonly limits: StreamLimits
  private readonly recent: RecentSegments
  /** Directions with held segments, those that wait longest first. */
  private readonly waiting = new Set<Half>()
  private heldCost = 0

  constructor(sink: StreamSink, limits: StreamLimits, recent: RecentSegments) {
    this.sink = sink
    this.limits = limits
    this.recent = recent
  }

  /** The payload of a segment. */
  payload(half: Half, tcp: TcpHeader, packet: Packet, frame: FrameRef): void {
    if (!half.isBegun) this.beginAt(half, tcp.seq, frame)
    if (tcp.seq === half.next && half.held.length === 0 && !half.isFinSeen) {
      half.shownBy = packet.interfaceIndex
      this.tell(half, packet.bytes.subarray(tcp.payloadOffset, tcp.payloadEnd), tcp.payloadSize, frame)
    } else {
      this.outOfTurn(half, tcp, packet, frame)
    }
  }

  /** The other end acknowledged: what it has and the capture does not was never captured. */
  acknowledged(half: Half): void {
    while (half.held.length > 0 && ((half.acked - half.held[0]!.seq) | 0) > 0) this.skip(half)
    if (half.held.length === 0 && half.isFinSeen && ((half.acked - half.fin) | 0) > 0) this.skipToFin(half)
  }

  /** Tells all that waits; at the end of a connection. */
  flush(half: Half): void {
    while (half.held.length > 0) this.skip(half)
    if (!half.isBegun) return
    if (half.isFinSeen) {
      this.skipToFin(half)
      return
    }
    const missing = half.isAcked ? (half.acked - half.next) | 0 : 0
    // One more than the last byte is a FIN that was not captured.
    if (missing > 1 && missing <= AHEAD_MAX) this.hole(half, missing, half.connection.last)
  }

  /** A segment that was seen before: sent again, if the capture does not have the same frame twice. */
  again(half: Half, tcp: TcpHeader, packet: Packet, frame: FrameRef): boolean {
    return this.unlessCopied(half, tcp, packet, frame, 'retransmission')
  }

  /** Tells a trouble and says so, unless it is a copy: of a frame captured just before, or by another interface. */
  unlessCopied(half: Half, tcp: TcpHeader, packet: Packet, frame: FrameRef, what: TcpTrouble): boolean {
    const { connection, direction } = half
    if (half.shownBy !== -1 && half.shownBy !== packet.interfaceIndex) return false
    if (this.recent.has(connection.id, direction, tcp.seq, markOf(packet, tcp), frame.timeUs)) return false
    this.sink.trouble(connection, direction, what, frame)
    return true
  }

  private beginAt(half: Half, seq: number, frame: FrameRef): void {
    half.isBegun = true
    half.next = seq
    this.sink.hole(half.connection, half.direction, null, 'never-captured', frame)
  }

  private outOfTurn(half: Half, tcp: TcpHeader, packet: Packet, frame: FrameRef): void {
    const { seq } = tcp
    const size = half.isFinSeen ? Math.min(tcp.payloadSize, (half.fin - seq) | 0) : tcp.payloadSize
    const ahead = (seq - half.next) | 0
    if (ahead > AHEAD_MAX || ahead < -BEHIND_MAX) {
      this.stray(half, tcp, packet, frame)
    } else if (size <= 0) {
      // Behind its own FIN no sender has anything to say.
    } else if (ahead > 0) {
      if (half.isHeld(seq, size)) this.again(half, tcp, packet, frame)
      else this.hold(half, seq, size, capturedOf(packet, tcp, 0, size), frame)
    } else if (ahead + size <= 0) {
      this.again(half, tcp, packet, frame)
    } else {
      const fillsLate = half.held.length > 0 && frame.timeUs - half.waitingSinceUs > SWAP_US_MAX
      if (ahead < 0 || fillsLate) this.again(half, tcp, packet, frame)
      half.shownBy = packet.interfaceIndex
      this.tell(half, capturedOf(packet, tcp, -ahead, size), size + ahead, frame)
      this.drain(half)
    }
  }

  /** Nothing of this stream can be there; a second segment that follows on the first shows that it is. */
  private stray(half: Half, tcp: TcpHeader, packet: Packet, frame: FrameRef): void {
    if (!half.isStraying || half.strayNext !== tcp.seq) {
      half.isStraying = true
      half.strayNext = (tcp.seq + tcp.payloadSize) | 0
      return
    }
    half.isStraying = false
    while (half.held.length > 0) this.skip(half)
    this.beginAt(half, tcp.seq, frame)
    this.tell(half, capturedOf(packet, tcp, 0, tcp.payloadSize), tcp.payloadSize, frame)
  }

  private hold(half: Half, seq: number, size: number, captured: Buffer, frame: FrameRef): void {
    // The frame's memory is the reader's: what is kept is copied, to a buffer of its own so that it can be freed alone.
    const bytes = Buffer.allocUnsafeSlow(captured.length)
    captured.copy(bytes)
    if (half.held.length === 0) {
      half.waitingSinceUs = frame.timeUs
      this.waiting.add(half)
    }
    this.heldCost -= half.heldCost
    half.hold({ seq, size, bytes, frame })
    this.heldCost += half.heldCost
    const { heldBytesMax, heldBytesOfAllMax, silentWaitUsMax } = this.limits
    const isUnheard = half.other.lastUs < half.waitingSinceUs
    if (isUnheard && frame.timeUs - half.waitingSinceUs > silentWaitUsMax) this.skip(half)
    while (half.heldCost > heldBytesMax) this.skip(half)
    while (this.heldCost > heldBytesOfAllMax) {
      for (const longest of this.waiting) {
        this.skip(longest)
        break
      }
    }
  }

  /** Gives up on the bytes before the first held segment. */
  private skip(half: Half): void {
    const first = half.held[0]!
    this.hole(half, (first.seq - half.next) | 0, first.frame)
    this.drain(half)
  }

  private skipToFin(half: Half): void {
    const missing = (half.fin - half.next) | 0
    if (missing > 0 && missing <= AHEAD_MAX) this.hole(half, missing, half.connection.last)
  }

  /** Tells held segments whose turn has come. */
  private drain(half: Half): void {
    if (half.held.length === 0) return
    this.heldCost -= half.heldCost
    while (half.held.length > 0 && ((half.held[0]!.seq - half.next) | 0) <= 0) {
      const { seq, size, bytes, frame } = half.takeFirst()
      const told = (half.next - seq) | 0
      if (told < size)
        this.tell(half, told === 0 ? bytes : bytes.subarray(Math.min(told, bytes.length)), size - told, frame)
    }
    this.heldCost += half.heldCost
    this.waiting.delete(half)
    if (half.held.length === 0) return
    half.waitingSinceUs = half.held[0]!.frame.timeUs
    this.waiting.add(half)
  }

  /** The next bytes of the stream: `bytes` captured ones, `size` of them on the wire. */
  private tell(half: Half, bytes: Buffer, size: number, frame: FrameRef): void {
    const { connection, direction } = half
    half.next = (half.next + size) | 0
    half.isStraying = false
    if (bytes.length > 0) {
      connection.bytes[direction] += bytes.length
      this.sink.bytes(connection, direction, bytes, frame)
    }
    if (bytes.length === size) return
    connection.missing[direction] += size - bytes.length
    this.sink.hole(connection, direction, size - bytes.length, 'snap-length', frame)
  }

  private hole(half: Half, size: number, frame: FrameRef): void {
    const { connection, direction } = half
    half.next = (half.next + size) | 0
    connection.missing[direction] += size
    this.sink.hole(connection, direction, size, 'never-captured', frame)
  }
}

/** What differs between a packet and the same bytes sent again: the identification of IPv4, or else the checksum, which
 *  covers acknowledgement, window and time stamps. */
export function markOf(packet: Packet, tcp: TcpHeader): number {
  return packet.ipId !== 0 ? packet.ipId : tcp.checksum | 0x10000
}

/** Captured payload from `skipped` to `size`. */
function capturedOf(packet: Packet, tcp: TcpHeader, skipped: number, size: number): Buffer {
  const from = tcp.payloadOffset + skipped
  const to = Math.min(tcp.payloadEnd, tcp.payloadOffset + size)
  return from < to ? packet.bytes.subarray(from, to) : NOTHING
}
