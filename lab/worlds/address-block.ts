import { createServer, type Server } from 'node:net'
import { MSMQ_PORT } from '../../protocol/ports.js'

/**
 * 254 loopback addresses, 127.a.b.1 to 127.a.b.254, that one run has for itself: every machine of it has an address of
 * its own and so its own port 1801.
 */
export interface AddressBlock {
  address(last: number): string
  release(): Promise<void>
}

/** No address of 127.0.0.0/8 beyond 127.0.0.1 can be bound here, or no block is free. */
export class AddressBlockError extends Error {
  override readonly name = 'AddressBlockError'
}

/** Second bytes tried; low ones are left to what people set up by hand. */
const SECOND_FIRST = 100
const SECOND_COUNT = 150
const ATTEMPTS_MAX = 64

/**
 * Takes a block that nobody uses. Listening on its first address holds it against other runs, of other processes too.
 * One `start`, any number, is one block, so that balancers that hash addresses decide in each run of a seed alike; only
 * where another run holds that block, the next free one is taken.
 * @throws {AddressBlockError}
 */
export async function takeAddressBlock(start: number): Promise<AddressBlock> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const place = (start + attempt * 7919) % (SECOND_COUNT * 256)
    const prefix = `127.${SECOND_FIRST + Math.floor(place / 256)}.${place % 256}`
    const server = createServer(socket => socket.destroy())
    const error = await listening(server, `${prefix}.1`)
    if (error === null) return { address: last => `${prefix}.${last}`, release: () => closed(server) }
    if (error.code === 'EADDRNOTAVAIL') {
      throw new AddressBlockError(
        `cannot bind ${prefix}.1: this system has only 127.0.0.1, and the loopback world needs an address for each machine; run it on Linux`,
      )
    }
    if (error.code !== 'EADDRINUSE')
      throw new AddressBlockError(`cannot bind ${prefix}.1:${MSMQ_PORT}: ${error.message}`)
  }
  throw new AddressBlockError(
    `no free block of loopback addresses after ${ATTEMPTS_MAX} attempts: stop other runs first`,
  )
}

function listening(server: Server, address: string): Promise<NodeJS.ErrnoException | null> {
  return new Promise(resolve => {
    server.once('error', resolve)
    server.listen({ host: address, port: MSMQ_PORT, exclusive: true }, () => resolve(null))
  })
}

function closed(server: Server): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()))
}
