/** What the frames of a capture were. Every frame is in exactly one of the last nine, or in `tcp` or `udp`. */
export interface PacketCounts {
  frames: number
  ipv4: number
  ipv6: number
  tcp: number
  udp: number
  /** Frames that carry no IP: ARP, LLC. */
  notIp: number
  /** Packets of IP with other protocols: ICMP, ESP, tunnels. */
  otherProtocols: number
  /** Fragments that were kept for others to come, or came to nothing. */
  fragments: number
  /** Frames that end, by the snap length or the capturing program, within the headers. */
  cutHeaders: number
  /** Headers that contradict themselves. */
  malformed: number
  /** Other bytes than were sent, as their checksum says. */
  damaged: number
  /** Frames by link types that are not read. */
  readonly unknownLinkTypes: Map<number, number>
}

export function noPackets(): PacketCounts {
  return {
    frames: 0,
    ipv4: 0,
    ipv6: 0,
    tcp: 0,
    udp: 0,
    notIp: 0,
    otherProtocols: 0,
    fragments: 0,
    cutHeaders: 0,
    malformed: 0,
    damaged: 0,
    unknownLinkTypes: new Map(),
  }
}
