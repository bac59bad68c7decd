import { ControlError } from './errors.js'
import type { ControlledHost, RequestDesk } from './request-desk.js'

/** A message as it goes to a client, which decodes the packet itself. */
export type MessageRow = readonly [
  lookupId: number,
  packet: Uint8Array,
  arrivedMs: number,
  abortCount: number,
  moveCount: number,
  authenticated: boolean,
]

/** How the requests of one connection are answered. */
export interface Replies {
  answer(id: number, result: unknown): void
  /** A list that may be long. */
  answerRows(id: number, rows: readonly unknown[]): void
  answerMessages(id: number, messages: readonly MessageRow[]): void
  fail(id: number, error: ControlError): void
}

/** One connection to a queue manager as the operations see it: what is open on it. */
export interface Requester extends Replies {
  readonly host: ControlledHost
  readonly desk: RequestDesk
  /** How others reach the queue manager over HTTP; null: they do not. */
  readonly httpUrl: string | null
  /** Transactions begun on this connection that have not ended. */
  readonly transactions: Set<number>
  /** Receives under way, by the client's id: the engine's request, and whether it may wait. */
  readonly receives: Map<number, { readonly request: number; readonly waits: boolean }>
}

/** Nobody ends or uses a transaction that another connection has begun. */
export function checkTransaction(by: Requester, transaction: number | undefined): void {
  if (transaction !== undefined && !by.transactions.has(transaction)) throw refused('MQ_ERROR_TRANSACTION_USAGE')
}

/** Answers with `result` when the engine says that what it was asked to do is done, and durable where it must be. */
export function answerByOutcome(by: Requester, id: number, request: number, result: unknown): void {
  by.desk.expectOutcome(request, (outcome, error) => {
    if (outcome === 'accepted') by.answer(id, result)
    else by.fail(id, refused(error ?? 'MQ_ERROR'))
  })
}

/** Answers with `result` when everything that the engine has done so far is durable. */
export function answerWhenSettled(by: Requester, id: number, result: unknown): void {
  answerByOutcome(
    by,
    id,
    by.host.call((engine, now) => engine.settle(now)),
    result,
  )
}

const MQ_NAME = /^MQ_ERROR(?:_[A-Z_]+)?/

/** The queue manager's no. `reason` begins with MSMQ's name for the error, or is a text of ours. */
export function refused(reason: string): ControlError {
  const [mqError = null] = MQ_NAME.exec(reason) ?? []
  const meaning = mqError === null ? undefined : MEANINGS[mqError]
  return new ControlError('MSMQ_CONTROL_REFUSED', meaning === undefined ? reason : `${reason}: ${meaning}`, { mqError })
}

/** What the errors that people meet most mean here. */
const MEANINGS: Readonly<Record<string, string>> = {
  MQ_ERROR_ACCESS_DENIED: 'the access rules of the queue do not allow that',
  MQ_ERROR_CERTIFICATE_NOT_PROVIDED:
    'this queue manager has no key to sign with; give it one as security.signing in its --config',
  MQ_ERROR_ENCRYPTION_PROVIDER_NOT_SUPPORTED:
    'no key of the destination is known; name it below security.peers in the --config of this queue manager',
  MQ_ERROR_INSUFFICIENT_RESOURCES:
    'the quota of the queue or of the machine (MachineQuota) is reached, or there is no room for it',
  MQ_ERROR_IO_TIMEOUT: 'no such message came in time',
  MQ_ERROR_MESSAGE_LOCKED_UNDER_TRANSACTION: 'the message is received in a transaction that has not ended',
  MQ_ERROR_MESSAGE_NOT_FOUND: 'there is no such message in the queue',
  MQ_ERROR_MESSAGE_STORAGE_FAILED: 'the store could not take it',
  MQ_ERROR_OPERATION_CANCELLED: 'cancelled',
  MQ_ERROR_QUEUE_DELETED: 'the queue was deleted meanwhile',
  MQ_ERROR_QUEUE_NOT_FOUND: 'there is no such queue on this machine',
  MQ_ERROR_UNSUPPORTED_FORMATNAME_OPERATION:
    'messages to direct names cannot be encrypted, and those over HTTP cannot be signed either; send to PRIVATE=guid\\number or a public name',
  MQ_ERROR_TRANSACTION_USAGE: 'a transaction that is not open on this connection, or a queue that takes the other kind',
}
