import { OptionError } from './errors.js'

/** Lower-case text form, `5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01`. On the wire the first three groups are little-endian.
 *  Source: [MS-DTYP] 2.3.4. */
export type Guid = string

export const GUID_SIZE = 16
export const NIL_GUID: Guid = '00000000-0000-0000-0000-000000000000'

const PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const DIGITS = '0123456789abcdef'
const DASH = '-'.charCodeAt(0)
// Characters of the two digits of each byte.
const HIGH = Uint8Array.from({ length: 256 }, (_, byte) => DIGITS.charCodeAt(byte >> 4))
const LOW = Uint8Array.from({ length: 256 }, (_, byte) => DIGITS.charCodeAt(byte & 15))

// Two GUIDs stand in every user message and a queue manager meets few distinct ones, so decoded texts are kept in a
// direct-mapped table: bounded whatever a peer sends, and a collision costs one formatting.
const SLOT_COUNT = 4096
const slotWords = new Int32Array(SLOT_COUNT * 4)
const slotTexts: Guid[] = new Array<Guid>(SLOT_COUNT).fill(NIL_GUID)

/** GUID at `offset`. The caller has checked that 16 bytes are there. Equal GUIDs usually yield the same string object. */
export function decodeGuid(bytes: Uint8Array, offset: number): Guid {
  const w0 = bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)
  const w1 = bytes[offset + 4]! | (bytes[offset + 5]! << 8) | (bytes[offset + 6]! << 16) | (bytes[offset + 7]! << 24)
  const w2 = bytes[offset + 8]! | (bytes[offset + 9]! << 8) | (bytes[offset + 10]! << 16) | (bytes[offset + 11]! << 24)
  const w3 =
    bytes[offset + 12]! | (bytes[offset + 13]! << 8) | (bytes[offset + 14]! << 16) | (bytes[offset + 15]! << 24)
  if ((w0 | w1 | w2 | w3) === 0) return NIL_GUID
  const slot = Math.imul(w0 ^ (w1 << 7) ^ Math.imul(w2, 0x45d9f3b) ^ Math.imul(w3, 0x119de1f3), 0x9e3779b1) >>> 20
  const at = slot * 4
  if (slotWords[at] === w0 && slotWords[at + 1] === w1 && slotWords[at + 2] === w2 && slotWords[at + 3] === w3) {
    return slotTexts[slot]!
  }
  const text = formatGuid(bytes, offset)
  slotWords[at] = w0
  slotWords[at + 1] = w1
  slotWords[at + 2] = w2
  slotWords[at + 3] = w3
  slotTexts[slot] = text
  return text
}

// One call with every character makes a flat string in a third of the time that joining pairs of digits takes.
function formatGuid(bytes: Uint8Array, offset: number): Guid {
  const b0 = bytes[offset]!
  const b1 = bytes[offset + 1]!
  const b2 = bytes[offset + 2]!
  const b3 = bytes[offset + 3]!
  const b4 = bytes[offset + 4]!
  const b5 = bytes[offset + 5]!
  const b6 = bytes[offset + 6]!
  const b7 = bytes[offset + 7]!
  const b8 = bytes[offset + 8]!
  const b9 = bytes[offset + 9]!
  const b10 = bytes[offset + 10]!
  const b11 = bytes[offset + 11]!
  const b12 = bytes[offset + 12]!
  const b13 = bytes[offset + 13]!
  const b14 = bytes[offset + 14]!
  const b15 = bytes[offset + 15]!
  // biome-ignore format: one group of the text a line
  return String.fromCharCode(
    HIGH[b3]!, LOW[b3]!, HIGH[b2]!, LOW[b2]!, HIGH[b1]!, LOW[b1]!, HIGH[b0]!, LOW[b0]!, DASH,
    HIGH[b5]!, LOW[b5]!, HIGH[b4]!, LOW[b4]!, DASH,
    HIGH[b7]!, LOW[b7]!, HIGH[b6]!, LOW[b6]!, DASH,
    HIGH[b8]!, LOW[b8]!, HIGH[b9]!, LOW[b9]!, DASH,
    HIGH[b10]!, LOW[b10]!, HIGH[b11]!, LOW[b11]!, HIGH[b12]!, LOW[b12]!,
    HIGH[b13]!, LOW[b13]!, HIGH[b14]!, LOW[b14]!, HIGH[b15]!, LOW[b15]!,
  )
}

const encodedGuids = new Map<Guid, Uint8Array>()
const ENCODED_GUIDS_MAX = 1024

/** Writes 16 bytes. `MSMQ_OPTION_GUID` when the text is not a GUID; case is free. */
export function encodeGuid(bytes: Uint8Array, offset: number, guid: Guid): void {
  if (guid === NIL_GUID) {
    bytes.fill(0, offset, offset + GUID_SIZE)
    return
  }
  let wire = encodedGuids.get(guid)
  if (wire === undefined) {
    wire = guidBytes(guid)
    if (encodedGuids.size >= ENCODED_GUIDS_MAX) encodedGuids.clear()
    encodedGuids.set(guid, wire)
  }
  for (let i = 0; i < GUID_SIZE; i++) bytes[offset + i] = wire[i]!
}

const WIRE_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]

function guidBytes(guid: Guid): Uint8Array {
  const digits = parseGuid(guid).replaceAll('-', '')
  return Uint8Array.from(WIRE_ORDER, at => Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16))
}

export function isGuid(text: string): boolean {
  return PATTERN.test(text)
}

/** The GUID in lower case; surrounding braces are taken off. `MSMQ_OPTION_GUID` otherwise. */
export function parseGuid(text: string): Guid {
  const bare = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text
  if (!PATTERN.test(bare)) throw new OptionError('MSMQ_OPTION_GUID', 'guid', text, '8-4-4-4-12 hexadecimal digits')
  return bare.toLowerCase()
}
