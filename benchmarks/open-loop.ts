import { monotonicUs } from './latency.js'

/** Below this gap a timer (whose resolution is a millisecond) would be late: turn the event loop instead. */
const TIMER_GAP_US = 2500

export interface OpenLoopOptions {
  readonly ratePerS: number
  readonly durationMs: number
  /** Called once for each slot of the schedule, however late; `intendedUs` is where the latency starts. */
  readonly send: (intendedUs: number, index: number) => void
}

/** Sends at a fixed rate whatever the other side does: a slow answer delays no later slot, and a slot that is reached
 *  late keeps its intended time, so the delay counts (no coordinated omission). Between slots the event loop is turned
 *  without sleeping, which costs this process one core. Resolves with the number of slots when all have been sent. */
export function runOpenLoop({ ratePerS, durationMs, send }: OpenLoopOptions): Promise<number> {
  const gapUs = 1e6 / ratePerS
  const slots = Math.max(1, Math.floor((durationMs * 1000) / gapUs))
  const startUs = monotonicUs() + 1000
  return new Promise((resolve, reject) => {
    let next = 0
    const turn = () => {
      try {
        const nowUs = monotonicUs()
        while (next < slots && startUs + next * gapUs <= nowUs) {
          send(startUs + next * gapUs, next)
          next += 1
        }
        if (next === slots) return resolve(slots)
        const waitUs = startUs + next * gapUs - monotonicUs()
        if (waitUs > TIMER_GAP_US) setTimeout(turn, Math.floor((waitUs - TIMER_GAP_US) / 1000))
        else setImmediate(turn)
      } catch (error) {
        reject(error)
      }
    }
    turn()
  })
}
