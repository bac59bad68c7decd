import type { OnReadOpts, Socket } from 'node:net'

/** What one read of the system brings at most; node:net itself reads as much at a time. */
export const READ_BYTES_MAX = 65_536

/** The first reads of a direction, until one is full: most connections that open at once, or idle, never need more. */
const FIRST_READ_BYTES = 4096

/** Chunks that may wait in user space for a side that does not read, before the other side is no longer read. */
const HELD_CHUNKS_MAX = 2

/**
 * Buffers that are not in use. A proxy that lets node:net allocate each chunk spends a third of its time on collecting
 * them and on memory its caches no longer hold.
 */
export class ReadBufferPool {
  readonly #spare: Buffer[] = []
  readonly #spareMax: number

  /** `spareMax`: how many unused buffers of 64 KiB are kept. */
  constructor(spareMax: number) {
    this.#spareMax = spareMax
  }

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES_MAX)
  }

  /** Takes a buffer back; a smaller one is left to the collector. */
  give(buffer: Buffer): void {
    if (buffer.length === READ_BYTES_MAX && this.#spare.length < this.#spareMax) this.#spare.push(buffer)
  }
}

/**
 * One direction of a connection: hands each chunk on as it comes, and reads no more while the target does not keep up.
 * Reads go into a buffer that is used again as soon as the system has taken its content, so nothing is copied or
 * allocated in passing. Holds at most `HELD_CHUNKS_MAX` chunks besides the one buffer for the next read.
 */
export class Relay {
  /** For the socket that is read from. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#next,
    callback: (count, buffer) => this.#received(count, buffer as Buffer),
  }
  /** Bytes handed on. */
  bytes = 0
  readonly #pool: ReadBufferPool
  readonly #passed: (chunk: Buffer) => void
  readonly #written = () => this.#release()
  #next: Buffer
  #held: Buffer[] = []
  #from: Socket | undefined
  #to: Socket | undefined
  #paused = false
  #bytesLeft = Number.POSITIVE_INFINITY
  #cut: (() => void) | undefined

  /** `passed` sees each chunk after it was handed on; the bytes are valid only during the call. */
  constructor(pool: ReadBufferPool, passed: (chunk: Buffer) => void) {
    this.#pool = pool
    this.#passed = passed
    this.#next = Buffer.allocUnsafeSlow(FIRST_READ_BYTES)
  }

  /** Begins to read. Neither socket may be written to by anybody else. */
  start(from: Socket, to: Socket): void {
    this.#from = from
    this.#to = to
    from.resume()
  }

  /** Hands on `bytes` and no more, then calls `done` once the system has taken them. Before `start`. */
  cutAfter(bytes: number, done: () => void): void {
    this.#bytesLeft = bytes
    this.#cut = done
  }

  /** Gives the buffers back. Only when both sockets are closed, since the system may write into them until then. */
  end(): void {
    this.#pool.give(this.#next)
    for (const buffer of this.#held) this.#pool.give(buffer)
    this.#held = []
  }

  /** Returns false to stop reading. */
  #received(count: number, buffer: Buffer): boolean {
    const to = this.#to!
    const cut = count >= this.#bytesLeft ? this.#cut : undefined
    const chunk = buffer.subarray(0, cut === undefined ? count : this.#bytesLeft)
    to.write(chunk, cut ?? this.#written)
    this.bytes += chunk.length
    this.#bytesLeft -= chunk.length
    this.#passed(chunk)
    if (to.writableLength > 0) {
      this.#held.push(buffer)
      this.#next = this.#pool.take()
      this.#paused = this.#held.length >= HELD_CHUNKS_MAX
    } else if (count === buffer.length && count < READ_BYTES_MAX) {
      this.#next = this.#pool.take()
    }
    return !this.#paused && cut === undefined
  }

  #release(): void {
    if (this.#held.length === 0 || this.#to!.writableLength > 0) return
    for (const buffer of this.#held) this.#pool.give(buffer)
    this.#held = []
    if (this.#paused) {
      this.#paused = false
      this.#from!.resume()
    }
  }
}
