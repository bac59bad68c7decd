import { addressText } from './address-text.js'
import type { NamesSeen } from './file-context.js'
import { padded, u16 } from './pcapng-block.js'

const RECORDS_END = 0
export const IPV4_RECORD = 1
export const IPV6_RECORD = 2

/** @param body of a name resolution block. Records of other kinds than IP addresses are passed over. */
export function readNames(body: Buffer, isBigEndian: boolean, seen: NamesSeen): void {
  let at = 0
  while (at + 4 <= body.length) {
    const type = u16(body, at, isBigEndian)
    const size = u16(body, at + 2, isBigEndian)
    at += 4
    if (type === RECORDS_END || at + size > body.length) return
    const addressSize = type === IPV4_RECORD ? 4 : type === IPV6_RECORD ? 16 : size
    if (size > addressSize) {
      const names = body.toString('utf8', at + addressSize, at + size).split('\0')
      seen(
        addressText(body.subarray(at, at + addressSize)),
        names.filter(name => name !== ''),
      )
    }
    at += padded(size)
  }
}
