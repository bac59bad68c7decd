import type { ControlService, ControlSession } from './control-connection.js'
import { QUEUE_MANAGER } from './endpoint.js'
import type { ControlError } from './errors.js'
import * as management from './management-operations.js'
import * as messages from './message-operations.js'
import { type ControlledHost, RequestDesk } from './request-desk.js'
import type { MessageRow, Replies, Requester } from './requester.js'
import { METHODS, type Method } from './requests.js'

type Operation = (by: Requester, id: number, parameters: unknown) => void

const OPERATIONS = { ...messages, ...management } as { readonly [M in Method]: Operation }

/** What a queue manager does for those who connect to its control socket. */
export class QueueManagerService implements ControlService {
  readonly what = QUEUE_MANAGER.what
  readonly methods = METHODS
  readonly host: ControlledHost
  readonly desk: RequestDesk
  readonly httpUrl: string | null

  constructor(host: ControlledHost, httpUrl: string | null) {
    this.host = host
    this.desk = new RequestDesk(host)
    this.httpUrl = httpUrl
  }

  greeting(): { name: string; guid: string } {
    const { name, guid } = this.host.call(engine => engine)
    return { name, guid }
  }

  session(replies: Replies): ControlSession {
    return new QueueManagerSession(this, replies)
  }

  close(): void {
    this.desk.close()
  }
}

class QueueManagerSession implements ControlSession, Requester {
  readonly host: ControlledHost
  readonly desk: RequestDesk
  readonly httpUrl: string | null
  readonly transactions = new Set<number>()
  readonly receives = new Map<number, { readonly request: number; readonly waits: boolean }>()
  readonly #replies: Replies

  constructor({ host, desk, httpUrl }: QueueManagerService, replies: Replies) {
    this.host = host
    this.desk = desk
    this.httpUrl = httpUrl
    this.#replies = replies
  }

  answer(id: number, result: unknown): void {
    this.#replies.answer(id, result)
  }

  answerRows(id: number, rows: readonly unknown[]): void {
    this.#replies.answerRows(id, rows)
  }

  answerMessages(id: number, messages: readonly MessageRow[]): void {
    this.#replies.answerMessages(id, messages)
  }

  fail(id: number, error: ControlError): void {
    this.#replies.fail(id, error)
  }

  carryOut(id: number, method: Method, parameters: unknown): void {
    OPERATIONS[method](this, id, parameters)
  }

  waits(id: number): boolean {
    return this.receives.get(id)?.waits === true
  }

  /** Nobody is there to end what was begun: transactions are undone, and no receive waits for nobody. */
  closed(): void {
    const { receives, transactions } = this
    if (receives.size === 0 && transactions.size === 0) return
    this.host.call((engine, now) => {
      for (const { request } of receives.values()) engine.cancel(now, request)
      for (const transaction of transactions) engine.abort(now, transaction)
    })
    transactions.clear()
  }
}
