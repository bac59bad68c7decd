import { TIME_TO_BE_RECEIVED_OFFSET, TIME_TO_REACH_QUEUE_OFFSET } from '../protocol/binary/user-message-layout.js'
import { MessageClass } from '../protocol/message-class.js'
import { sequenceIdText } from '../protocol/sequence-id.js'
import type { StoredValue } from './actions.js'
import type { Context } from './context.js'
import { leaveMemory, OUTGOING_FLAGS, type OutgoingMessage, packetOf, type SequencePlace } from './outgoing-message.js'
import type { OutgoingQueue } from './outgoing-queue.js'
import { deadLetterSent, journalSent } from './source-journal.js'
import { StoredRow } from './stored-row.js'
import type { Timer } from './timers.js'

const AWAITED_MAX = 100_000
const INFINITE_S = 0xffffffff

interface Awaited {
  readonly message: OutgoingMessage
  /** Of a stream over HTTP: the place by which its end is told, as the other side knows it. */
  readonly place: SequencePlace | null
  /** Name of the outgoing queue that it left. */
  readonly queue: string
  /** Wall clock ms; Infinity when it may stay in its queue for ever. */
  readonly deadlineMs: number
}

/**
 * Journaled transactional messages that were taken in order, until a final ack says how they ended ([MS-MQQB] 3.1.5.6,
 * 3.1.5.7, AwaitingFinalACKTable). Their packets stay where they were, in table `outgoing`; `awaiting-final-ack` says by
 * MessageID which those are. One whose time to be received ran out without a word, and some more, is taken for lost.
 */
export class AwaitedFinalAcks {
  readonly #context: Context
  readonly #byMessageId = new Map<number, Awaited>()
  /** MessageIDs by place: all that a final receipt over HTTP says. */
  readonly #byPlace = new Map<string, number>()
  /** How many of each outgoing queue. */
  readonly #sizes = new Map<string, number>()
  readonly #timer: Timer
  /** Rows read at opening whose messages are still to come, by key of table `outgoing`. */
  readonly #restoring = new Map<
    number,
    { readonly messageId: number; readonly deadlineMs: number; readonly place: SequencePlace | null }
  >()

  constructor(context: Context) {
    this.#context = context
    this.#timer = context.timers.create('final ack wait', () => this.#expire())
  }

  get size(): number {
    return this.#byMessageId.size
  }

  /** How many of a queue's messages were taken and not heard of since. */
  sizeOf(queue: string): number {
    return this.#sizes.get(queue) ?? 0
  }

