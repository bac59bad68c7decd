import { connect, createServer, type Socket } from 'node:net'
import { userMessageBatch } from '../frames.js'
import { processorUs } from '../processor.js'
import { type Address, closeServer, listen } from './address.js'

export interface RawWriterOptions {
  readonly address: string
}

export interface RawRun {
  /** Frames handed to the socket in one write. */
  readonly batchFrames: number
  readonly bodyBytes: number
}

/** Writes the same pre-built batch of user messages again and again, as fast as the connection takes it. */
export async function startRawWriter({ address }: RawWriterOptions) {
  let run: RawRun = { batchFrames: 1, bodyBytes: 1024 }
  let socket: Socket | null = null
  let written = 0
  let stopping = false

  const pour = (opened: Socket) => {
    const batch = userMessageBatch(run.batchFrames, { bodyBytes: run.bodyBytes })
    socket = opened
    written = 0
    stopping = false
    opened.setNoDelay(true)
    const fill = () => {
      while (!stopping) {
        written += run.batchFrames
        if (!opened.write(batch)) return
      }
    }
    opened.on('drain', fill)
    opened.on('error', () => {})
    opened.resume()
    fill()
  }
  const server = createServer(pour)
  const listening = await listen(server, { address, port: 0 })

  return {
    listening: (): Address => listening,
    /** What the next connection carries, whichever side opens it. */
    prepare: (next: RawRun): void => {
      run = next
    },
    connect: ({ address, port }: Address): Promise<void> =>
      new Promise((resolve, reject) => {
        const opened = connect({ host: address, port })
        opened.once('error', reject)
        opened.once('connect', () => {
          pour(opened)
          resolve()
        })
      }),
    processorUs,
    /** Ends the connection once what was handed over is out; resolves with the frames written on it. */
    finish: (): Promise<number> =>
      new Promise(resolve => {
        stopping = true
        if (socket === null || socket.destroyed) return resolve(written)
        socket.once('close', () => resolve(written))
        socket.end()
      }),
    close: (): Promise<void> => {
      stopping = true
      socket?.destroy()
      return closeServer(server)
    },
  }
}
