import type { Action, SendOutcome } from '../queue-manager/actions.js'
import type { Now } from '../queue-manager/clock.js'
import type { QueueManager } from '../queue-manager/queue-manager.js'

/** What a control connection asks of a queue manager. */
export type ControlledEngine = Pick<
  QueueManager,
  | 'name'
  | 'guid'
  | 'settings'
  | 'counters'
  | 'createQueue'
  | 'setQueue'
  | 'deleteQueue'
  | 'purge'
  | 'queue'
  | 'localQueues'
  | 'settle'
  | 'begin'
  | 'commit'
  | 'abort'
  | 'send'
  | 'sendTransaction'
  | 'receive'
  | 'cancel'
  | 'move'
  | 'reject'
  | 'peek'
  | 'outgoingQueues'
  | 'pauseOutgoing'
  | 'resumeOutgoing'
  | 'purgeOutgoing'
>

export type ReceivedAction = Extract<Action, { do: 'received' }>
export type ReceivedMessages = ReceivedAction['messages']

/** Where the queue manager is run; a `Driver<QueueManager>` is one. */
export interface ControlledHost {
  call<T>(body: (engine: ControlledEngine, now: Now) => T): T
  subscribe(listener: {
    onOutcome(request: number, outcome: SendOutcome, error: string | undefined): void
    onReceived(request: number, queue: string, messages: ReceivedMessages, error: string | undefined): void
  }): () => void
}

export type OnOutcome = (outcome: SendOutcome, error: string | undefined) => void
export type OnReceived = (messages: ReceivedMessages, error: string | undefined) => void

/** Remembers who asked for what, and hands the engine's later answers to them. Answers to others' requests pass by. */
export class RequestDesk {
  readonly #outcomes = new Map<number, OnOutcome>()
  readonly #receives = new Map<number, OnReceived>()
  readonly #unsubscribe: () => void

  constructor(host: ControlledHost) {
    this.#unsubscribe = host.subscribe({
      onOutcome: (request, outcome, error) => {
        const waiting = this.#outcomes.get(request)
        if (waiting === undefined) return
        this.#outcomes.delete(request)
        waiting(outcome, error)
      },
      onReceived: (request, _queue, messages, error) => {
        const waiting = this.#receives.get(request)
        if (waiting === undefined) return
        this.#receives.delete(request)
        waiting(messages, error)
      },
    })
  }

  expectOutcome(request: number, then: OnOutcome): void {
    this.#outcomes.set(request, then)
  }

  expectReceived(request: number, then: OnReceived): void {
    this.#receives.set(request, then)
  }

  close(): void {
    this.#unsubscribe()
    this.#outcomes.clear()
    this.#receives.clear()
  }
}
