import type { FrameRef } from '../../capture/frame.js'
import { Deque } from '../../queue-manager/deque.js'
import { distance16 } from '../../queue-manager/sequence16.js'

/** A user message on the wire that no session ack covers yet. */
export interface InFlight {
  readonly frame: FrameRef
  readonly recoverable: boolean
}

/** More cannot be in flight: half of what 16-bit numbers can tell apart. */
const IN_FLIGHT_MAX = 0x7fff

/**
 * What one end of a session sent and the other has not acknowledged, as a capture shows it ([MS-MQQB] 3.1.5.5). Messages
 * carry no number, so it is known only where all of them were seen from the start.
 */
export class Flight {
  readonly waiting = new Deque<InFlight>()
  #acknowledged = 0
  #isKnown: boolean

  constructor(isKnown: boolean) {
    this.#isKnown = isKnown
  }

  /** Messages in flight; 0 where it is not known. */
  get size(): number {
    return this.waiting.size
  }

  sent(frame: FrameRef, recoverable: boolean): void {
    if (!this.#isKnown) return
    this.waiting.push({ frame, recoverable })
    if (this.waiting.size > IN_FLIGHT_MAX) this.lose()
  }

  /** How many messages in flight an AckSequenceNumber covers. */
  covered(ackSequenceNumber: number): number {
    if (!this.#isKnown) return 0
    const count = distance16(this.#acknowledged, ackSequenceNumber)
    // more than was seen: something is missing that no hole tells of
    if (count > this.waiting.size) this.lose()
    return Math.min(count, this.waiting.size)
  }

  acknowledge(ackSequenceNumber: number): void {
    for (let count = this.covered(ackSequenceNumber); count > 0; count -= 1) this.waiting.shift()
    if (this.#isKnown) this.#acknowledged = ackSequenceNumber
  }

  /** The count is lost, for good. */
  lose(): void {
    this.#isKnown = false
    this.waiting.clear()
  }
}
