/** UTF-16LE text with a counted terminator, as the protocol writes names and labels ([MS-DTYP] 2.2.60).
 *
 *  Decoding through the runtime costs several hundred nanoseconds, and the same queue names and labels come again and
 *  again, so recent short Latin-1 texts are kept in a direct-mapped table and compared in place. The table is bounded
 *  whatever a peer sends. */
const SLOT_COUNT = 4096
const CACHED_CHARACTERS_MAX = 96
// Hash of each slot's text: most others differ in it and need not be compared.
const slotHashes = new Int32Array(SLOT_COUNT)
const slotTexts: string[] = new Array<string>(SLOT_COUNT).fill('')
// Characters of each slot's text, one byte each: comparing them beats asking the string for each of its characters.
const slotCharacters = Buffer.alloc(SLOT_COUNT * CACHED_CHARACTERS_MAX)

/** Text of `size` bytes at `offset` without its terminator; null unless the last character and only that one is null.
 *  The caller has checked that the bytes are there. */
export function cachedWideText(bytes: Buffer, offset: number, size: number): string | null {
  if (size < 2 || (size & 1) !== 0) return null
  const end = offset + size - 2
  if ((bytes[end]! | bytes[end + 1]!) !== 0) return null
  const length = (size >> 1) - 1
  if (length === 0) return ''
  if (length > CACHED_CHARACTERS_MAX) return plainWideText(bytes, offset, end)

  // The end of a name or label varies most ("…\orders7", "message 42"), so the hash looks there and at the middle.
  let hash = length
  hash = Math.imul(hash ^ bytes[end - 2]!, 0x01000193)
  if (length > 3) {
    hash = Math.imul(hash ^ bytes[end - 4]!, 0x01000193)
    hash = Math.imul(hash ^ bytes[end - 6]!, 0x01000193)
    hash = Math.imul(hash ^ bytes[end - 8]!, 0x01000193)
    hash = Math.imul(hash ^ bytes[offset + (length & ~1)]!, 0x01000193)
  }
  hash = Math.imul(hash ^ bytes[offset]!, 0x01000193)
  const slot = (hash ^ (hash >>> 15)) & (SLOT_COUNT - 1)

  if (slotHashes[slot] === hash) {
    const known = slotTexts[slot]!
    if (known.length === length && sameText(bytes, offset, slot * CACHED_CHARACTERS_MAX, length)) return known
  }
  slotHashes[slot] = hash
  return learn(bytes, offset, end, slot)
}

function sameText(bytes: Buffer, offset: number, first: number, length: number): boolean {
  let difference = 0
  for (let i = 0, at = offset; i < length; i++, at += 2) {
    difference |= (bytes[at]! ^ slotCharacters[first + i]!) | bytes[at + 1]!
  }
  return difference === 0
}

// Narrowing the characters on the way into the table and making a one-byte string of them is faster than having the
// runtime decode UTF-16. Texts beyond Latin-1 are left to it and not kept.
function learn(bytes: Buffer, offset: number, end: number, slot: number): string | null {
  const first = slot * CACHED_CHARACTERS_MAX
  let last = first
  for (let at = offset; at < end; at += 2) {
    const character = bytes[at]!
    if (character === 0 || bytes[at + 1] !== 0) {
      slotTexts[slot] = ''
      return plainWideText(bytes, offset, end)
    }
    slotCharacters[last++] = character
  }
  const text =
    last - first > JOINED_CHARACTERS_MAX ? slotCharacters.toString('latin1', first, last) : joined(first, last)
  slotTexts[slot] = text
  return text
}

// Labels are short and often new with every message; below some length the call into the runtime is the dearer part.
const JOINED_CHARACTERS_MAX = 16

function joined(first: number, last: number): string {
  const c = slotCharacters
  let text = ''
  let at = first
  for (; at + 8 <= last; at += 8) {
    // biome-ignore format: eight characters
    text += String.fromCharCode(c[at]!, c[at + 1]!, c[at + 2]!, c[at + 3]!, c[at + 4]!, c[at + 5]!, c[at + 6]!, c[at + 7]!)
  }
  if (at + 4 <= last) {
    text += String.fromCharCode(c[at]!, c[at + 1]!, c[at + 2]!, c[at + 3]!)
    at += 4
  }
  for (; at < last; at++) text += String.fromCharCode(c[at]!)
  return text
}

function plainWideText(bytes: Buffer, offset: number, end: number): string | null {
  const text = bytes.toString('utf16le', offset, end)
  return text.includes('\0') ? null : text
}

/** Why {@link cachedWideText} said null. */
export function wideTextFault(
  bytes: Buffer,
  offset: number,
  size: number,
): { code: `MSMQ_DECODE_${string}`; what: string; offset: number } {
  const end = offset + size - 2
  if (size < 2 || (size & 1) !== 0) {
    return { code: 'MSMQ_DECODE_NAME_SIZE', what: `${size} bytes cannot hold terminated UTF-16 text`, offset }
  }
  if ((bytes[end]! | bytes[end + 1]!) !== 0) {
    return { code: 'MSMQ_DECODE_STRING_UNTERMINATED', what: 'the last character is not null', offset }
  }
  return { code: 'MSMQ_DECODE_STRING_NULL', what: 'a null character before the end', offset }
}

/** Writes the text and its terminator; returns the offset after them. */
export function writeWideText(bytes: Buffer, offset: number, text: string): number {
  const length = text.length
  let at = offset
  if (length > 64) {
    at += bytes.write(text, offset, 'utf16le')
  } else {
    for (let i = 0; i < length; i++, at += 2) {
      const unit = text.charCodeAt(i)
      bytes[at] = unit
      bytes[at + 1] = unit >>> 8
    }
  }
  bytes[at] = 0
  bytes[at + 1] = 0
  return at + 2
}

/** Bytes of the text with its terminator. */
export function sizeOfWideText(text: string): number {
  return 2 * (text.length + 1)
}