  /** A message was taken in order. False when nothing more is to come, or too many are awaited: then it may be forgotten. */
  add(message: OutgoingMessage, queue: OutgoingQueue): boolean {
    if ((message.flags & (OUTGOING_FLAGS.JN | OUTGOING_FLAGS.JP)) === 0) return false
    if (this.#byMessageId.size >= AWAITED_MAX) return false
    const deadlineMs = this.#deadlineMs(packetOf(this.#context, message))
    const place = queue.isHttp && message.place !== null ? queue.sequence.placeTold(message.place) : null
    this.#hold({ message, queue: queue.text, deadlineMs, place })
    this.#context.batch.put('awaiting-final-ack', message.messageId, {
      order: message.order,
      deadlineMs: deadlineMs === Infinity ? null : deadlineMs,
      ...(place !== null && { place: [place.id.timeStamp, place.id.ordinal, place.number] }),
    })
    this.#watch(deadlineMs)
    return true
  }

  /** MessageID of the message at that place of a stream; null when none there is awaited. */
  atPlace(place: SequencePlace): number | null {
    return this.#byPlace.get(placeText(place)) ?? null
  }

  /** A final ack came. Read: to the journal with JP; any other class: to a dead-letter queue with JN. False if unknown. */
  settle(messageId: number, messageClass: number): boolean {
    const awaited = this.#byMessageId.get(messageId)
    if (awaited === undefined) return false
    const { message, queue } = awaited
    endTransactional(this.#context, message, queue, messageClass)
    this.#byMessageId.delete(messageId)
    if (awaited.place !== null) this.#byPlace.delete(placeText(awaited.place))
    const left = this.sizeOf(queue) - 1
    if (left > 0) this.#sizes.set(queue, left)
    else this.#sizes.delete(queue)
    leaveMemory(this.#context, message)
    this.#context.counters.messageBytes -= message.size
    this.#context.batch.remove('awaiting-final-ack', messageId)
    this.#context.outgoingQueues.removals.add(message.order)
    return true
  }

  /** A row of a former run; its message follows. */
  restoreRow(key: number, value: StoredValue): void {
    const row = new StoredRow({ table: 'awaiting-final-ack', key, value })
    const deadlineMs = row.optional('deadlineMs', row.number) ?? Infinity
    const place = row.optional('place', row.list)?.map(Number) ?? null
    if (place !== null && !(place.length === 3 && place.every(Number.isSafeInteger)))
      throw row.wrong('place', 'three whole numbers')
    const [timeStamp = 0, ordinal = 0, number = 0] = place ?? []
    this.#restoring.set(row.whole('order'), {
      messageId: key,
      deadlineMs,
      place: place === null ? null : { id: { timeStamp, ordinal }, number },
    })
  }

  /** A row of table `outgoing`: true when it is that of a message awaited here. */
  restoreMessage(message: OutgoingMessage, queue: string): boolean {
    const row = this.#restoring.get(message.order)
    if (row === undefined) return false
    this.#restoring.delete(message.order)
    this.#hold({ message, queue, deadlineMs: row.deadlineMs, place: row.place })
    return true
  }

  /** Begins to work with what was restored. */
  start(): void {
    // a former run failed to delete them together with their messages
    for (const { messageId } of this.#restoring.values()) this.#context.batch.remove('awaiting-final-ack', messageId)
    this.#restoring.clear()
    for (const { deadlineMs } of this.#byMessageId.values()) this.#watch(deadlineMs)
  }

  #hold(awaited: Awaited): void {
    const { message, place, queue } = awaited
    this.#byMessageId.set(message.messageId, awaited)
    if (place !== null) this.#byPlace.set(placeText(place), message.messageId)
    this.#sizes.set(queue, this.sizeOf(queue) + 1)
    this.#context.counters.messageBytes += message.size
  }

  /** Time to be received, and XactDelayReceiveNack more for the word to come back; counted from the order ack. */
  #deadlineMs(packet: Buffer | null): number {
    if (packet === null) return Infinity
    const toBeReceivedS = packet.readUInt32LE(TIME_TO_BE_RECEIVED_OFFSET)
    if (toBeReceivedS === INFINITE_S) return Infinity
    const toReachQueueS = packet.readUInt32LE(TIME_TO_REACH_QUEUE_OFFSET)
    const { XactDelayReceiveNack } = this.#context.settings
    const delayS = XactDelayReceiveNack > 0 ? XactDelayReceiveNack : Math.min(toBeReceivedS, toReachQueueS)
    return this.#context.now.wallMs + (toBeReceivedS + delayS) * 1000
  }

  #watch(deadlineMs: number): void {
    if (deadlineMs === Infinity) return
    const { now } = this.#context
    const atMs = now.monotonicMs + (deadlineMs - now.wallMs)
    if (this.#timer.deadlineMs === null || atMs < this.#timer.deadlineMs) this.#timer.startAt(atMs)
  }

  #expire(): void {
    const { wallMs } = this.#context.now
    let earliestMs = Infinity
    for (const [messageId, { deadlineMs }] of this.#byMessageId) {
      if (deadlineMs <= wallMs) this.settle(messageId, MessageClass.NACK_RECEIVE_TIMEOUT)
      else if (deadlineMs < earliestMs) earliestMs = deadlineMs
    }
    this.#watch(earliestMs)
  }
}

function placeText({ id, number }: SequencePlace): string {
  return `${sequenceIdText(id)}/${number}`
}

/** What a final ack of this class means for a message: a copy in the journal, in a dead-letter queue, or nothing. */
export function endTransactional(
  context: Context,
  message: OutgoingMessage,
  queue: string,
  messageClass: number,
): void {
  const wanted = messageClass === MessageClass.ACK_RECEIVE ? OUTGOING_FLAGS.JP : OUTGOING_FLAGS.JN
  if ((message.flags & wanted) === 0) return
  const packet = packetOf(context, message)
  if (packet === null) return
  if (messageClass === MessageClass.ACK_RECEIVE) journalSent(context, packet)
  else deadLetterSent(context, packet, queue, messageClass, message.deadLetterQueue)
}
