import { connect } from 'node:net'
import { LatencyRecorder, type LatencySummary, monotonicUs } from '../latency.js'
import type { Address } from './address.js'

export interface OpeningRun {
  readonly to: Address
  /** Local addresses, in turn, nobody else's: a port rests for a while after each connection. */
  readonly sources: readonly string[]
  /** Connections under way at a time. */
  readonly atOnce: number
  readonly durationMs: number
  /** Connections that end in the first part of the run are not counted in `counted`, `elapsedUs` and `latency`. */
  readonly warmUpMs: number
}

export interface OpeningResult {
  readonly opened: number
  /** Brought every byte back unaltered and closed in order, from both sides. */
  readonly completed: number
  /** What became of the others, by error code; `altered` and `cut short` are ours. */
  readonly failures: Readonly<Record<string, number>>
  readonly counted: number
  readonly elapsedUs: number
  /** From the call to connect until the echo is there. */
  readonly latency: LatencySummary
}

/** As long as the first packet of a session with a short name. */
const MESSAGE_BYTES = 64

/** Named ports, one after another: to have Linux look for a free one among those that rest costs more than all the rest. */
const PORT_FIRST = 10_000
const PORT_COUNT = 50_000

/** Opens connections, one after another on each of so many lanes: a short message out, its echo back, a close. */
export async function startConnectionOpener(_options: Record<string, never>) {
  let openedEver = 0
  return {
    run: ({ to, sources, atOnce, durationMs, warmUpMs }: OpeningRun): Promise<OpeningResult> =>
      new Promise(resolve => {
        const latency = new LatencyRecorder()
        const failures: Record<string, number> = {}
        const startUs = monotonicUs()
        const countUs = startUs + warmUpMs * 1000
        const endUs = startUs + durationMs * 1000
        let opened = 0
        let completed = 0
        let counted = 0
        let underWay = 0

        const ended = (failure: string | null, tookUs: number) => {
          const nowUs = monotonicUs()
          underWay -= 1
          if (failure !== null) failures[failure] = (failures[failure] ?? 0) + 1
          else {
            completed += 1
            if (nowUs >= countUs && nowUs < endUs) {
              counted += 1
              latency.record(tookUs)
            }
          }
          if (nowUs < endUs) next()
          else if (underWay === 0)
            resolve({ opened, completed, failures, counted, elapsedUs: endUs - countUs, latency: latency.summary() })
        }
        const next = () => {
          underWay += 1
          opened += 1
          openedEver += 1
          const localAddress = sources[openedEver % sources.length]!
          const localPort = PORT_FIRST + (Math.floor(openedEver / sources.length) % PORT_COUNT)
          openOne(to, { localAddress, localPort }, opened, ended)
        }
        for (let lane = 0; lane < atOnce; lane++) next()
      }),
  }
}

function openOne(
  { address, port }: Address,
  from: { readonly localAddress: string; readonly localPort: number },
  number: number,
  ended: (failure: string | null, tookUs: number) => void,
): void {
  const startUs = monotonicUs()
  const message = Buffer.alloc(MESSAGE_BYTES, number)
  message.writeUInt32LE(number)
  let failure: string | null = 'cut short'
  let received = 0
  let tookUs = 0
  const socket = connect({ host: address, port, ...from, noDelay: true })
  socket.write(message)
  socket.on('data', (chunk: Buffer) => {
    if (message.compare(chunk, 0, chunk.length, received, received + chunk.length) !== 0) failure = 'altered'
    received += chunk.length
    if (received < MESSAGE_BYTES) return
    tookUs = monotonicUs() - startUs
    if (failure === 'cut short') failure = null
    socket.end()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    failure = error.code ?? error.message
  })
  socket.on('close', () => ended(failure, tookUs))
}
