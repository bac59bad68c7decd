import type { Guid } from '../protocol/guid.js'
import { sequenceIdText, type TxSequenceId } from '../protocol/sequence-id.js'

/** A transactional message's place: sequence id as `timeStamp:ordinal` text, number, previous number. */
export interface TxPlace {
  readonly sequence: string
  readonly number: number
  readonly previous: number
}

export function txPlace(id: TxSequenceId, number: number, previous: number): TxPlace {
  return { sequence: sequenceIdText(id), number, previous }
}

/** Why an arriving message was not put into a queue. */
export type DiscardReason =
  | 'name-validation'
  | 'queue-not-found'
  | 'not-transactional-queue'
  | 'not-transactional-message'
  | 'duplicate'
  | 'hole'
  | 'older-sequence'
  | 'middle-of-sequence'
  | 'expired'
  | 'queue-quota'
  | 'hop-count'
  | 'security'
  | 'access-denied'

/**
 * Events of the history, as the engine saw them: what the lab's checkers read. `atMs` is the wall clock.
 * `peer` is the TCP peer's address; `source` the QMId in the message; `messageId` the 32-bit MessageID.
 */
export type Note = { readonly atMs: number } & NoteBody

export type NoteBody =
  | {
      readonly kind: 'session-connecting'
      readonly connection: number
      readonly queue: string
      readonly address: string
    }
  | {
      readonly kind: 'session-open'
      readonly connection: number
      readonly role: 'initiator' | 'acceptor'
      readonly peer: string
      readonly peerGuid: Guid
      readonly queue: string | null
    }
  | {
      readonly kind: 'session-closed'
      readonly connection: number
      readonly peer: string
      readonly reason: string
      readonly queue: string | null
    }
  | {
      /** An application's message is in an outgoing queue, durable if it has to be. */
      readonly kind: 'accepted'
      readonly queue: string
      readonly messageId: number
      readonly tx: TxPlace | null
    }
  | {
      readonly kind: 'sent'
      readonly connection: number
      readonly queue: string
      readonly messageId: number
      readonly tx: TxPlace | null
      readonly attempt: number
      /** QMId of the queue manager that sent it first, where that is another: it is passed on. */
      readonly source?: Guid
    }
  | { readonly kind: 'session-acked'; readonly queue: string; readonly messageId: number }
  | {
      readonly kind: 'arrived'
      readonly connection: number
      readonly peer: string
      readonly source: Guid
      readonly messageId: number
      readonly queue: string
      readonly tx: TxPlace | null
    }
  | {
      readonly kind: 'discarded'
      readonly connection: number
      readonly peer: string
      readonly source: Guid
      readonly messageId: number
      readonly destination: string
      readonly reason: DiscardReason
      readonly tx: TxPlace | null
    }
  | {
      readonly kind: 'order-ack-sent'
      readonly messageId: number
      readonly destination: string
      readonly sessionPeer: string
      readonly forSource: Guid
      readonly sequence: string
      readonly number: number
      readonly direct: boolean
    }
  | {
      readonly kind: 'order-ack-received'
      readonly connection: number
      readonly peer: string
      readonly from: Guid
      readonly messageId: number
      readonly destination: string
      readonly sequence: string
      readonly number: number
      readonly result: 'matched' | 'stale' | 'unknown-sequence' | 'never-sent'
      readonly removed: number
    }
  | {
      readonly kind: 'final-ack-sent'
      readonly messageId: number
      readonly destination: string
      readonly forSource: Guid
      readonly forMessageId: number
      readonly messageClass: number
    }
  | {
      readonly kind: 'final-ack-received'
      readonly from: Guid
      readonly forMessageId: number
      readonly messageClass: number
      readonly matched: boolean
    }
  | {
      readonly kind: 'admin-ack-sent'
      readonly destination: string
      readonly forSource: Guid
      readonly forMessageId: number
      readonly messageClass: number
    }
  | {
      readonly kind: 'resend'
      readonly queue: string
      readonly sequence: string
      readonly stage: number
      readonly messages: number
      readonly nextInMs: number
    }
  | {
      /** It left an outgoing queue and will not be sent again: it expired, was purged, or the next machine refuses it. */
      readonly kind: 'given-up'
      readonly queue: string
      readonly messageId: number
      readonly messageClass: number
    }
  | {
      readonly kind: 'dead-lettered'
      readonly queue: string
      readonly messageId: number
      readonly messageClass: number
      readonly transactional: boolean
    }
  | {
      readonly kind: 'qmid-cached'
      readonly guid: Guid
      readonly address: string
      readonly change: 'new' | 'kept-other' | 'expired'
    }
  | {
      readonly kind: 'resolved'
      readonly queue: string
      readonly addresses: readonly string[]
      readonly by: 'direct' | 'cache' | 'resolver'
    }
  | {
      readonly kind: 'http-answered'
      readonly connection: number
      readonly queue: string
      readonly messageId: number
      readonly status: number
    }
  | { readonly kind: 'http-refused'; readonly peer: string; readonly status: number; readonly error: string }
  | {
      readonly kind: 'forwarded'
      readonly connection: number
      readonly peer: string
      readonly source: Guid
      readonly messageId: number
      readonly queue: string
      readonly tx: TxPlace | null
    }
  | { readonly kind: 'express-lost'; readonly count: number }
  | { readonly kind: 'consumed'; readonly queue: string; readonly source: Guid; readonly messageId: number }
  | {
      /** It left a queue of this machine and no application received it. */
      readonly kind: 'removed'
      readonly queue: string
      readonly source: Guid
      readonly messageId: number
      readonly messageClass: number
    }
