import { addressText } from '../files/address-text.js'

/** Texts that are kept of each kind; a capture has few machines, or too many to keep. */
const KEPT_MAX = 4096

/** Addresses as text. Those of the machines of a capture come again and again, and are made once. */
export class AddressTexts {
  private readonly ipv4 = new Map<number, string>()
  private readonly macs = new Map<number, string>()

  /** Of the IP address at an offset: dotted, or compressed lower-case IPv6. */
  ip(bytes: Buffer, offset: number, version: number): string {
    if (version !== 4) return addressText(bytes.subarray(offset, offset + 16))
    const key = bytes.readUInt32BE(offset)
    return this.ipv4.get(key) ?? keep(this.ipv4, key, addressText(bytes.subarray(offset, offset + 4)))
  }

  /** `aa:bb:cc:dd:ee:ff`, of the six bytes at an offset. */
  mac(bytes: Buffer, offset: number): string {
    const key = macNumber(bytes, offset)
    return (
      this.macs.get(key) ??
      keep(
        this.macs,
        key,
        key
          .toString(16)
          .padStart(12, '0')
          .replace(/..(?!$)/g, '$&:'),
      )
    )
  }
}

/** Six bytes as a number. */
export function macNumber(bytes: Buffer, offset: number): number {
  const high = (bytes[offset]! << 8) | bytes[offset + 1]!
  const at = offset + 2
  const low = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  return high * 2 ** 32 + (low >>> 0)
}

function keep(texts: Map<number, string>, key: number, text: string): string {
  if (texts.size >= KEPT_MAX) texts.clear()
  texts.set(key, text)
  return text
}
