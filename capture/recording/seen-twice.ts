import { crc32 } from 'node:zlib'

const ETHERNET_BYTES = 14
const ETHERTYPE_IPV4 = 0x0800
/** A packet that is on two links is there within so much. */
const WITHIN_US = 1_000_000

/**
 * Tells packets that were captured on one link and then on another, unchanged but for what every hop changes (Ethernet
 * addresses, time to live, the header's checksum). IPv4 only. Memory is bounded by what passes in two seconds.
 */
export class SeenTwice {
  /** By packet: the interface that it was on. */
  #recent = new Map<string, number>()
  #before = new Map<string, number>()
  #sinceUs = Number.NEGATIVE_INFINITY

  /** Whether another interface had it before. In the order of time. */
  again(link: number, timeUs: number, frame: Buffer): boolean {
    if (frame.length < ETHERNET_BYTES + 20 || frame.readUInt16BE(12) !== ETHERTYPE_IPV4) return false
    if (timeUs > this.#sinceUs + WITHIN_US) {
      this.#before = this.#recent
      this.#recent = new Map()
      this.#sinceUs = timeUs
    }
    const ip = frame.subarray(ETHERNET_BYTES)
    // version to fragment offset, protocol, addresses
    const head = `${ip.toString('latin1', 0, 8)}${ip[9]}${ip.toString('latin1', 12, 20)}`
    const packet = `${head}${crc32(ip.subarray(20))}`
    const before = this.#recent.get(packet) ?? this.#before.get(packet)
    if (before === undefined) this.#recent.set(packet, link)
    return before !== undefined && before !== link
  }
}
