import { connect, type Socket } from 'node:net'
import { resetNow } from '../../transport/abrupt-close.js'
import { adoptSocket } from '../../transport/adopted-socket.js'
import type { Decision, Policy } from '../nlb/policy.js'
import { PacketCounter } from './packet-count.js'
import type {
  CloseManner,
  ConnectionClosed,
  ConnectionView,
  Direction,
  DirectionTraffic,
  ProxyDecision,
  SourceMode,
} from './proxy-events.js'
import { type ReadBufferPool, Relay } from './relay.js'

export interface ProxyHost {
  readonly name: string
  readonly address: string
  readonly port: number
}

/** Faults of an appliance, on top of what the network does by itself. They apply to connections opened afterwards. */
export interface ProxyFaults {
  /** Reset a connection, towards both sides, once exactly so many bytes of the client's have been handed on. */
  readonly cutAfterBytes?: number
  /** How many connections the cut befalls; then no more. Default: all. */
  readonly cutConnectionsMax?: number
}

/** What a connection needs of its plane. */
export interface ConnectionContext {
  readonly policy: Policy
  readonly hosts: ReadonlyMap<string, ProxyHost>
  readonly source: SourceMode
  /** Local address of upstream sockets under `translate`; undefined lets the system choose. */
  readonly translatedAddress: string | undefined
  readonly retryOtherHosts: boolean
  readonly connectTimeoutMs: number
  /** 0 = no limit. */
  readonly idleTimeoutMs: number
  readonly cutAfterBytes: number | undefined
  readonly buffers: ReadBufferPool
  nowMs(): number
  decided(decision: ProxyDecision): void
  hostFailed(host: string, code: string): void
  closed(connection: ProxiedConnection, event: ConnectionClosed): void
  /** Whole packets, after their bytes were handed on; undefined when nobody listens. */
  observer(connection: number, direction: Direction): ((chunk: Buffer) => void) | undefined
}

/**
 * One client connection and its way to a host. Half-closes and resets are passed on as what they are. A side that is not
 * read, since the other does not keep up, is not watched either: its reset shows when bytes move again.
 */
export class ProxiedConnection implements ConnectionView {
  readonly connection: number
  readonly clientAddress: string
  readonly clientPort: number
  readonly openedMs: number
  host: string | null = null
  upstreamLocalAddress: string | null = null
  upstreamLocalPort: number | null = null
  readonly #context: ConnectionContext
  readonly #client: Socket
  #upstream: Socket | undefined
  #connected = false
  readonly #packets = { toHost: new PacketCounter(), toClient: new PacketCounter() }
  readonly #relays: Readonly<Record<Direction, Relay>>
  readonly #failedHosts = new Set<string>()
  #ending: Pick<ConnectionClosed, 'closedBy' | 'manner' | 'code'> | undefined
  /** Broken off; what the sockets report from now on is a consequence of that. */
  #brokenOff = false
  #openSockets = 1

