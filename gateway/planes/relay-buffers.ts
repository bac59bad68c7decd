/** What one read of the system brings at most; node:net itself reads as much at a time. */
const READ_BYTES_MAX = 65_536

/** What the first reads of a direction bring, until one is full. */
const FIRST_READ_BYTES = 4096

/** Unused buffers of the smaller size that are kept. */
const SPARE_SMALL_MAX = 256

/**
 * Buffers of one plane. A proxy that lets node:net allocate each chunk spends a third of its time on collecting them and
 * on memory its caches no longer hold.
 *
 * Directions that are idle, or carry little, have no buffer of their own: the system reads them all into `first`, which is
 * read out before anything else can be read into it, and what it brought is copied. So ten thousand connections that
 * wait cost no buffers.
 */
export class RelayBuffers {
  readonly first = Buffer.allocUnsafeSlow(FIRST_READ_BYTES)
  readonly #spare: Buffer[] = []
  readonly #spareSmall: Buffer[] = []
  readonly #spareMax: number

  /** `spareMax`: how many unused buffers of 64 KiB are kept. */
  constructor(spareMax: number) {
    this.#spareMax = spareMax
  }

  /** One of 64 KiB. */
  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES_MAX)
  }

  /** One as large as `first`, to copy it into. */
  takeSmall(): Buffer {
    return this.#spareSmall.pop() ?? Buffer.allocUnsafeSlow(FIRST_READ_BYTES)
  }

  /** Takes a buffer of either size back. */
  give(buffer: Buffer): void {
    if (buffer.length === READ_BYTES_MAX) {
      if (this.#spare.length < this.#spareMax) this.#spare.push(buffer)
    } else if (this.#spareSmall.length < SPARE_SMALL_MAX) this.#spareSmall.push(buffer)
  }
}
