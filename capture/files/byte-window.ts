import type { ByteSource } from './byte-source.js'

/**
 * The part of a source that is being looked at. Bytes stay where they are until {@link more} is called, so that views of
 * them are valid until then.
 */
export class ByteWindow {
  /** What was read and not yet taken is from `start` to `end`. */
  buffer: Buffer
  start = 0
  end = 0
  readonly #source: ByteSource
  /** Of `buffer[0]` in the source. */
  #base = 0

  /** @param size bytes that are looked at together; more where one record is longer */
  constructor(source: ByteSource, size: number) {
    this.#source = source
    this.buffer = Buffer.allocUnsafeSlow(size)
  }

  get length(): number {
    return this.end - this.start
  }

  /** Of the next byte, from the beginning of the source. */
  get offset(): number {
    return this.#base + this.start
  }

  /** Reads on. What is left moves to the front; a window that is full of it grows. False: the source has ended. */
  async more(): Promise<boolean> {
    const { buffer, start, end } = this
    if (start > 0) {
      buffer.copyWithin(0, start, end)
      this.#base += start
      this.start = 0
      this.end = end - start
    } else if (end === buffer.length) {
      this.buffer = Buffer.allocUnsafeSlow(2 * buffer.length)
      buffer.copy(this.buffer, 0, 0, end)
    }
    const size = await this.#source.read(this.buffer, this.end)
    this.end += size
    return size > 0
  }
}
