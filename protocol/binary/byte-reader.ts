import { DecodeError } from '../errors.js'
import { decodeGuid, type Guid } from '../guid.js'
import { cachedWideText, wideTextFault } from './wide-text.js'

/** Receives every field a reader passes over: for listings and dissectors, which thus need no decoder of their own. */
export type FieldSink = (structure: string, field: string, offset: number, size: number, value: FieldValue) => void
export type FieldValue = number | string | Buffer

const EMPTY = Buffer.alloc(0)

/** Names and sizes in bytes of the fields of a fixed part, in wire order: 1, 2 and 4 are numbers, 16 a GUID, others bytes. */
export type FixedLayout = readonly (readonly [field: string, size: number])[]

/** A bounded little-endian window over one packet. Each read names its field, so a failed one reports itself:
 *  "BaseHeader.PacketSize at byte 8: 4 bytes needed, 1 left". Offsets count from the start of the packet; views share
 *  its memory. Nothing is allocated by a length before that length is known to fit.
 *  Throws `MSMQ_DECODE_TRUNCATED`. */
export class ByteReader {
  readonly bytes: Buffer
  /** Next byte to read. */
  offset: number
  /** First byte out of bounds. */
  limit: number
  structure = ''
  section = ''
  readonly sink: FieldSink | null

  constructor(bytes: Buffer, sink: FieldSink | null = null) {
    this.bytes = bytes
    this.offset = 0
    this.limit = bytes.length
    this.sink = sink
  }

  /** Names the structure that the next reads belong to. */
  enter(structure: string, section: string): void {
    this.structure = structure
    this.section = section
  }

  get remaining(): number {
    return this.limit - this.offset
  }

  u8(field: string): number {
    const at = this.offset
    if (at + 1 > this.limit) this.truncated(field, 1)
    this.offset = at + 1
    const value = this.bytes[at]!
    if (this.sink !== null) this.sink(this.structure, field, at, 1, value)
    return value
  }

  u16(field: string): number {
    const at = this.offset
    if (at + 2 > this.limit) this.truncated(field, 2)
    this.offset = at + 2
    const value = this.bytes[at]! | (this.bytes[at + 1]! << 8)
    if (this.sink !== null) this.sink(this.structure, field, at, 2, value)
    return value
  }

  u32(field: string): number {
    const at = this.offset
    if (at + 4 > this.limit) this.truncated(field, 4)
    this.offset = at + 4
    const bytes = this.bytes
    const value = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
    if (this.sink !== null) this.sink(this.structure, field, at, 4, value)
    return value
  }

  guid(field: string): Guid {
    const at = this.offset
    if (at + 16 > this.limit) this.truncated(field, 16)
    this.offset = at + 16
    const value = decodeGuid(this.bytes, at)
    if (this.sink !== null) this.sink(this.structure, field, at, 16, value)
    return value
  }

  /** Passes over a fixed part of `size` bytes that `layout` describes, with one check of the bounds, and returns where it
   *  starts. The caller reads the fields by {@link u16At} and {@link u32At}: one call per field costs a third of the time
   *  of decoding a message. A part cut short is reported by the first field that does not fit. */
  fixed(layout: FixedLayout, size: number): number {
    const start = this.offset
    if (start + size > this.limit) this.truncatedWithin(layout)
    this.offset = start + size
    if (this.sink !== null) this.report(layout, start)
    return start
  }

  /** `size` bytes as a view, not a copy. */
  view(field: string, size: number): Buffer {
    const at = this.offset
    if (at + size > this.limit) this.truncated(field, size)
    this.offset = at + size
    if (size === 0) return EMPTY
    const value = this.bytes.subarray(at, at + size)
    if (this.sink !== null) this.sink(this.structure, field, at, size, value)
    return value
  }

  /** UTF-16LE text that fills `size` bytes (even, at least 2), whose last character and only that one is null.
   *  Lone surrogates are kept. `MSMQ_DECODE_STRING_UNTERMINATED`, `MSMQ_DECODE_STRING_NULL`. */
  wideText(field: string, size: number): string {
    const at = this.offset
    const end = at + size
    if (end > this.limit) this.truncated(field, size)
    const value = cachedWideText(this.bytes, at, size)
    if (value === null) {
      const fault = wideTextFault(this.bytes, at, size)
      this.fail(fault.code, field, fault.what, fault.offset)
    }
    this.offset = end
    if (this.sink !== null) this.sink(this.structure, field, at, size, value)
    return value
  }

  /** The 0..3 bytes up to the next multiple of `alignment`, as one little-endian number so that they survive a round
   *  trip. They may hold anything. */
  padding(alignment: 2 | 4 = 4): number {
    const at = this.offset
    const size = (alignment - (at & (alignment - 1))) & (alignment - 1)
    if (size === 0) return 0
    if (at + size > this.limit) this.truncated('Padding', size)
    this.offset = at + size
    let value = 0
    for (let i = size - 1; i >= 0; i--) value = (value << 8) | this.bytes[at + i]!
    if (this.sink !== null) this.sink(this.structure, 'Padding', at, size, value)
    return value
  }

  /** Rejects the packet. `offset` is where the offending field starts. */
  fail(code: `MSMQ_DECODE_${string}`, field: string, what: string, offset = this.offset): never {
    throw new DecodeError(code, this.structure, field, offset, this.section, what)
  }

  private truncatedWithin(layout: FixedLayout): never {
    for (const [field, size] of layout) {
      if (this.offset + size > this.limit) this.truncated(field, size)
      this.offset += size
    }
    throw new RangeError('the layout is smaller than its size')
  }

  private report(layout: FixedLayout, start: number): void {
    let at = start
    for (const [field, size] of layout) {
      this.sink?.(this.structure, field, at, size, this.valueAt(at, size))
      at += size
    }
  }

  private valueAt(at: number, size: number): FieldValue {
    switch (size) {
      case 1:
        return this.bytes[at]!
      case 2:
        return u16At(this.bytes, at)
      case 4:
        return u32At(this.bytes, at)
      case 16:
        return decodeGuid(this.bytes, at)
      default:
        return this.bytes.subarray(at, at + size)
    }
  }

  private truncated(field: string, needed: number): never {
    this.fail('MSMQ_DECODE_TRUNCATED', field, `${needed} bytes needed, ${this.limit - this.offset} left`)
  }
}

/** Little-endian, unsigned; the caller has checked the bounds. */
export function u16At(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8)
}

/** Little-endian, unsigned; the caller has checked the bounds. */
export function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}
