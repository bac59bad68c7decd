import type { OnReadOpts, Socket } from 'node:net'
import { resetNow } from './abrupt-close.js'
import type { CloseKind } from './driven-engine.js'
import { systemCode } from './errors.js'
import type { SocketTap } from './socket-tap.js'
import type { WriteBuffer, WriteBuffers } from './write-buffers.js'

/** Chunks up to this size are copied together; larger ones go to the system as they are. */
const COPIED_BYTES_MAX = 8192

/** What a connection reports. `closed` or, before it was open, `connectFailed` is the last word, and comes once. */
export interface ConnectionOwner {
  connected(connection: TcpConnection): void
  connectFailed(connection: TcpConnection, reason: string): void
  received(connection: TcpConnection, bytes: Buffer): void
  writable(connection: TcpConnection, ready: boolean): void
  closed(connection: TcpConnection, how: CloseKind): void
}

/** One TCP connection as an engine wants it: writes gathered until `flush`, and one report for each thing that happens. */
export class TcpConnection {
  readonly id: number
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #buffers: WriteBuffers
  readonly #lingerMs: number
  /** Of a connection that is recorded. */
  readonly #tap: SocketTap | null
  #gathered: Buffer[] = []
  #open: boolean
  #closing = false
  #blocked = false
  #how: CloseKind = 'end'
  #reason = ''
  #lingerTimer: NodeJS.Timeout | undefined

  constructor(
    id: number,
    openSocket: (onread: OnReadOpts) => Socket,
    options: {
      readonly owner: ConnectionOwner
      readonly buffers: WriteBuffers
      /** What each read goes into. It may be the same for all connections: a read is reported before the next one. */
      readonly readBuffer: Buffer
      /** How long a closing connection may take to deliver what was written, before it is destroyed. */
      readonly lingerMs: number
      /** Has a recorder told of the socket. */
      readonly tap?: (socket: Socket) => SocketTap | null
    },
  ) {
    const { readBuffer } = options
    const socket = openSocket({ buffer: readBuffer, callback: size => this.#read(readBuffer, size) })
    this.id = id
    this.#socket = socket
    this.#tap = options.tap?.(socket) ?? null
    this.#owner = options.owner
    this.#buffers = options.buffers
    this.#lingerMs = options.lingerMs
    this.#open = !socket.connecting
    if (socket.connecting) socket.once('connect', () => this.#connected())
    socket.on('drain', () => this.#drained())
    socket.on('error', error => {
      this.#reason = systemCode(error)
      this.#how = this.#reason === 'ECONNRESET' || this.#reason === 'EPIPE' ? 'reset' : 'error'
    })
    // The socket answers a FIN with its own once all is written; a peer that no longer reads must not hold it for ever.
    socket.on('end', () => this.#linger())
    socket.on('close', () => this.#closed())
  }

  /** Returns whether this is the first write since the last flush. */
  write(chunks: readonly Buffer[]): boolean {
    const first = this.#gathered.length === 0
    for (const chunk of chunks) this.#gathered.push(chunk)
    return first
  }

  /** Hands what was gathered to the system in as few writes as it takes. */
  flush(): void {
    const chunks = this.#gathered
    if (chunks.length === 0) return
    this.#gathered = []
    const socket = this.#socket
    if (!socket.writable) return
    let room: WriteBuffer | null = null
    socket.cork()
    for (const chunk of chunks) {
      // alone it gains nothing from being copied, and would hold a whole write buffer while the peer does not read
      if (chunks.length === 1) {
        socket.write(chunk)
        break
      }
      if (room !== null && (chunk.length > COPIED_BYTES_MAX || room.used + chunk.length > room.bytes.length)) {
        socket.write(room.bytes.subarray(0, room.used), room.release)
        room = null
      }
      if (chunk.length > COPIED_BYTES_MAX) {
        socket.write(chunk)
      } else {
        room ??= this.#buffers.take()
        room.bytes.set(chunk, room.used)
        room.used += chunk.length
      }
    }
    if (room !== null) socket.write(room.bytes.subarray(0, room.used), room.release)
    socket.uncork()
    // What the system did not take at once waits in the socket: its buffer is full.
    if (socket.writableLength > 0 && socket.writableNeedDrain && this.#open && !this.#blocked) {
      this.#blocked = true
      this.#owner.writable(this, false)
    }
  }

  pause(): void {
    if (!this.#closing) this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Sends what was written, then FIN. */
  end(): void {
    this.#closing = true
    if (!this.#open) {
      this.#socket.destroy()
      return
    }
    this.flush()
    this.#socket.end()
    // Whoever does not read never learns that the peer closed too.
    this.#socket.resume()
    this.#linger()
  }

  /** Breaks off: RST, unless a FIN is just going out, and what was not sent is lost. */
  reset(): void {
    this.#closing = true
    this.#gathered = []
    resetNow(this.#socket)
  }

  /** True: go on reading. */
  #read(buffer: Buffer, size: number): boolean {
    this.#tap?.received(buffer.subarray(0, size))
    if (!this.#closing) this.#owner.received(this, buffer.subarray(0, size))
    return true
  }

  #connected(): void {
    this.#open = true
    if (!this.#closing) this.#owner.connected(this)
  }

  #drained(): void {
    if (!this.#blocked) return
    this.#blocked = false
    if (!this.#closing) this.#owner.writable(this, true)
  }

  #linger(): void {
    this.#lingerTimer ??= setTimeout(() => resetNow(this.#socket), this.#lingerMs)
  }

  #closed(): void {
    clearTimeout(this.#lingerTimer)
    this.#gathered = []
    if (this.#open || this.#closing) this.#owner.closed(this, this.#how)
    else this.#owner.connectFailed(this, this.#reason === '' ? 'closed' : this.#reason)
  }
}
