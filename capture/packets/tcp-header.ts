import type { Packet } from './packet.js'

export const TCP_FLAG = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const

const TCP_SIZE_MIN = 20

/** The TCP header of a packet, and where its payload lies in `packet.bytes`. Written anew for each. */
export class TcpHeader {
  fromPort = 0
  toPort = 0
  /** Sequence and acknowledgement number as signed 32 bits: differences are taken with `| 0`. */
  seq = 0
  ack = 0
  flags = 0
  /** As sent: not scaled. */
  window = 0
  checksum = 0
  payloadOffset = 0
  /** Captured payload ends here. */
  payloadEnd = 0
  /** Payload on the wire. */
  payloadSize = 0

  /** False: the header is not whole, `packet.payloadEnd` says why, or it contradicts itself. */
  read(packet: Packet): boolean {
    const bytes = packet.bytes
    const at = packet.payloadOffset
    if (at + TCP_SIZE_MIN > packet.payloadEnd) return false
    this.fromPort = (bytes[at]! << 8) | bytes[at + 1]!
    this.toPort = (bytes[at + 2]! << 8) | bytes[at + 3]!
    this.seq = (bytes[at + 4]! << 24) | (bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!
    this.ack = (bytes[at + 8]! << 24) | (bytes[at + 9]! << 16) | (bytes[at + 10]! << 8) | bytes[at + 11]!
    const headerSize = (bytes[at + 12]! >> 4) * 4
    this.flags = bytes[at + 13]!
    this.window = (bytes[at + 14]! << 8) | bytes[at + 15]!
    this.checksum = (bytes[at + 16]! << 8) | bytes[at + 17]!
    if (headerSize < TCP_SIZE_MIN || headerSize > packet.payloadSize) return false
    const payloadOffset = at + headerSize
    this.payloadOffset = payloadOffset
    this.payloadSize = packet.payloadSize - headerSize
    this.payloadEnd = packet.payloadEnd < payloadOffset ? payloadOffset : packet.payloadEnd
    return true
  }
}
