import type { Frame, FrameRef } from '../frame.js'
import { AddressTexts } from '../packets/address-texts.js'
import type { PacketCounts } from '../packets/packet-counts.js'
import { PacketReader } from '../packets/packet-reader.js'
import { TCP_FLAG } from '../packets/tcp-header.js'
import type { Connection } from './connection.js'
import { ConnectionCourse } from './connection-course.js'
import { ConnectionTable } from './connection-table.js'
import { STREAM_LIMITS, type StreamLimits } from './limits.js'
import type { StreamSink } from './seen-connection.js'

/** Told of datagrams; `bytes` is what was captured of the payload, a view valid during the call. */
export type DatagramSink = (from: DatagramEnd, to: DatagramEnd, bytes: Buffer, frame: FrameRef) => void

export interface DatagramEnd {
  /** As text: dotted, or compressed lower-case IPv6. */
  readonly address: string
  readonly port: number
}

export interface TcpStreamsOptions extends Partial<StreamLimits> {
  /** Datagrams from or to these are told of, others only counted. Default 3527, where MSMQ's pings go. */
  readonly udpPorts?: readonly number[]
  /** Nothing is left out for its checksum. */
  readonly ignoreChecksums?: boolean
  /** Told of each packet that is left out since its checksum is wrong. */
  onDamaged?(frame: FrameRef): void
}

/** Frames in, streams out: finds the TCP connections of a capture and puts both directions of each together.
 *
 *  Frames are given in the order of the capture. Bytes that come in their turn are told as views of the frame. Memory is
 *  bounded by {@link StreamLimits}, whatever the size of the capture. */
export class TcpStreams {
  private readonly sink: StreamSink
  private readonly udp: DatagramSink
  private readonly udpPorts: ReadonlySet<number>
  private readonly connectionsMax: number
  private readonly onDamaged: (frame: FrameRef) => void
  private readonly reader: PacketReader
  private readonly texts = new AddressTexts()
  private readonly connections = new ConnectionTable(this.texts)
  private readonly course: ConnectionCourse

  constructor(sink: StreamSink, udp: DatagramSink, options: TcpStreamsOptions = {}) {
    const { udpPorts = [3527], ignoreChecksums, onDamaged = () => {}, ...given } = options
    const limits = { ...STREAM_LIMITS, ...given }
    this.sink = sink
    this.udp = udp
    this.udpPorts = new Set(udpPorts)
    this.connectionsMax = limits.connectionsMax
    this.onDamaged = onDamaged
    this.reader = new PacketReader(ignoreChecksums)
    this.course = new ConnectionCourse(sink, limits)
  }

  get counts(): PacketCounts {
    return this.reader.counts
  }

  /** Connections told of so far. */
  get connectionCount(): number {
    return this.connections.count
  }

  frame(frame: Frame): void {
    const transport = this.reader.read(frame)
    if (transport === 'tcp') this.segment(frame.ref)
    else if (transport === 'udp') this.datagram(frame.ref)
    else if (transport === 'damaged') this.onDamaged(frame.ref)
  }

  /** The capture is over: tells what waits and how each connection ended. */
  finish(): void {
    for (let oldest = this.connections.live.oldest; oldest !== null; oldest = this.connections.live.oldest) {
      this.course.giveUp(oldest, 'capture-ended', oldest.last)
      this.connections.touch(oldest)
    }
  }

  private segment(frame: FrameRef): void {
    const { packet, tcp } = this.reader
    const connection = this.connectionOf(frame)
    const direction = this.connections.isFromClient(connection) ? 0 : 1
    if (connection.frames[direction] === 0) this.connections.learnMac(connection, direction, packet)
    this.course.segment(connection, direction, packet, tcp, frame)
    this.connections.touch(connection)
  }

  private connectionOf(frame: FrameRef): Connection {
    const { packet, tcp } = this.reader
    const known = this.connections.find(packet, tcp)
    if (known !== null) {
      const direction = this.connections.isFromClient(known) ? 0 : 1
      if ((tcp.flags & TCP_FLAG.syn) !== 0 && this.course.isInMidStream(known, direction, tcp)) {
        tcp.flags &= ~TCP_FLAG.syn
      }
      const isAnother =
        (tcp.flags & TCP_FLAG.syn) !== 0
          ? this.course.isAnother(known, direction, packet, tcp)
          : this.course.isOfAnother(known, direction, tcp)
      if (!isAnother) return known
      if (!known.isOver) this.course.giveUp(known, 'reused', frame)
      this.connections.remove(known)
    }
    if (this.connections.size >= this.connectionsMax) this.forget()
    const connection = this.connections.add(packet, tcp, frame)
    this.sink.opened(connection)
    return connection
  }

  /** Makes room: one whose end was told, or else the one silent for longest. */
  private forget(): void {
    const { live, over } = this.connections
    const oldest = (over.oldest ?? live.oldest)!
    if (!oldest.isOver) this.course.giveUp(oldest, 'forgotten', oldest.last)
    this.connections.remove(oldest)
  }

  private datagram(frame: FrameRef): void {
    const { packet, udp } = this.reader
    if (!this.udpPorts.has(udp.toPort) && !this.udpPorts.has(udp.fromPort)) return
    const address = (offset: number) => this.texts.ip(packet.frame, offset, packet.version)
    const from = { address: address(packet.fromOffset), port: udp.fromPort }
    const to = { address: address(packet.toOffset), port: udp.toPort }
    this.udp(from, to, packet.bytes.subarray(udp.payloadOffset, udp.payloadEnd), frame)
  }
}
