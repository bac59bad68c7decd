import type { FrameRef } from '../frame.js'
import type { AddressTexts } from '../packets/address-texts.js'
import type { Packet } from '../packets/packet.js'
import { TCP_FLAG, type TcpHeader } from '../packets/tcp-header.js'
import { Connection, type ConnectionEnd } from './connection.js'
import { FlowTable } from './flow-table.js'
import type { Direction } from './seen-connection.js'
import { SilenceList } from './silence-list.js'

const MSMQ_PORT = 1801

/** The connections that are remembered, by their addresses and ports in either direction. */
export class ConnectionTable {
  /** Those whose end was not told yet, and those whose was. */
  readonly live = new SilenceList()
  readonly over = new SilenceList()
  size = 0
  /** Connections made so far. */
  count = 0
  /** Whether the packet asked about last came from the lower of its two ends. */
  private isFromLower = true
  private readonly texts: AddressTexts
  private readonly ipv4 = new FlowTable<Connection>(3)
  private readonly ipv6 = new FlowTable<Connection>(9)

  constructor(texts: AddressTexts) {
    this.texts = texts
  }

  find(packet: Packet, tcp: TcpHeader): Connection | null {
    if (packet.version === 4) {
      this.writeKey4(packet, tcp)
      return this.ipv4.find()
    }
    this.writeKey6(packet, tcp)
    return this.ipv6.find()
  }

  /** Direction of the packet that `find` was asked about. */
  isFromClient(connection: Connection): boolean {
    return connection.isClientLower === this.isFromLower
  }

  /** A new connection for the packet that `find` was asked about. */
  add(packet: Packet, tcp: TcpHeader, first: FrameRef): Connection {
    const from = this.endOf(packet, packet.fromOffset, tcp.fromPort, packet.fromMacOffset)
    const to = this.endOf(packet, packet.toOffset, tcp.toPort, packet.toMacOffset)
    const isFromClient = isSentByClient(tcp)
    const [client, server] = isFromClient ? [from, to] : [to, from]
    const isClientLower = this.isFromLower === isFromClient
    const connection = new Connection(this.count++, client, server, first, isClientLower, packet.version)
    if ((tcp.flags & TCP_FLAG.syn) !== 0) connection.opening = isFromClient ? 'syn' : 'synack'
    connection.entry = this.tableOf(connection).insert(connection)
    this.live.add(connection)
    this.size++
    return connection
  }

  remove(connection: Connection): void {
    connection.list!.remove(connection)
    this.tableOf(connection).remove(connection.entry)
    this.size--
  }

  /** It was heard of just now, or its end was told. */
  touch(connection: Connection): void {
    if (connection.isOver) this.over.touch(connection)
    else this.live.touch(connection)
  }

  /** Fills in an end's MAC, where its first own frame is the first to show one. */
  learnMac(connection: Connection, direction: Direction, packet: Packet): void {
    const end = direction === 0 ? connection.client : connection.server
    if (end.mac === null && packet.fromMacOffset !== -1) end.mac = this.texts.mac(packet.frame, packet.fromMacOffset)
  }

  private endOf(packet: Packet, offset: number, port: number, macOffset: number): ConnectionEnd {
    const { frame, version } = packet
    const mac = macOffset === -1 ? null : this.texts.mac(frame, macOffset)
    return { address: this.texts.ip(frame, offset, version), port, mac }
  }

  private tableOf(connection: Connection): FlowTable<Connection> {
    return connection.version === 4 ? this.ipv4 : this.ipv6
  }

  private writeKey4(packet: Packet, tcp: TcpHeader): void {
    const { frame, fromOffset, toOffset } = packet
    const { fromPort, toPort } = tcp
    const { key } = this.ipv4
    const from = wordAt(frame, fromOffset)
    const to = wordAt(frame, toOffset)
    if (from < to || (from === to && fromPort <= toPort)) {
      this.isFromLower = true
      key[0] = from
      key[1] = to
      key[2] = (fromPort << 16) | toPort
    } else {
      this.isFromLower = false
      key[0] = to
      key[1] = from
      key[2] = (toPort << 16) | fromPort
    }
  }

  private writeKey6(packet: Packet, tcp: TcpHeader): void {
    const { frame, fromOffset, toOffset } = packet
    const { fromPort, toPort } = tcp
    const { key } = this.ipv6
    let order = 0
    for (let at = 0; at < 16 && order === 0; at++) order = frame[fromOffset + at]! - frame[toOffset + at]!
    this.isFromLower = order < 0 || (order === 0 && fromPort <= toPort)
    const lower = this.isFromLower ? fromOffset : toOffset
    const higher = this.isFromLower ? toOffset : fromOffset
    for (let word = 0; word < 4; word++) {
      key[word] = wordAt(frame, lower + 4 * word)
      key[4 + word] = wordAt(frame, higher + 4 * word)
    }
    key[8] = this.isFromLower ? (fromPort << 16) | toPort : (toPort << 16) | fromPort
  }
}

/** The SYN tells; in mid-stream the server is the one on MSMQ's port, or on the lower one. */
function isSentByClient(tcp: TcpHeader): boolean {
  if ((tcp.flags & TCP_FLAG.syn) !== 0) return (tcp.flags & TCP_FLAG.ack) === 0
  if (tcp.fromPort === MSMQ_PORT || tcp.toPort === MSMQ_PORT) return tcp.toPort === MSMQ_PORT
  return tcp.fromPort >= tcp.toPort
}

const wordAt = (bytes: Buffer, at: number) =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
