import type { SeenRequest, SeenResponse } from './seen.js'

/** Requests that wait for their answers; further ones push out the oldest. */
const WAITING_MAX = 64

/** A request from its head on, until its answer is there too. */
export interface Asked {
  readonly method: string
  /** Null until its end was seen. */
  request: SeenRequest | null
  /** Came before the request's own end. */
  response: Omit<SeenResponse, 'request'> | null
}

/** Which response answers which request: the first one that waits, as long as nothing is missing. */
export class HttpPairing {
  #waiting: Asked[] = []
  /** Requests or responses are missing. */
  #isUnsure: boolean
  /** The client sends requests before the answers to others are there. */
  #isPipelined = false

  constructor(isUnsure: boolean) {
    this.#isUnsure = isUnsure
  }

  asked(method: string): Asked {
    // A client that waits for each answer has them all when it asks again, also those that are missing here.
    if (this.#isUnsure && !this.#isPipelined) {
      this.#waiting = []
      this.#isUnsure = false
    } else if (this.#waiting.some(({ response }) => response === null)) this.#isPipelined = true
    const asked: Asked = { method, request: null, response: null }
    this.#waiting.push(asked)
    if (this.#waiting.length > WAITING_MAX) {
      this.#waiting.shift()
      this.#isUnsure = true
    }
    return asked
  }

  /** What the next final response answers; null when that was not seen, or is not certain. */
  answered(): Asked | null {
    if (this.#isUnsure && this.#isPipelined) return null
    return this.#waiting.shift() ?? null
  }

  /** Requests or responses are missing from here on. */
  lost(): void {
    this.#isUnsure = true
  }
}
