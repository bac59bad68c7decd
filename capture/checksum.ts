/* The Internet checksum (RFC 1071): 16-bit words in network order, added with end-around carry. */

/** Below this many bytes a loop over them is quicker than to set up one over words. */
const FEW_BYTES = 64

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** A view of what was added last: captures come in pieces of a megabyte, of which each frame is a part. */
let words: Uint32Array = new Uint32Array(0)

/**
 * Adds the 16-bit words of `bytes` from `start` to `end`; an odd last byte counts as the high one of a word. `sum` is what was
 * added before: pieces may follow each other at even places.
 */
export function addWords(sum: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  return sum + (end - start < FEW_BYTES ? sumOfBytes(bytes, start, end) : sumOfWords(bytes, start, end))
}

/** What is left when all carries are added: 16 bits. Of whole and unharmed packets, checksum included, it is 0xffff. */
export function folded(sum: number): number {
  let rest = sum
  while (rest > 0xffff) rest = (rest % 0x10000) + Math.floor(rest / 0x10000)
  return rest
}

/** The checksum that makes the whole sum to nothing. */
export function checksum(sum: number): number {
  return ~folded(sum) & 0xffff
}

function sumOfBytes(bytes: Uint8Array, start: number, end: number): number {
  let total = 0
  let at = start
  for (; at + 1 < end; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!
  if (at < end) total += bytes[at]! << 8
  return total
}

/** Four bytes at a time as memory has them; the sum of swapped words is the sum swapped (RFC 1071, 2(B)). */
function sumOfWords(bytes: Uint8Array, start: number, end: number): number {
  const { buffer, byteOffset } = bytes
  if (words.buffer !== buffer) words = new Uint32Array(buffer, 0, buffer.byteLength >> 2)
  const view = words
  const first = byteOffset + start
  const firstWord = (first + 3) >> 2
  const endWord = (byteOffset + end) >> 2
  let total = 0
  for (let at = start; at < firstWord * 4 - byteOffset; at++) total += placed(bytes[at]!, byteOffset + at)
  // both halves of a word together: to add 65536 times the upper one is, folded, to add it
  for (let at = firstWord; at < endWord; at++) total += view[at]!
  for (let at = endWord * 4 - byteOffset; at < end; at++) total += placed(bytes[at]!, byteOffset + at)
  const sum = folded(total)
  const isAsInMemory = ((first & 1) === 0) !== IS_LITTLE_ENDIAN
  return isAsInMemory ? sum : ((sum & 0xff) << 8) | (sum >> 8)
}

/** A byte as part of the 16-bit word in memory that it lies in. */
function placed(byte: number, address: number): number {
  return ((address & 1) === 0) === IS_LITTLE_ENDIAN ? byte : byte << 8
}
