import type { SessionHeader } from '../protocol/binary/session-header.js'
import { Deque } from './deque.js'
import type { OutgoingMessage } from './outgoing-message.js'
import { distance16, next16 } from './sequence16.js'

/** One sending of one message on one session. A transactional message may be under way twice. */
export interface Transmission {
  readonly message: OutgoingMessage
  /** Its number among the session's user messages, 16 bits. */
  readonly number: number
  readonly recoverable: boolean
  received: boolean
  stored: boolean
  settled: boolean
}

/**
 * The sending half of session acknowledgement ([MS-MQQB] 3.1.5.5): what was sent on this session and what of it the peer
 * has taken. Numbers are 16 bits and compared by distance. A peer that acknowledges what was never sent is caught here.
 */
export class SendWindow {
  sent = 0
  recoverableSent = 0
  #acknowledged = 0
  #recoverableAcknowledged = 0
  /** Not yet covered by AckSequenceNumber, oldest first. */
  readonly #inFlight = new Deque<Transmission>()
  /** Recoverable ones whose bit has not come, oldest first; their recoverable numbers are consecutive. */
  readonly #unstored = new Deque<Transmission>()

  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Messages in flight or not yet known to be on the peer's disk. */
  get unacknowledged(): number {
    return Math.max(this.#inFlight.size, this.#unstored.size)
  }

  transmit(message: OutgoingMessage): Transmission {
    this.sent = next16(this.sent)
    const transmission = {
      message,
      number: this.sent,
      recoverable: message.recoverable,
      received: false,
      stored: false,
      settled: false,
    }
    this.#inFlight.push(transmission)
    if (message.recoverable) {
      this.recoverableSent = next16(this.recoverableSent)
      this.#unstored.push(transmission)
    }
    return transmission
  }

  /**
   * Takes a SessionHeader. Calls `settled` for each transmission that is now wholly acknowledged (received, and stored if
   * recoverable), oldest first. Returns what is wrong with the header, or null; a wrong header changes nothing.
   */
  acknowledge(header: SessionHeader, settled: (transmission: Transmission) => void): string | null {
    const received = distance16(this.#acknowledged, header.ackSequenceNumber)
    const stale = received > 0x7fff
    if (!stale && received > this.#inFlight.size)
      return `AckSequenceNumber ${header.ackSequenceNumber} acknowledges messages never sent (sent ${this.sent})`
    const bits = header.recoverableMsgAckFlags
    const base = distance16(next16(this.#recoverableAcknowledged), header.recoverableMsgAckSeqNumber)
    if (bits !== 0 && base + (31 - Math.clz32(bits)) >= this.#unstored.size && base <= 0x7fff)
      return `RecoverableMsgAckFlags acknowledges messages never sent (recoverable sent ${this.recoverableSent})`

    if (bits !== 0) this.#markStored(bits, base > 0x7fff ? base - 0x10000 : base, settled)
    if (!stale) {
      for (let left = received; left > 0; left -= 1) {
        const transmission = this.#inFlight.shift() as Transmission
        transmission.received = true
        settle(transmission, settled)
      }
      this.#acknowledged = header.ackSequenceNumber
    }
    return null
  }

  /** Every transmission not wholly acknowledged, oldest first: what the next session has to send again. */
  *outstanding(): Iterable<Transmission> {
    for (const transmission of this.#unstored) if (transmission.received && !transmission.stored) yield transmission
    for (const transmission of this.#inFlight) yield transmission
  }

  /** Bit k stands for the unstored transmission at `base` + k; those before `base` were acknowledged with it or earlier. */
  #markStored(bits: number, base: number, settled: (transmission: Transmission) => void): void {
    for (let index = 0; index < base + 32; index += 1) {
      const transmission = this.#unstored.at(index)
      if (transmission === undefined) break
      const bit = index - base
      if (bit >= 0 && ((bits >>> bit) & 1) === 0) continue
      transmission.stored = true
      settle(transmission, settled)
    }
    while (this.#unstored.at(0)?.stored === true) {
      this.#unstored.shift()
      this.#recoverableAcknowledged = next16(this.#recoverableAcknowledged)
    }
  }
}

function settle(transmission: Transmission, settled: (transmission: Transmission) => void): void {
  if (transmission.settled || !transmission.received || (transmission.recoverable && !transmission.stored)) return
  transmission.settled = true
  settled(transmission)
}
