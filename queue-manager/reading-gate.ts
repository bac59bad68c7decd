import type { ConnectionId } from './actions.js'
import type { Context } from './context.js'

/** Received messages that the store has yet to take: reading from the peer pauses beyond, and resumes below half. */
const UNSETTLED_MAX = 4_096

/** Whether a session reads on: a peer that sends but does not read would have its acknowledgements pile up here. */
export class ReadingGate {
  readonly #context: Context
  readonly #connection: ConnectionId
  #paused = false

  constructor(context: Context, connection: ConnectionId) {
    this.#context = context
    this.#connection = connection
  }

  /** A message came in. @param unsettled messages that the store has yet to take. */
  received(writable: boolean, unsettled: number): void {
    if (this.#paused || (writable && unsettled <= UNSETTLED_MAX)) return
    this.#paused = true
    this.#context.counters.readingPaused += 1
    this.#context.log.push({ do: 'pause', connection: this.#connection })
  }

  /** The connection can be written to again, or the store took something. */
  eased(writable: boolean, unsettled: number): void {
    if (!this.#paused || !writable || unsettled >= UNSETTLED_MAX / 2) return
    this.#paused = false
    this.#context.log.push({ do: 'resume', connection: this.#connection })
  }
}
