import type { Now } from '../queue-manager/clock.js'
import { realNow } from './clock.js'
import type { DrivenEngine } from './driven-engine.js'
import type { Driver } from './driver.js'

/** What an application on a queue manager is given: the engine to call, a clock and a timer. A simulation gives others. */
export interface ApplicationHost<E> {
  call<T>(body: (engine: E, now: Now) => T): T
  now(): Now
  /** Runs `run` once, not before `delayMs` are over; 0 is the next turn. Returns what cancels it. */
  setTimer(run: () => void, delayMs: number): () => void
}

export function applicationHost<E extends DrivenEngine>(driver: Driver<E>): ApplicationHost<E> {
  return {
    call: body => driver.call(body),
    now: realNow,
    setTimer(run, delayMs) {
      if (delayMs <= 0) {
        const immediate = setImmediate(run)
        return () => clearImmediate(immediate)
      }
      const timer = setTimeout(run, Math.ceil(delayMs))
      return () => clearTimeout(timer)
    },
  }
}
