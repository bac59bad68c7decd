import { addPacketCounts, zeroPacketCounts } from './packet-count.js'
import type {
  ConnectionClosed,
  ConnectionView,
  Direction,
  DirectionTraffic,
  ProxiedRequest,
  RequestOutcome,
} from './proxy-events.js'

export interface HostCounters {
  /** Connections the policy gave to this host. */
  chosen: number
  /** Of these, how many the host did not accept. */
  failed: number
}

export interface ProxyCounters {
  accepted: number
  active: number
  /** Closed at once since as many were open as `connectionsMax` and the process's descriptors allow. */
  overLimit: number
  /** Failures to accept, by the system's word: out of descriptors or memory. */
  acceptErrors: number
  /** Connections that ended since nobody was to have them, or nobody could be reached. */
  noHost: number
  hostDown: number
  /** Failed attempts to reach a host, by system error code. */
  connectFailures: Record<string, number>
  resetByClient: number
  resetByHost: number
  cut: number
  idle: number
  /** Connections that, when they came, nobody answered. */
  unanswered: number
  /** Of these and of those whose host fell silent, how many ended without an answer. */
  silence: number
  /** Connections that several hosts took. */
  splitBrain: number
  hosts: Record<string, HostCounters>
  /** Over HTTP the bytes of bodies, and no packets. */
  toHost: DirectionTraffic
  toClient: DirectionTraffic
  /** Of the HTTP plane alone. */
  http?: HttpCounters
}

export interface HttpCounters {
  /** Requests whose head arrived. */
  requests: number
  /** Requests by how they ended. */
  outcomes: Record<RequestOutcome, number>
  /** Hosts' answers by status, those thrown away included. */
  statuses: Record<string, number>
  /** The gateway's own answers by status. */
  refusals: Record<string, number>
  /** Connections of clients that ended so. */
  dropped: number
  slow: number
  malformed: number
  upstreams: UpstreamCounters
}

export interface UpstreamCounters {
  /** Connections to hosts that were made. */
  opened: number
  /** Times that one was used again. */
  reused: number
  /** Open now. */
  open: number
}

export function zeroHostCounters(): HostCounters {
  return { chosen: 0, failed: 0 }
}

export function zeroCounters(hosts: readonly { readonly name: string }[]): ProxyCounters {
  return {
    accepted: 0,
    active: 0,
    overLimit: 0,
    acceptErrors: 0,
    noHost: 0,
    hostDown: 0,
    connectFailures: {},
    resetByClient: 0,
    resetByHost: 0,
    cut: 0,
    idle: 0,
    unanswered: 0,
    silence: 0,
    splitBrain: 0,
    hosts: Object.fromEntries(hosts.map(({ name }) => [name, zeroHostCounters()])),
    toHost: { bytes: 0, packets: zeroPacketCounts() },
    toClient: { bytes: 0, packets: zeroPacketCounts() },
  }
}

export function zeroHttpCounters(upstreams: UpstreamCounters): HttpCounters {
  return {
    requests: 0,
    outcomes: { answered: 0, refused: 0, dropped: 0, cut: 0 },
    statuses: {},
    refusals: {},
    dropped: 0,
    slow: 0,
    malformed: 0,
    upstreams,
  }
}

/** A host could not be connected to; one that is no longer among the hosts has no row. */
export function countHostFailure(counts: ProxyCounters, name: string, code: string): void {
  const host = counts.hosts[name]
  if (host !== undefined) host.failed++
  increment(counts.connectFailures, code)
}

/** A request is over. */
export function countRequest(http: HttpCounters, { outcome, status }: ProxiedRequest): void {
  http.outcomes[outcome]++
  if (status !== null) increment(outcome === 'refused' ? http.refusals : http.statuses, status)
}

function increment(counts: Record<string, number>, key: string | number): void {
  counts[key] = (counts[key] ?? 0) + 1
}

export function addTraffic(sum: ProxyCounters, connection: ConnectionView): void {
  for (const direction of ['toHost', 'toClient'] as const satisfies readonly Direction[]) {
    const traffic = connection[direction]
    sum[direction].bytes += traffic.bytes
    addPacketCounts(sum[direction].packets, traffic.packets)
  }
}

export function countClose(counts: ProxyCounters, event: ConnectionClosed): void {
  switch (event.manner) {
    case 'reset':
      if (event.closedBy === 'client') counts.resetByClient++
      else counts.resetByHost++
      break
    case 'hostDown':
    case 'noHost':
    case 'cut':
    case 'idle':
    case 'silence':
      counts[event.manner]++
  }
}
