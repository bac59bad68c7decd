import { MqlabError, OptionError } from '../protocol/errors.js'
import { type Guid, isGuid } from '../protocol/guid.js'
import { MessageClass } from '../protocol/message-class.js'
import type { MqErrorName } from '../protocol/mq-error.js'
import type { Context } from './context.js'
import type { LocalQueue } from './local-queue.js'
import { correlationHash, type QueuedMessage, type ReceivedMessage, receivedMessage } from './queued-message.js'
import { type Identity, isAllowed, type Right } from './security/access-control.js'
import type { Timer } from './timers.js'

/** Which message is wanted; of several that fit, the first in the queue's order. */
export type MessageWanted =
  | { readonly lookupId: number; readonly which?: 'this' | 'next' | 'previous' }
  | { readonly which: 'first' | 'last' }
  /** `guid\number`, number in decimal. */
  | { readonly messageId: string }
  /** 20 bytes. */
  | { readonly correlationId: Buffer }

export interface ReceiveOptions {
  /** At most so many messages, if they are there; 1 by default, and with `by`. */
  readonly max?: number
  /** The messages stay in the queue. */
  readonly peek?: boolean
  /** How long to wait for the first message: 0 (the default) not at all, Infinity for ever. Not by lookup identifier. */
  readonly timeoutMs?: number
  /** Number of an open transaction: received when it commits, back in the queue when it aborts. */
  readonly transaction?: number
  /** Who asks, where the queue's access rules are to decide; absent: this machine's own, who may do everything. */
  readonly as?: Identity
  readonly by?: MessageWanted
}

/** A receive or peek that waits for a message. */
export interface WaitingRead {
  readonly request: number
  readonly queue: LocalQueue
  readonly options: ReceiveOptions
  readonly fits: Fits
  readonly timer: Timer | null
}

/** Whether a message is one that is wanted; which place it has in the queue is not looked at. */
type Fits = (queued: QueuedMessage) => boolean

interface MessageIdentity {
  readonly source: Guid
  readonly messageId: number
}

const WAITING_MAX = 100_000

/** Receives and peeks: what fits is found, or waited for, and answered by the action `received` ([MS-MQDMPR] 3.1.7.1.10 to 17). */
export class Reads {
  readonly #context: Context
  readonly #waiting = new Map<number, WaitingRead>()
  /** Of those, the ones in a transaction, by its number. */
  readonly #inTransactions = new Map<number, Set<WaitingRead>>()

  constructor(context: Context) {
    this.#context = context
  }

  /** Starts a read; the action `received` answers, when the removal is durable if there is one. */
  start(queue: LocalQueue, options: ReceiveOptions): number {
    const request = this.#context.nextRequest()
    checkWanted(options.by)
    const problem = this.#problem(queue, options)
    if (problem !== null) this.#answer(request, queue, [], problem)
    else this.#attempt(request, queue, options)
    return request
  }

  /** Ends a read that waits. */
  cancel(request: number): void {
    const waiting = this.#waiting.get(request)
    if (waiting !== undefined) this.#end(waiting, 'MQ_ERROR_OPERATION_CANCELLED')
  }

  /** A message has become available: of those who wait, the first whom it fits receives it, and whoever peeks sees it. */
  serve(arrived: QueuedMessage): void {
    const { queue } = arrived
    for (const waiting of queue.waiting) {
      if (arrived.state !== 'available') return
      if (!waiting.fits(arrived)) continue
      this.#forget(waiting)
      this.#take(waiting.request, queue, [arrived], waiting.options)
    }
  }

  /** The queue is gone. */
  endAll(queue: LocalQueue): void {
    for (const waiting of [...queue.waiting]) this.#end(waiting, 'MQ_ERROR_QUEUE_DELETED')
  }

