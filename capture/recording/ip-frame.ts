import { addWords, checksum } from '../checksum.js'

/* Ethernet frames with IPv4 (RFC 791) or IPv6 (RFC 8200) and TCP (RFC 9293) or UDP (RFC 768), checksums and all. */

/** One end of what is written: where the frame leaves or arrives, and who it is for. Both ends have the same IP version. */
export interface FrameEnd {
  readonly mac: Uint8Array
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array
  readonly port: number
}

export const TCP_FIN = 0x01
export const TCP_SYN = 0x02
export const TCP_RST = 0x04
export const TCP_PSH = 0x08
export const TCP_ACK = 0x10

export interface TcpFields {
  /** Both modulo 2^32. */
  readonly sequence: number
  readonly acknowledgement: number
  readonly flags: number
  /** As in the header: before scaling. */
  readonly window: number
  /** Whole words. */
  readonly options: Uint8Array
}

const ETHERNET_BYTES = 14
const IPV4_BYTES = 20
const IPV6_BYTES = 40
const TCP_BYTES = 20
const UDP_BYTES = 8
const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_IPV6 = 0x86dd
const PROTOCOL_TCP = 6
const PROTOCOL_UDP = 17
const DONT_FRAGMENT = 0x4000
/** What Windows begins with. */
const HOPS = 128

export function tcpFrame(from: FrameEnd, to: FrameEnd, id: number, fields: TcpFields, payload: Uint8Array): Buffer {
  const { sequence, acknowledgement, flags, window, options } = fields
  const headBytes = TCP_BYTES + options.length
  const { frame, at, sum } = ipFrame(from, to, id, PROTOCOL_TCP, headBytes + payload.length)
  frame.writeUInt16BE(from.port, at)
  frame.writeUInt16BE(to.port, at + 2)
  frame.writeUInt32BE(sequence >>> 0, at + 4)
  frame.writeUInt32BE(acknowledgement >>> 0, at + 8)
  frame[at + 12] = (headBytes / 4) << 4
  frame[at + 13] = flags
  frame.writeUInt16BE(window, at + 14)
  frame.writeUInt32BE(0, at + 16)
  frame.set(options, at + TCP_BYTES)
  frame.set(payload, at + headBytes)
  frame.writeUInt16BE(checksum(addWords(sum, frame, at)), at + 16)
  return frame
}

/** The payload has to fit a frame: it is not fragmented. */
export function udpFrame(from: FrameEnd, to: FrameEnd, id: number, payload: Uint8Array): Buffer {
  const bytes = UDP_BYTES + payload.length
  const { frame, at, sum } = ipFrame(from, to, id, PROTOCOL_UDP, bytes)
  frame.writeUInt16BE(from.port, at)
  frame.writeUInt16BE(to.port, at + 2)
  frame.writeUInt16BE(bytes, at + 4)
  frame.writeUInt16BE(0, at + 6)
  frame.set(payload, at + UDP_BYTES)
  // 0 says that there is none
  frame.writeUInt16BE(checksum(addWords(sum, frame, at)) || 0xffff, at + 6)
  return frame
}

/** A frame whose IP payload, from `at` on, is still to be filled in; `sum` is that of its pseudo header. */
function ipFrame(
  { mac: fromMac, ip: from }: FrameEnd,
  { mac: toMac, ip: to }: FrameEnd,
  id: number,
  protocol: number,
  payloadBytes: number,
): { frame: Buffer; at: number; sum: number } {
  const isV4 = from.length === 4
  const at = ETHERNET_BYTES + (isV4 ? IPV4_BYTES : IPV6_BYTES)
  const frame = Buffer.allocUnsafe(at + payloadBytes)
  frame.set(toMac, 0)
  frame.set(fromMac, 6)
  frame.writeUInt16BE(isV4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6, 12)
  if (isV4) writeIpv4(frame, id, protocol, payloadBytes, from, to)
  else writeIpv6(frame, protocol, payloadBytes, from, to)
  return { frame, at, sum: addWords(addWords(protocol + payloadBytes, from), to) }
}

function writeIpv4(
  frame: Buffer,
  id: number,
  protocol: number,
  payloadBytes: number,
  from: Uint8Array,
  to: Uint8Array,
): void {
  const at = ETHERNET_BYTES
  frame.writeUInt16BE(0x4500, at)
  frame.writeUInt16BE(IPV4_BYTES + payloadBytes, at + 2)
  frame.writeUInt16BE(id, at + 4)
  frame.writeUInt16BE(DONT_FRAGMENT, at + 6)
  frame[at + 8] = HOPS
  frame[at + 9] = protocol
  frame.writeUInt16BE(0, at + 10)
  frame.set(from, at + 12)
  frame.set(to, at + 16)
  frame.writeUInt16BE(checksum(addWords(0, frame, at, at + IPV4_BYTES)), at + 10)
}

function writeIpv6(frame: Buffer, protocol: number, payloadBytes: number, from: Uint8Array, to: Uint8Array): void {
  const at = ETHERNET_BYTES
  frame.writeUInt32BE(0x60000000, at)
  frame.writeUInt16BE(payloadBytes, at + 4)
  frame[at + 6] = protocol
  frame[at + 7] = HOPS
  frame.set(from, at + 8)
  frame.set(to, at + 24)
}
