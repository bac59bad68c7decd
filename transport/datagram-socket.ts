import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Endpoint } from '../queue-manager/actions.js'
import { preciseWallMs } from './clock.js'
import { systemCode, TransportError } from './errors.js'
import { isWildcard } from './plain-address.js'
import type { SocketsTap } from './wire-tap.js'

/** A UDP socket for pings. Datagrams get lost, so one that cannot be sent is dropped and counted. */
export class DatagramSocket {
  readonly #socket: Socket
  readonly #tap: SocketsTap | undefined
  sendFailures = 0
  /** Null before it is bound, and where it has all addresses: of which one a datagram is, node does not tell. */
  #local: Endpoint | null = null

  /** `tap` is told of what is exchanged with those of whom it `tellsAccepted`, unless `address` is a wildcard. */
  constructor(address: string, tap: SocketsTap | undefined, onDatagram: (from: Endpoint, bytes: Buffer) => void) {
    this.#tap = tap
    this.#socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    this.#socket.on('message', (bytes, { address, port }) => {
      const from = { address, port }
      if (this.#local !== null && this.#tap?.tellsAccepted(address))
        this.#tap.wire.datagram(from, this.#local, bytes, preciseWallMs())
      onDatagram(from, bytes)
    })
  }

  bind(address: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const refused = (error: Error) =>
        reject(
          new TransportError('MSMQ_TRANSPORT_LISTEN', 'listen', `udp ${address}:${port}`, systemCode(error), {
            cause: error,
          }),
        )
      this.#socket.once('error', refused)
      this.#socket.bind({ address, port, exclusive: true }, () => {
        this.#socket.off('error', refused)
        this.#socket.on('error', () => this.sendFailures++)
        const { address: local, port: bound } = this.#socket.address()
        this.#local = isWildcard(local) ? null : { address: local, port: bound }
        resolve()
      })
    })
  }

  send(bytes: Buffer, port: number, address: string): void {
    // A datagram may come from port 0, to which none can be sent; node:dgram throws.
    if (port === 0) {
      this.sendFailures++
      return
    }
    if (this.#local !== null && this.#tap?.tellsAccepted(address))
      this.#tap.wire.datagram(this.#local, { address, port }, bytes, preciseWallMs())
    this.#socket.send(bytes, port, address, error => {
      if (error !== null) this.sendFailures++
    })
  }

  close(): void {
    this.#socket.close()
  }
}
