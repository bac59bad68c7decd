import type { FrameRef } from '../../capture/frame.js'
import type { SessionHeader } from '../../protocol/binary/session-header.js'
import { MessageClass } from '../../protocol/message-class.js'
import type { Finder } from '../finder.js'
import type { SeenMessage, SeenOrderAck } from '../seen-message.js'
import type { Session } from '../session.js'

/** Stretches of time that a chart of the traffic has at most. */
const STRETCHES_MAX = 256

/** What went by that nobody else counts, and how much of it when: for the summary, and for a chart. */
export class Traffic implements Finder {
  express = 0
  recoverable = 0
  /** Session headers that acknowledge something; on the sender's side of a balancer. */
  sessionAcks = 0
  requests = 0
  pings = 0
  /** Microseconds since 1970 where the first stretch begins; null before the first message. */
  startUs: number | null = null
  stretchUs = 10_000
  /** Application messages and order acks in each stretch of `stretchUs`; absent: none. */
  readonly messagesOver: number[] = []
  readonly orderAcksOver: number[] = []

  message({ relayed, messageClass, transaction, recoverable, last }: SeenMessage): void {
    if (relayed || messageClass !== MessageClass.NORMAL) return
    if (transaction === null) {
      if (recoverable) this.recoverable += 1
      else this.express += 1
    }
    this.#count(this.messagesOver, last)
  }

  sessionHeader(session: Session, _direction: 0 | 1, header: SessionHeader): void {
    if (session.front !== null) return
    if (header.ackSequenceNumber !== 0 || header.recoverableMsgAckFlags !== 0) this.sessionAcks += 1
  }

  orderAck({ relayed, last }: SeenOrderAck): void {
    if (!relayed) this.#count(this.orderAcksOver, last)
  }

  request(): void {
    this.requests += 1
  }

  ping(): void {
    this.pings += 1
  }

  /** Stretches double when there would be too many, so that a day takes no more memory than a second. */
  #count(over: number[], { timeUs }: FrameRef): void {
    this.startUs ??= timeUs
    let stretch = Math.max(0, Math.floor((timeUs - this.startUs) / this.stretchUs))
    while (stretch >= STRETCHES_MAX) {
      halve(this.messagesOver)
      halve(this.orderAcksOver)
      this.stretchUs *= 2
      stretch = Math.floor(stretch / 2)
    }
    over[stretch] = (over[stretch] ?? 0) + 1
  }
}

function halve(over: number[]): void {
  const half = Math.ceil(over.length / 2)
  for (let at = 0; at < half; at++) over[at] = (over[2 * at] ?? 0) + (over[2 * at + 1] ?? 0)
  over.length = half
}
