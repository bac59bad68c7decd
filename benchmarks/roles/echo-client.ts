import { connect, type Socket } from 'node:net'
import { userMessageBatch } from '../frames.js'
import { LatencyRecorder, type LatencySummary, monotonicUs } from '../latency.js'
import { runOpenLoop } from '../open-loop.js'
import type { Address } from './address.js'

export interface EchoRun {
  readonly address: string
  readonly port: number
  readonly bodyBytes: number
  readonly ratePerS: number
  readonly durationMs: number
  /** Answers of the first part of the run are left out of the histogram. */
  readonly warmUpMs: number
}

export interface EchoResult {
  readonly sent: number
  readonly echoed: number
  /** Echoes whose bytes differ from what was sent. */
  readonly altered: number
  readonly latency: LatencySummary
}

const LAST_ECHO_MS = 5000

/** Sends one message after another at a fixed rate and times each echo from the intended time of its message. */
export async function startEchoClient(_options: Record<string, never>) {
  return {
    run: async (run: EchoRun): Promise<EchoResult> => {
      const message = userMessageBatch(1, { bodyBytes: run.bodyBytes })
      const socket = await open(run)
      const latency = new LatencyRecorder()
      const warmUpCount = Math.floor((run.warmUpMs * run.ratePerS) / 1000)
      const intended: number[] = []
      let echoed = 0
      let altered = 0
      let received = 0
      let lastEcho: (() => void) | null = null
      socket.on('data', (chunk: Buffer) => {
        const nowUs = monotonicUs()
        altered += countAltered(message, received % message.length, chunk)
        received += chunk.length
        while ((echoed + 1) * message.length <= received) {
          if (echoed >= warmUpCount) latency.record(nowUs - intended[echoed]!)
          echoed += 1
        }
        if (echoed === intended.length) lastEcho?.()
      })
      const sent = await runOpenLoop({
        ratePerS: run.ratePerS,
        durationMs: run.durationMs,
        send: intendedUs => {
          intended.push(intendedUs)
          socket.write(message)
        },
      })
      if (echoed < sent) {
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, LAST_ECHO_MS)
          lastEcho = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      socket.destroy()
      return { sent, echoed, altered, latency: latency.summary() }
    },
  }
}

function open({ address, port }: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => resolve(socket))
  })
}

/** 1 when the chunk is not the message's bytes from `offset` on (round and round), 0 when it is. */
function countAltered(message: Buffer, offset: number, chunk: Buffer): number {
  let at = 0
  let from = offset
  while (at < chunk.length) {
    const step = Math.min(message.length - from, chunk.length - at)
    if (message.compare(chunk, at, at + step, from, from + step) !== 0) return 1
    at += step
    from = 0
  }
  return 0
}
