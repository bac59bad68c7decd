import { closeSync, openSync, writeSync } from 'node:fs'

/** `pcap`: the classic format. Both with Ethernet frames and microseconds. */
export type CaptureFormat = 'pcap' | 'pcapng'

const BUFFER_BYTES = 1 << 20
/** Longest frame of Ethernet, and what a file puts around it. */
const RECORD_BYTES_MAX = 2048
const ETHERNET = 1
const SNAP_LENGTH = 65_535

/** A capture that is written as fast as the disk takes it: frames are made in its buffer, which is written when full. */
export class CaptureFile {
  /** Where frames are made; the same memory as 16-bit words, for checksums. */
  readonly bytes = Buffer.from(new ArrayBuffer(BUFFER_BYTES))
  readonly words = new Uint16Array(this.bytes.buffer)
  frames = 0
  readonly #fd: number
  readonly #format: CaptureFormat
  #length = 0
  #writtenBytes = 0

  constructor(path: string, format: CaptureFormat) {
    this.#fd = openSync(path, 'w')
    this.#format = format
    if (format === 'pcap') this.#head([0xa1b2c3d4, 0x0004_0002, 0, 0, SNAP_LENGTH, ETHERNET])
    else {
      this.#head([0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffff_ffff, 0xffff_ffff, 28])
      this.#head([1, 20, ETHERNET, SNAP_LENGTH, 20])
    }
  }

  /** Bytes of the file up to now. */
  get size(): number {
    return this.#writtenBytes + this.#length
  }

  /** Puts the record of a frame around `size` bytes (even, at most 1,514) of {@link bytes} and says where they begin. */
  frame(size: number, timeUs: number): number {
    if (this.#length + RECORD_BYTES_MAX > BUFFER_BYTES) this.#flush()
    this.frames += 1
    const { bytes } = this
    let at = this.#length
    if (this.#format === 'pcap') {
      const seconds = Math.floor(timeUs / 1e6)
      bytes.writeUInt32LE(seconds, at)
      bytes.writeUInt32LE(timeUs - seconds * 1e6, at + 4)
      bytes.writeUInt32LE(size, at + 8)
      bytes.writeUInt32LE(size, at + 12)
      at += 16
      this.#length = at + size
      return at
    }
    const padding = -size & 3
    const blockBytes = 32 + size + padding
    bytes.writeUInt32LE(6, at)
    bytes.writeUInt32LE(blockBytes, at + 4)
    bytes.writeUInt32LE(0, at + 8)
    bytes.writeUInt32LE(Math.floor(timeUs / 2 ** 32), at + 12)
    bytes.writeUInt32LE(timeUs % 2 ** 32, at + 16)
    bytes.writeUInt32LE(size, at + 20)
    bytes.writeUInt32LE(size, at + 24)
    at += 28
    bytes.fill(0, at + size, at + size + padding)
    bytes.writeUInt32LE(blockBytes, at + size + padding)
    this.#length = at + size + padding + 4
    return at
  }

  close(): void {
    this.#flush()
    closeSync(this.#fd)
  }

  #head(words: readonly number[]): void {
    for (const word of words) this.#length = this.bytes.writeUInt32LE(word, this.#length)
  }

  #flush(): void {
    for (let at = 0; at < this.#length; ) at += writeSync(this.#fd, this.bytes, at, this.#length - at)
    this.#writtenBytes += this.#length
    this.#length = 0
  }
}
