import type { PacketCounts } from './packet-count.js'

/** `toHost`: from the client through the gateway to the chosen host; `toClient`: the way back. */
export type Direction = 'toHost' | 'toClient'

/**
 * What the host sees as the peer's address. `keep`: the client's own (Windows NLB, direct server return, transparent
 * proxies), with a port of the gateway's choosing. `translate`: the address the gateway listens on (an appliance with
 * source NAT). It decides where order acks go: [MS-MQQB] 3.1.7.17 takes the session's peer address.
 */
export type SourceMode = 'keep' | 'translate'

/** One choice of a host for one connection; a connection that is retried elsewhere has several. */
export interface ProxyDecision {
  readonly timeMs: number
  /** Number of the connection on this plane, from 1. */
  readonly connection: number
  readonly clientAddress: string
  readonly clientPort: number
  /** Null when the policy gave the connection to nobody. */
  readonly host: string | null
  readonly hostAddress: string | null
  readonly hostPort: number | null
  /** Address the host will see; null when the system chooses it (translate on a wildcard listener) or there is no host. */
  readonly upstreamLocalAddress: string | null
  readonly source: SourceMode
  readonly bucket: number | null
  readonly reason: string
}

export interface DirectionTraffic {
  /** Bytes handed on to the other side. */
  bytes: number
  packets: PacketCounts
}

export interface ConnectionView {
  readonly connection: number
  readonly clientAddress: string
  readonly clientPort: number
  readonly host: string | null
  /** As the host sees it; null until connected. */
  readonly upstreamLocalAddress: string | null
  readonly upstreamLocalPort: number | null
  readonly openedMs: number
  readonly toHost: DirectionTraffic
  readonly toClient: DirectionTraffic
}

/**
 * How a connection ended. `end`: both sides closed in order. `reset`: a side broke it off. `hostDown`: no host could be
 * reached. `noHost`: the policy named nobody. `cut`: the `cutAfterBytes` fault. `idle`: the idle limit. `stopped`: the
 * plane was stopped or told to reset.
 */
export type CloseManner = 'end' | 'reset' | 'hostDown' | 'noHost' | 'cut' | 'idle' | 'stopped'

export interface ConnectionClosed extends ConnectionView {
  readonly timeMs: number
  /** Who moved first: the first to end or reset, or the gateway. */
  readonly closedBy: 'client' | 'host' | 'gateway'
  readonly manner: CloseManner
  /** System error code (`ECONNRESET`, `ECONNREFUSED`, ...) behind it, if any. */
  readonly code: string | null
}

/** A whole packet that has been handed on. `bytes` is a view that is valid only during the call. */
export interface ObservedPacket {
  readonly timeMs: number
  readonly connection: number
  readonly direction: Direction
  readonly bytes: Buffer
}
