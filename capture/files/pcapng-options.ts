import { OPTION_COMMENT, padded } from './pcapng-block.js'

const VALUE_BYTES_MAX = 65_535

/** Options of a block that is being written, little-endian. */
export class OptionBytes {
  readonly #options: { code: number; value: Buffer }[] = []
  /** In the block, with the mark at their end; 0 where there are none. */
  size = 0

  add(code: number, value: Buffer): void {
    if (this.#options.length === 0) this.size = 4
    this.#options.push({ code, value })
    this.size += 4 + padded(value.length)
  }

  u32(code: number, value: number): void {
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeUInt32LE(value)
    this.add(code, bytes)
  }

  u64(code: number, value: number): void {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeBigUInt64LE(BigInt(value))
    this.add(code, bytes)
  }

  /** Text that is too long for an option is cut between characters. Null and undefined are no option. */
  text(code: number, value: string | null | undefined): void {
    if (value == null) return
    let bytes = Buffer.from(value)
    if (bytes.length > VALUE_BYTES_MAX) {
      let end = VALUE_BYTES_MAX
      while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
      bytes = bytes.subarray(0, end)
    }
    this.add(code, bytes)
  }

  comments(comments: readonly string[]): void {
    for (const comment of comments) this.text(OPTION_COMMENT, comment)
  }

  copy(into: Buffer, at: number): void {
    if (this.size === 0) return
    let place = at
    for (const { code, value } of this.#options) {
      into.writeUInt16LE(code, place)
      into.writeUInt16LE(value.length, place + 2)
      value.copy(into, place + 4)
      into.fill(0, place + 4 + value.length, place + 4 + padded(value.length))
      place += 4 + padded(value.length)
    }
    into.writeUInt32LE(0, place)
  }
}