  /** A transaction is over: nothing can be received in it any more. */
  endTransaction(transaction: number): void {
    for (const waiting of this.#inTransactions.get(transaction) ?? [])
      this.#end(waiting, 'MQ_ERROR_TRANSACTION_SEQUENCE')
  }

  /** The queue manager stops. */
  stop(): void {
    for (const waiting of [...this.#waiting.values()]) this.#end(waiting, 'MQ_ERROR_OPERATION_CANCELLED')
  }

  /** The first messages that can be read, left where they are. */
  peek(queue: LocalQueue, max: number): ReceivedMessage[] {
    return this.#find(queue, { peek: true, max }).map(queued => receivedMessage(this.#context, queued))
  }

  #problem(queue: LocalQueue, { peek, as, transaction }: ReceiveOptions): MqErrorName | null {
    if (as !== undefined && !isAllowed((queue.parent ?? queue).properties.access, as, rightToRead(queue, peek)))
      return 'MQ_ERROR_ACCESS_DENIED'
    if (transaction === undefined) return null
    if (peek || !queue.transactional) return 'MQ_ERROR_TRANSACTION_USAGE'
    return this.#context.transactions.isOpen(transaction) ? null : 'MQ_ERROR_TRANSACTION_SEQUENCE'
  }

  #attempt(request: number, queue: LocalQueue, options: ReceiveOptions): void {
    const { by, timeoutMs = 0 } = options
    const found = this.#find(queue, options)
    if (found.length > 0) {
      this.#take(request, queue, found, options)
      return
    }
    const positioned = by !== undefined && ('which' in by || 'lookupId' in by)
    if (positioned || timeoutMs <= 0) this.#answer(request, queue, [], this.#absence(queue, by))
    else if (this.#waiting.size >= WAITING_MAX) this.#answer(request, queue, [], 'MQ_ERROR_INSUFFICIENT_RESOURCES')
    else this.#wait(request, queue, options, timeoutMs)
  }

  /** Why nothing was found, for one who does not wait. */
  #absence(queue: LocalQueue, by: MessageWanted | undefined): MqErrorName {
    if (by === undefined) return 'MQ_ERROR_IO_TIMEOUT'
    const locked = 'lookupId' in by && (by.which ?? 'this') === 'this' && queue.line.find(by.lookupId) !== null
    return locked ? 'MQ_ERROR_MESSAGE_LOCKED_UNDER_TRANSACTION' : 'MQ_ERROR_MESSAGE_NOT_FOUND'
  }

  #wait(request: number, queue: LocalQueue, options: ReceiveOptions, timeoutMs: number): void {
    const { now, timers } = this.#context
    const timer = timeoutMs === Infinity ? null : timers.create('read', () => this.#end(waiting, 'MQ_ERROR_IO_TIMEOUT'))
    const waiting: WaitingRead = { request, queue, options, fits: this.#fitting(options.by), timer }
    timer?.start(now, timeoutMs)
    queue.waiting.add(waiting)
    this.#waiting.set(request, waiting)
    const { transaction } = options
    if (transaction === undefined) return
    const others = this.#inTransactions.get(transaction)
    if (others === undefined) this.#inTransactions.set(transaction, new Set([waiting]))
    else others.add(waiting)
  }

  #forget(waiting: WaitingRead): void {
    waiting.timer?.discard()
    waiting.queue.waiting.delete(waiting)
    this.#waiting.delete(waiting.request)
    const { transaction } = waiting.options
    if (transaction === undefined) return
    const others = this.#inTransactions.get(transaction)
    others?.delete(waiting)
    if (others?.size === 0) this.#inTransactions.delete(transaction)
  }

  #end(waiting: WaitingRead, error: MqErrorName): void {
    this.#forget(waiting)
    this.#answer(waiting.request, waiting.queue, [], error)
  }

