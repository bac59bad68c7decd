import type { ReceiveOptions } from '../queue-manager/queue-manager.js'
import { TRANSACTIONS_MAX, WAITING_RECEIVES_MAX } from './bounds.js'
import { ControlError } from './errors.js'
import type { ControlledEngine, ReceivedMessages } from './request-desk.js'
import { answerByOutcome, checkTransaction, type MessageRow, type Requester, refused } from './requester.js'
import type { Parameters } from './requests.js'

/* What a client does with messages. Each answers its request, now or later; what it throws is the answer, too. */

/** What one receive takes out is in memory until the client has read it. */
const RECEIVED_BYTES_TARGET = 16 * 1024 * 1024
/** So many are always allowed. */
const RECEIVED_MESSAGES_FREE = 4

export function send(by: Requester, id: number, { message, transaction }: Parameters<'send'>): void {
  checkTransaction(by, transaction)
  const ticket = by.host.call((engine, now) =>
    transaction === undefined ? engine.send(now, message) : engine.send(now, message, transaction),
  )
  answerByOutcome(by, id, ticket.request, { messageIds: ticket.messageIds })
}

export function sendTransaction(by: Requester, id: number, { messages }: Parameters<'sendTransaction'>): void {
  const ticket = by.host.call((engine, now) => engine.sendTransaction(now, messages))
  answerByOutcome(by, id, ticket.request, { messageIds: ticket.messageIds })
}

export function receive(by: Requester, id: number, parameters: Parameters<'receive'>): void {
  const { queue, timeoutMs = 0, as, ...options } = parameters
  checkTransaction(by, options.transaction)
  if (by.receives.has(id)) throw new ControlError('MSMQ_CONTROL_REQUEST', `request ${id} is still under way`)
  const waits = timeoutMs !== 0
  if (waits && [...by.receives.values()].filter(other => other.waits).length >= WAITING_RECEIVES_MAX)
    throw new ControlError('MSMQ_CONTROL_BUSY', `${WAITING_RECEIVES_MAX} receives wait on this connection already`)
  const given: ReceiveOptions = {
    ...options,
    timeoutMs: timeoutMs ?? Number.POSITIVE_INFINITY,
    ...(as !== undefined && { as: { sid: as } }),
  }
  const request = by.host.call((engine, now) =>
    engine.receive(now, queue, { ...given, max: boundedMax(engine, queue, options.max ?? 1) }),
  )
  by.receives.set(id, { request, waits })
  by.desk.expectReceived(request, (messages, error) => {
    by.receives.delete(id)
    if (error === undefined) by.answerMessages(id, rowsOf(messages))
    else by.fail(id, refused(error))
  })
}

/** Has no answer; the receive has. */
export function cancel(by: Requester, _id: number, { request }: Parameters<'cancel'>): void {
  const receiving = by.receives.get(request)
  if (receiving !== undefined) by.host.call((engine, now) => engine.cancel(now, receiving.request))
}

/** The first messages of a queue, at once. */
export function list(by: Requester, id: number, { queue, max }: Parameters<'list'>): void {
  by.answerMessages(
    id,
    by.host.call(engine => rowsOf(engine.peek(queue, boundedMax(engine, queue, max)))),
  )
}

export function begin(by: Requester, id: number): void {
  if (by.transactions.size >= TRANSACTIONS_MAX)
    throw new ControlError('MSMQ_CONTROL_BUSY', `${TRANSACTIONS_MAX} transactions are open on this connection already`)
  const transaction = by.host.call((engine, now) => engine.begin(now))
  by.transactions.add(transaction)
  by.answer(id, { transaction })
}

export function commit(by: Requester, id: number, { transaction }: Parameters<'commit'>): void {
  end(by, id, transaction, 'commit')
}

export function abort(by: Requester, id: number, { transaction }: Parameters<'abort'>): void {
  end(by, id, transaction, 'abort')
}

function end(by: Requester, id: number, transaction: number, how: 'commit' | 'abort'): void {
  checkTransaction(by, transaction)
  by.transactions.delete(transaction)
  answerByOutcome(
    by,
    id,
    by.host.call((engine, now) => engine[how](now, transaction)),
    null,
  )
}

export function move(by: Requester, id: number, parameters: Parameters<'move'>): void {
  const { queue, lookupId, subqueue, transaction } = parameters
  checkTransaction(by, transaction)
  answerByOutcome(
    by,
    id,
    by.host.call((engine, now) => engine.move(now, queue, lookupId, subqueue, transaction)),
    null,
  )
}

export function reject(by: Requester, id: number, { queue, lookupId, transaction }: Parameters<'reject'>): void {
  checkTransaction(by, transaction)
  answerByOutcome(
    by,
    id,
    by.host.call((engine, now) => engine.reject(now, queue, lookupId, transaction)),
    null,
  )
}

/** As many messages as of their size on average fit into what one answer should hold. */
function boundedMax(engine: ControlledEngine, queue: string, max: number): number {
  if (max <= RECEIVED_MESSAGES_FREE) return max
  const found = engine.queue(queue)
  if (found === null || found.messages === 0) return max
  const fitting = Math.floor((RECEIVED_BYTES_TARGET * found.messages) / Math.max(found.bytes, 1))
  return Math.min(max, Math.max(fitting, RECEIVED_MESSAGES_FREE))
}

function rowsOf(messages: ReceivedMessages): MessageRow[] {
  return messages.map(({ lookupId, packet, arrivedMs, abortCount, moveCount, authenticated }) => [
    lookupId,
    packet,
    arrivedMs,
    abortCount,
    moveCount,
    authenticated,
  ])
}
