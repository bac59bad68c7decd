import { createServer, type Server } from 'node:net'
import { PacketFramer } from '../../protocol/binary/packet-framer.js'
import { DecodeError } from '../../protocol/errors.js'
import { isWildcard } from '../../transport/plain-address.js'
import type { SocketsTap } from '../../transport/wire-tap.js'
import type { Client, Policy } from '../nlb/policy.js'
import { ConnectDeadlines } from './connect-deadlines.js'
import { connectionsWithinDescriptors } from './descriptor-limit.js'
import { hostLink } from './host-link.js'
import { type ConnectionContext, ProxiedConnection, type ProxyFaults, type ProxyHost } from './proxied-connection.js'
import {
  addTraffic,
  countClose,
  countHostFailure,
  type ProxyCounters,
  zeroCounters,
  zeroHostCounters,
} from './proxy-counters.js'
import type { ConnectionClosed, ConnectionView, ObservedPacket, ProxyDecision, SourceMode } from './proxy-events.js'
import { type AcceptedHandle, acceptHandles } from './proxy-listener.js'
import { RelayBuffers } from './relay-buffers.js'
import { RETRANSMISSION, type Retransmission } from './retransmission.js'
import { SourcePorts, systemPortRange } from './source-ports.js'

export interface ProxyLimits {
  /**
   * Connections at one time; more are closed as they come, and counted. Default 4,096, or less where the process may not
   * open two descriptors for each. An idle connection takes some 12 KiB, one whose sides both do not read up to 384 KiB.
   */
  readonly connectionsMax: number
  /** How long a host may take to accept. Default 5,000 ms. */
  readonly connectTimeoutMs: number
  /** Connections the system may queue before they are accepted. Default 4,096; the system has its own, lower or not. */
  readonly backlog: number
  /** Of these connections, those that nobody answers. Above it the eldest is reset. Default 1,024. */
  readonly unansweredMax: number
}

export const PROXY_LIMITS: ProxyLimits = {
  connectionsMax: 4096,
  connectTimeoutMs: 5000,
  backlog: 4096,
  unansweredMax: 1024,
}

/** Read buffers of 64 KiB kept for the next connection. */
const SPARE_BUFFERS_MAX = 64

export interface ProxyPlaneOptions {
  /** The cluster address. MSMQ's port is 1801; 0 takes any free port. */
  readonly listen: { readonly address: string; readonly port: number }
  readonly hosts: readonly ProxyHost[]
  readonly policy: Policy
  readonly source: SourceMode
  readonly limits?: Partial<ProxyLimits>
  /** What the systems of clients and hosts do that hear nothing of each other. */
  readonly retransmission?: Partial<Retransmission>
  /**
   * Whether a connection whose host is down is given to another, as a balancer with health checks would. Default false:
   * Windows NLB does not know whether a service lives, and its clients are refused.
   */
  readonly retryOtherHosts?: boolean
  /** Resets a connection on which nothing moved for so long, as appliances do. Default 0: never, as Windows NLB. */
  readonly idleTimeoutMs?: number
  readonly faults?: ProxyFaults
  /** Told of all that crosses the wire; absent: nobody is. */
  readonly tap?: SocketsTap
  /** Gives each connection its number; default from 1. For planes that share one sequence. */
  nextConnection?(): number
  /** Wall-clock milliseconds; default `Date.now`. */
  nowMs?(): number
  onDecision?(decision: ProxyDecision): void
  onClosed?(event: ConnectionClosed): void
  /**
   * Sees each whole packet after its bytes were handed on; off, and free of cost, when absent. Of a direction that
   * cannot be read as packets nothing more is shown; its bytes pass all the same.
   */
  onPacket?(packet: ObservedPacket): void
}

/** A user-space plane: accepts on the cluster address and carries what comes to the host that the policy names. */
export interface ProxyPlane {
  /** Begins to listen; rejects with the system's error (`EADDRINUSE`, `EADDRNOTAVAIL`, ...) if it cannot. */
  start(): Promise<{ address: string; port: number }>
  /** Stops listening, resets what is open, and resolves when all is closed, and told to `onClosed`. */
  stop(): Promise<void>
  counters(): ProxyCounters
  connections(): ConnectionView[]
  /** Replaces the faults; open connections keep theirs. */
  setFaults(faults: ProxyFaults): void
  /** Resets the open connections, or those of one host. Returns how many. */
  resetConnections(host?: string): number
}

/** One that carries TCP connections whole. */
export interface TcpProxyPlane extends ProxyPlane {
  /** Hosts that may be picked from now on. Connections to others stay as they are. */
  setHosts(hosts: readonly ProxyHost[]): void
  /**
   * A host that is silent, as one without power or network is: its connections stall, new ones are not answered. When it
   * is reachable again they go on.
   */
  setReach(host: string, reach: Reach): void
  /** Asks of each connection that a host has whether its packets still pass: stalls those that do not, resumes the others. */
  review(passes: (client: Client, host: string) => boolean): void
}

export type Reach = 'reachable' | 'silent'

