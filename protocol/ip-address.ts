/**
 * Text of an IP address to its bytes in network order: 4 for IPv4, 16 for IPv6. An IPv4-mapped IPv6 address
 * (`::ffff:192.0.2.1`, what a dual-stack listener reports) gives the 4 bytes of the IPv4 address, so that a client keeps
 * its bucket whichever listener it came through. A zone (`%eth0`) is ignored. Throws a `RangeError` for anything else.
 */
export function ipBytes(text: string): Uint8Array {
  const bytes = text.includes(':') ? ipv6Bytes(text) : ipv4Bytes(text)
  if (bytes === undefined) throw new RangeError(`not an IP address: ${JSON.stringify(text)}`)
  return bytes
}

/** An IPv4 address, IPv4-mapped ones too, as a number: 10.0.0.7 = 0x0a000007. Null for an IPv6 address; else as `ipBytes`. */
export function ipv4Number(text: string): number | null {
  const bytes = ipBytes(text)
  return bytes.length === 4 ? ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0 : null
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4)
  let place = 0
  let digits = 0
  let value = 0
  // each connection of a proxy comes through here: no regular expression, no list of parts
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ZERO
    if (digit >= 0 && digit <= 9 && digits < 3) {
      digits++
      value = value * 10 + digit
    } else if (text[at] === '.' && digits > 0 && place < 3 && value <= 255) {
      bytes[place++] = value
      digits = 0
      value = 0
    } else return undefined
  }
  if (place !== 3 || digits === 0 || value > 255) return undefined
  bytes[3] = value
  return bytes
}

const ZERO = '0'.charCodeAt(0)

function ipv6Bytes(text: string): Uint8Array | undefined {
  const [address = ''] = text.split('%', 1)
  const halves = address.split('::')
  if (halves.length > 2) return undefined
  const head = groupBytes(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? groupBytes(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const known = head.length + tail.length
  // "::" stands for at least one group of zeros
  if (halves.length === 2 ? known > 14 : known !== 16) return undefined
  const bytes = new Uint8Array(16)
  bytes.set(head, 0)
  bytes.set(tail, 16 - tail.length)
  const mapped = bytes.subarray(0, 10).every(byte => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  return mapped ? bytes.slice(12) : bytes
}

/** Only the end of an address may be written as an IPv4 address. */
function groupBytes(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [index, group] of groups.entries()) {
    if (atEnd && index === groups.length - 1 && group.includes('.')) {
      const ipv4 = ipv4Bytes(group)
      if (ipv4 === undefined) return undefined
      bytes.push(...ipv4)
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
    }
  }
  return bytes
}
