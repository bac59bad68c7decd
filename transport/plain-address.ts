import { isIP } from 'node:net'

/** An IPv4 address as such, also where a dual-stack socket reports it as IPv6. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}

/** Whether it stands for all addresses of this machine. */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}
