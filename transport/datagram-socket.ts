import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Endpoint } from '../queue-manager/actions.js'
import { systemCode, TransportError } from './errors.js'

/** A UDP socket for pings. Datagrams get lost, so one that cannot be sent is dropped and counted. */
export class DatagramSocket {
  readonly #socket: Socket
  sendFailures = 0

  constructor(address: string, onDatagram: (from: Endpoint, bytes: Buffer) => void) {
    this.#socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    this.#socket.on('message', (bytes, from) => onDatagram({ address: from.address, port: from.port }, bytes))
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
    this.#socket.send(bytes, port, address, error => {
      if (error !== null) this.sendFailures++
    })
  }

  close(): void {
    this.#socket.close()
  }
}
