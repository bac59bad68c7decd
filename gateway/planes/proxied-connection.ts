import { connect, type Socket } from 'node:net'
import { resetNow } from '../../transport/abrupt-close.js'
import { plainAddress } from '../../transport/plain-address.js'
import { SocketTap } from '../../transport/socket-tap.js'
import type { Link, SocketsTap } from '../../transport/wire-tap.js'
import type { Decision, Policy } from '../nlb/policy.js'
import type { ConnectDeadlines } from './connect-deadlines.js'
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
import { type AcceptedHandle, socketOn } from './proxy-listener.js'
import { connectionView, proxyDecision } from './proxy-view.js'
import { Relay } from './relay.js'
import type { RelayBuffers } from './relay-buffers.js'
import { type Retransmission, RetransmissionTimer } from './retransmission.js'
import type { SourcePorts } from './source-ports.js'

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
  readonly sourcePorts: SourcePorts
  readonly retryOtherHosts: boolean
  readonly deadlines: ConnectDeadlines
  readonly retransmission: Retransmission
  /** 0 = no limit. */
  readonly idleTimeoutMs: number
  readonly buffers: RelayBuffers
  /** Told of the sockets. */
  readonly tap: SocketsTap | undefined
  /** Between the balancer and a host. */
  link(host: ProxyHost): Link | undefined
  nowMs(): number
  isSilent(host: string): boolean
  decided(decision: ProxyDecision): void
  hostFailed(host: string, code: string): void
  /** Nobody answers this connection, or now somebody does. */
  unanswered(connection: ProxiedConnection, is: boolean): void
  closed(connection: ProxiedConnection, event: ConnectionClosed): void
  /** Whole packets, after their bytes were handed on; undefined when nobody listens. */
  observer(connection: number, direction: Direction): ((chunk: Buffer) => void) | undefined
}

