import { MP_FLAGS } from '../protocol/binary/message-properties-header.js'
import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { OptionError } from '../protocol/errors.js'
import { MessageClass } from '../protocol/message-class.js'
import type { StoredValue } from './actions.js'
import type { Context } from './context.js'
import { LocalQueue, type LocalQueueOptions, type QueuedMessage } from './local-queue.js'

/** Numbers below are left to system queues; 3 and 4 are published ([MS-MQCN] 1.9, [MS-MQQB] 2.2.4). */
const FIRST_PRIVATE_NUMBER = 100
const INFINITE_S = 0xffffffff

export const ORDER_QUEUE_NUMBER = 4
export const ORDER_QUEUE_NAME = 'private$\\order_queue$'
export const DEADLETTER_QUEUE = 'system$;deadletter'
export const DEADXACT_QUEUE = 'system$;deadxact'

/** How a message stands towards a full queue ([MS-MQDMPR] 3.1.7.1.9). */
export type QuotaVerdict = 'fits' | 'queue-quota' | 'machine-quota'

/** The queues of this machine, found by path or number, and what happens to messages inside them. */
export class LocalQueues {
  readonly #context: Context
  readonly #byName = new Map<string, LocalQueue>()
  readonly #byNumber = new Map<number, LocalQueue>()
  #nextNumber = FIRST_PRIVATE_NUMBER
  #nextLookupId = 1
  #nextRequest = 1

  constructor(context: Context) {
    this.#context = context
    this.#add({ name: DEADLETTER_QUEUE, number: -1, transactional: false, quotaBytes: Infinity })
    this.#add({ name: DEADXACT_QUEUE, number: -2, transactional: true, quotaBytes: Infinity })
  }

  /** @throws OptionError MSMQ_OPTION_TAKEN when the name or number is in use, MSMQ_OPTION_RANGE for a bad name. */
  create(options: { name: string; transactional?: boolean; number?: number; quotaKB?: number }): LocalQueue {
    const { name, transactional = false, number = this.#freeNumber(), quotaKB } = options
    const nameWithoutPrivate = name.replace(/^private\$\\/i, '')
    if (!/^[^\\;+,"\p{Cc}]{1,124}$/u.test(nameWithoutPrivate))
      throw new OptionError(
        'MSMQ_OPTION_RANGE',
        'queue',
        name,
        'private$\\NAME or NAME, 1 to 124 printable characters without \\ ; + , "',
      )
    if (this.#byName.has(name.toLowerCase()) || name.toLowerCase() === ORDER_QUEUE_NAME || this.#byNumber.has(number))
      throw new OptionError(
        'MSMQ_OPTION_TAKEN',
        'queue',
        `${name} (number ${number})`,
        'a name and number not in use on this machine',
      )
    const queue = this.#add({
      name,
      number,
      transactional,
      quotaBytes: quotaKB === undefined ? Infinity : quotaKB * 1024,
    })
    this.#context.batch.put('queue', name.toLowerCase(), { name, number, transactional, quotaKB: quotaKB ?? null })
    return queue
  }

  byName(name: string): LocalQueue | null {
    return this.#byName.get(name) ?? this.#byName.get(name.toLowerCase()) ?? null
  }

  byNumber(number: number): LocalQueue | null {
    return this.#byNumber.get(number) ?? null
  }

  [Symbol.iterator](): Iterator<LocalQueue> {
    return this.#byName.values()
  }

  quota(queue: LocalQueue, bytes: number): QuotaVerdict {
    if (queue.bytes + bytes > queue.quotaBytes) return 'queue-quota'
    return this.#context.counters.messageBytes + bytes > this.#context.settings.MachineQuota * 1024
      ? 'machine-quota'
      : 'fits'
  }

  /**
   * Stores a message (recoverable ones, together with whatever else is in the batch) and shows it in the queue once that is
   * durable. `settled` is told when, or that the store failed and the message is not here.
   */
  put(
    queue: LocalQueue,
    packet: UserMessagePacket,
    bytes: Buffer,
    recoverable: boolean,
    finalAckTo: string | null,
    settled: (error: string | null) => boolean,
  ): void {
    const { batch, counters, now } = this.#context
    const lookupId = this.#nextLookupId
    this.#nextLookupId += 1
    const storeKey = recoverable ? lookupId : null
    const queued: QueuedMessage = {
      lookupId,
      packet: bytes,
      message: packet,
      arrivedMs: now.wallMs,
      storeKey,
      finalAckTo,
      expiry: null,
    }
    queue.bytes += bytes.length
    counters.messageBytes += bytes.length
    if (storeKey === null) {
      if (settled(null)) this.#show(queue, queued)
      return
    }
    batch.put('message', storeKey, { queue: queue.name, lookupId, packet: bytes, arrivedMs: now.wallMs, finalAckTo })
    batch.whenDurable(error => {
      if (settled(error) && error === null) this.#show(queue, queued)
      else {
        this.#release(queue, queued)
        if (error === null) batch.remove('message', storeKey)
      }
    })
  }

  /** Starts a receive; the action `received` answers when the removal is durable. */
  receive(queue: LocalQueue, max: number): number {
    const { batch, log } = this.#context
    const request = this.#nextRequest
    this.#nextRequest += 1
    const messages = queue.take(max)
    let stored = false
    for (const { expiry, storeKey } of messages) {
      expiry?.discard()
      if (storeKey !== null) {
        batch.remove('message', storeKey)
        stored = true
      }
    }
    const answer = (error: string | null): void => {
      if (error !== null) {
        for (const queued of messages.splice(0).reverse()) {
          queue.putBack(queued)
          this.#startExpiry(queue, queued)
        }
      }
      for (const queued of messages) this.#left(queue, queued, MessageClass.ACK_RECEIVE)
      log.push({ do: 'received', request, queue: queue.name, messages })
    }
    if (stored) batch.whenDurable(answer)
    else answer(null)
    return request
  }

  /** Puts a message that came to nothing into a dead-letter queue of this machine. */
  deadLetter(packet: UserMessagePacket, bytes: Buffer, transactional: boolean): void {
    const queue = this.#byName.get(transactional ? DEADXACT_QUEUE : DEADLETTER_QUEUE) as LocalQueue
    this.put(queue, packet, bytes, true, null, error => error === null)
  }

  /** Begins to work: what was restored was so before it was known what time it is. */
  start(): void {
    for (const queue of this) for (const queued of queue.peek(Infinity)) this.#startExpiry(queue, queued)
  }

  restoreQueue(value: StoredValue): void {
    const quotaKB = value.quotaKB as number | null
    this.#add({
      name: value.name as string,
      number: value.number as number,
      transactional: value.transactional as boolean,
      quotaBytes: quotaKB === null ? Infinity : quotaKB * 1024,
    })
    this.#nextNumber = Math.max(this.#nextNumber, (value.number as number) + 1)
  }

