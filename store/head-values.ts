import { decodeValue } from './stored-value.js'

/* Reads back what RecordSpace wrote by itself, at several times the speed of a general decoder: opening a store reads the
 * values of all rows. */

/** The values of a list at a place of an intact record: those of msgpack, whatever they are. */
export function readValues(record: Buffer, at: number): readonly unknown[] {
  const reader = new ValueReader(record, at)
  const values = reader.values()
  return values ?? (decodeValue(record.subarray(at)) as readonly unknown[])
}

class ValueReader {
  readonly #bytes: Buffer
  readonly #view: DataView
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#at = at
  }

  /** A list of lists of simple fields; null when there is anything else. */
  values(): unknown[] | null {
    const length = this.#length()
    const values: unknown[] = []
    for (let row = 0; row < length; row++) {
      const value = this.#fields()
      if (value === null) return null
      values.push(value)
    }
    return length < 0 ? null : values
  }

  #fields(): unknown[] | null {
    const length = this.#length()
    if (length < 0) return null
    const fields: unknown[] = []
    for (let at = 0; at < length; at++) {
      const field = this.#field()
      if (field === undefined) return null
      fields.push(field)
    }
    return fields
  }

  /** −1: no list. */
  #length(): number {
    const kind = this.#bytes[this.#at++]!
    if ((kind & 0xf0) === 0x90) return kind & 0x0f
    if (kind !== 0xdc) return -1
    this.#at += 2
    return this.#view.getUint16(this.#at - 2)
  }

  /** Undefined: something else. */
  #field(): number | string | boolean | null | undefined {
    const at = this.#at
    const kind = this.#bytes[at]!
    if (kind < 0x80) {
      this.#at = at + 1
      return kind
    }
    if ((kind & 0xe0) === 0xa0) {
      this.#at = at + 1 + (kind & 0x1f)
      return kind === 0xa0 ? '' : this.#bytes.toString('utf8', at + 1, this.#at)
    }
    switch (kind) {
      case 0xc0:
        this.#at = at + 1
        return null
      case 0xc2:
      case 0xc3:
        this.#at = at + 1
        return kind === 0xc3
      case 0xcb:
        this.#at = at + 9
        return this.#view.getFloat64(at + 1)
      case 0xcc:
        this.#at = at + 2
        return this.#bytes[at + 1]!
      case 0xcd:
        this.#at = at + 3
        return this.#view.getUint16(at + 1)
      case 0xce:
        this.#at = at + 5
        return this.#view.getUint32(at + 1)
      case 0xcf:
        this.#at = at + 9
        return this.#view.getUint32(at + 1) * 2 ** 32 + this.#view.getUint32(at + 5)
      default:
        return undefined
    }
  }
}
