import type { FrameRef } from '../../capture/frame.js'
import type { SeenPing, SeenRequest } from '../../capture/messages/seen.js'
import type { Direction } from '../../capture/tcp/seen-connection.js'
import type { SessionHeader } from '../../protocol/binary/session-header.js'
import { MessageClass, messageKind } from '../../protocol/message-class.js'
import type { Finder } from '../finder.js'
import type { SeenFinalAck, SeenMessage, SeenOrderAck } from '../seen-message.js'
import type { Session } from '../session.js'
import type { CaptureCounts } from './diagnosed-capture.js'

/** Bars that a chart of the traffic has at most. */
const BUCKETS_MAX = 256

/** What went by, counted, and when: for the summary, and for a chart of the traffic over time. */
export class TrafficCounts implements Finder {
  sessions = 0
  express = 0
  recoverable = 0
  transactional = 0
  sessionAcks = 0
  orderAcks = 0
  finalAcks = 0
  administrationAcks = 0
  requests = 0
  pings = 0
  /** Microseconds since 1970 where the first bucket begins; null before the first message. */
  startUs: number | null = null
  bucketUs = 10_000
  /** Messages and order acks in each stretch of `bucketUs`. */
  readonly messagesOver: number[] = []
  readonly orderAcksOver: number[] = []

  session(): void {
    this.sessions += 1
  }

  message({ relayed, messageClass, transaction, recoverable, last }: SeenMessage): void {
    if (relayed) return
    if (messageKind(messageClass) === 'Acknowledgment' || messageClass === MessageClass.REPORT) {
      this.administrationAcks += 1
      return
    }
    if (transaction !== null) this.transactional += 1
    else if (recoverable) this.recoverable += 1
    else this.express += 1
    this.#count(this.messagesOver, last)
  }

  sessionHeader(_session: Session, _direction: Direction, header: SessionHeader): void {
    if (header.ackSequenceNumber !== 0 || header.recoverableMsgAckFlags !== 0) this.sessionAcks += 1
  }

  orderAck({ relayed, last }: SeenOrderAck): void {
    if (relayed) return
    this.orderAcks += 1
    this.#count(this.orderAcksOver, last)
  }

  finalAck({ relayed }: SeenFinalAck): void {
    if (!relayed) this.finalAcks += 1
  }

  request(_session: Session, { message }: SeenRequest): void {
    if (message !== null) this.requests += 1
  }

  ping(_seen: SeenPing): void {
    this.pings += 1
  }

  counts(): Omit<CaptureCounts, 'frames' | 'bytes' | 'connections' | 'machines'> {
    const { sessions, express, recoverable, transactional, sessionAcks, orderAcks, finalAcks } = this
    const { administrationAcks, requests, pings } = this
    const messages = express + recoverable + transactional
    return {
      sessions,
      messages,
      express,
      recoverable,
      transactional,
      sessionAcks,
      orderAcks,
      finalAcks,
      administrationAcks,
      requests,
      pings,
    }
  }

  /** Stretches double when there would be too many, so that a day takes no more memory than a second. */
  #count(over: number[], { timeUs }: FrameRef): void {
    this.startUs ??= timeUs
    let bucket = Math.max(0, Math.floor((timeUs - this.startUs) / this.bucketUs))
    while (bucket >= BUCKETS_MAX) {
      halve(this.messagesOver)
      halve(this.orderAcksOver)
      this.bucketUs *= 2
      bucket = Math.floor(bucket / 2)
    }
    over[bucket] = (over[bucket] ?? 0) + 1
  }
}

function halve(over: number[]): void {
  const half = Math.ceil(over.length / 2)
  for (let at = 0; at < half; at++) over[at] = (over[2 * at] ?? 0) + (over[2 * at + 1] ?? 0)
  over.length = half
}