  restoreMessage(key: number, value: StoredValue): void {
    const queue = this.byName(value.queue as string)
    if (queue === null) return
    const packet = Buffer.from(value.packet as Uint8Array)
    const lookupId = value.lookupId as number
    this.#nextLookupId = Math.max(this.#nextLookupId, lookupId + 1)
    queue.bytes += packet.length
    this.#context.counters.messageBytes += packet.length
    this.#show(queue, {
      lookupId,
      packet,
      message: decodePacket(packet) as UserMessagePacket,
      arrivedMs: value.arrivedMs as number,
      storeKey: key,
      finalAckTo: value.finalAckTo as string | null,
      expiry: null,
    })
  }

  #show(queue: LocalQueue, queued: QueuedMessage): void {
    const wasEmpty = queue.size === 0
    queue.insert(queued)
    this.#startExpiry(queue, queued)
    if (wasEmpty) this.#context.log.push({ do: 'arrived', queue: queue.name })
  }

  #startExpiry(queue: LocalQueue, queued: QueuedMessage): void {
    const { now, timers } = this.#context
    const lifeS = queued.message.user.timeToBeReceived
    if (lifeS === INFINITE_S || queue.number < 0) return
    queued.expiry ??= timers.create('time to be received', () => this.#expire(queue, queued))
    queued.expiry.startAt(now.monotonicMs + lifeS * 1000 - (now.wallMs - queued.arrivedMs))
  }

  /** Time-to-be-received ran out in the queue: class 0xC002 ([MS-MQDMPR] 3.1.2.4). */
  #expire(queue: LocalQueue, queued: QueuedMessage): void {
    queue.remove(queued)
    if (queued.storeKey !== null) this.#context.batch.remove('message', queued.storeKey)
    this.#left(queue, queued, MessageClass.NACK_RECEIVE_TIMEOUT)
  }

  /** A message is out of the queue for good: tells whoever asked to know. */
  #left(queue: LocalQueue, queued: QueuedMessage, messageClass: number): void {
    const { acknowledgements, log, now } = this.#context
    this.#release(queue, queued)
    if (queue.number < 0) return
    const { message } = queued
    const wanted = messageClass === MessageClass.ACK_RECEIVE ? MP_FLAGS.PR : MP_FLAGS.NR
    if (message.properties.flags & wanted) acknowledgements.sendAdminAck(message, messageClass)
    if (queued.finalAckTo !== null) acknowledgements.sendFinalAckFor(message, queued.finalAckTo, messageClass)
    if (log.noting && messageClass === MessageClass.ACK_RECEIVE)
      log.note(now, {
        kind: 'consumed',
        queue: queue.name,
        source: message.user.sourceQueueManager,
        messageId: message.user.messageId,
      })
  }

  #release(queue: LocalQueue, queued: QueuedMessage): void {
    queue.bytes -= queued.packet.length
    this.#context.counters.messageBytes -= queued.packet.length
  }

  #add(options: LocalQueueOptions): LocalQueue {
    const queue = new LocalQueue(options)
    this.#byName.set(options.name.toLowerCase(), queue)
    this.#byNumber.set(options.number, queue)
    return queue
  }

  #freeNumber(): number {
    while (this.#byNumber.has(this.#nextNumber)) this.#nextNumber += 1
    return this.#nextNumber
  }
}
