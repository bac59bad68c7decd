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
  /** Each frame is a buffer of its own, handed over by a write of its own; `batchFrames` of them are corked. Otherwise
   *  the batch is one buffer, written again and again from the processor's cache. */
  readonly separately?: boolean
}

/** Different frames that are written in turn when they are written separately: 5 MB, more than caches hold. */
const SEPARATE_FRAMES = 4096

/** Writes pre-built user messages again and again, as fast as the connection takes them. */
export async function startRawWriter({ address }: RawWriterOptions) {
  let run: RawRun = { batchFrames: 1, bodyBytes: 1024 }
  let socket: Socket | null = null
  let written = 0
  let stopping = false

  const pour = (opened: Socket) => {
    const write = run.separately === true ? separateWrites(run) : batchWrites(run)
    socket = opened
    written = 0
    stopping = false
    opened.setNoDelay(true)
    const fill = () => {
      while (!stopping) {
        written += run.batchFrames
        if (!write(opened)) return
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

/** Writes one batch; false when the connection wants a pause. */
type WriteBatch = (socket: Socket) => boolean

function batchWrites({ batchFrames, bodyBytes }: RawRun): WriteBatch {
  const batch = userMessageBatch(batchFrames, { bodyBytes })
  return socket => socket.write(batch)
}

function separateWrites({ batchFrames, bodyBytes }: RawRun): WriteBatch {
  const all = userMessageBatch(SEPARATE_FRAMES, { bodyBytes })
  const size = all.length / SEPARATE_FRAMES
  const frames = Array.from({ length: SEPARATE_FRAMES }, (_, index) => all.subarray(index * size, (index + 1) * size))
  let next = 0
  return socket => {
    socket.cork()
    for (let left = batchFrames; left > 0; left -= 1) {
      socket.write(frames[next] as Buffer)
      next = (next + 1) % SEPARATE_FRAMES
    }
    socket.uncork()
    return !socket.writableNeedDrain
  }
}
