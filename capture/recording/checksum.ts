/**
 * Adds the 16-bit words of `bytes` from `start` to `end`, as the Internet checksum does (RFC 1071); an odd last byte counts as
 * the high one of a word. `sum` is what was added before: pieces may follow each other at even places.
 */
export function addWords(sum: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  let total = sum
  let at = start
  for (; at + 1 < end; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!
  if (at < end) total += bytes[at]! << 8
  return total
}

/** The checksum that makes the whole sum to nothing. */
export function checksum(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000)
  return ~folded & 0xffff
}
