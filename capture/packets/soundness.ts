import { addWords, folded } from '../checksum.js'
import type { Packet } from './packet.js'

/**
 * What a checksum says of the bytes it is over. `open`: nothing, since it was left to the network card of the machine that
 * captured, or the bytes were not all captured.
 */
export type Soundness = 'right' | 'wrong' | 'open'

const RIGHT = 0xffff

/** Of a header of IPv4 of `size` bytes at `at`, all of it captured. */
export function ipv4Soundness(bytes: Buffer, at: number, size: number): Soundness {
  if (bytes[at + 10] === 0 && bytes[at + 11] === 0) return 'open'
  return folded(addWords(0, bytes, at, at + size)) === RIGHT ? 'right' : 'wrong'
}

/** Of the TCP segment in `packet`, whose header was captured. */
export function tcpSoundness(packet: Packet, checksum: number): Soundness {
  const { frame, bytes, protocol, fromOffset, payloadOffset, payloadEnd, payloadSize, version } = packet
  if (checksum === 0 || payloadEnd - payloadOffset !== payloadSize) return 'open'
  const addresses = addWords(protocol, frame, fromOffset, fromOffset + (version === 4 ? 8 : 32))
  if (folded(addWords(addresses + payloadSize, bytes, payloadOffset, payloadEnd)) === RIGHT) return 'right'
  return isLeftToCard(checksum, addresses) || isLeftToCard(checksum, addresses + payloadSize) ? 'open' : 'wrong'
}

/** A system puts the sum over addresses and protocol there, with the length or, for what the card is to cut, without it. */
function isLeftToCard(checksum: number, pseudoHeader: number): boolean {
  const sum = folded(pseudoHeader)
  return checksum === sum || checksum === (~sum & 0xffff)
}
