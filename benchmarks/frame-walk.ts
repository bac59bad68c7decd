/** Counts the MSMQ packets of one TCP direction by nothing but PacketSize (offset 8 of each), so that what is measured
 *  is the moving of bytes. Packets without a SessionHeader only. Holds at most twelve bytes. */
export class FrameWalk {
  /** Whole packets seen. */
  count = 0
  bytes = 0
  readonly #head = Buffer.alloc(PACKET_SIZE_END)
  #headBytes = 0
  #restBytes = 0

  push(chunk: Buffer, size = chunk.length): void {
    let offset = 0
    this.bytes += size
    while (offset < size) {
      if (this.#restBytes > 0) {
        const step = Math.min(this.#restBytes, size - offset)
        offset += step
        this.#restBytes -= step
        if (this.#restBytes === 0) this.count += 1
      } else if (this.#headBytes === 0 && size - offset >= PACKET_SIZE_END) {
        offset += this.#step(packetSizeAt(chunk, offset), size - offset)
      } else {
        offset += this.#collectHead(chunk, offset, size)
      }
    }
  }

  /** True between packets: nothing is held that has not been counted. */
  get atBoundary(): boolean {
    return this.#restBytes === 0 && this.#headBytes === 0
  }

  #step(packetBytes: number, availableBytes: number): number {
    if (packetBytes < SMALLEST_PACKET) throw new Error(`PacketSize ${packetBytes}: this stream is not made of packets`)
    if (packetBytes <= availableBytes) {
      this.count += 1
      return packetBytes
    }
    this.#restBytes = packetBytes - availableBytes
    return availableBytes
  }

  #collectHead(chunk: Buffer, offset: number, size: number): number {
    const step = Math.min(PACKET_SIZE_END - this.#headBytes, size - offset)
    chunk.copy(this.#head, this.#headBytes, offset, offset + step)
    this.#headBytes += step
    if (this.#headBytes === PACKET_SIZE_END) {
      this.#headBytes = 0
      this.#step(packetSizeAt(this.#head, 0), 0)
      this.#restBytes -= PACKET_SIZE_END
    }
    return step
  }
}

/** End of BaseHeader.PacketSize. */
const PACKET_SIZE_END = 12
/** A BaseHeader alone. */
const SMALLEST_PACKET = 16

function packetSizeAt(bytes: Buffer, offset: number): number {
  return (
    (bytes[offset + 8]! | (bytes[offset + 9]! << 8) | (bytes[offset + 10]! << 16) | (bytes[offset + 11]! << 24)) >>> 0
  )
}
