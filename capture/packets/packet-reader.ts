import type { Frame } from '../frame.js'
import { Damage } from './damage.js'
import { Fragments, type WholePacket } from './fragments.js'
import { CARRIED, readLinkLayer } from './link-layer.js'
import { Packet, PROTOCOL_TCP, PROTOCOL_UDP } from './packet.js'
import { noPackets, type PacketCounts } from './packet-counts.js'
import { ipv4Soundness, tcpSoundness } from './soundness.js'
import { TcpHeader } from './tcp-header.js'
import { UdpHeader } from './udp-header.js'

const IPV4_SIZE_MIN = 20
const IPV6_SIZE = 40

const EXTENSION = { hopByHop: 0, routing: 43, fragment: 44, authentication: 51, destination: 60 } as const

/** What a frame brought: its own payload, or one that its fragment completed. `damaged`: no machine would have taken it. */
export type Transport = 'tcp' | 'udp' | 'damaged' | null

/** Reads frames down to the payload of TCP and UDP. */
export class PacketReader {
  /** Of the frame read last; `tcp` and `udp` where `read` said so. */
  readonly packet = new Packet()
  readonly tcp = new TcpHeader()
  readonly udp = new UdpHeader()
  readonly counts: PacketCounts = noPackets()
  private readonly fragments = new Fragments()
  /** Of headers of IPv4, and of segments of TCP; null where checksums are to be ignored. */
  private readonly headerDamage: Damage | null
  private readonly segmentDamage: Damage | null

  constructor(ignoreChecksums = false) {
    this.headerDamage = ignoreChecksums ? null : new Damage()
    this.segmentDamage = ignoreChecksums ? null : new Damage(this.headerDamage)
  }

  read(frame: Frame): Transport {
    const { packet, counts } = this
    counts.frames++
    packet.interfaceIndex = frame.on.index
    packet.frame = frame.bytes
    packet.bytes = frame.bytes
    switch (readLinkLayer(packet, frame.on.linkType)) {
      case CARRIED.ipv4:
        return this.readIpv4(frame)
      case CARRIED.ipv6:
        return this.readIpv6(frame)
      case CARRIED.cut:
        counts.cutHeaders++
        return null
      case CARRIED.unknown: {
        const { linkType } = frame.on
        counts.unknownLinkTypes.set(linkType, (counts.unknownLinkTypes.get(linkType) ?? 0) + 1)
        return null
      }
      default:
        counts.notIp++
        return null
    }
  }

  private readIpv4(frame: Frame): Transport {
    const { packet, counts } = this
    const bytes = packet.frame
    const at = packet.payloadOffset
    if (at + IPV4_SIZE_MIN > bytes.length) return this.cut()
    const first = bytes[at]!
    const headerSize = (first & 0x0f) * 4
    // A card that cuts segments itself is handed more than the field can say: the length is then 0.
    const stated = (bytes[at + 2]! << 8) | bytes[at + 3]!
    const size = stated === 0 ? frame.originalLength - at : stated
    if (first >> 4 !== 4 || headerSize < IPV4_SIZE_MIN || size < headerSize) return this.malformed()
    counts.ipv4++
    packet.version = 4
    packet.fromOffset = at + 12
    packet.toOffset = at + 16
    packet.ttl = bytes[at + 8]!
    packet.ipId = (bytes[at + 4]! << 8) | bytes[at + 5]!
    packet.protocol = bytes[at + 9]!
    packet.payloadOffset = at + headerSize
    packet.payloadSize = size - headerSize
    packet.payloadEnd = at + size < bytes.length ? at + size : bytes.length
    if (packet.payloadOffset > bytes.length) return this.cut()
    // where a card cuts segments itself, the sum is over a length that it fills in
    if (stated !== 0) {
      const isAsLong = at + size <= frame.originalLength
      if (this.headerDamage?.isDamaged(packet, ipv4Soundness(bytes, at, headerSize), isAsLong)) return this.damaged()
    }
    const fragment = (bytes[at + 6]! << 8) | bytes[at + 7]!
    if ((fragment & 0x3fff) !== 0) {
      const key = `4${bytes.toString('latin1', at + 12, at + 20)}${bytes.toString('latin1', at + 4, at + 6)}${packet.protocol}`
      if (!this.join(key, (fragment & 0x1fff) * 8, (fragment & 0x2000) === 0, frame.ref.timeUs)) return null
    }
    return this.readTransport(packet.protocol)
  }

