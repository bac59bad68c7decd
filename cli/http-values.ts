import { isIP } from 'node:net'
import type { Endpoint } from '../queue-manager/actions.js'

/* What flags and files say of HTTP, read without the schema of a file: `mqlab send` needs no more. */

/** What is allowed, in words. */
export const HTTP_ALLOWED = {
  http: 'PORT, or ADDRESS:PORT with an IP address of this machine',
  httpName: 'a host name or an IP address, without a port',
} as const

/** `PORT`, `ADDRESS:PORT` or `[ADDRESS]:PORT`; null for other text. */
export function parseEndpoint(text: string, defaultAddress: string): Endpoint | null {
  const [, address = defaultAddress, digits = ''] = /^(?:\[?([0-9a-f.:]+?)\]?:)?(\d{1,5})$/i.exec(text) ?? []
  const port = Number(digits)
  return digits === '' || port > 65_535 || isIP(address) === 0 ? null : { address, port }
}

/** A host as URLs name it, without port and brackets. */
export function isHost(text: string): boolean {
  return isIP(text) !== 0 || /^[^\s\\/:*?"<>|,;=@[\]]{1,255}$/.test(text)
}
