import type { Guid } from '../protocol/guid.js'
import type { MqErrorName } from '../protocol/mq-error.js'
import type { Note } from './notes.js'
import type { ReceivedMessage } from './queued-message.js'

/** A connection, numbered by the engine for accepted and initiated ones alike. Never reused within a run. */
export type ConnectionId = number

/** One HTTP request and its answer, numbered by the engine, in and out alike. Never reused within a run. */
export type ExchangeId = number

/** An HTTP request as SRMP uses them ([MC-MQSRM] 2.1.1). */
export interface HttpRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** In order, with names as they are written; `Content-Length` is the host's to write, and to check. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** In pieces, one after the other. */
  readonly body: readonly Buffer[]
  /** It came by HTTPS. */
  readonly secure: boolean
}

export interface Endpoint {
  readonly address: string
  readonly port: number
}

/**
 * One change to what the store keeps: `value` null deletes. All operations of one `persist` are atomic.
 * Values are plain data (numbers, strings, booleans, Buffers, arrays, objects of those) so that any store can encode them.
 */
export interface StoreOperation {
  readonly table: StoreTable
  readonly key: StoreKey
  readonly value: StoredValue | null
  /** Always with a put in a packet table, never elsewhere. */
  readonly packet?: Uint8Array
}

/** Within a table keys are all text or all numbers; numbers order as such. */
export type StoreKey = string | number

/**
 * Tables whose rows carry a packet that stays on disk until it is asked for. A row is written once and deleted once;
 * keys are whole numbers, and each put's key is greater than every key put in that table before, also across restarts.
 */
export const PACKET_TABLES = ['message', 'outgoing'] as const
export type PacketTable = (typeof PACKET_TABLES)[number]

export function isPacketTable(table: StoreTable): table is PacketTable {
  return table === 'message' || table === 'outgoing'
}

export type StoreTable =
  | PacketTable
  | 'state'
  | 'queue'
  | 'message-state'
  | 'outgoing-queue'
  | 'incoming-sequence'
  | 'outgoing-sequence'
  | 'awaiting-final-ack'
  | 'identifier'

export type StoredRecord = { readonly [field: string]: StoredField }
/** A record of named fields, or a list where rows are many and their fields' order says enough. */
export type StoredValue = StoredRecord | readonly StoredField[]
export type StoredField = number | string | boolean | null | Uint8Array | readonly StoredField[] | StoredRecord

/** Where packets of durable rows are read again: a store. */
export interface PacketSource {
  /** The packet of a row that is persisted. The bytes may be a view into something larger; they stay as they are. */
  packet(table: PacketTable, key: number): Uint8Array
}

/** Two UDP sockets: `service` is bound to the ping port and answers; `client` has a port of its own and asks. */
export type PingSocket = 'service' | 'client'

/** Who is to be found: a machine by the name in a DIRECT=OS format name, a queue manager by its GUID, or who has a public queue. */
export type ResolveQuery =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'queue-manager'; readonly guid: Guid }
  | { readonly kind: 'public-queue'; readonly guid: Guid }

export type SendOutcome = 'accepted' | 'refused'

/**
 * What the engine asks of its host, in order. The host carries them out and branches on nothing else:
 * - connect: open TCP to `host:port`; answer with `connected` or `connectFailed`.
 * - write: send `chunks` in order; report `writable(false)` when its buffer is full and `writable(true)` when it drained.
 * - close: 'graceful' sends what was written, then FIN; 'abort' resets. Answer with `closed`.
 * - pause / resume: stop or go on reading from that connection (backpressure).
 * - resolve: find addresses; answer with `resolved` (an empty list when there are none).
 * - persist: make the operations durable together; answer with `persisted` or `persistFailed`, in the order asked.
 * - datagram: send one UDP datagram (ping) from that socket; what comes in on either is `datagram` input.
 * - outcome: a send or commit (`request`) came to be accepted (durable where it must be) or refused.
 * - received: the messages of a `receive` request: peeked, locked by its transaction, or out of the queue durably; with
 *   none, `error` says why.
 * - arrived: a queue that an application may read has messages again (edge: empty to not empty).
 * - note: an event of the history.
 * - http-open: a destination over HTTP will be posted to; one connection, made when it is first needed. No answer.
 * - http-post: POST on it, after those before it; answer with `httpAnswered` or, where no answer came, `httpFailed`.
 * - http-close: it is over. 'abort' drops what is under way; nothing is answered any more for its posts.
 * - http-answer: the status for a request that came in by `httpRequested`.
 */
export type Action =
  | { readonly do: 'connect'; readonly connection: ConnectionId; readonly address: string; readonly port: number }
  | { readonly do: 'write'; readonly connection: ConnectionId; readonly chunks: Buffer[] }
  | {
      readonly do: 'close'
      readonly connection: ConnectionId
      readonly how: 'graceful' | 'abort'
      readonly reason: string
    }
  | { readonly do: 'pause'; readonly connection: ConnectionId }
  | { readonly do: 'resume'; readonly connection: ConnectionId }
  | { readonly do: 'resolve'; readonly ticket: number; readonly query: ResolveQuery }
  | { readonly do: 'persist'; readonly ticket: number; readonly operations: readonly StoreOperation[] }
  | {
      readonly do: 'datagram'
      readonly socket: PingSocket
      readonly address: string
      readonly port: number
      readonly bytes: Buffer
    }
  | { readonly do: 'outcome'; readonly request: number; readonly outcome: SendOutcome; readonly error?: string }
  | {
      readonly do: 'received'
      readonly request: number
      readonly queue: string
      readonly messages: readonly ReceivedMessage[]
      readonly error?: MqErrorName
    }
  | { readonly do: 'arrived'; readonly queue: string }
  | { readonly do: 'note'; readonly note: Note }
  | {
      readonly do: 'http-open'
      readonly connection: ConnectionId
      readonly address: string
      readonly port: number
      readonly secure: boolean
      /** As the format name has it: what a certificate must be for. */
      readonly host: string
    }
  | {
      readonly do: 'http-post'
      readonly connection: ConnectionId
      readonly exchange: ExchangeId
      readonly request: HttpRequest
    }
  | {
      readonly do: 'http-close'
      readonly connection: ConnectionId
      readonly how: 'graceful' | 'abort'
      readonly reason: string
    }
  | { readonly do: 'http-answer'; readonly exchange: ExchangeId; readonly status: number }
