import type { Socket } from 'node:net'
import type { Endpoint } from '../queue-manager/actions.js'
import { preciseWallMs } from './clock.js'
import { systemCode } from './errors.js'
import { plainAddress } from './plain-address.js'
import type { ConnectionTap, Link, SocketsTap, TapSide, WireTap } from './wire-tap.js'

/** What a socket does under its public face; node's streams call these on the object itself. */
interface SocketInside {
  _writeGeneric(isSeveral: boolean, data: Piece | readonly PieceOfSeveral[], encoding: string, done: unknown): void
  _final(done: (error?: Error | null) => void): void
  _destroy(error: Error | null, done: (error?: Error | null) => void): void
  push(chunk: Buffer | null): boolean
  readonly connecting: boolean
  readonly resetAndClosing?: boolean
}

type Piece = Buffer | string
type PieceOfSeveral = Piece | { readonly chunk: Piece; readonly encoding: BufferEncoding }

/**
 * Tells a tap of one socket, as its end of the connection has it: bytes when they are handed to the system or come from it,
 * and how it ends. Of a connection that is closed with bytes unread the system may send a reset where an end is told of.
 */
export class SocketTap {
  readonly #own: TapSide
  #tap: ConnectionTap | null = null
  #established = false
  #ended = false

  private constructor(socket: Socket, own: TapSide) {
    this.#own = own
    this.#listenIn(socket as unknown as SocketInside)
  }

  /** Of a socket that begins to connect in this turn. Without `wire` there is nobody to tell. */
  static connecting(wire: WireTap | undefined, socket: Socket, server: Endpoint, link?: Link): SocketTap | null {
    if (wire === undefined) return null
    const tap = new SocketTap(socket, 'client')
    const beganMs = preciseWallMs()
    const begin = (): void => {
      const { localAddress, localPort } = socket
      if (tap.#tap !== null || socket.destroyed || localAddress === undefined || localPort === undefined) return
      tap.#tap = wire.connection({ address: plainAddress(localAddress), port: localPort }, server, beganMs, link)
    }
    // two ticks on it has its port on most systems, and with the answer on all
    process.nextTick(() => process.nextTick(begin))
    socket.prependOnceListener('connect', () => {
      begin()
      tap.#tap?.established(preciseWallMs())
      tap.#established = true
    })
    return tap
  }

  /** Of one that was accepted. */
  static accepted(tap: SocketsTap | undefined, socket: Socket): SocketTap | null {
    const { localAddress, localPort, remoteAddress, remotePort } = socket
    if (tap === undefined || localAddress === undefined || remoteAddress === undefined) return null
    const client = { address: plainAddress(remoteAddress), port: remotePort ?? 0 }
    const server = { address: plainAddress(localAddress), port: localPort ?? 0 }
    if (!tap.tellsAccepted(client.address, client.port)) return null
    const accepted = new SocketTap(socket, 'server')
    const atMs = preciseWallMs()
    accepted.#tap = tap.wire.connection(client, server, atMs)
    accepted.#tap.established(atMs)
    accepted.#established = true
    return accepted
  }

  /** For sockets that read through `onread`; others are listened to. */
  received(bytes: Buffer): void {
    this.#tap?.sent(this.#own === 'client' ? 'server' : 'client', bytes, preciseWallMs())
  }

  #listenIn(socket: SocketInside): void {
    const { _writeGeneric, _final, _destroy, push } = socket
    socket._writeGeneric = (isSeveral, data, encoding, done) => {
      // what is written before it is connected comes here again when it is
      if (!socket.connecting)
        this.#sent(isSeveral ? joined(data as PieceOfSeveral[]) : bytesOf(data as Piece, encoding))
      _writeGeneric.call(socket, isSeveral, data, encoding, done)
    }
    socket._final = done => {
      this.#end(this.#own, 'fin')
      _final.call(socket, done)
    }
    socket._destroy = (error, done) => {
      this.#destroyed(error, socket.resetAndClosing === true)
      _destroy.call(socket, error, done)
    }
    socket.push = chunk => {
      if (chunk === null) this.#tap?.ended(this.#own === 'client' ? 'server' : 'client', 'fin', preciseWallMs())
      else this.received(chunk)
      return push.call(socket, chunk)
    }
  }

  #sent(bytes: Buffer): void {
    if (bytes.length > 0) this.#tap?.sent(this.#own, bytes, preciseWallMs())
  }

  #end(by: TapSide, how: 'fin' | 'reset'): void {
    if (!this.#established || this.#ended) return
    this.#ended = by === this.#own
    this.#tap?.ended(by, how, preciseWallMs())
  }

  #destroyed(error: Error | null, isReset: boolean): void {
    const code = error === null ? null : systemCode(error)
    if (!this.#established) this.#tap?.failed(preciseWallMs(), code === 'ECONNREFUSED' ? 'refused' : 'unanswered')
    else if (code === 'ECONNRESET' || isBrokenPipe(error))
      this.#end(this.#own === 'client' ? 'server' : 'client', 'reset')
    else if (isReset) this.#endAnyway()
    else this.#end(this.#own, 'fin')
  }

  /** A reset may follow an end. */
  #endAnyway(): void {
    this.#ended = false
    this.#end(this.#own, 'reset')
  }
}

/** What a reset is called that comes after the other end's FIN. node:net says it of its own too, without a call of the system. */
function isBrokenPipe(error: Error | null): boolean {
  return error !== null && systemCode(error) === 'EPIPE' && 'syscall' in error
}

/** Tells of a connection that a server of `node:http` has accepted and begun to read. */
export function tapHttp(tap: SocketsTap | undefined, socket: Socket): void {
  // it reads past the socket as long as nobody else listens
  if (SocketTap.accepted(tap, socket) !== null) socket.on('data', () => undefined)
}

function bytesOf(piece: Piece, encoding: string): Buffer {
  return typeof piece === 'string' ? Buffer.from(piece, encoding as BufferEncoding) : piece
}

function joined(pieces: readonly PieceOfSeveral[]): Buffer {
  return Buffer.concat(
    pieces.map(piece =>
      typeof piece === 'string' || Buffer.isBuffer(piece)
        ? bytesOf(piece, 'utf8')
        : bytesOf(piece.chunk, piece.encoding),
    ),
  )
}
