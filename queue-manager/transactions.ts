import { OptionError } from '../protocol/errors.js'
import { MessageClass } from '../protocol/message-class.js'
import type { MqErrorName } from '../protocol/mq-error.js'
import type { Context } from './context.js'
import type { LocalQueue } from './local-queue.js'
import type { MessageToSend } from './message-to-send.js'
import type { Prepared } from './outgoing-queues.js'
import type { QueuedMessage } from './queued-message.js'

/** Number of an open internal transaction (MQ-4). */
export type TransactionId = number

interface Transaction {
  readonly sends: Prepared[]
  /** Of the messages to send. */
  bytes: number
  /** Locked for this transaction, in the order of receiving, and what is to become of each. */
  readonly taken: Map<QueuedMessage, 'receive' | 'reject' | LocalQueue>
}

const OPEN_MAX = 100_000

/**
 * Internal transactions: messages to send to any number of queues, and messages received from queues of this machine, in
 * one atomic step ([MS-MQDMPR] 3.1.4.3 to 3.1.4.5). Nothing is stored before the commit, which is one batch; so a crash
 * before it is an abort, and after it is a commit.
 */
export class Transactions {
  readonly #context: Context
  readonly #open = new Map<TransactionId, Transaction>()
  #last = 0

  constructor(context: Context) {
    this.#context = context
  }

  get size(): number {
    return this.#open.size
  }

  /** @throws OptionError MSMQ_OPTION_RANGE when too many are open. */
  begin(): TransactionId {
    if (this.#open.size >= OPEN_MAX)
      throw new OptionError('MSMQ_OPTION_RANGE', 'transactions', this.#open.size, `at most ${OPEN_MAX} open at a time`)
    this.#last += 1
    this.#open.set(this.#last, { sends: [], bytes: 0, taken: new Map() })
    return this.#last
  }

  isOpen(id: TransactionId): boolean {
    return this.#open.has(id)
  }

  /**
   * Adds a message to those that the commit sends; or says why it cannot be one of them.
   * @throws OptionError MSMQ_OPTION_TRANSACTION, and as `OutgoingQueues.prepare` does.
   */
  send(id: TransactionId, message: MessageToSend): readonly number[] | MqErrorName {
    const transaction = this.#existing(id)
    const prepared = this.#context.outgoingQueues.prepare(message, true, transaction.bytes)
    if (typeof prepared === 'string') return prepared
    for (const each of prepared) {
      transaction.sends.push(each)
      transaction.bytes += each.message.size
    }
    return prepared.map(({ message: { messageId } }) => messageId)
  }

  /** Locks messages until the end of the transaction. */
  receive(id: TransactionId, messages: readonly QueuedMessage[]): void {
    const { taken } = this.#existing(id)
    for (const queued of messages) {
      queued.queue.line.lock(queued, 'locked')
      taken.set(queued, 'receive')
    }
  }

  /** A message received in this transaction is not wanted: at the commit it leaves with class 0xC004. False if it is none of its. */
  reject(id: TransactionId, queued: QueuedMessage): boolean {
    const { taken } = this.#existing(id)
    if (taken.get(queued) !== 'receive') return false
    taken.set(queued, 'reject')
    return true
  }

  /** Moves an available message at the commit; `targetOf` is asked where to, and may throw: then nothing changed. */
  move(id: TransactionId, queued: QueuedMessage, targetOf: () => LocalQueue): void {
    const { taken } = this.#existing(id)
    const target = targetOf()
    queued.queue.line.lock(queued, 'locked')
    taken.set(queued, target)
  }

  /** Answered by the action `outcome`: accepted when all of it is durable, refused when none of it came about. */
  commit(id: TransactionId): number {
    const { batch, localQueues, log, outgoingQueues } = this.#context
    const request = this.#context.nextRequest()
    const transaction = this.#end(id, request)
    if (transaction === null) return request
    const { sends, taken } = transaction
    for (const [queued, fate] of taken) if (typeof fate === 'object') this.#move(queued, fate)
    localQueues.remove(allOf(taken, 'receive'), MessageClass.ACK_RECEIVE, () => undefined)
    localQueues.remove(allOf(taken, 'reject'), MessageClass.NACK_RECEIVE_REJECTED, () => undefined)
    if (sends.length > 0) outgoingQueues.enter(sends, request)
    else batch.whenDurable(error => log.stored(request, error))
    return request
  }

  /** Nothing is sent; what was received is back in its place, and counts one abort more. */
  abort(id: TransactionId): number {
    const { batch, localQueues, log } = this.#context
    const request = this.#context.nextRequest()
    const transaction = this.#end(id, request)
    if (transaction === null) return request
    for (const queued of transaction.taken.keys()) {
      if (queued.state !== 'locked') continue
      queued.abortCount += 1
      localQueues.storeState(queued)
    }
    this.#giveBack(transaction)
    // it is aborted also where the store has not taken the counts
    batch.whenDurable(() => log.outcome(request, null))
    return request
  }

  /** Takes a transaction from those that are open, with the reads that wait in it; if it is not, answers the request. */
  #end(id: TransactionId, request: number): Transaction | null {
    const { log, reads } = this.#context
    const transaction = this.#open.get(id)
    if (transaction === undefined) {
      log.outcome(request, 'MQ_ERROR_TRANSACTION_SEQUENCE')
      return null
    }
    this.#open.delete(id)
    reads.endTransaction(id)
    return transaction
  }

  #giveBack({ taken }: Transaction): void {
    for (const queued of taken.keys()) if (queued.state === 'locked') this.#context.localQueues.giveBack(queued)
  }

  #move(queued: QueuedMessage, target: LocalQueue): void {
    if (queued.state === 'locked') this.#context.localQueues.move(queued, target)
  }

  #existing(id: TransactionId): Transaction {
    const transaction = this.#open.get(id)
    if (transaction === undefined)
      throw new OptionError('MSMQ_OPTION_TRANSACTION', 'transaction', id, 'the number of an open transaction')
    return transaction
  }
}

function allOf(taken: Transaction['taken'], fate: 'receive' | 'reject'): QueuedMessage[] {
  return [...taken].filter(([, wanted]) => wanted === fate).map(([queued]) => queued)
}
