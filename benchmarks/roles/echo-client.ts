import { connect, type Socket } from 'node:net'
import { userMessageBatch } from '../frames.js'
import { LatencyRecorder, type LatencySummary, monotonicUs } from '../latency.js'
import { runOpenLoop } from '../open-loop.js'
import type { Address } from './address.js'

export interface EchoRun extends Address {
  readonly bodyBytes: number
  readonly durationMs: number
  /** Echoes of the first part of the run are left out of the histogram. */
  readonly warmUpMs: number
}

export interface OpenLoopEchoRun extends EchoRun {
  readonly ratePerS: number
}

export interface EchoResult {
  readonly sent: number
  readonly echoed: number
  /** Reads that held other bytes than were sent. */
  readonly altered: number
  readonly latency: LatencySummary
}

const LAST_ECHO_MS = 20_000

export async function startEchoClient(_options: Record<string, never>) {
  return {
    /** One message at a time: the next leaves when the last is back. */
    roundTrips: async (run: EchoRun): Promise<EchoResult> => {
      const echo = await openEcho(run)
      const startUs = monotonicUs()
      const endUs = startUs + run.durationMs * 1000
      return await new Promise(resolve => {
        const next = () => {
          const nowUs = monotonicUs()
          if (nowUs >= endUs && echo.sent > 0) return finish()
          echo.send(nowUs, nowUs - startUs >= run.warmUpMs * 1000)
        }
        const finish = () => {
          clearTimeout(timer)
          resolve(echo.end())
        }
        const timer = setTimeout(finish, run.durationMs + LAST_ECHO_MS)
        echo.onEcho = next
        next()
      })
    },

    /** One message after another at a fixed rate, each echo timed from the intended time of its message. */
    openLoop: async (run: OpenLoopEchoRun): Promise<EchoResult> => {
      const echo = await openEcho(run)
      const warmUpCount = Math.floor((run.warmUpMs * run.ratePerS) / 1000)
      await runOpenLoop({
        ratePerS: run.ratePerS,
        durationMs: run.durationMs,
        send: (intendedUs, index) => echo.send(intendedUs, index >= warmUpCount),
      })
      if (echo.echoed < echo.sent) {
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, LAST_ECHO_MS)
          echo.onEcho = () => {
            if (echo.echoed < echo.sent) return
            clearTimeout(timer)
            resolve()
          }
        })
      }
      return echo.end()
    },
  }
}

/** One connection to an echo server: what went out, what came back, and how long each took. */
class Echo {
  sent = 0
  echoed = 0
  onEcho: () => void = () => {}
  readonly #socket: Socket
  readonly #message: Buffer
  readonly #latency = new LatencyRecorder()
  /** Start times of what is on its way, oldest first; NaN for what is not to be recorded. */
  readonly #startsUs: number[] = []
  #receivedBytes = 0
  #altered = 0

  constructor(socket: Socket, message: Buffer) {
    this.#socket = socket
    this.#message = message
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => {})
  }

  send(startUs: number, isRecorded: boolean): void {
    this.#startsUs.push(isRecorded ? startUs : Number.NaN)
    this.sent += 1
    this.#socket.write(this.#message)
  }

  end(): EchoResult {
    this.#socket.destroy()
    return { sent: this.sent, echoed: this.echoed, altered: this.#altered, latency: this.#latency.summary() }
  }

  #receive(chunk: Buffer): void {
    const nowUs = monotonicUs()
    const messageBytes = this.#message.length
    if (!isRepeating(this.#message, this.#receivedBytes % messageBytes, chunk)) this.#altered += 1
    this.#receivedBytes += chunk.length
    while ((this.echoed + 1) * messageBytes <= this.#receivedBytes) {
      const startUs = this.#startsUs.shift() ?? Number.NaN
      if (!Number.isNaN(startUs)) this.#latency.record(nowUs - startUs)
      this.echoed += 1
      this.onEcho()
    }
  }
}

function openEcho({ address, port, bodyBytes }: EchoRun): Promise<Echo> {
  const message = userMessageBatch(1, { bodyBytes })
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => resolve(new Echo(socket, message)))
  })
}

/** Whether the chunk is the message's bytes from `offset` on, round and round. */
function isRepeating(message: Buffer, offset: number, chunk: Buffer): boolean {
  let at = 0
  let from = offset
  while (at < chunk.length) {
    const step = Math.min(message.length - from, chunk.length - at)
    if (message.compare(chunk, at, at + step, from, from + step) !== 0) return false
    at += step
    from = 0
  }
  return true
}
