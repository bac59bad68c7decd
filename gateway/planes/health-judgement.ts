import type { HealthCheck } from './http-options.js'

const DEFAULTS = { badStatusMin: 500, intervalMs: 2000, timeoutMs: 1000, fall: 3, rise: 2 } as const

/** A health check with what it leaves open. */
export type CompleteHealthCheck = HealthCheck & typeof DEFAULTS

export function completeHealthCheck(check: HealthCheck): CompleteHealthCheck {
  return { ...DEFAULTS, ...check } as CompleteHealthCheck
}

/** Whether one host is well. It counts as well until so many checks in a row say otherwise. */
export class HealthJudgement {
  readonly #check: CompleteHealthCheck
  #well = true
  /** Checks in a row that contradict `#well`. */
  #against = 0

  constructor(check: CompleteHealthCheck) {
    this.#check = check
  }

  /** Takes what one check found. Returns the judgement where that changes it, else null. */
  checked(good: boolean): boolean | null {
    this.#against = good === this.#well ? 0 : this.#against + 1
    if (this.#against < (this.#well ? this.#check.fall : this.#check.rise)) return null
    this.#against = 0
    this.#well = good
    return good
  }
}
