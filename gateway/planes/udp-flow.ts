import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Endpoint } from '../../queue-manager/actions.js'
import { preciseWallMs } from '../../transport/clock.js'
import type { Link, WireTap } from '../../transport/wire-tap.js'

/** Addresses are numbers already; node:dgram would ask for each datagram, and later. */
type Lookup = (host: string, options: unknown, done: (error: null, address: string, family: number) => void) => void
const lookup: Lookup = (host, _options, done) => done(null, host, isIPv6(host) ? 6 : 4)

/** A UDP socket for numeric addresses. It is not bound yet. */
export function datagramSocket(address: string): Socket {
  return createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', lookup: lookup as never })
}

export interface UdpFlowOptions {
  /** What the host sees datagrams come from; undefined lets the system choose. The port is the system's choice. */
  readonly localAddress: string | undefined
  readonly host: { readonly address: string; readonly port: number }
  /** Told of what passes, on `link`; undefined: nobody is. */
  readonly wire: WireTap | undefined
  readonly link: Link | undefined
  onReply(bytes: Buffer): void
  /** Once, with the system's word for what is wrong with the socket itself. It is closed then. */
  onBroken(code: string): void
  /** A datagram was refused. */
  onFailure(code: string): void
}

/** The way between one client's port and one host. Its socket is connected, so that nobody else's datagrams count as replies. */
export class UdpFlow {
  /** Monotonic; when something last passed. */
  usedMs = 0
  readonly #socket: Socket
  readonly #onFailure: (code: string) => void
  readonly #toHost: ((bytes: Buffer) => void) | null
  /** Before the socket is ready. */
  #waiting: Buffer[] | undefined = []
  #closed = false

  constructor({ localAddress, host, wire, link, onReply, onBroken, onFailure }: UdpFlowOptions) {
    this.#onFailure = onFailure
    const socket = datagramSocket(host.address)
    this.#socket = socket
    const local = (): Endpoint => socket.address()
    this.#toHost = wire === undefined ? null : bytes => wire.datagram(local(), host, bytes, preciseWallMs(), link)
    const reversed = link && ([link[1], link[0]] as const)
    socket.on('message', bytes => {
      wire?.datagram(host, local(), bytes, preciseWallMs(), reversed)
      onReply(bytes)
    })
    const failed = (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message
      // that nobody listens shows with a later datagram; the next may find somebody
      if (this.#waiting === undefined) onFailure(code)
      else if (!this.#closed) {
        this.close()
        onBroken(code)
      }
    }
    socket.on('error', failed)
    socket.bind({ port: 0, exclusive: true, ...(localAddress !== undefined && { address: localAddress }) }, () => {
      if (this.#closed) return
      socket.connect(host.port, host.address, (error?: Error) => {
        // no event tells of it
        if (error !== undefined) failed(error)
        if (this.#closed) return
        const waiting = this.#waiting ?? []
        this.#waiting = undefined
        for (const bytes of waiting) this.send(bytes)
      })
    })
  }

  /** Takes the bytes over. */
  send(bytes: Buffer): void {
    if (this.#closed) return
    if (this.#waiting !== undefined) {
      if (this.#waiting.length < WAITING_MAX) this.#waiting.push(bytes)
      return
    }
    this.#toHost?.(bytes)
    this.#socket.send(bytes, error => {
      if (error !== null) this.#onFailure((error as NodeJS.ErrnoException).code ?? error.message)
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#waiting = []
    this.#socket.close()
  }
}

/** Datagrams that wait for their socket; it takes less than a millisecond. */
const WAITING_MAX = 64
