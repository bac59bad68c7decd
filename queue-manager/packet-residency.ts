/**
 * How much of the packets that the store keeps stays in memory as well. Beyond the limit a packet is read again when it
 * is wanted, so that a queue of a million messages costs memory for its places and not for what they hold.
 */
export class PacketResidency {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Whether `bytes` more may stay; if so they count until `release`. */
  keep(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    return true
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }
}
