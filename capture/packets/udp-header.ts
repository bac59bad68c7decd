import type { Packet } from './packet.js'

const UDP_SIZE = 8

/** The UDP header of a packet, and where its payload lies in `packet.bytes`. Written anew for each. */
export class UdpHeader {
  fromPort = 0
  toPort = 0
  payloadOffset = 0
  /** Captured payload ends here. */
  payloadEnd = 0

  /** False: the header is not whole, or says less than its own size. */
  read(packet: Packet): boolean {
    const bytes = packet.bytes
    const at = packet.payloadOffset
    if (at + UDP_SIZE > packet.payloadEnd) return false
    const size = (bytes[at + 4]! << 8) | bytes[at + 5]!
    if (size < UDP_SIZE) return false
    this.fromPort = (bytes[at]! << 8) | bytes[at + 1]!
    this.toPort = (bytes[at + 2]! << 8) | bytes[at + 3]!
    this.payloadOffset = at + UDP_SIZE
    this.payloadEnd = Math.min(at + size, packet.payloadEnd)
    return true
  }
}
