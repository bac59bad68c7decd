import type { Server } from 'node:net'
import type { Endpoint } from '../queue-manager/actions.js'
import { systemCode, TransportError } from './errors.js'

/** What went wrong while connections were accepted. */
export type ListenCounters = {
  acceptErrors: number
  connectionsOverLimit: number
}

/** Starts a server and says where it listens. Throws `MSMQ_TRANSPORT_LISTEN` when the address cannot be had. */
export function listenOn(
  server: Server,
  where: Endpoint,
  limits: { readonly connectionsMax: number; readonly backlog: number },
  counters: ListenCounters,
): Promise<Endpoint> {
  return new Promise((resolve, reject) => {
    server.maxConnections = limits.connectionsMax
    server.on('drop', () => counters.connectionsOverLimit++)
    const refused = (error: Error) => {
      const address = `${where.address}:${where.port}`
      reject(new TransportError('MSMQ_TRANSPORT_LISTEN', 'listen', address, systemCode(error), { cause: error }))
    }
    server.once('error', refused)
    server.listen({ host: where.address, port: where.port, backlog: limits.backlog }, () => {
      server.off('error', refused)
      // From here on an error is a connection that could not be accepted (no descriptors, no memory); others can.
      server.on('error', () => counters.acceptErrors++)
      const bound = server.address()
      resolve(bound === null || typeof bound === 'string' ? where : { address: bound.address, port: bound.port })
    })
  })
}
