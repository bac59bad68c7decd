/** 4 bytes as dotted text, 16 as compressed lower-case IPv6 (RFC 5952). */
export function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at))
  let from = 0
  let longest = 1
  for (let at = 0; at < 8; at++) {
    let end = at
    while (end < 8 && groups[end] === 0) end++
    if (end - at > longest) {
      from = at
      longest = end - at
    }
  }
  const text = (some: readonly number[]) => some.map(group => group.toString(16)).join(':')
  return longest > 1 ? `${text(groups.slice(0, from))}::${text(groups.slice(from + longest))}` : text(groups)
}
