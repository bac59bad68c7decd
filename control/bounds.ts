import { PACKET_SIZE_MAX } from '../protocol/binary/base-header.js'

/** Both ends of a control connection keep to these. */

export const CONTROL_VERSION = 1

/** Bytes of a message's body. */
export const BODY_BYTES_MAX = PACKET_SIZE_MAX
/** Bytes of a request: a message and its properties. */
export const REQUEST_BYTES_MAX = PACKET_SIZE_MAX + 262_144
/** Bytes of an answer. */
export const ANSWER_BYTES_MAX = 2 * PACKET_SIZE_MAX + 1_048_576
/** Bytes of messages from which on a further one goes into an answer of its own. */
export const ANSWER_BYTES_FULL = PACKET_SIZE_MAX
/** Bytes of a request before the client has said hello. */
export const HELLO_BYTES_MAX = 1024
/** Elements of arrays and maps in one request. */
export const REQUEST_ITEMS_MAX = 16_384

/** Messages that one receive brings at most. */
export const RECEIVED_MESSAGES_MAX = 1000
/** Messages that one listing brings at most. */
export const LISTED_MESSAGES_MAX = 1000
/** Messages of a transaction that is sent in one request. */
export const TRANSACTION_MESSAGES_MAX = 250
/** Transactions open on one connection. */
export const TRANSACTIONS_MAX = 256
/** Receives that wait for messages at one time on one connection. */
export const WAITING_RECEIVES_MAX = 128
