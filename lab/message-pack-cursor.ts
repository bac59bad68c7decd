/** Bytes are not the MessagePack that they ought to be. */
export class CursorError extends Error {
  override readonly name = 'CursorError'
}

const DEPTH_MAX = 32
const SHORT_TEXT_BYTES = 24

/** Reads MessagePack value by value, where a decoder would first make lists of all of them. Never beyond its bytes. */
export class MessagePackCursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Bytes that are left; no list can have more items. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  get atList(): boolean {
    const byte = this.#bytes[this.#at]!
    return (byte >= 0x90 && byte <= 0x9f) || byte === 0xdc || byte === 0xdd
  }

  /** How many items the list has that begins here. */
  list(): number {
    const byte = this.#byte()
    if (byte >= 0x90 && byte <= 0x9f) return byte & 0x0f
    if (byte === 0xdc) return this.#unsigned(2)
    if (byte === 0xdd) return this.#unsigned(4)
    throw new CursorError('a list is wanted')
  }

  whole(): number {
    const value = this.value()
    if (typeof value !== 'number' || !Number.isInteger(value)) throw new CursorError('a whole number is wanted')
    return value
  }

  text(): string {
    const value = this.value()
    if (typeof value !== 'string') throw new CursorError('a text is wanted')
    return value
  }

  /** A number, a text, true, false, null, bytes, or a list of such. Bytes are the caller's to keep. */
  value(depth = 0): unknown {
    const byte = this.#byte()
    if (byte < 0x80) return byte
    if (byte >= 0xe0) return byte - 0x100
    if (byte >= 0xa0 && byte <= 0xbf) return this.#text(byte & 0x1f)
    if (byte >= 0x90 && byte <= 0x9f) return this.#items(byte & 0x0f, depth)
    switch (byte) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#copy(this.#unsigned(1))
      case 0xc5:
        return this.#copy(this.#unsigned(2))
      case 0xc6:
        return this.#copy(this.#unsigned(4))
      case 0xca:
        return this.#bytes.readFloatBE(this.#pass(4))
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#pass(8))
      case 0xcc:
        return this.#unsigned(1)
      case 0xcd:
        return this.#unsigned(2)
      case 0xce:
        return this.#unsigned(4)
      case 0xcf:
        return this.#unsigned(4) * 0x1_0000_0000 + this.#unsigned(4)
      case 0xd0:
        return this.#bytes.readInt8(this.#pass(1))
      case 0xd1:
        return this.#bytes.readInt16BE(this.#pass(2))
      case 0xd2:
        return this.#bytes.readInt32BE(this.#pass(4))
      case 0xd3:
        return Number(this.#bytes.readBigInt64BE(this.#pass(8)))
      case 0xd9:
        return this.#text(this.#unsigned(1))
      case 0xda:
        return this.#text(this.#unsigned(2))
      case 0xdb:
        return this.#text(this.#unsigned(4))
      case 0xdc:
        return this.#items(this.#unsigned(2), depth)
      case 0xdd:
        return this.#items(this.#unsigned(4), depth)
      default:
        throw new CursorError(`0x${byte.toString(16)} begins no value that is wanted`)
    }
  }

  #items(count: number, depth: number): unknown[] {
    if (depth === DEPTH_MAX) throw new CursorError('lists are nested too deeply')
    if (count > this.left) throw new CursorError('a list claims more than is there')
    const items: unknown[] = []
    for (let index = 0; index < count; index += 1) items.push(this.value(depth + 1))
    return items
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new CursorError('the bytes end too soon')
    this.#at += 1
    return byte
  }

  #unsigned(size: 1 | 2 | 4): number {
    const at = this.#pass(size)
    const bytes = this.#bytes
    if (size === 1) return bytes[at]!
    if (size === 2) return (bytes[at]! << 8) | bytes[at + 1]!
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }

  /** Where the next `size` bytes begin, which are passed over. */
  #pass(size: number): number {
    const at = this.#at
    if (size > this.#bytes.length - at) throw new CursorError('the bytes end too soon')
    this.#at = at + size
    return at
  }

  #copy(size: number): Uint8Array {
    const at = this.#pass(size)
    return new Uint8Array(this.#bytes.subarray(at, at + size))
  }

  #text(size: number): string {
    const at = this.#pass(size)
    const bytes = this.#bytes
    if (size > SHORT_TEXT_BYTES) return bytes.toString('utf8', at, at + size)
    let text = ''
    for (let index = at; index < at + size; index += 1) {
      const byte = bytes[index]!
      if (byte > 0x7f) return bytes.toString('utf8', at, at + size)
      text += String.fromCharCode(byte)
    }
    return text
  }
}
