import type { Expression, Structure } from './layout.js'

/* ExtensionHeader, which Windows versions after 2003 may put behind the last header of a user message, inside
 * PacketSize. Its layout is specified for remote read only, so it is recognised in the trailing bytes and never demanded
 * of them. Source: [MS-MQRR] 2.2.5.2.
 *   0  4  HeaderSize            12
 *   4  4  RemainingHeadersSize  bytes of the headers after it
 *   8  1  Flags                 EXTENSION_FLAGS
 *   9  3  Reserved */

export const EXTENSION_HEADER_SIZE = 12

export const EXTENSION_FLAGS = {
  DEAD_LETTER: 0x01,
  SUBQUEUE: 0x02,
  DEAD_LETTER_INVALID: 0x08,
  EXTENDED_ADDRESS: 0x10,
} as const

const TRAILING = 'UserMessage.Trailing'

/** As {@link recogniseExtensionHeader} finds it. */
export const EXTENSION_LAYOUT: Structure = {
  structure: 'ExtensionHeader',
  section: '[MS-MQRR] 2.2.5.2',
  inside: TRAILING,
  parts: [
    { field: 'HeaderSize', type: 'u32', unit: 'bytes' },
    { field: 'RemainingHeadersSize', type: 'u32', unit: 'bytes' },
    {
      field: 'Flags',
      type: 'u8',
      flags: EXTENSION_FLAGS,
      about: {
        DEAD_LETTER: 'dead-letter header follows',
        SUBQUEUE: 'subqueue header follows',
        DEAD_LETTER_INVALID: 'dead-letter queue invalid',
        EXTENDED_ADDRESS: 'extended address header follows',
      },
    },
    { field: 'Reserved', type: 'u24', hex: true },
    { field: 'Headers', type: 'bytes', size: 'ExtensionHeader.RemainingHeadersSize' },
  ],
}

export const EXTENSION_RECOGNISED: Expression = [
  'and',
  ['=', ['peek32', ['offset', TRAILING]], EXTENSION_HEADER_SIZE],
  ['not', ['>', ['+', EXTENSION_HEADER_SIZE, ['peek32', ['+', ['offset', TRAILING], 4]]], ['size', TRAILING]]],
]

export interface ExtensionHeader {
  headerSize: number
  /** Bytes. */
  remainingHeadersSize: number
  /** Raw, see {@link EXTENSION_FLAGS}. */
  flags: number
  /** 24 bits, little-endian. */
  reserved: number
  /** The headers it announces, a view. */
  headers: Buffer
}

/** The ExtensionHeader at the start of a packet's trailing bytes, or null when they do not look like one. */
export function recogniseExtensionHeader(trailing: Buffer): ExtensionHeader | null {
  if (trailing.length < EXTENSION_HEADER_SIZE || trailing.readUInt32LE(0) !== EXTENSION_HEADER_SIZE) return null
  const remainingHeadersSize = trailing.readUInt32LE(4)
  if (remainingHeadersSize > trailing.length - EXTENSION_HEADER_SIZE) return null
  return {
    headerSize: EXTENSION_HEADER_SIZE,
    remainingHeadersSize,
    flags: trailing[8]!,
    reserved: trailing.readUIntLE(9, 3),
    headers: trailing.subarray(EXTENSION_HEADER_SIZE, EXTENSION_HEADER_SIZE + remainingHeadersSize),
  }
}
