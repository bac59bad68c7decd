import type { AddressInfo, Server } from 'node:net'

/** Where a role listens. Port 0 asks for any free one. */
export interface Address {
  readonly address: string
  readonly port: number
}

export function listen(server: Server, { address, port }: Address): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address, port }, () => {
      server.off('error', reject)
      resolve({ address, port: (server.address() as AddressInfo).port })
    })
  })
}

/** Stops listening and resolves without waiting for connections that are still open. */
export function closeServer(server: Server): Promise<void> {
  server.close()
  return Promise.resolve()
}

/** A loopback address of this run's own, so that two runs on one machine (and their ports 1801) do not meet. */
export function benchmarkAddress(node: number): string {
  return `127.${96 + ((process.pid >> 8) & 31)}.${process.pid & 255}.${node}`
}
