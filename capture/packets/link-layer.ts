import type { Packet } from './packet.js'

/** What the link layer of a frame carries. */
export const CARRIED = {
  /** ARP, LLC, spanning tree: nothing of IP. */
  other: 0,
  ipv4: 4,
  ipv6: 6,
  /** The frame ends before it tells. */
  cut: 1,
  /** No link type that is read here. */
  unknown: 2,
} as const
export type Carried = (typeof CARRIED)[keyof typeof CARRIED]

const ETHER_TYPE_IPV4 = 0x0800
const ETHER_TYPE_IPV6 = 0x86dd
const COOKED_SIZE = 16
const COOKED2_SIZE = 20

/** Finds the packet of IP in `packet.frame`: sets its `payloadOffset` and MAC offsets. Link types are LINKTYPE_ numbers
 *  of https://www.tcpdump.org/linktypes.html. */
export function readLinkLayer(packet: Packet, linkType: number): Carried {
  const frame = packet.frame
  packet.fromMacOffset = -1
  packet.toMacOffset = -1
  switch (linkType) {
    case 1:
      if (frame.length < 14) return CARRIED.cut
      packet.toMacOffset = 0
      packet.fromMacOffset = 6
      return readEtherType(packet, 12)
    // Linux cooked: what "any" captures. MACs of senders only, six bytes of eight.
    case 113:
      if (frame.length < COOKED_SIZE) return CARRIED.cut
      if (frame[4] === 0 && frame[5] === 6) packet.fromMacOffset = 6
      return readEtherType(packet, 14)
    case 276:
      if (frame.length < COOKED2_SIZE) return CARRIED.cut
      if (frame[11] === 6) packet.fromMacOffset = 12
      return readCookedType(packet)
    // The address family in the byte order of the machine that captured, and in that of the network.
    case 0:
    case 108:
      if (frame.length < 4) return CARRIED.cut
      packet.payloadOffset = 4
      return familyOf(frame)
    // Raw IP: 101 as files write it, 12 and 14 as some systems number it in them.
    case 12:
    case 14:
    case 101:
      packet.payloadOffset = 0
      return versionOf(frame, 0)
    case 228:
      packet.payloadOffset = 0
      return CARRIED.ipv4
    case 229:
      packet.payloadOffset = 0
      return CARRIED.ipv6
    default:
      return CARRIED.unknown
  }
}

/** From an ether type on, through VLAN tags of whatever depth. */
function readEtherType(packet: Packet, offset: number): Carried {
  const frame = packet.frame
  let at = offset
  for (;;) {
    if (at + 2 > frame.length) return CARRIED.cut
    const etherType = (frame[at]! << 8) | frame[at + 1]!
    if (etherType === ETHER_TYPE_IPV4 || etherType === ETHER_TYPE_IPV6) {
      packet.payloadOffset = at + 2
      return etherType === ETHER_TYPE_IPV4 ? CARRIED.ipv4 : CARRIED.ipv6
    }
    if (!isVlanTag(etherType)) return CARRIED.other
    at += 4
  }
}

/** Cooked version 2 has its type first and what it carries behind the header; a tag continues there. */
function readCookedType(packet: Packet): Carried {
  const frame = packet.frame
  const etherType = (frame[0]! << 8) | frame[1]!
  packet.payloadOffset = COOKED2_SIZE
  if (etherType === ETHER_TYPE_IPV4) return CARRIED.ipv4
  if (etherType === ETHER_TYPE_IPV6) return CARRIED.ipv6
  return isVlanTag(etherType) ? readEtherType(packet, COOKED2_SIZE + 2) : CARRIED.other
}

const isVlanTag = (etherType: number) => etherType === 0x8100 || etherType === 0x88a8 || etherType === 0x9100

// AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 23 on Windows, 24, 28 and 30 on the BSDs and macOS.
function familyOf(frame: Buffer): Carried {
  const isLittle = frame[0] !== 0
  if (isLittle ? frame[1] !== 0 || frame[2] !== 0 || frame[3] !== 0 : frame[1] !== 0 || frame[2] !== 0) {
    return CARRIED.other
  }
  const family = isLittle ? frame[0]! : frame[3]!
  if (family === 2) return CARRIED.ipv4
  return family === 10 || family === 23 || family === 24 || family === 28 || family === 30
    ? CARRIED.ipv6
    : CARRIED.other
}

function versionOf(frame: Buffer, offset: number): Carried {
  if (offset >= frame.length) return CARRIED.cut
  const version = frame[offset]! >> 4
  return version === 4 ? CARRIED.ipv4 : version === 6 ? CARRIED.ipv6 : CARRIED.other
}
