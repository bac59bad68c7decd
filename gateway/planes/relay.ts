import type { OnReadOpts, Socket } from 'node:net'
import type { SocketTap } from '../../transport/socket-tap.js'
import type { RelayBuffers } from './relay-buffers.js'

/** Chunks that may wait in user space for a side that does not read, before the other side is no longer read. */
const HELD_CHUNKS_MAX = 2

/** So many reads in a row that would have fitted into the common buffer, and a direction gives its own back. */
const SMALL_READS_MAX = 16

/** What is kept of a direction that is stalled, before its source is no longer read. */
const KEPT_BYTES_MAX = 65_536

/** A kept chunk costs at least so much, however few its bytes. */
const KEPT_CHUNK_BYTES_MIN = 256

/**
 * One direction of a connection: hands each chunk on as it comes, and reads no more while the target does not keep up.
 * Reads go into a buffer that is used again as soon as the system has taken its content, so nothing is allocated in
 * passing, and nothing but the smallest chunks is copied. Holds at most `HELD_CHUNKS_MAX` chunks besides the one buffer
 * for the next read.
 *
 * Stalled, it hands nothing on and keeps what comes, up to `KEPT_BYTES_MAX`; resumed, it goes on where it was.
 */
export class Relay {
  /** For the socket that is read from. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#next,
    callback: (count, buffer) => this.#received(count, buffer as Buffer),
  }
  /** Told of what is read, where that is recorded. */
  tap: SocketTap | null = null
  /** Bytes handed on. */
  bytes = 0
  readonly #buffers: RelayBuffers
  readonly #passed: (chunk: Buffer) => void
  readonly #written = () => this.#release()
  #next: Buffer
  #smallReads = 0
  #held: Buffer[] | undefined
  #kept: Buffer[] | undefined
  #keptBytes = 0
  #from: Socket | undefined
  #to: Socket | undefined
  #paused = false
  #stalled = false
  #bytesLeft = Number.POSITIVE_INFINITY
  #cut: (() => void) | undefined

  /** `passed` sees each chunk after it was handed on; the bytes are valid only during the call. */
  constructor(buffers: RelayBuffers, passed: (chunk: Buffer) => void) {
    this.#buffers = buffers
    this.#passed = passed
    this.#next = buffers.first
  }

  /** Whether the source is not read at present, so that its end or reset would not be noticed. */
  get isPaused(): boolean {
    return this.#paused
  }

  /** Begins to read. Neither socket may be written to by anybody else. */
  start(from: Socket, to: Socket): void {
    this.#from = from
    this.#to = to
    if (!this.#stalled) this.#goOn()
    else if (!this.#paused) from.resume()
  }

  /** Begins to read although there is nobody to hand anything to yet: it is stalled until `start` and `resume`. */
  watch(from: Socket): void {
    this.#stalled = true
    this.#from = from
    if (!this.#paused) from.resume()
  }

  /** Hands on `bytes` and no more, then calls `done` once the system has taken them. Before `start`. */
  cutAfter(bytes: number, done: () => void): void {
    this.#bytesLeft = bytes
    this.#cut = done
  }

  /** What was handed on before is on its way; nothing more is. */
  stall(): void {
    this.#stalled = true
  }

  resume(): void {
    if (!this.#stalled) return
    this.#stalled = false
    if (this.#to !== undefined) this.#goOn()
  }

  /** Gives the buffers back. Only when both sockets are closed, since the system may write into them until then. */
  end(): void {
    if (this.#next !== this.#buffers.first) this.#buffers.give(this.#next)
    this.#giveHeld()
    this.#kept = undefined
  }

  /** Returns false to stop reading. */
  #received(count: number, buffer: Buffer): boolean {
    this.tap?.received(buffer.subarray(0, count))
    if (this.#stalled) return this.#keep(buffer.subarray(0, count))
    const isFirst = buffer === this.#buffers.first
    const own = isFirst ? this.#buffers.takeSmall() : buffer
    if (isFirst) buffer.copy(own, 0, 0, count)
    const goesOn = this.#handOn(own.subarray(0, count))
    if (this.#to!.writableLength > 0) {
      this.#held ??= []
      this.#held.push(own)
      if (!isFirst) this.#next = this.#buffers.take()
      this.#paused = this.#held.length >= HELD_CHUNKS_MAX
    } else if (isFirst) this.#buffers.give(own)
    this.#sizeNext(count)
    return !this.#paused && goesOn
  }

  /** Directions that carry much read much at a time, into a buffer of their own; others do not need one. */
  #sizeNext(count: number): void {
    const { first } = this.#buffers
    if (this.#next === first) {
      if (count === first.length) this.#next = this.#buffers.take()
    } else if (count >= first.length) this.#smallReads = 0
    else if (++this.#smallReads >= SMALL_READS_MAX) {
      this.#smallReads = 0
      if (this.#to!.writableLength > 0) return
      this.#buffers.give(this.#next)
      this.#next = first
    }
  }

  /** Returns whether more may follow. */
  #handOn(bytes: Buffer): boolean {
    const cut = bytes.length >= this.#bytesLeft ? this.#cut : undefined
    const chunk = cut === undefined ? bytes : bytes.subarray(0, this.#bytesLeft)
    this.#to!.write(chunk, cut ?? this.#written)
    this.bytes += chunk.length
    this.#bytesLeft -= chunk.length
    this.#passed(chunk)
    return cut === undefined
  }

  #keep(bytes: Buffer): boolean {
    this.#kept ??= []
    this.#kept.push(Buffer.from(bytes))
    this.#keptBytes += Math.max(bytes.length, KEPT_CHUNK_BYTES_MIN)
    this.#paused = this.#keptBytes >= KEPT_BYTES_MAX
    return !this.#paused
  }

  /** Hands on what was kept, and reads on. */
  #goOn(): void {
    const kept = this.#kept ?? []
    this.#kept = undefined
    this.#keptBytes = 0
    for (const chunk of kept) if (!this.#handOn(chunk)) return
    if (this.#to!.writableLength > 0) {
      this.#paused = true
      return
    }
    this.#paused = false
    this.#from!.resume()
  }

  #release(): void {
    if ((this.#held === undefined && !this.#paused) || this.#to!.writableLength > 0) return
    this.#giveHeld()
    if (!this.#paused || this.#stalled) return
    this.#paused = false
    this.#from!.resume()
  }

  #giveHeld(): void {
    for (const buffer of this.#held ?? []) this.#buffers.give(buffer)
    this.#held = undefined
  }
}
