/** Why the bytes are no SID, or null when they are: revision 1, at most 15 sub-authorities, 8 + 4n bytes.
 *  Source: [MS-DTYP] 2.4.2.2. */
export function sidFault(bytes: Uint8Array): string | null {
  if (bytes.length < 8) return `${bytes.length} bytes are too few for a SID`
  if (bytes[0] !== 1) return `SID revision ${bytes[0]}, must be 1`
  const count = bytes[1]!
  if (count > 15) return `${count} sub-authorities, at most 15`
  if (bytes.length !== 8 + 4 * count) return `${count} sub-authorities need ${8 + 4 * count} bytes, not ${bytes.length}`
  return null
}

/** `S-1-5-21-…` of a valid SID; an authority over 32 bits is written in hexadecimal. */
export function sidText(bytes: Uint8Array): string {
  let authority = 0
  for (let i = 2; i < 8; i++) authority = authority * 256 + bytes[i]!
  const parts = [`S-1-${authority > 0xffffffff ? `0x${authority.toString(16).padStart(12, '0')}` : authority}`]
  for (let at = 8; at + 4 <= bytes.length; at += 4) {
    parts.push(String((bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0))
  }
  return parts.join('-')
}

/** Wire bytes of a SID text, or null when the text is none. */
export function sidBytes(text: string): Buffer | null {
  const match = /^S-1-(\d{1,10}|0x[0-9a-f]{1,12})((?:-\d{1,10}){0,15})$/i.exec(text)
  if (match === null) return null
  const authority = Number(match[1])
  const subAuthorities = match[2] === '' ? [] : match[2]!.slice(1).split('-').map(Number)
  if (subAuthorities.some(value => value > 0xffffffff)) return null
  const bytes = Buffer.alloc(8 + 4 * subAuthorities.length)
  bytes[0] = 1
  bytes[1] = subAuthorities.length
  bytes.writeUIntBE(authority, 2, 6)
  subAuthorities.forEach((value, index) => {
    bytes.writeUInt32LE(value, 8 + 4 * index)
  })
  return bytes
}
