import type { Now } from '../queue-manager/clock.js'

// performance.now() counts from the start of the process or thread and is cheap; process.hrtime counts from a moment
// that all processes of the machine share. One difference, taken once, makes the first comparable like the second.
const OFFSET_READINGS = 20
/** A system's clock that is only made to go faster or slower for a while stays within. */
const CLOCK_TOLERANCE_MS = 50
const machineOffsetMs = measureOffsetMs()

/** Whatever stops the process between the two readings falsifies their difference: the narrowest of several counts. */
function measureOffsetMs(): number {
  let narrowestMs = Number.POSITIVE_INFINITY
  let offsetMs = 0
  for (let reading = 0; reading < OFFSET_READINGS; reading++) {
    const beforeMs = Number(process.hrtime.bigint()) / 1e6
    const ownMs = performance.now()
    const afterMs = Number(process.hrtime.bigint()) / 1e6
    if (afterMs - beforeMs >= narrowestMs) continue
    narrowestMs = afterMs - beforeMs
    offsetMs = (beforeMs + afterMs) / 2 - ownMs
  }
  return offsetMs
}

/** Monotonic milliseconds, with fractions, comparable between the processes of one machine. */
export function monotonicMs(): number {
  return performance.now() + machineOffsetMs
}

let wallOffsetMs = performance.timeOrigin

/**
 * Milliseconds since 1970 with fractions, which never go back. It follows the system's clock, which counts whole ones,
 * forward, once it is far ahead; one that is set back is not followed.
 */
export function preciseWallMs(): number {
  const ownMs = performance.now()
  const wallMs = Date.now()
  if (ownMs + wallOffsetMs < wallMs - CLOCK_TOLERANCE_MS) wallOffsetMs = wallMs - ownMs
  return ownMs + wallOffsetMs
}

/** What `preciseWallMs` is ahead of `monotonicMs`, for others of this machine to agree with. */
export function wallAheadMs(): number {
  preciseWallMs() // follows the system's clock
  return wallOffsetMs - machineOffsetMs
}

/**
 * Agrees with another process or thread of this machine on precise wall time, to microseconds: each finds its own by two
 * readings, which may be a time slice apart.
 */
export function agreeOnWallTime(aheadMs: number): void {
  wallOffsetMs = machineOffsetMs + aheadMs
}

/** Both clocks as they are. */
export function realNow(): Now {
  return { monotonicMs: performance.now() + machineOffsetMs, wallMs: Date.now() }
}
