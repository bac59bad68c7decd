import { u16At, u32At } from '../../protocol/binary/byte-reader.js'

/** Blocks and options of pcapng (draft-ietf-opsawg-pcapng): numbers, and how their bytes are walked. */

export const SECTION_HEADER = 0x0a0d0d0a
export const INTERFACE_DESCRIPTION = 1
export const OBSOLETE_PACKET = 2
export const SIMPLE_PACKET = 3
export const NAME_RESOLUTION = 4
export const INTERFACE_STATISTICS = 5
export const ENHANCED_PACKET = 6
export const JOURNAL_EXPORT = 9
const DECRYPTION_SECRETS = 10
const CUSTOM = 0xbad
const CUSTOM_UNCOPIED = 0x40000bad

/** Of a section's header, as its writer's byte order has it. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d

const OPTION_END = 0
export const OPTION_COMMENT = 1
export const OPTION_INTERFACE_NAME = 2
export const OPTION_INTERFACE_DESCRIPTION = 3
export const OPTION_INTERFACE_RESOLUTION = 9
export const OPTION_INTERFACE_FILTER = 11
export const OPTION_INTERFACE_SYSTEM = 12
export const OPTION_INTERFACE_OFFSET = 14
export const OPTION_PACKET_FLAGS = 2
export const OPTION_PACKET_DROPPED = 4
export const OPTION_PACKET_ID = 5
export const OPTION_PACKET_QUEUE = 6
export const OPTION_STATISTICS_RECEIVED = 4
export const OPTION_STATISTICS_DROPPED = 5
export const OPTION_STATISTICS_SYSTEM_DROPPED = 7
export const OPTION_SECTION_APPLICATION = 4

/** Type, length, and the length again at the end. */
export const BLOCK_BYTES_MIN = 12
export const BLOCK_BYTES_MAX = 16_777_216
/** A block that is looked for after damage; so that a number that is none is not waited for. */
const FOUND_BLOCK_BYTES_MAX = 1_048_576

export function u16(bytes: Buffer, at: number, isBigEndian: boolean): number {
  return isBigEndian ? bytes.readUInt16BE(at) : u16At(bytes, at)
}

export function u32(bytes: Buffer, at: number, isBigEndian: boolean): number {
  return isBigEndian ? bytes.readUInt32BE(at) : u32At(bytes, at)
}

/** Up to 2^53 exactly. */
export function u64(bytes: Buffer, at: number, isBigEndian: boolean): number {
  const first = u32(bytes, at, isBigEndian)
  const second = u32(bytes, at + 4, isBigEndian)
  return isBigEndian ? first * 2 ** 32 + second : second * 2 ** 32 + first
}

export function padded(size: number): number {
  return (size + 3) & ~3
}

/** A value of an option is a view. */
export function eachOption(bytes: Buffer, isBigEndian: boolean, take: (code: number, value: Buffer) => void): void {
  let at = 0
  while (at + 4 <= bytes.length) {
    const code = u16(bytes, at, isBigEndian)
    const size = u16(bytes, at + 2, isBigEndian)
    at += 4
    if (code === OPTION_END || at + size > bytes.length) return
    take(code, bytes.subarray(at, at + size))
    at += padded(size)
  }
}

/** Null: not a section header. */
export function sectionIsBigEndian(bytes: Buffer, at: number): boolean | null {
  if (bytes.readUInt32LE(at) !== SECTION_HEADER) return null
  if (bytes.readUInt32LE(at + 8) === BYTE_ORDER_MAGIC) return false
  return bytes.readUInt32BE(at + 8) === BYTE_ORDER_MAGIC ? true : null
}

export function isBlockLength(length: number): boolean {
  return length >= BLOCK_BYTES_MIN && length <= BLOCK_BYTES_MAX && length % 4 === 0
}

/**
 * Looks for a block of a known type that is as long as it says at both ends.
 * @returns where it begins, or where to go on when there are more bytes, and whether it is one
 */
export function findBlock(
  bytes: Buffer,
  from: number,
  end: number,
  isEnd: boolean,
  isBigEndian: boolean,
): { at: number; isFound: boolean } {
  for (let at = from; at + BLOCK_BYTES_MIN <= end; at++) {
    const type = u32(bytes, at, isBigEndian)
    if (!isKnown(type)) continue
    const order = type === SECTION_HEADER ? sectionIsBigEndian(bytes, at) : isBigEndian
    if (order === null) continue
    const length = u32(bytes, at + 4, order)
    if (!isBlockLength(length) || length > FOUND_BLOCK_BYTES_MAX) continue
    if (at + length <= end) {
      if (u32(bytes, at + length - 4, order) === length) return { at, isFound: true }
    } else if (!isEnd) return { at, isFound: false }
  }
  return { at: Math.max(from, end - BLOCK_BYTES_MIN + 1), isFound: false }
}

/** Blocks that the format describes, or keeps for custom use. */
export function isKnown(type: number): boolean {
  if (type <= DECRYPTION_SECRETS) return type > 0
  return type === SECTION_HEADER || type === CUSTOM || type === CUSTOM_UNCOPIED
}
