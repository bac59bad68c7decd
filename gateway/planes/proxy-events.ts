import type { ClusterVerdict } from '../nlb/packet.js'
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
  /** Where a request was given and not a connection: its number on the connection, from 1. */
  readonly request?: number
  /** Of a cluster of hosts that each decide for themselves: what each said. */
  readonly verdict?: ClusterVerdict
}

/**
 * How a request over HTTP ended. `answered`: by the host. `refused`: by the gateway, which answered in the host's place.
 * `dropped`: the fault that drops answers. `cut`: broken off before the answer was complete.
 */
export type RequestOutcome = 'answered' | 'refused' | 'dropped' | 'cut'

/** One request over HTTP, told when it is over. */
export interface ProxiedRequest {
  /** When it ended. */
  readonly timeMs: number
  /** When its head was there. */
  readonly startedMs: number
  readonly connection: number
  /** Number on its connection, from 1. */
  readonly request: number
  readonly clientAddress: string
  readonly clientPort: number
  readonly method: string
  readonly target: string
  readonly host: string | null
  /** As the host saw it; null when none was asked. */
  readonly upstreamLocalAddress: string | null
  /** Whether anything of it was sent to the host. */
  readonly sent: boolean
  readonly outcome: RequestOutcome
  /** Of the host's answer, or of the gateway's own; null when there was none. A dropped answer has one too. */
  readonly status: number | null
  /** Bytes of the body handed on to the host. */
  readonly bytesToHost: number
  /** Bytes of the answer's body handed on to the client. */
  readonly bytesToClient: number
  /** Why it was refused or cut: a system error code or a few words. */
  readonly reason: string | null
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
 * plane was stopped or told to reset. `silence`: nobody ever answered the client, or its host fell silent for good. Over HTTP also `dropped`: the fault that drops answers. `slow`: the client took too
 * long over a request or an answer. `malformed`: what the client sent is not HTTP as it ought to be.
 */
export type CloseManner =
  | 'end'
  | 'reset'
  | 'hostDown'
  | 'noHost'
  | 'cut'
  | 'idle'
  | 'stopped'
  | 'silence'
  | 'dropped'
  | 'slow'
  | 'malformed'

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