  /** What was found is peeked, received for good, or locked by a transaction. */
  #take(request: number, queue: LocalQueue, found: readonly QueuedMessage[], options: ReceiveOptions): void {
    let messages: ReceivedMessage[]
    try {
      messages = found.map(queued => receivedMessage(this.#context, queued))
    } catch (error) {
      if (!(error instanceof MqlabError)) throw error
      this.#context.counters.unreadablePackets += 1
      this.#answer(request, queue, [], 'MQ_ERROR_MESSAGE_STORAGE_FAILED')
      return
    }
    const { peek, transaction } = options
    if (peek) this.#answer(request, queue, messages)
    else if (transaction !== undefined) {
      this.#context.transactions.receive(transaction, found)
      this.#answer(request, queue, messages)
    } else {
      this.#context.localQueues.remove(found, MessageClass.ACK_RECEIVE, error => {
        if (error === null) this.#answer(request, queue, messages)
        else this.#answer(request, queue, [], 'MQ_ERROR_MESSAGE_STORAGE_FAILED')
      })
    }
  }

  #answer(request: number, queue: LocalQueue, messages: readonly ReceivedMessage[], error?: MqErrorName): void {
    const { log } = this.#context
    log.push({ do: 'received', request, queue: queue.name, messages, ...(error !== undefined && { error }) })
  }

  #find(queue: LocalQueue, options: ReceiveOptions): QueuedMessage[] {
    const { by, max = 1 } = options
    if (by === undefined) return firstAvailable(queue.line, max)
    const one = this.#findOne(queue, by)
    return one === null ? [] : [one]
  }

  #findOne(queue: LocalQueue, by: MessageWanted): QueuedMessage | null {
    const { line } = queue
    if ('lookupId' in by) {
      const { lookupId, which = 'this' } = by
      if (which !== 'this') return firstOf(line.from(lookupId, which), () => true)
      const found = line.find(lookupId)
      return found?.state === 'available' ? found : null
    }
    if ('which' in by) return by.which === 'first' ? line.first() : firstOf(line.from(Infinity, 'previous'), () => true)
    return firstOf(line, this.#fitting(by))
  }

  /** Worked out once for a read: it may be asked of a million messages. */
  #fitting(by: MessageWanted | undefined): Fits {
    if (by === undefined) return () => true
    const { localQueues } = this.#context
    if ('messageId' in by) {
      const { source, messageId } = messageIdentity(by.messageId)
      return queued =>
        queued.messageId === messageId && localQueues.read(queued)?.message.user.sourceQueueManager === source
    }
    if (!('correlationId' in by)) return () => false
    const { correlationId } = by
    const hash = correlationHash(correlationId)
    return queued =>
      queued.correlation === hash &&
      localQueues.read(queued)?.message.properties.correlationId.equals(correlationId) === true
  }
}

/** Whoever may not read the journal of a queue may still read the queue, and the other way round. */
function rightToRead(queue: LocalQueue, peek: boolean | undefined): Right {
  if (queue.kind === 'journal') return 'journal'
  return peek ? 'peek' : 'receive'
}

function firstAvailable(line: LocalQueue['line'], max: number): QueuedMessage[] {
  const found: QueuedMessage[] = []
  if (line.available === 0) return found
  for (const queued of line.fromFirst()) {
    if (found.length >= max || found.length >= line.available) break
    if (queued.state === 'available') found.push(queued)
  }
  return found
}

function firstOf(messages: Iterable<QueuedMessage>, fits: (queued: QueuedMessage) => boolean): QueuedMessage | null {
  for (const queued of messages) if (queued.state === 'available' && fits(queued)) return queued
  return null
}

function checkWanted(by: MessageWanted | undefined): void {
  if (by !== undefined && 'messageId' in by) messageIdentity(by.messageId)
}

/** @throws OptionError MSMQ_OPTION_RANGE. */
function messageIdentity(text: string): MessageIdentity {
  const [guid = '', number = ''] = text.split('\\')
  const messageId = Number(number)
  if (!isGuid(guid) || !/^\d{1,10}$/.test(number) || messageId > 0xffffffff)
    throw new OptionError('MSMQ_OPTION_RANGE', 'message id', text, 'guid\\number, as messages are listed')
  return { source: guid.toLowerCase(), messageId }
}
