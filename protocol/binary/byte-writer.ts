import { EncodeError } from '../errors.js'
import { encodeGuid, type Guid } from '../guid.js'
import { sizeOfWideText, writeWideText } from './wide-text.js'

/** Writes one packet front to back into a buffer of exactly its size. Every byte is written, padding included, so the
 *  buffer may hold rubbish before. `MSMQ_ENCODE_RANGE` when a value does not fit its field. */
export class ByteWriter {
  readonly bytes: Buffer
  offset: number
  structure = ''

  constructor(bytes: Buffer, offset = 0) {
    this.bytes = bytes
    this.offset = offset
  }

  enter(structure: string): void {
    this.structure = structure
  }

  u8(field: string, value: number): void {
    if ((value & 0xff) !== value) this.outOfRange(field, value)
    this.bytes[this.offset++] = value
  }

  u16(field: string, value: number): void {
    if ((value & 0xffff) !== value) this.outOfRange(field, value)
    const at = this.offset
    this.bytes[at] = value
    this.bytes[at + 1] = value >>> 8
    this.offset = at + 2
  }

  u32(field: string, value: number): void {
    if (value >>> 0 !== value) this.outOfRange(field, value)
    const at = this.offset
    this.bytes[at] = value
    this.bytes[at + 1] = value >>> 8
    this.bytes[at + 2] = value >>> 16
    this.bytes[at + 3] = value >>> 24
    this.offset = at + 4
  }

  guid(guid: Guid): void {
    encodeGuid(this.bytes, this.offset, guid)
    this.offset += 16
  }

  view(value: Uint8Array): void {
    this.bytes.set(value, this.offset)
    this.offset += value.length
  }

  /** A byte string that the field's size prescribes. */
  sized(field: string, value: Uint8Array, size: number): void {
    if (value.length !== size) this.refuse(field, `${value.length} bytes, must be ${size}`)
    this.view(value)
  }

  zeros(size: number): void {
    this.bytes.fill(0, this.offset, this.offset + size)
    this.offset += size
  }

  /** The text in UTF-16LE with its terminator. A null inside would cut it short at the reader, so it is refused. */
  wideText(field: string, text: string): void {
    if (text.includes('\0')) this.refuse(field, 'a null in the text')
    if (this.offset + sizeOfWideText(text) > this.bytes.length) this.outOfRange(field, text.length)
    this.offset = writeWideText(this.bytes, this.offset, text)
  }

  /** Fills up to the next multiple of `alignment` with the low bytes of `value`. */
  padding(value: number, alignment: 2 | 4 = 4): void {
    let rest = value
    while ((this.offset & (alignment - 1)) !== 0) {
      this.bytes[this.offset++] = rest & 0xff
      rest >>>= 8
    }
  }

  refuse(field: string, what: string): never {
    throw new EncodeError('MSMQ_ENCODE_RANGE', this.structure, field, what)
  }

  private outOfRange(field: string, value: unknown): never {
    this.refuse(field, `${value} does not fit`)
  }
}

/** The next multiple of 4. */
export function align4(size: number): number {
  return size + (-size & 3)
}
