import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { preciseWallMs } from '../../transport/clock.js'
import { systemCode, TransportError } from '../../transport/errors.js'
import { isWildcard } from '../../transport/plain-address.js'
import type { SocketsTap } from '../../transport/wire-tap.js'
import type { Policy } from '../nlb/policy.js'
import { hostLink } from './host-link.js'
import type { ProxyHost } from './proxied-connection.js'
import type { Reach } from './proxy.js'
import type { SourceMode } from './proxy-events.js'
import { datagramSocket, UdpFlow } from './udp-flow.js'

export interface UdpLimits {
  /** Pairs of a client's port and a host that are remembered; above it the one that rested longest goes. Default 1,024. */
  readonly flowsMax: number
  /** How long one is remembered that nothing passes on: so long a host may take to reply. Default 30,000 ms. */
  readonly flowIdleMs: number
}

const UDP_LIMITS: UdpLimits = { flowsMax: 1024, flowIdleMs: 30_000 }

export interface UdpRelayOptions {
  /** A port of the cluster address; 0 takes any free one. */
  readonly listen: { readonly address: string; readonly port: number }
  readonly hosts: readonly ProxyHost[]
  /** Asked for each datagram by itself: UDP knows no connections. */
  readonly policy: Policy
  /** `keep` sends from the client's address, which must be one of this machine's. */
  readonly source: SourceMode
  readonly limits?: Partial<UdpLimits>
  /** Told of all that crosses the wire. */
  readonly tap?: SocketsTap
  /** Wall-clock milliseconds; default `Date.now`. */
  nowMs?(): number
  onDatagram?(datagram: RelayedDatagram): void
}

/** One datagram of a client's, and who got it. */
export interface RelayedDatagram {
  readonly timeMs: number
  readonly clientAddress: string
  readonly clientPort: number
  /** Names of all that took it: none, and it was dropped; several where a cluster is divided. */
  readonly hosts: readonly string[]
  readonly bucket: number | null
  readonly reason: string
  readonly bytes: number
}

export interface UdpCounters {
  received: number
  /** Taken by nobody. */
  dropped: number
  /** Taken by several. */
  splitBrain: number
  /** Pairs of a client's port and a host that are remembered now. */
  flows: number
  replies: number
  /** Replies of hosts that are silent, or that could not be sent. */
  repliesLost: number
  /** Datagrams that did not reach their host, by the system's word. */
  failures: Record<string, number>
  hosts: Record<string, UdpHostCounters>
}

export interface UdpHostCounters {
  datagrams: number
  bytesToHost: number
  bytesToClient: number
}

/**
 * Carries the datagrams for one port of a cluster to the hosts that take them, and their replies back, from the cluster's
 * address. Errors that a host's system would report by ICMP do not reach the client: user space cannot send them.
 */
