import type { DropAnswers } from './http-options.js'

/** The fault that takes answers away: which requests it befalls. */
export class DroppedAnswers {
  readonly #fault: DropAnswers | undefined
  /** Requests that it could befall. */
  #count = 0

  constructor(fault: DropAnswers | undefined) {
    this.#fault = fault
  }

  /** What comes in place of the answer to this request, or null: the answer. To be asked once for each. */
  manner(target: string): 'reset' | 'silence' | null {
    if (this.#fault === undefined) return null
    const { targetContains = '', first = 1, requestsMax = Number.POSITIVE_INFINITY, manner = 'reset' } = this.#fault
    if (!target.toLowerCase().includes(targetContains.toLowerCase())) return null
    this.#count++
    return this.#count >= first && this.#count < first + requestsMax ? manner : null
  }
}
