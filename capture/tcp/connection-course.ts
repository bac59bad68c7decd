import type { FrameRef } from '../frame.js'
import type { Packet } from '../packets/packet.js'
import { TCP_FLAG, type TcpHeader } from '../packets/tcp-header.js'
import type { Connection } from './connection.js'
import type { Half } from './half.js'
import type { StreamLimits } from './limits.js'
import { markOf, Reassembly } from './reassembly.js'
import { RecentSegments } from './recent-segments.js'
import type { Direction, SeenEnding, StreamSink } from './seen-connection.js'

/** A SYN that nobody answered for so long stays unanswered. */
const ANSWER_US_MAX = 1_000_000
/** A FIN or RST further from where its sender stands is believed by nobody. */
const DISTANCE_MAX = 1 << 24
/** Numbers of a new connection are not so near to those of the one before, both of them. */
const NEAR_MAX = 1 << 16

/** The course of connections: handshakes, acknowledgements, windows, keep-alives, and how they end. */
export class ConnectionCourse {
  private readonly sink: StreamSink
  private readonly recent = new RecentSegments()
  private readonly reassembly: Reassembly
  /** Time of the capture. */
  private nowUs = 0

  constructor(sink: StreamSink, limits: StreamLimits) {
    this.sink = sink
    this.reassembly = new Reassembly(sink, limits, this.recent)
  }

  /** Whether a SYN or SYN/ACK on the ports of a known connection begins another one. */
  isAnother(known: Connection, direction: Direction, packet: Packet, tcp: TcpHeader): boolean {
    const half = known.half(direction)
    // The whole connection once more, from a file of another machine whose clock is late.
    if (half.isSynSeen && half.base === tcp.seq && half.shownBy !== packet.interfaceIndex) return false
    const isElsewhere = known.isOver || (half.isBased && half.base !== tcp.seq)
    if ((tcp.flags & TCP_FLAG.ack) === 0) return isElsewhere
    // A second answer to the same SYN, by another machine that has the address, is no other connection.
    return isElsewhere && !(half.other.isBased && ((half.other.base + 1) | 0) === tcp.ack)
  }

  /** Whether a SYN/ACK stands in the midst of both streams: a frame that was damaged, for no handshake has such numbers. */
  isInMidStream(known: Connection, direction: Direction, tcp: TcpHeader): boolean {
    const half = known.half(direction)
    const { other } = half
    if ((tcp.flags & TCP_FLAG.ack) === 0 || !half.isBegun || !other.isBegun) return false
    if (half.base === tcp.seq || ((other.base + 1) | 0) === tcp.ack) return false
    return Math.abs((tcp.seq - half.next) | 0) < NEAR_MAX && Math.abs((tcp.ack - other.next) | 0) < NEAR_MAX
  }

  /** Whether a segment that begins nothing goes on where a connection is over: that did not end there, or others were the
   *  next ones on its ports, and how they began was not captured. */
  isOfAnother(known: Connection, direction: Direction, tcp: TcpHeader): boolean {
    if (!known.isOver || (tcp.flags & TCP_FLAG.rst) !== 0) return false
    const half = known.half(direction)
    const isElsewhere = half.isBegun && Math.abs((tcp.seq - half.next) | 0) > DISTANCE_MAX
    return (isElsewhere && tcp.payloadSize > 0) || hasOutlived(known, direction, tcp)
  }

  /** The next segment of a connection. Once its end was told, frames are only counted. */
  segment(connection: Connection, direction: Direction, packet: Packet, tcp: TcpHeader, frame: FrameRef): void {
    const half = direction === 0 ? connection.fromClient : connection.fromServer
    const { flags } = tcp
    this.nowUs = frame.timeUs
    connection.frames[direction]++
    connection.last = frame
    half.lastUs = frame.timeUs
    if (connection.isOver) return
    if ((flags & TCP_FLAG.rst) !== 0) {
      this.reset(connection, half, packet, tcp, frame)
      return
    }
    if (!half.isBased) this.base(half, tcp)
    half.noteSender(packet)
    if ((flags & TCP_FLAG.syn) !== 0) {
      this.synchronise(connection, half, packet, tcp, frame)
      // A payload of a SYN begins behind it.
      if (tcp.payloadSize > 0) tcp.seq = (tcp.seq + 1) | 0
    } else {
      connection.isAnswered = true
      if (connection.opening === 'syn-synack' && direction === 0) connection.opening = 'whole'
      if ((flags & TCP_FLAG.ack) !== 0) this.acknowledge(connection, half, tcp, frame)
    }
    if (tcp.payloadSize <= 1 && this.isKeepAlive(half, tcp)) {
      this.reassembly.unlessCopied(half, tcp, packet, frame, 'keep-alive')
    } else if (tcp.payloadSize > 0) {
      this.reassembly.payload(half, tcp, packet, frame)
      connection.lastPayloadUs = frame.timeUs
    }
    if ((flags & TCP_FLAG.fin) !== 0) this.finish(connection, half, packet, tcp, frame)
    if (tcp.payloadSize > 0 || (flags & (TCP_FLAG.fin | TCP_FLAG.syn)) !== 0) {
      this.recent.add(connection.id, direction, tcp.seq, markOf(packet, tcp), frame.timeUs)
    }
    if (connection.finBy !== null && isDone(connection.fromClient) && isDone(connection.fromServer))
      this.endByFin(connection)
  }

