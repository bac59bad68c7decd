import { MessageClass } from '../protocol/message-class.js'
import { readTrackedBody, TRACKED_BODY_SIZE, verifyFiller } from '../protocol/tracked-body.js'
import type { Now } from '../queue-manager/clock.js'
import type { ReceivedMessage } from '../queue-manager/queued-message.js'
import type { ApplicationHost } from '../transport/application-host.js'
import type { ReceiverLedger } from './receiver-ledger.js'

/** The part of a queue manager that a consumer uses. */
export interface ReceivingEngine {
  receive(now: Now, queue: string, messagesMax: number): number
}

export interface ConsumerOptions {
  /** Names of local queues, spelled as they were created. */
  readonly queues: readonly string[]
  /** Rest after each message: a slow consumer. Default 0: takes what there is, in batches. */
  readonly pauseMs?: number
  /** Check the filling of each body too. Default false. */
  readonly verifyBodies?: boolean
}

const BATCH_MESSAGES_MAX = 256

/** Takes messages out of queues as they come and enters them into a ledger. */
export class Consumer {
  readonly #host: ApplicationHost<ReceivingEngine>
  readonly #ledger: ReceiverLedger
  readonly #pauseMs: number
  readonly #verifyBodies: boolean
  /** Per queue, whether a receive is under way or a pause is on. */
  readonly #busy = new Map<string, boolean>()
  #stopped = false

  constructor(host: ApplicationHost<ReceivingEngine>, ledger: ReceiverLedger, options: ConsumerOptions) {
    this.#host = host
    this.#ledger = ledger
    this.#pauseMs = options.pauseMs ?? 0
    this.#verifyBodies = options.verifyBodies ?? false
    for (const queue of options.queues) this.#busy.set(queue, false)
  }

  /** What is in the queues already, a restarted queue manager's messages for instance, causes no `arrived`. */
  start(): void {
    for (const queue of this.#busy.keys()) this.#receive(queue)
  }

  /** Takes no more; what a receive under way brings is still entered. */
  stop(): void {
    this.#stopped = true
  }

  arrived(queue: string): void {
    if (this.#busy.get(queue) === false) this.#receive(queue)
  }

  received(queue: string, messages: readonly ReceivedMessage[]): void {
    if (!this.#busy.has(queue)) return
    this.#enter(queue, messages)
    if (messages.length === 0) this.#busy.set(queue, false)
    else if (this.#pauseMs > 0) this.#host.setTimer(() => this.#receive(queue), this.#pauseMs)
    else this.#receive(queue)
  }

  #receive(queue: string): void {
    if (this.#stopped) return
    this.#busy.set(queue, true)
    this.#host.call((engine, now) => engine.receive(now, queue, this.#pauseMs > 0 ? 1 : BATCH_MESSAGES_MAX))
  }

  #enter(queue: string, messages: readonly ReceivedMessage[]): void {
    const { monotonicMs, wallMs } = this.#host.now()
    const nowUs = monotonicMs * 1000
    for (const queued of messages) enterMessage(this.#ledger, queue, queued, nowUs, wallMs, this.#verifyBodies)
  }
}

/** Enters one message, consumed now, into a ledger. */
export function enterMessage(
  ledger: ReceiverLedger,
  queue: string,
  { message }: ReceivedMessage,
  nowUs: number,
  wallMs: number,
  verifyBodies: boolean,
): void {
  const { body, messageClass } = message.properties
  // A negative acknowledgement brings the message back as its body: that one was not delivered.
  const identity = messageClass === MessageClass.NORMAL ? readTrackedBody(body) : null
  ledger.consumed(queue, identity, nowUs, wallMs)
  if (identity === null) return
  const intact =
    body.length === identity.bodySize && (!verifyBodies || verifyFiller(body, TRACKED_BODY_SIZE, identity.number))
  if (!intact) ledger.bodyFailed()
}