  private readIpv6(frame: Frame): Transport {
    const { packet, counts } = this
    const bytes = packet.frame
    const at = packet.payloadOffset
    if (at + IPV6_SIZE > bytes.length) return this.cut()
    if (bytes[at]! >> 4 !== 6) return this.malformed()
    const stated = (bytes[at + 4]! << 8) | bytes[at + 5]!
    counts.ipv6++
    packet.version = 6
    packet.fromOffset = at + 8
    packet.toOffset = at + 24
    packet.ttl = bytes[at + 7]!
    packet.ipId = 0
    packet.payloadOffset = at + IPV6_SIZE
    packet.payloadSize = stated === 0 ? Math.max(0, frame.originalLength - packet.payloadOffset) : stated
    const end = packet.payloadOffset + packet.payloadSize
    packet.payloadEnd = end < bytes.length ? end : bytes.length
    return this.walkExtensions(bytes[at + 6]!, at, frame.ref.timeUs)
  }

  /** Through extension headers to the protocol; those behind a fragment header lie in the packet put together. */
  private walkExtensions(first: number, ipOffset: number, timeUs: number): Transport {
    const { packet } = this
    let next = first
    for (;;) {
      const at = packet.payloadOffset
      if (!isExtension(next)) {
        packet.protocol = next
        return this.readTransport(next)
      }
      if (at + 8 > packet.payloadEnd) return packet.payloadSize < 8 ? this.malformed() : this.cut()
      const bytes = packet.bytes
      const following = bytes[at]!
      if (next === EXTENSION.fragment) {
        const field = (bytes[at + 2]! << 8) | bytes[at + 3]!
        packet.payloadOffset += 8
        packet.payloadSize -= 8
        if ((field & 0xfff9) !== 0) {
          const addresses = packet.frame.toString('latin1', ipOffset + 8, ipOffset + IPV6_SIZE)
          const key = `6${addresses}${bytes.toString('latin1', at + 4, at + 8)}`
          if (!this.join(key, field & 0xfff8, (field & 1) === 0, timeUs)) return null
        }
      } else {
        const size = next === EXTENSION.authentication ? (bytes[at + 1]! + 2) * 4 : (bytes[at + 1]! + 1) * 8
        if (size > packet.payloadSize) return this.malformed()
        packet.payloadOffset += size
        packet.payloadSize -= size
        if (packet.payloadOffset > packet.payloadEnd) return this.cut()
      }
      next = following
    }
  }

  private join(key: string, offset: number, isLast: boolean, timeUs: number): boolean {
    const { packet, counts } = this
    const captured = packet.bytes.subarray(packet.payloadOffset, packet.payloadEnd)
    const whole: WholePacket | null = this.fragments.add(key, offset, isLast, captured, packet.payloadSize, timeUs)
    if (whole === null) {
      counts.fragments++
      return false
    }
    packet.bytes = whole.bytes
    packet.payloadOffset = 0
    packet.payloadSize = whole.size
    packet.payloadEnd = whole.bytes.length
    return true
  }

  private readTransport(protocol: number): Transport {
    const { packet, counts } = this
    if (protocol === PROTOCOL_TCP) {
      if (!this.tcp.read(packet)) return this.cutOrMalformed()
      if (this.segmentDamage?.isDamaged(packet, tcpSoundness(packet, this.tcp.checksum))) return this.damaged()
      counts.tcp++
      return 'tcp'
    }
    if (protocol === PROTOCOL_UDP) {
      if (!this.udp.read(packet)) return this.cutOrMalformed()
      counts.udp++
      return 'udp'
    }
    counts.otherProtocols++
    return null
  }

  private cutOrMalformed(): Transport {
    const { packet } = this
    return packet.payloadEnd - packet.payloadOffset < packet.payloadSize ? this.cut() : this.malformed()
  }

  private damaged(): Transport {
    this.counts.damaged++
    return 'damaged'
  }

  private cut(): Transport {
    this.counts.cutHeaders++
    return null
  }

  private malformed(): Transport {
    this.counts.malformed++
    return null
  }
}

const isExtension = (type: number) =>
  type === EXTENSION.hopByHop ||
  type === EXTENSION.routing ||
  type === EXTENSION.fragment ||
  type === EXTENSION.authentication ||
  type === EXTENSION.destination