/**
 * One client connection and its way to a host. Half-closes and resets are passed on as what they are. A side that is not
 * read, since the other does not keep up, is not watched either: its reset shows when bytes move again.
 *
 * Where nobody would answer a client in life, nobody does: neither a byte nor an end goes out. A connection that no host
 * takes, or a silent one, is unanswered, and asks again when the client's system would have sent its SYN again. One whose
 * host falls silent stalls, and goes on when the host does.
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
  #failedHosts: Set<string> | undefined
  #ending: Pick<ConnectionClosed, 'closedBy' | 'manner' | 'code'> | undefined
  /** Broken off; what the sockets report from now on is a consequence of that. */
  #brokenOff = false
  #openSockets = 1
  /** The policy has given it to a host, and is to be told of the end. */
  #taken = false
  #unanswered = false
  #stalled = false
  /** While it is unanswered or stalled. */
  #silence: RetransmissionTimer | undefined
  /** Ends that came while it was stalled. */
  #endsHeld: Direction[] | undefined
  /** A reset came while it was stalled. */
  #resetHeld = false

  constructor(
    connection: number,
    accepted: AcceptedHandle,
    cutAfterBytes: number | undefined,
    context: ConnectionContext,
  ) {
    this.connection = connection
    this.#context = context
    this.openedMs = context.nowMs()
    this.#relays = { toHost: this.#relay('toHost'), toClient: this.#relay('toClient') }
    if (cutAfterBytes !== undefined)
      this.#relays.toHost.cutAfter(cutAfterBytes, () => this.#breakOff('gateway', 'cut', null))
    const client = socketOn(accepted, this.#relays.toHost.onread)
    this.#client = client
    this.#relays.toHost.tap = SocketTap.accepted(context.tap, client)
    this.clientAddress = plainAddress(client.remoteAddress ?? '')
    this.clientPort = client.remotePort ?? 0
    client.on('error', (error: NodeJS.ErrnoException) => this.#broken('client', error.code ?? error.message))
    client.on('end', () => this.#sideEnded('toHost'))
    client.on('close', () => this.#socketClosed())
    if (context.idleTimeoutMs > 0) {
      // All traffic passes the client's socket, so its activity is the connection's; after its close there may still be
      // bytes that the host has yet to read.
      client.setTimeout(context.idleTimeoutMs, () => this.#rested(client))
      client.once('close', () => {
        const upstream = this.#upstream
        upstream?.setTimeout(context.idleTimeoutMs, () => this.#rested(upstream))
      })
    }
    if (this.clientAddress === '') this.#breakOff('client', 'reset', 'ECONNRESET')
    else this.#chooseHost()
  }

  get toHost(): DirectionTraffic {
    return { bytes: this.#relays.toHost.bytes, packets: { ...this.#packets.toHost.counts } }
  }

  get toClient(): DirectionTraffic {
    return { bytes: this.#relays.toClient.bytes, packets: { ...this.#packets.toClient.counts } }
  }

  /** Nobody has taken it yet. */
  get isUnanswered(): boolean {
    return this.#unanswered
  }

  view(): ConnectionView {
    return connectionView(this)
  }

  /** Breaks the connection off with a reset to both sides. */
  reset(manner: CloseManner): void {
    this.#breakOff('gateway', manner, null)
  }

  /** Between the client and its host nothing passes any more, in either direction, until `resume`. */
  stall(): void {
    // its own end may be what its host waited for to leave
    if (this.#stalled || this.#unanswered || this.#brokenOff || this.#openSockets === 0) return
    this.#stalled = true
    this.#relays.toHost.stall()
    this.#relays.toClient.stall()
    this.#keepTime()
  }

  /** What each side has sent in the meantime passes: their systems would have sent it again. */
  resume(): void {
    if (!this.#stalled) return
    this.#stalled = false
    this.#silence?.stop()
    if (this.#resetHeld) {
      this.#breakOffAsHeld()
      return
    }
    this.#goOn()
  }

  /** After a standstill timers fire first: what has come meanwhile is to pass, and counts, before anything is broken off. */
  #rested(socket: Socket): void {
    const { toHost, toClient } = this.#relays
    const moved = () => socket.bytesRead + toHost.bytes + toClient.bytes
    const before = moved()
    setImmediate(() => {
      if (moved() === before) this.#breakOff('gateway', 'idle', null)
    })
  }

  #chooseHost(): void {
    const { policy, hosts, isSilent } = this.#context
    const client = { address: this.clientAddress, port: this.clientPort }
    const decision = policy.pick(client, this.#failedHosts)
    const host = decision.host === null ? undefined : hosts.get(decision.host)
    this.#taken ||= host !== undefined
    const answers = host !== undefined && !isSilent(host.name)
    // of what is asked again only the answer is news
    if (!this.#unanswered || answers) this.#announce(decision, host)
    this.host = decision.host
    if (answers) {
      this.#setUnanswered(false)
      this.#connect(host, decision.verdict !== undefined)
    } else if (host !== undefined || decision.verdict !== undefined) this.#setUnanswered(true)
    else this.#breakOff('gateway', this.#failedHosts === undefined ? 'noHost' : 'hostDown', null)
  }

  #announce(decision: Decision, host: ProxyHost | undefined): void {
    const { nowMs, source } = this.#context
    const localAddress = this.#localAddress() ?? null
    this.#context.decided(proxyDecision(this, decision, { timeMs: nowMs(), host, localAddress, source }))
  }

  #localAddress(): string | undefined {
    return this.#context.source === 'keep' ? this.clientAddress : this.#context.translatedAddress
  }

  /** `orSilence`: a host that does not answer leaves the client unanswered too. */
  #connect(host: ProxyHost, orSilence: boolean, portTriesLeft = PORT_TRIES): void {
    const localAddress = this.#localAddress()
    const localPort = localAddress === undefined || portTriesLeft === 0 ? 0 : this.#context.sourcePorts.next()
    const upstream = connect({
      host: host.address,
      port: host.port,
      allowHalfOpen: true,
      onread: this.#relays.toClient.onread,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress, localPort }),
    })
    this.#upstream = upstream
    const { tap, link } = this.#context
    this.#relays.toClient.tap = SocketTap.connecting(tap?.wire, upstream, host, link(host))
    this.#openSockets++
    this.#context.deadlines.begun(upstream)
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message
      if (this.#connected) this.#broken('host', code)
      else if (localPort !== 0 && PORT_TAKEN.has(code) && !this.#brokenOff)
        this.#connect(host, orSilence, portTriesLeft - 1)
      else this.#hostFailed(host, code, orSilence)
    })
    upstream.on('end', () => this.#sideEnded('toClient'))
    upstream.on('close', () => {
      if (!this.#connected) this.#context.deadlines.over(upstream)
      this.#socketClosed()
    })
    upstream.on('connect', () => {
      this.#context.deadlines.over(upstream)
      this.#connected = true
      this.upstreamLocalAddress = localAddress ?? upstream.localAddress ?? null
      this.upstreamLocalPort = localPort === 0 ? (upstream.localPort ?? null) : localPort
      this.#relays.toHost.start(this.#client, upstream)
      this.#relays.toClient.start(upstream, this.#client)
      if (!this.#stalled) this.#goOn()
    })
  }

  #goOn(): void {
    this.#relays.toHost.resume()
    this.#relays.toClient.resume()
    const ends = this.#endsHeld ?? []
    this.#endsHeld = undefined
    for (const direction of ends) this.#sideEnded(direction)
  }

  #hostFailed(host: ProxyHost, code: string, orSilence: boolean): void {
    if (this.#brokenOff) return
    this.#context.hostFailed(host.name, code)
    if (this.#stalled || (orSilence && NO_ANSWER.has(code))) {
      this.#stalled = false
      this.#setUnanswered(true)
      return
    }
    this.#failedHosts ??= new Set()
    this.#failedHosts.add(host.name)
    // a lack of local addresses or descriptors is ours, and no other host would cure it
    const canRetry = this.#context.retryOtherHosts && !LOCAL_FAILURES.has(code)
    if (canRetry) this.#chooseHost()
    else this.#breakOff('gateway', 'hostDown', code)
  }

  #setUnanswered(is: boolean): void {
    if (is === this.#unanswered) return
    this.#unanswered = is
    this.#silence?.stop()
    if (is) {
      // it is read so that its going is noticed, and what it says kept for who may take it yet
      this.#relays.toHost.watch(this.#client)
      this.#keepTime()
    }
    this.#context.unanswered(this, is)
  }

  /** What the client's system would do that hears nothing. */
  #keepTime(): void {
    const { retransmission } = this.#context
    this.#silence = new RetransmissionTimer(
      retransmission,
      repetition => {
        // a reset is not seen where nothing is read; an empty write sends nothing but brings it out
        if (this.#relays.toHost.isPaused && this.#client.writable) this.#client.write(NO_BYTES)
        if (this.#unanswered && repetition <= retransmission.synRepetitionsMax) this.#chooseHost()
      },
      () => (this.#resetHeld ? this.#breakOffAsHeld() : this.#breakOff('gateway', 'silence', null)),
    )
  }

  #relay(direction: Direction): Relay {
    const packets = this.#packets[direction]
    const observe = this.#context.observer(this.connection, direction)
    return new Relay(this.#context.buffers, chunk => {
      packets.push(chunk)
      observe?.(chunk)
    })
  }

  /** The source of a direction has ended. */
  #sideEnded(direction: Direction): void {
    if (this.#brokenOff) return
    if (this.#unanswered) {
      this.#breakOff('client', 'silence', null)
      return
    }
    if (this.#stalled || !this.#connected) {
      this.#endsHeld ??= []
      this.#endsHeld.push(direction)
      return
    }
    const [from, to] =
      direction === 'toHost' ? [this.#client, this.#upstream!] : ([this.#upstream!, this.#client] as const)
    // A reset that arrives together with the last data is reported as a plain end. An empty write sends nothing but
    // brings the truth out; with writes under way those will.
    if (from.writableEnded || from.writableLength > 0) this.#ended(to, direction)
    else from.write(NO_BYTES, error => error ?? this.#ended(to, direction))
  }

  #ended(to: Socket, direction: Direction): void {
    this.#ending ??= { closedBy: direction === 'toHost' ? 'client' : 'host', manner: 'end', code: null }
    to.end()
  }

  #broken(by: 'client' | 'host', code: string): void {
    if (this.#stalled) {
      // the other side does not learn of it
      if (!this.#resetHeld) this.#ending = { closedBy: by, manner: 'reset', code }
      this.#resetHeld = true
    } else if (this.#unanswered) this.#breakOff(by, 'silence', code)
    else this.#breakOff(by, 'reset', code)
  }

  #breakOffAsHeld(): void {
    const { closedBy, manner, code } = this.#ending!
    this.#breakOff(closedBy, manner, code)
  }

  #breakOff(closedBy: ConnectionClosed['closedBy'], manner: CloseManner, code: string | null): void {
    if (this.#brokenOff) return
    this.#brokenOff = true
    this.#silence?.stop()
    this.#ending = { closedBy, manner, code }
    resetNow(this.#client)
    if (this.#upstream !== undefined) resetNow(this.#upstream)
  }

  #socketClosed(): void {
    this.#openSockets--
    if (this.#openSockets > 0) return
    this.#silence?.stop()
    this.#relays.toHost.end()
    this.#relays.toClient.end()
    if (this.#taken) this.#context.policy.released?.({ address: this.clientAddress, port: this.clientPort })
    const ending = this.#ending ?? { closedBy: 'gateway', manner: 'end', code: null }
    this.#context.closed(this, { ...this.view(), ...ending, timeMs: this.#context.nowMs() })
  }
}

const NO_BYTES = Buffer.alloc(0)

/** Source ports that are tried before the system is asked for one. */
const PORT_TRIES = 3
const PORT_TAKEN: ReadonlySet<string> = new Set(['EADDRINUSE', 'EADDRNOTAVAIL'])

/** What a connect meets when no answer comes, neither acceptance nor refusal. */
const NO_ANSWER: ReadonlySet<string> = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN'])

/** Errors of the gateway's own machine that a connect may meet before it ever asks the host. */
export const LOCAL_FAILURES: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
])
