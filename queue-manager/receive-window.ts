import type { SessionHeader } from '../protocol/binary/session-header.js'
import { Deque } from './deque.js'
import { distance16, next16 } from './sequence16.js'

/** A received user message that is not settled yet: it is acknowledged after those before it, and once it may be. */
export interface Receipt {
  readonly recoverable: boolean
  settled: boolean
}

/** RecoverableMsgAckFlags has 32 bits ([MS-MQMQ] 2.2.20.4). */
const FLAG_BITS = 32

/**
 * The receiving half of session acknowledgement ([MS-MQQB] 3.1.1.6.1, 3.1.5.8.7, 3.1.6.4): counts what came, and says what
 * may be acknowledged. A message is settled when it is on disk (recoverable), delivered, or refused for good; nothing is
 * acknowledged, not even as received, before it and all before it are settled.
 */
export class ReceiveWindow {
  /** User messages that came; must equal what the peer says it sent. */
  received = 0
  recoverableReceived = 0
  /** Settled messages since the last session ack. */
  unacknowledged = 0
  #settled = 0
  #recoverableSettled = 0
  #recoverableAcknowledged = 0
  readonly #open = new Deque<Receipt>()

  arrive(recoverable: boolean): Receipt {
    this.received = next16(this.received)
    if (recoverable) this.recoverableReceived = next16(this.recoverableReceived)
    const receipt = { recoverable, settled: false }
    this.#open.push(receipt)
    return receipt
  }

  /** Messages that came and are not settled: what a store that falls behind piles up. */
  get unsettled(): number {
    return this.#open.size
  }

  /** Recoverable messages settled since the last ack, whose bits the next one carries. */
  get recoverablePending(): number {
    return distance16(this.#recoverableAcknowledged, this.#recoverableSettled)
  }

  /** What is wrong with the counts of sent messages in the peer's header, or null ([MS-MQQB] 3.1.5.5.5). */
  disagreement(header: SessionHeader): string | null {
    const { userMsgSequenceNumber, recoverableMsgSeqNumber } = header
    if (userMsgSequenceNumber === this.received && recoverableMsgSeqNumber === this.recoverableReceived) return null
    return (
      `peer says it sent ${userMsgSequenceNumber} messages, ${recoverableMsgSeqNumber} recoverable; ` +
      `${this.received} and ${this.recoverableReceived} came`
    )
  }

  /** Marks one settled, and books all that can be. `full` is called when 32 recoverable ones are pending, before the 33rd is booked. */
  settle(receipt: Receipt, full: () => void): void {
    receipt.settled = true
    for (let first = this.#open.at(0); first?.settled === true; first = this.#open.at(0)) {
      if (first.recoverable) {
        if (this.recoverablePending === FLAG_BITS) full()
        this.#recoverableSettled = next16(this.#recoverableSettled)
      }
      this.#settled = next16(this.#settled)
      this.unacknowledged += 1
      this.#open.shift()
    }
  }

  /** The receiving half of the next SessionHeader; writing it counts as acknowledged. */
  acknowledge(): Pick<SessionHeader, 'ackSequenceNumber' | 'recoverableMsgAckSeqNumber' | 'recoverableMsgAckFlags'> {
    const pending = this.recoverablePending
    const header = {
      ackSequenceNumber: this.#settled,
      recoverableMsgAckSeqNumber: pending === 0 ? 0 : next16(this.#recoverableAcknowledged),
      recoverableMsgAckFlags: pending === FLAG_BITS ? 0xffffffff : 2 ** pending - 1,
    }
    this.#recoverableAcknowledged = this.#recoverableSettled
    this.unacknowledged = 0
    return header
  }
}
