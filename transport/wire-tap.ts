import type { Endpoint } from '../queue-manager/actions.js'

/* What is told of all that crosses the wire, as one end of each connection sees it: the one that opened it, or whoever
 * keeps the tap. Times are milliseconds since 1970, with fractions, of the world's clock. */

/** An end of a tapped connection: who opened it, or who took it. */
export type TapSide = 'client' | 'server'

export interface ConnectionTap {
  /** The handshake is over. */
  established(atMs: number): void
  /** Nobody took it. `refused`: a reset; `unanswered`: nothing came. */
  failed(atMs: number, how: 'refused' | 'unanswered'): void
  /** `bytes` are copied if kept. */
  sent(by: TapSide, bytes: Buffer, atMs: number): void
  ended(by: TapSide, how: 'fin' | 'reset', atMs: number): void
}

/** Addresses of the two machines at the ends of a link. */
export type Link = readonly [string, string]

/** Who is told of the sockets of one machine. */
export interface SocketsTap {
  readonly wire: WireTap
  /**
   * Whether it is also told of connections from this address, and of what it sends first: its own machine may tell of them.
   * `port` is that of a connection.
   */
  tellsAccepted(client: string, port?: number): boolean
}

export interface WireTap {
  /** A connection is being opened. `link` is what it crosses; by default the two machines have the addresses of its ends. */
  connection(client: Endpoint, server: Endpoint, atMs: number, link?: Link): ConnectionTap
  datagram(from: Endpoint, to: Endpoint, bytes: Buffer, atMs: number, link?: Link): void
}