  /** `accepted` comes paused, so that nothing is read before there is somewhere to put it. */
  constructor(connection: number, accepted: Socket, context: ConnectionContext) {
    this.connection = connection
    this.#context = context
    this.clientAddress = plainAddress(accepted.remoteAddress ?? '')
    this.clientPort = accepted.remotePort ?? 0
    this.openedMs = context.nowMs()
    this.#relays = { toHost: this.#relay('toHost'), toClient: this.#relay('toClient') }
    const client = adoptSocket(accepted, { onread: this.#relays.toHost.onread, allowHalfOpen: true }) ?? accepted
    this.#client = client
    client.on('error', (error: NodeJS.ErrnoException) => this.#broken('client', error.code ?? error.message))
    client.on('close', () => {
      accepted.destroy()
      this.#socketClosed()
    })
    if (context.idleTimeoutMs > 0) {
      // All traffic passes the client's socket, so its activity is the connection's; after its close there may still be
      // bytes that the host has yet to read.
      const breakOff = () => this.#breakOff('gateway', 'idle', null)
      client.setTimeout(context.idleTimeoutMs, breakOff)
      client.once('close', () => this.#upstream?.setTimeout(context.idleTimeoutMs, breakOff))
    }
    if (client === accepted || this.clientAddress === '') this.#breakOff('client', 'reset', 'ECONNRESET')
    else this.#chooseHost()
  }

  get toHost(): DirectionTraffic {
    return { bytes: this.#relays.toHost.bytes, packets: { ...this.#packets.toHost.counts } }
  }

  get toClient(): DirectionTraffic {
    return { bytes: this.#relays.toClient.bytes, packets: { ...this.#packets.toClient.counts } }
  }

  view(): ConnectionView {
    const { connection, clientAddress, clientPort, host, upstreamLocalAddress, upstreamLocalPort, openedMs } = this
    const { toHost, toClient } = this
    return {
      connection,
      clientAddress,
      clientPort,
      host,
      upstreamLocalAddress,
      upstreamLocalPort,
      openedMs,
      toHost,
      toClient,
    }
  }

  /** Breaks the connection off with a reset to both sides. */
  reset(manner: CloseManner): void {
    this.#breakOff('gateway', manner, null)
  }

  #chooseHost(): void {
    const { policy, hosts } = this.#context
    const client = { address: this.clientAddress, port: this.clientPort }
    const decision = this.#failedHosts.size === 0 ? policy.pick(client) : policy.pick(client, this.#failedHosts)
    const host = decision.host === null ? undefined : hosts.get(decision.host)
    this.#announce(decision, host)
    this.host = decision.host
    if (host === undefined) this.#breakOff('gateway', this.#failedHosts.size > 0 ? 'hostDown' : 'noHost', null)
    else this.#connect(host)
  }

  #announce(decision: Decision, host: ProxyHost | undefined): void {
    this.#context.decided({
      timeMs: this.#context.nowMs(),
      connection: this.connection,
      clientAddress: this.clientAddress,
      clientPort: this.clientPort,
      host: decision.host,
      hostAddress: host?.address ?? null,
      hostPort: host?.port ?? null,
      upstreamLocalAddress: host === undefined ? null : (this.#localAddress() ?? null),
      source: this.#context.source,
      bucket: decision.bucket ?? null,
      reason: decision.reason,
    })
  }

  #localAddress(): string | undefined {
    return this.#context.source === 'keep' ? this.clientAddress : this.#context.translatedAddress
  }

  #connect(host: ProxyHost): void {
    const localAddress = this.#localAddress()
    const upstream = connect({
      host: host.address,
      port: host.port,
      allowHalfOpen: true,
      onread: this.#relays.toClient.onread,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    })
    this.#upstream = upstream
    this.#openSockets++
    const giveUp = () => upstream.destroy(Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' }))
    upstream.setTimeout(this.#context.connectTimeoutMs, giveUp)
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message
      if (this.#connected) this.#broken('host', code)
      else this.#hostFailed(host, code)
    })
    upstream.on('close', () => this.#socketClosed())
    upstream.once('connect', () => {
      upstream.setTimeout(0, giveUp)
      this.#connected = true
      this.upstreamLocalAddress = upstream.localAddress ?? null
      this.upstreamLocalPort = upstream.localPort ?? null
      this.#pass(this.#client, upstream, 'toHost')
      this.#pass(upstream, this.#client, 'toClient')
    })
  }

  #hostFailed(host: ProxyHost, code: string): void {
    if (this.#brokenOff) return
    this.#context.hostFailed(host.name, code)
    this.#failedHosts.add(host.name)
    // a lack of local addresses or descriptors is ours, and no other host would cure it
    const canRetry = this.#context.retryOtherHosts && !LOCAL_FAILURES.has(code)
    if (canRetry) this.#chooseHost()
    else this.#breakOff('gateway', 'hostDown', code)
  }

  #relay(direction: Direction): Relay {
    const packets = this.#packets[direction]
    const observe = this.#context.observer(this.connection, direction)
    const relay = new Relay(this.#context.buffers, chunk => {
      packets.push(chunk)
      observe?.(chunk)
    })
    const { cutAfterBytes } = this.#context
    if (direction === 'toHost' && cutAfterBytes !== undefined)
      relay.cutAfter(cutAfterBytes, () => this.#breakOff('gateway', 'cut', null))
    return relay
  }

  #pass(from: Socket, to: Socket, direction: Direction): void {
    from.on('end', () => {
      // A reset that arrives together with the last data is reported as a plain end. An empty write sends nothing but
      // brings the truth out; with writes under way those will.
      if (from.writableEnded || from.writableLength > 0) this.#ended(to, direction)
      else from.write(NO_BYTES, error => error ?? this.#ended(to, direction))
    })
    this.#relays[direction].start(from, to)
  }

  #ended(to: Socket, direction: Direction): void {
    this.#ending ??= { closedBy: direction === 'toHost' ? 'client' : 'host', manner: 'end', code: null }
    to.end()
  }

  #broken(by: 'client' | 'host', code: string): void {
    this.#breakOff(by, 'reset', code)
  }

  #breakOff(closedBy: ConnectionClosed['closedBy'], manner: CloseManner, code: string | null): void {
    if (this.#brokenOff) return
    this.#brokenOff = true
    this.#ending = { closedBy, manner, code }
    resetNow(this.#client)
    if (this.#upstream !== undefined) resetNow(this.#upstream)
  }

  #socketClosed(): void {
    this.#openSockets--
    if (this.#openSockets > 0) return
    this.#relays.toHost.end()
    this.#relays.toClient.end()
    const ending = this.#ending ?? { closedBy: 'gateway', manner: 'end', code: null }
    this.#context.closed(this, { ...this.view(), ...ending, timeMs: this.#context.nowMs() })
  }
}

const NO_BYTES = Buffer.alloc(0)

/** Errors of the gateway's own machine that a connect may meet before it ever asks the host. */
export const LOCAL_FAILURES: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
])

/** A dual-stack listener reports IPv4 clients as `::ffff:a.b.c.d`. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}
