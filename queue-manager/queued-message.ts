import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { MessageClass } from '../protocol/message-class.js'
import type { Context } from './context.js'
import type { LocalQueue } from './local-queue.js'
import type { Timer } from './timers.js'

/** Where a message stands in its queue ([MS-MQDMPR] 3.1.1.11). */
export type MessageState =
  /** Can be read. */
  | 'available'
  /** Received in a transaction that has not ended; or the store has yet to take it. */
  | 'locked'
  /** Its removal is on its way into the store. */
  | 'leaving'
  | 'gone'

export const QUEUED = {
  RECOVERABLE: 1,
  AUTHENTICATED: 2,
  /** The sender wants to know when it is received. */
  POSITIVE_ACK: 4,
  /** The sender wants to know why it is not received. */
  NEGATIVE_ACK: 8,
  /** JN: a dead-letter queue is to have it if it comes to nothing. */
  DEAD_LETTER: 16,
  TRANSACTIONAL: 32,
} as const

export interface QueuedContents {
  readonly packet: Buffer
  readonly message: UserMessagePacket
}

/** Room that the decoded form of a message takes beside its bytes, about. */
const DECODED_BYTES = 1_500
/** Lookup identifiers order as the queue does: what is above is the priority, turned round ([MS-MQDMPR] 3.1.7.1.9). */
const ORDERS = 2 ** 48

/**
 * The place of a message in a local queue. A million of them must fit, so it knows only what is asked without reading the
 * message; the packet may be in the store alone.
 */
export class QueuedMessage {
  /** Number among all messages that came into queues of this machine; the store's key of recoverable ones. */
  readonly order: number
  readonly priority: number
  /** Bytes of the packet. */
  readonly size: number
  /** Wall clock. */
  readonly arrivedMs: number
  /** Time-to-be-received from the arrival on; Infinity for none. */
  readonly lifeS: number
  readonly messageId: number
  /** `correlationHash` of its correlation identifier. */
  readonly correlation: number
  /** QUEUED bits. */
  readonly flags: number
  /** Format name of the order queue that a final ack goes to; null where none is due. */
  readonly finalAckTo: string | null
  queue: LocalQueue
  state: MessageState = 'locked'
  abortCount = 0
  moveCount = 0
  packet: Buffer | null = null
  message: UserMessagePacket | null = null
  /** Runs time-to-be-received. */
  expiry: Timer | null = null

  constructor(
    queue: LocalQueue,
    order: number,
    priority: number,
    size: number,
    arrivedMs: number,
    lifeS: number,
    messageId: number,
    correlation: number,
    flags: number,
    finalAckTo: string | null,
  ) {
    this.queue = queue
    this.order = order
    this.priority = priority
    this.size = size
    this.arrivedMs = arrivedMs
    this.lifeS = lifeS
    this.messageId = messageId
    this.correlation = correlation
    this.flags = flags
    this.finalAckTo = finalAckTo
  }

  get recoverable(): boolean {
    return (this.flags & QUEUED.RECOVERABLE) !== 0
  }

  /** A signature was there and is right. */
  get authenticated(): boolean {
    return (this.flags & QUEUED.AUTHENTICATED) !== 0
  }

  /**
   * A dead-letter queue of this machine is to have it when it leaves with this class: a plain message where its time to be
   * received ran out (MQ-8); a transactional one on the machine that sent it (MQ-9), which is here if no final ack is due.
   */
  isDeadLettered(messageClass: number): boolean {
    if ((this.flags & QUEUED.DEAD_LETTER) === 0 || messageClass === MessageClass.ACK_RECEIVE) return false
    if ((this.flags & QUEUED.TRANSACTIONAL) === 0) return messageClass === MessageClass.NACK_RECEIVE_TIMEOUT
    return this.finalAckTo === null
  }

  /** Somebody is to be told, by an administration ack or a final ack, when it leaves with this class. */
  isAwaited(messageClass: number): boolean {
    const ack = messageClass === MessageClass.ACK_RECEIVE ? QUEUED.POSITIVE_ACK : QUEUED.NEGATIVE_ACK
    return this.finalAckTo !== null || (this.flags & ack) !== 0
  }

  get lookupId(): number {
    return (7 - this.priority) * ORDERS + this.order
  }

  /** The packet and its decoded form, read from the store where they are not in memory. Throws the store's error. */
  read(context: Context): QueuedContents {
    const packet = this.packet ?? asBuffer(context.packets.packet('message', this.order))
    const message = this.message ?? (decodePacket(packet) as UserMessagePacket)
    return { packet, message }
  }

  /** It is durable: the packet stays in memory if there is room. */
  settleInMemory(context: Context): void {
    if (!this.recoverable || this.packet === null) return
    if (context.residency.keep(this.size + DECODED_BYTES)) return
    this.packet = null
    this.message = null
  }

  /** It leaves memory. */
  release(context: Context): void {
    if (this.recoverable && this.packet !== null) context.residency.release(this.size + DECODED_BYTES)
  }
}

/** A message as an application receives or peeks it. */
export interface ReceivedMessage {
  /** Orders as the queue does: (7 - priority) x 2^48 + number of arrival. */
  readonly lookupId: number
  readonly packet: Buffer
  readonly message: UserMessagePacket
  /** Wall clock. */
  readonly arrivedMs: number
  readonly abortCount: number
  readonly moveCount: number
  /** A signature was there and is right. */
  readonly authenticated: boolean
}

export function receivedMessage(context: Context, queued: QueuedMessage): ReceivedMessage {
  const { packet, message } = queued.read(context)
  const { lookupId, arrivedMs, abortCount, moveCount, authenticated } = queued
  return { lookupId, packet, message, arrivedMs, abortCount, moveCount, authenticated }
}

/** 30 bits by which most messages are told apart from a correlation identifier that is looked for; 0 for none. */
export function correlationHash(correlationId: Uint8Array): number {
  let hash = 0
  for (const byte of correlationId) hash = (Math.imul(hash, 31) + byte) & 0x3fffffff
  return hash
}

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
