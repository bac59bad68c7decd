import type { HeldMemory, Holder, Waiting } from './held-memory.js'
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
  /** Bytes of its message that are kept. */
  size: number
}

/** Which response answers which request: the first one that waits, as long as nothing is missing. */
export class HttpPairing implements Holder, Waiting {
  readonly holder = this
  older: Waiting | null = null
  newer: Waiting | null = null
  readonly #memory: HeldMemory
  #waiting: Asked[] = []
  /** Requests or responses are missing. */
  #isUnsure: boolean
  /** The client sends requests before the answers to others are there. */
  #isPipelined = false
  /** Bytes of all that wait. */
  #size = 0

  constructor(memory: HeldMemory, isUnsure: boolean) {
    this.#memory = memory
    this.#isUnsure = isUnsure
  }

  asked(method: string): Asked {
    // A client that waits for each answer has them all when it asks again, also those that are missing here.
    if (this.#isUnsure && !this.#isPipelined) {
      this.forget()
      this.#isUnsure = false
    } else if (this.#waiting.some(({ response }) => response === null)) this.#isPipelined = true
    const asked: Asked = { method, request: null, response: null, size: 0 }
    this.#waiting.push(asked)
    if (this.#waiting.length > WAITING_MAX) {
      this.#resize(-this.#waiting.shift()!.size)
      this.#isUnsure = true
    }
    return asked
  }

  /** The request is whole, and kept with `size` bytes of its message until it is answered. */
  completed(asked: Asked, request: SeenRequest, size: number): void {
    asked.request = request
    if (!this.#waiting.includes(asked)) return
    asked.size = size
    this.#resize(size)
  }

  /** What the next final response answers; null when that was not seen, or is not certain. */
  answered(): Asked | null {
    if (this.#isUnsure && this.#isPipelined) return null
    const asked = this.#waiting.shift() ?? null
    if (asked !== null) this.#resize(-asked.size)
    return asked
  }

  /** Requests or responses are missing from here on. */
  lost(): void {
    this.#isUnsure = true
  }

  /** None of those that wait will be answered. */
  forget(): void {
    this.#waiting = []
    this.#resize(-this.#size)
  }

  giveUp(): void {
    this.forget()
    this.#isUnsure = true
  }

  #resize(by: number): void {
    if (by === 0) return
    const before = this.#size
    this.#size += by
    if (before === 0) this.#memory.join(this)
    if (by > 0) this.#memory.reserve(this, by)
    else this.#memory.free(-by)
    if (this.#size === 0) this.#memory.leave(this)
  }
}