  /** Tells the end of a connection that is not followed any further. */
  giveUp(connection: Connection, how: 'reused' | 'forgotten' | 'capture-ended', at: FrameRef): void {
    if (connection.finBy !== null) {
      this.endByFin(connection)
      return
    }
    const isUnanswered =
      connection.opening === 'syn' &&
      !connection.isAnswered &&
      (how === 'reused' || connection.synCount > 1 || this.nowUs - connection.lastSynUs >= ANSWER_US_MAX)
    const idleUs = at.timeUs - connection.lastPayloadUs
    this.end(connection, { how: isUnanswered ? 'unanswered' : how, by: null, at, idleUs, forged: false })
  }

  private base(half: Half, tcp: TcpHeader): void {
    half.isBased = true
    half.base = (tcp.flags & TCP_FLAG.syn) !== 0 ? tcp.seq : (tcp.seq - 1) | 0
  }

  private synchronise(connection: Connection, half: Half, packet: Packet, tcp: TcpHeader, frame: FrameRef): void {
    const isAnswer = (tcp.flags & TCP_FLAG.ack) !== 0
    if (!half.isBegun) {
      half.isBegun = true
      half.next = (tcp.seq + 1) | 0
    } else if (half.base === tcp.seq && half.isSynSeen && !this.reassembly.again(half, tcp, packet, frame)) {
      return
    }
    half.isSynSeen = true
    half.shownBy = packet.interfaceIndex
    if (isAnswer) {
      this.answer(connection, half, tcp)
    } else {
      connection.synCount++
      connection.lastSynUs = frame.timeUs
      if (connection.opening === 'none') connection.opening = 'syn'
      else if (connection.opening === 'synack') connection.opening = 'syn-synack'
    }
  }

  private answer(connection: Connection, half: Half, tcp: TcpHeader): void {
    connection.isAnswered = true
    if (connection.opening === 'none') connection.opening = 'synack'
    else if (connection.opening === 'syn') connection.opening = 'syn-synack'
    const { other } = half
    if (other.isBegun) return
    other.isBegun = true
    other.next = tcp.ack
    if (other.isBased) return
    other.isBased = true
    other.base = (tcp.ack - 1) | 0
  }

  private acknowledge(connection: Connection, half: Half, tcp: TcpHeader, frame: FrameRef): void {
    const { other } = half
    other.acked = tcp.ack
    other.isAcked = true
    if (other.held.length > 0 || other.isFinSeen) this.reassembly.acknowledged(other)
    if ((tcp.window === 0) === half.isWindowZero) return
    half.isWindowZero = tcp.window === 0
    this.sink.trouble(connection, half.direction, half.isWindowZero ? 'zero-window' : 'window-open', frame)
  }

  /** The byte before the next, or none there, asks for an answer only. */
  private isKeepAlive(half: Half, tcp: TcpHeader): boolean {
    return half.isBegun && ((tcp.seq - half.next) | 0) === -1 && (tcp.flags & (TCP_FLAG.syn | TCP_FLAG.fin)) === 0
  }

  private finish(connection: Connection, half: Half, packet: Packet, tcp: TcpHeader, frame: FrameRef): void {
    const fin = (tcp.seq + tcp.payloadSize) | 0
    if (half.isFinSeen) {
      if (fin === half.fin && tcp.payloadSize === 0) this.reassembly.again(half, tcp, packet, frame)
      return
    }
    if (!half.isBegun) {
      half.isBegun = true
      half.next = fin
    }
    const ahead = (fin - half.next) | 0
    if (ahead < 0 || ahead > DISTANCE_MAX) return
    half.isFinSeen = true
    half.fin = fin
    half.shownBy = packet.interfaceIndex
    if (connection.finBy !== null) return
    connection.finBy = half.direction
    connection.finAt = frame
    connection.finIdleUs = frame.timeUs - connection.lastPayloadUs
  }

  private reset(connection: Connection, half: Half, packet: Packet, tcp: TcpHeader, frame: FrameRef): void {
    if (half.isBegun && Math.abs((tcp.seq - half.next) | 0) > DISTANCE_MAX) return
    if (connection.finBy !== null) {
      // It only hastens the end.
      this.endByFin(connection)
      return
    }
    connection.resetBy = half.direction
    connection.resetSeq = tcp.seq
    const isRefusal = connection.opening === 'syn' && half.direction === 1 && !connection.isAnswered
    this.end(connection, {
      how: isRefusal ? 'refused' : 'reset',
      by: half.direction,
      at: frame,
      idleUs: frame.timeUs - connection.lastPayloadUs,
      forged: half.isForeign(packet),
    })
  }

  private endByFin(connection: Connection): void {
    const { finBy, finAt, finIdleUs } = connection
    this.end(connection, { how: 'fin', by: finBy, at: finAt!, idleUs: finIdleUs, forged: false })
  }

  private end(connection: Connection, ending: SeenEnding): void {
    this.reassembly.flush(connection.fromClient)
    this.reassembly.flush(connection.fromServer)
    connection.isOver = true
    this.sink.ended(connection, ending)
  }
}

/** An end acknowledges what the other sent after its RST: it was not the other's, or damage, and nobody believed it. */
function hasOutlived(known: Connection, direction: Direction, tcp: TcpHeader): boolean {
  if (known.resetBy === null || known.resetBy === direction || (tcp.flags & TCP_FLAG.ack) === 0) return false
  const beyond = (tcp.ack - known.resetSeq) | 0
  return beyond > 0 && beyond < DISTANCE_MAX
}

/** Everything up to the FIN was told. */
const isDone = (half: Half) => half.isFinSeen && half.next === half.fin
