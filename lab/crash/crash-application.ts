import { readTrackedBody, TRACKED_BODY_SIZE, verifyFiller } from '../../protocol/tracked-body.js'
import type { SendOutcome } from '../../queue-manager/actions.js'
import type { QueueManager } from '../../queue-manager/queue-manager.js'
import type { ReceivedMessage } from '../../queue-manager/queued-message.js'
import type { Random } from '../sim/random.js'
import type { Ledger, LedgerLine } from './crash-ledger.js'

/** The part of a queue manager that the applications of the crash campaign use. */
export type CrashEngine = Pick<
  QueueManager,
  'begin' | 'commit' | 'abort' | 'send' | 'receive' | 'peek' | 'localQueues' | 'counters'
>

/** A queue of the campaign. All nodes know the whole list; its positions are the queues' numbers in bodies and ledgers. */
export interface CrashQueue {
  readonly node: string
  readonly name: string
  readonly transactional: boolean
  /** What is received goes to its journal, which is the queue of this number. */
  readonly journal?: number
  /** This is a journal: nobody sends to it. */
  readonly isJournal?: true
}

/** What a queue manager answers to a request. */
export type Answer =
  | { readonly outcome: SendOutcome; readonly error: string | undefined }
  | { readonly messages: readonly ReceivedMessage[]; readonly error: string | undefined }

/** Brings answers to whoever asked. An answer may come before the call that asks has returned its number. */
export class Answers {
  readonly #handlers = new Map<number, (answer: Answer) => void>()
  readonly #early = new Map<number, Answer>()

  expect(request: number, handler: (answer: Answer) => void): void {
    const early = this.#early.get(request)
    this.#early.delete(request)
    if (early === undefined) this.#handlers.set(request, handler)
    else handler(early)
  }

  answer(request: number, answer: Answer): void {
    const handler = this.#handlers.get(request)
    this.#handlers.delete(request)
    if (handler === undefined) this.#early.set(request, answer)
    else handler(answer)
  }
}

/** Who offered a message and its number there, as its body says; null for a body that is not intact. */
export function identityOf({ message }: ReceivedMessage): { readonly sender: number; readonly number: number } | null {
  const { body } = message.properties
  const identity = readTrackedBody(body)
  if (identity === null || identity.bodySize !== body.length) return null
  return verifyFiller(body, TRACKED_BODY_SIZE, identity.number) ? identity : null
}

/** What the applications of one node share. `written` is what the ledger held when this life began. */
export interface CrashApplicationParts {
  readonly ledger: Ledger
  readonly written: readonly LedgerLine[]
  readonly answers: Answers
  readonly random: Random
}
