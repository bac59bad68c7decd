import { connect, createServer, type Socket } from 'node:net'
import { FrameWalk } from '../frame-walk.js'
import { monotonicUs } from '../latency.js'
import { processorUs } from '../processor.js'
import { type Address, closeServer, listen } from './address.js'

export interface RawCounterOptions {
  readonly address: string
}

/** What one connection has brought up to now. */
export interface RawCount {
  readonly atUs: number
  readonly processorUs: number
  readonly frames: number
  readonly bytes: number
  readonly ended: boolean
  readonly atBoundary: boolean
}

/** One read's worth of memory, used for every read of a connection this side opened. */
const READ_BYTES = 256 * 1024

/** Reads as fast as it can and counts packets. Listens for a writer (ordinary reads, as any server's) or connects to a
 *  writer and reads into one preallocated buffer, the fastest way of reading that Node has. The latest connection is the
 *  one that counts. */
export async function startRawCounter({ address }: RawCounterOptions) {
  let latest: Counting = { walk: new FrameWalk(), ended: true, socket: null }
  const server = createServer(accepted => {
    const counting = beginCounting(accepted)
    latest = counting
    accepted.on('data', (chunk: Buffer) => counting.walk.push(chunk))
  })
  const listening = await listen(server, { address, port: 0 })

  return {
    listening: (): Address => listening,
    connect: ({ address, port }: Address): Promise<void> =>
      new Promise((resolve, reject) => {
        const callback = (size: number, bytes: Uint8Array) => {
          counting.walk.push(bytes as Buffer, size)
          return true
        }
        const buffer = Buffer.allocUnsafe(READ_BYTES)
        const opened = connect({ host: address, port, onread: { buffer, callback } })
        const counting = beginCounting(opened)
        opened.once('error', reject)
        opened.once('connect', () => {
          latest = counting
          opened.resume()
          resolve()
        })
      }),
    count: (): RawCount => ({
      atUs: monotonicUs(),
      processorUs: processorUs(),
      frames: latest.walk.count,
      bytes: latest.walk.bytes,
      ended: latest.ended,
      atBoundary: latest.walk.atBoundary,
    }),
    close: (): Promise<void> => {
      latest.socket?.destroy()
      return closeServer(server)
    },
  }
}

interface Counting {
  readonly walk: FrameWalk
  readonly socket: Socket | null
  ended: boolean
}

function beginCounting(socket: Socket): Counting {
  const counting: Counting = { walk: new FrameWalk(), socket, ended: false }
  const end = () => {
    counting.ended = true
  }
  socket.on('end', end)
  socket.on('close', end)
  socket.on('error', () => {})
  return counting
}
