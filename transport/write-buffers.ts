const BUFFER_BYTES = 131_072
const FREE_BUFFERS_MAX = 64

/** Room that many small chunks are copied into, to go out as one write. */
export interface WriteBuffer {
  readonly bytes: Buffer
  used: number
  /** To be called when the socket no longer needs the bytes. */
  readonly release: () => void
}

/** Write buffers used over and over, so that a stream of small packets allocates nothing. Keeps at most 8 MiB. */
export class WriteBuffers {
  readonly #free: WriteBuffer[] = []

  take(): WriteBuffer {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const buffer: WriteBuffer = {
      bytes: Buffer.allocUnsafeSlow(BUFFER_BYTES),
      used: 0,
      release: () => {
        buffer.used = 0
        if (this.#free.length < FREE_BUFFERS_MAX) this.#free.push(buffer)
      },
    }
    return buffer
  }
}
