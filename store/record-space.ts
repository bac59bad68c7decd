import { CHECKSUM_BYTES, encodeShared, seal } from './stored-value.js'

/** Records are written side by side into pieces of memory of this size; a larger one has a piece of its own. */
const PIECE_BYTES = 512 * 1024
/** So many are kept for the next commit. */
const PIECES_KEPT_MAX = 4

/** Values of msgpack that say what follows. */
const NIL = 0xc0
const FALSE = 0xc2
const TRUE = 0xc3
const FLOAT_64 = 0xcb
const UINT_8 = 0xcc
const UINT_16 = 0xcd
const UINT_32 = 0xce
const UINT_64 = 0xcf
const FIX_ARRAY = 0x90
const FIX_TEXT = 0xa0
const ARRAY_16 = 0xdc
const ARRAY_32 = 0xdd
const FIX_ARRAY_MAX = 15
const FIX_TEXT_MAX = 31

/**
 * Memory for the records of one commit, used again by the next: a commit of thousands of rows leaves little garbage. A
 * record is begun, written from its start to its end, and sealed. All of them are overwritten after `reset`.
 */
export class RecordSpace {
  #pieces: Buffer[] = []
  #next = 0
  #bytes: Buffer = Buffer.alloc(0)
  #view = new DataView(this.#bytes.buffer)
  #start = 0
  #at = 0

  reset(): void {
    this.#pieces.length = Math.min(this.#pieces.length, PIECES_KEPT_MAX)
    this.#next = 0
    this.#bytes = Buffer.alloc(0)
    this.#start = 0
    this.#at = 0
  }

  /** A record that has at least so many bytes, its checksum included. */
  begin(bytes: number): void {
    this.#start = this.#at
    this.#reserve(bytes)
    this.#at = this.#start + CHECKSUM_BYTES
  }

  uint16(number: number): void {
    this.#reserve(2)
    this.#view.setUint16(this.#at, number, true)
    this.#at += 2
  }

  uint32(number: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#at, number, true)
    this.#at += 4
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** As msgpack writes the head of an array. */
  list(length: number): void {
    this.#reserve(5)
    if (length <= FIX_ARRAY_MAX) this.#bytes[this.#at++] = FIX_ARRAY | length
    else if (length <= 0xffff) {
      this.#bytes[this.#at] = ARRAY_16
      this.#view.setUint16(this.#at + 1, length)
      this.#at += 3
    } else {
      this.#bytes[this.#at] = ARRAY_32
      this.#view.setUint32(this.#at + 1, length)
      this.#at += 5
    }
  }

  /** As msgpack writes it: numbers, short plain text and null here, in lists of them too, all else by its encoder. */
  value(value: unknown): void {
    if (!Array.isArray(value)) this.#other(value)
    else {
      this.list(value.length)
      for (let field = 0; field < value.length; field++) this.#field(value[field])
    }
  }

  /** The record from where it began. */
  end(key: Buffer): Buffer {
    return seal(key, this.#bytes.subarray(this.#start, this.#at))
  }

  #field(field: unknown): void {
    this.#reserve(9)
    const bytes = this.#bytes
    if (typeof field === 'number') {
      const at = this.#at
      if (field >= 0 && field <= 0xffff_ffff && Math.floor(field) === field) {
        if (field < 0x80) {
          bytes[at] = field
          this.#at = at + 1
        } else if (field < 0x100) {
          bytes[at] = UINT_8
          bytes[at + 1] = field
          this.#at = at + 2
        } else if (field < 0x1_0000) {
          bytes[at] = UINT_16
          this.#view.setUint16(at + 1, field)
          this.#at = at + 3
        } else {
          bytes[at] = UINT_32
          this.#view.setUint32(at + 1, field)
          this.#at = at + 5
        }
      } else if (field > 0 && Number.isSafeInteger(field)) {
        bytes[at] = UINT_64
        this.#view.setUint32(at + 1, field / 2 ** 32)
        this.#view.setUint32(at + 5, field % 2 ** 32)
        this.#at = at + 9
      } else {
        bytes[at] = FLOAT_64
        this.#view.setFloat64(at + 1, field)
        this.#at = at + 9
      }
    } else if (field === null) bytes[this.#at++] = NIL
    else if (typeof field === 'string') this.#text(field)
    else if (typeof field === 'boolean') bytes[this.#at++] = field ? TRUE : FALSE
    else this.#other(field)
  }

  #text(text: string): void {
    const { length } = text
    this.#reserve(1 + FIX_TEXT_MAX)
    const bytes = this.#bytes
    let at = this.#at
    let plain = length <= FIX_TEXT_MAX
    bytes[at++] = FIX_TEXT | length
    for (let character = 0; plain && character < length; character++) {
      const code = text.charCodeAt(character)
      plain = code < 0x80
      bytes[at++] = code
    }
    if (plain) this.#at = at
    else this.#other(text)
  }

  #other(value: unknown): void {
    this.bytes(encodeShared(value))
  }

  /** Room behind what is written: the record goes on in another piece when this one has none. */
  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const begun = this.#bytes.subarray(this.#start, this.#at)
    this.#bytes = this.#piece(begun.length * 2 + bytes)
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length)
    this.#bytes.set(begun)
    this.#at = begun.length
    this.#start = 0
  }

  #piece(bytes: number): Buffer {
    if (bytes > PIECE_BYTES) return Buffer.allocUnsafeSlow(bytes)
    const piece = this.#pieces[this.#next] ?? Buffer.allocUnsafeSlow(PIECE_BYTES)
    this.#pieces[this.#next++] = piece
    return piece
  }
}