export class UdpRelay {
  readonly #options: UdpRelayOptions
  readonly #limits: UdpLimits
  readonly #nowMs: () => number
  readonly #hosts = new Map<string, ProxyHost>()
  readonly #silent = new Set<string>()
  /** By client and host, the one that rested longest first. */
  readonly #flows = new Map<string, UdpFlow>()
  readonly #counters: UdpCounters = {
    received: 0,
    dropped: 0,
    splitBrain: 0,
    flows: 0,
    replies: 0,
    repliesLost: 0,
    failures: {},
    hosts: {},
  }
  #listener: Socket | undefined
  #sweep: NodeJS.Timeout | undefined

  constructor(options: UdpRelayOptions) {
    this.#options = options
    this.#limits = { ...UDP_LIMITS, ...options.limits }
    this.#nowMs = options.nowMs ?? Date.now
    this.setHosts(options.hosts)
  }

  /** @throws {TransportError} `MSMQ_TRANSPORT_LISTEN` */
  async start(): Promise<{ address: string; port: number }> {
    const { address, port } = this.#options.listen
    const listener = datagramSocket(address)
    this.#listener = listener
    listener.on('message', (bytes, from) => this.#received(bytes, from.address, from.port))
    // before the bind, which may be done at once
    const listening = once(listener, 'listening')
    listener.bind({ address, port, exclusive: true })
    try {
      await listening
    } catch (error) {
      this.#listener = undefined
      const where = `udp ${address}:${port}`
      throw new TransportError('MSMQ_TRANSPORT_LISTEN', 'listen', where, systemCode(error), { cause: error })
    }
    // once it listens, an error is a reply that could not be sent
    listener.on('error', () => this.#counters.repliesLost++)
    this.#sweep = setInterval(() => this.#forgetIdle(), this.#limits.flowIdleMs / 2)
    return { address, port: listener.address().port }
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweep)
    for (const flow of this.#flows.values()) flow.close()
    this.#flows.clear()
    const listener = this.#listener
    this.#listener = undefined
    if (listener === undefined) return
    listener.close()
    await once(listener, 'close')
  }

  setHosts(hosts: readonly ProxyHost[]): void {
    this.#hosts.clear()
    for (const host of hosts) {
      this.#hosts.set(host.name, host)
      this.#counters.hosts[host.name] ??= { datagrams: 0, bytesToHost: 0, bytesToClient: 0 }
    }
  }

  /** A silent host gets nothing, and what it says is lost. */
  setReach(host: string, reach: Reach): void {
    if (reach === 'silent') this.#silent.add(host)
    else this.#silent.delete(host)
  }

  counters(): UdpCounters {
    return structuredClone({ ...this.#counters, flows: this.#flows.size })
  }

  #received(bytes: Buffer, clientAddress: string, clientPort: number): void {
    const counters = this.#counters
    counters.received++
    const { tap, listen } = this.#options
    if (tap?.tellsAccepted(clientAddress))
      tap.wire.datagram({ address: clientAddress, port: clientPort }, listen, bytes, preciseWallMs())
    const {
      host,
      verdict,
      bucket = null,
      reason,
    } = this.#options.policy.pick({
      address: clientAddress,
      port: clientPort,
    })
    const acceptors = verdict?.acceptors ?? (host === null ? [] : [host])
    const hosts = acceptors.filter(name => this.#hosts.has(name) && !this.#silent.has(name))
    if (hosts.length === 0) counters.dropped++
    if (hosts.length > 1) counters.splitBrain++
    this.#options.onDatagram?.({
      timeMs: this.#nowMs(),
      clientAddress,
      clientPort,
      hosts,
      bucket,
      reason,
      bytes: bytes.length,
    })
    for (const name of hosts) {
      const to = counters.hosts[name]!
      to.datagrams++
      to.bytesToHost += bytes.length
      this.#flow(clientAddress, clientPort, this.#hosts.get(name)!).send(bytes)
    }
  }

  #flow(clientAddress: string, clientPort: number, host: ProxyHost): UdpFlow {
    const key = `${clientAddress} ${clientPort} ${host.name}`
    let flow = this.#flows.get(key)
    if (flow === undefined) {
      const { tap, listen } = this.#options
      flow = new UdpFlow({
        wire: tap?.wire,
        link: hostLink(listen.address, host),
        localAddress: this.#options.source === 'keep' ? clientAddress : this.#translatedAddress(),
        host,
        onReply: bytes => this.#reply(key, bytes, clientAddress, clientPort, host.name),
        onFailure: code => this.#failed(code),
        onBroken: code => {
          this.#flows.delete(key)
          this.#failed(code)
        },
      })
      const [eldest] = this.#flows
      if (eldest !== undefined && this.#flows.size >= this.#limits.flowsMax) this.#forget(eldest[0], eldest[1])
    } else this.#flows.delete(key)
    this.#flows.set(key, flow)
    flow.usedMs = performance.now()
    return flow
  }

  #translatedAddress(): string | undefined {
    const { address } = this.#options.listen
    return isWildcard(address) ? undefined : address
  }

  #reply(key: string, bytes: Buffer, clientAddress: string, clientPort: number, host: string): void {
    const counters = this.#counters
    // a datagram may come from port 0, to which none can be sent
    if (this.#silent.has(host) || this.#listener === undefined || clientPort === 0) {
      counters.repliesLost++
      return
    }
    const flow = this.#flows.get(key)
    if (flow !== undefined) flow.usedMs = performance.now()
    counters.replies++
    counters.hosts[host]!.bytesToClient += bytes.length
    const { tap, listen } = this.#options
    if (tap?.tellsAccepted(clientAddress))
      tap.wire.datagram(listen, { address: clientAddress, port: clientPort }, bytes, preciseWallMs())
    this.#listener.send(bytes, clientPort, clientAddress, error => {
      if (error !== null) counters.repliesLost++
    })
  }

  #failed(code: string): void {
    this.#counters.failures[code] = (this.#counters.failures[code] ?? 0) + 1
  }

  #forgetIdle(): void {
    const beforeMs = performance.now() - this.#limits.flowIdleMs
    for (const [key, flow] of this.#flows) if (flow.usedMs < beforeMs) this.#forget(key, flow)
  }

  #forget(key: string, flow: UdpFlow): void {
    this.#flows.delete(key)
    flow.close()
  }
}
