import { addPacketCounts, zeroPacketCounts } from './packet-count.js'
import type { ConnectionClosed, ConnectionView, Direction, DirectionTraffic, RequestOutcome } from './proxy-events.js'

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
