import type { Now } from '../../queue-manager/clock.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'

/** 2025-01-01T00:00:00Z: where wall clocks of simulations start. */
export const SIMULATED_EPOCH_MS = 1_735_689_600_000

export interface VirtualClockOptions {
  /** How long the machine has been up at the start of the simulation. */
  readonly uptimeMs?: number
  /** How far its wall clock is ahead of true time. */
  readonly wallSkewMs?: number
  /** How much faster than true time both its clocks run, in millionths; crystals are off by up to 100. */
  readonly driftPpm?: number
}

/** The two clocks of one simulated machine, both driven by the scheduler. */
export class VirtualClock {
  readonly #scheduler: Scheduler
  readonly #uptimeMs: number
  readonly #rate: number
  #wallSkewMs: number

  constructor(scheduler: Scheduler, options: VirtualClockOptions = {}) {
    this.#scheduler = scheduler
    this.#uptimeMs = options.uptimeMs ?? 0
    this.#rate = 1 + (options.driftPpm ?? 0) / 1_000_000
    this.#wallSkewMs = options.wallSkewMs ?? 0
  }

  now(): Now {
    const elapsedMs = this.#scheduler.nowMs * this.#rate
    return {
      monotonicMs: elapsedMs + this.#uptimeMs,
      wallMs: SIMULATED_EPOCH_MS + elapsedMs + this.#wallSkewMs,
    }
  }

  /** Sets the wall clock forward (or back); the monotonic clock does not notice. */
  stepWall(byMs: number): void {
    this.#wallSkewMs += byMs
  }

  /** The scheduler's time at which this machine's monotonic clock shows `monotonicMs`. */
  simulatedMs(monotonicMs: number): number {
    return (monotonicMs - this.#uptimeMs) / this.#rate
  }
}

/** Clocks as machines have them: up for hours or for weeks (past the wrap of 32-bit milliseconds), walls off by up to `skewMaxMs`, none exact. */
export function randomClockOptions(random: Random, skewMaxMs: number): VirtualClockOptions {
  return {
    uptimeMs: random.pick([0, 3_600_000, 0xffff_ffff - 5_000, 0x1_0000_0000 + random.between(0, 1_000_000)]),
    wallSkewMs: random.between(-skewMaxMs, skewMaxMs),
    driftPpm: random.between(-100, 100),
  }
}