export function createProxyPlane(options: ProxyPlaneOptions): TcpProxyPlane {
  const limits = { ...PROXY_LIMITS, ...options.limits }
  const hosts = new Map(options.hosts.map(host => [host.name, host]))
  const silent = new Set<string>()
  const nowMs = options.nowMs ?? Date.now
  const onPacket = options.onPacket?.bind(options)
  const open = new Set<ProxiedConnection>()
  const connectionsMax = Math.min(limits.connectionsMax, connectionsWithinDescriptors())
  const unanswered = new Set<ProxiedConnection>()
  const counts = zeroCounters(options.hosts)
  let faults: ProxyFaults = options.faults ?? {}
  let cutsLeft = faults.cutConnectionsMax ?? Number.POSITIVE_INFINITY
  let server: Server | undefined
  let started: Promise<{ address: string; port: number }> | undefined
  let idle: (() => void) | undefined

  const context: ConnectionContext = {
    policy: options.policy,
    hosts,
    source: options.source,
    translatedAddress: isWildcard(options.listen.address) ? undefined : options.listen.address,
    sourcePorts: new SourcePorts(systemPortRange()),
    retryOtherHosts: options.retryOtherHosts ?? false,
    deadlines: new ConnectDeadlines(limits.connectTimeoutMs),
    retransmission: { ...RETRANSMISSION, ...options.retransmission },
    idleTimeoutMs: options.idleTimeoutMs ?? 0,
    buffers: new RelayBuffers(SPARE_BUFFERS_MAX),
    tap: options.tap,
    link: host => hostLink(options.listen.address, host),
    nowMs,
    isSilent: host => silent.has(host),
    decided(decision) {
      if (decision.verdict?.outcome === 'split-brain') counts.splitBrain++
      const host = decision.host === null ? undefined : counts.hosts[decision.host]
      if (host !== undefined) host.chosen++
      options.onDecision?.(decision)
    },
    hostFailed: (host, code) => countHostFailure(counts, host, code),
    unanswered(connection, is) {
      if (!is) {
        unanswered.delete(connection)
        return
      }
      counts.unanswered++
      unanswered.add(connection)
      const [eldest] = unanswered
      if (unanswered.size > limits.unansweredMax) eldest?.reset('silence')
    },
    closed(connection, event) {
      open.delete(connection)
      unanswered.delete(connection)
      addTraffic(counts, event)
      countClose(counts, event)
      options.onClosed?.(event)
      if (open.size === 0) idle?.()
    },
    observer: (connection, direction) =>
      onPacket === undefined
        ? undefined
        : packetObserver(bytes => onPacket({ timeMs: nowMs(), connection, direction, bytes })),
  }

  function accept(handle: AcceptedHandle): void {
    if (open.size >= connectionsMax) {
      counts.overLimit++
      handle.close()
      return
    }
    counts.accepted++
    let cutAfterBytes: number | undefined
    if (faults.cutAfterBytes !== undefined && cutsLeft > 0) {
      cutsLeft--
      cutAfterBytes = faults.cutAfterBytes
    }
    const connection = options.nextConnection?.() ?? counts.accepted
    open.add(new ProxiedConnection(connection, handle, cutAfterBytes, context))
  }

  /** The listener knows of no connection. */
  async function closeAll(listener: Server): Promise<void> {
    const closed = new Promise(resolve => listener.close(resolve))
    for (const connection of open) connection.reset('stopped')
    if (open.size > 0) await new Promise<void>(resolve => (idle = resolve))
    await closed
  }

  return {
    start() {
      const listener = createServer()
      server = listener
      started = new Promise((resolve, reject) => {
        listener.once('error', reject)
        const { address: host, port } = options.listen
        listener.listen({ host, port, backlog: limits.backlog }, () => {
          listener.off('error', reject)
          // once it listens, an error is a connection that could not be accepted; the listener goes on
          acceptHandles(listener, accept, () => counts.acceptErrors++)
          const bound = listener.address()
          if (bound === null || typeof bound === 'string') reject(new Error('the listener has no address'))
          else resolve({ address: bound.address, port: bound.port })
        })
      })
      return started
    },

    async stop() {
      const listener = server
      server = undefined
      // before it listens it cannot be closed
      const listens = await started?.then(
        () => true,
        () => false,
      )
      if (listener !== undefined && listens) await closeAll(listener)
    },

    counters() {
      const sum: ProxyCounters = structuredClone(counts)
      sum.active = open.size
      for (const connection of open) addTraffic(sum, connection)
      return sum
    },

    connections: () => Array.from(open, connection => connection.view()),

    setFaults(next) {
      faults = next
      cutsLeft = next.cutConnectionsMax ?? Number.POSITIVE_INFINITY
    },

    resetConnections(host) {
      const chosen = [...open].filter(connection => host === undefined || connection.host === host)
      for (const connection of chosen) connection.reset('stopped')
      return chosen.length
    },

    setHosts(next) {
      hosts.clear()
      for (const host of next) {
        hosts.set(host.name, host)
        counts.hosts[host.name] ??= zeroHostCounters()
      }
    },

    setReach(host, reach) {
      if (reach === 'silent') silent.add(host)
      else silent.delete(host)
      for (const connection of open) {
        if (connection.host !== host) continue
        if (reach === 'silent') connection.stall()
        else connection.resume()
      }
    },

    review(passes) {
      for (const connection of open) {
        if (connection.host === null || connection.isUnanswered) continue
        const { clientAddress: address, clientPort: port, host } = connection
        if (passes({ address, port }, host)) connection.resume()
        else connection.stall()
      }
    },
  }
}

/** Cuts what passes into packets, until something that is none. */
function packetObserver(onPacket: (bytes: Buffer) => void): (chunk: Buffer) => void {
  const framer = new PacketFramer()
  let readable = true
  return chunk => {
    if (!readable) return
    try {
      framer.push(chunk, onPacket)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      readable = false
    }
  }
}
