/**
 * Memory for packets, cut from slabs: a buffer of its own for each would cost more than the rest of what is done with
 * it. A slab lives as long as one packet in it, so what is not kept is given back, and large packets have their own.
 */
const SLAB_SIZE = 32 * 1024
const OWN_SIZE_MIN = 4 * 1024

export class PacketMemory {
  #slab = Buffer.allocUnsafeSlow(SLAB_SIZE)
  #offset = 0

  /** Uninitialised bytes. */
  take = (size: number): Buffer => {
    if (size >= OWN_SIZE_MIN) return Buffer.allocUnsafeSlow(size)
    if (this.#offset + size > SLAB_SIZE) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_SIZE)
      this.#offset = 0
    }
    const start = this.#offset
    // packets begin at multiples of 8, which copies fastest
    this.#offset = (start + size + 7) & ~7
    return this.#slab.subarray(start, start + size)
  }

  copyOf(bytes: Buffer): Buffer {
    const copy = this.take(bytes.length)
    copy.set(bytes)
    return copy
  }

  /** The packet taken last is not kept: its place is free again. Of others, the place stays taken. */
  giveBack(packet: Buffer): void {
    const end = packet.byteOffset + ((packet.length + 7) & ~7)
    if (packet.buffer === this.#slab.buffer && end === this.#offset) this.#offset = packet.byteOffset
  }
}
