import type { FrameRef } from '../capture/frame.js'
import type { Guid } from '../protocol/guid.js'
import { Recent } from './recent.js'
import type { SeenMessage } from './seen-message.js'
import type { Sequence, SequenceReceiver } from './sequences.js'

const SOURCES_MAX = 10_000
const RECEIVERS_MAX = 64

/** One transaction: messages that were sent together, to one queue or to several. */
export interface SeenTransaction {
  readonly source: Guid
  /** Of its first message that was seen. */
  readonly sequence: string
  readonly firstNumber: number
  readonly frame: FrameRef
  /** Messages of it that were seen, resends not counted. */
  messages: number
  hasFirst: boolean
  hasLast: boolean
  /** What each receiver took of it; one machine has several where it goes to several queues. */
  readonly taken: { readonly receiver: SequenceReceiver; messages: number; upTo: number; readonly frame: FrameRef }[]
}

/**
 * The latest thousand transactions of each source. Over TCP the TransactionHeader numbers them, and a transaction to
 * several queues has one number in several sequences; over HTTP a transaction is a stretch of one stream.
 */
export class SeenTransactions {
  /** Over TCP, by source and the time stamp of its start, then by number. */
  readonly #numbered = new Map<string, Recent<SeenTransaction>>()
  /** Over HTTP, by source, in the order in which they began. */
  readonly #stretches = new Map<string, { readonly recent: Recent<SeenTransaction>; begun: number }>()
  /** Told each that makes room for another. */
  onForgotten: (transaction: SeenTransaction) => void = () => {};

  *list(): Generator<SeenTransaction> {
    for (const recent of this.#numbered.values()) yield* recent.values()
    for (const { recent } of this.#stretches.values()) yield* recent.values()
  }

  /** That of a message which is sent for the first time. */
  sent(sequence: Sequence, message: SeenMessage): SeenTransaction {
    const { isFirst, isLast, index, number } = message.transaction!
    const isStretch = message.session.protocol === 'http'
    const known = isStretch
      ? sequence.transactions.get(number - 1)
      : (this.#numbered.get(sequence.life)?.get(index) ?? null)
    const isNew = known === null || (isFirst && (isStretch || known.hasFirst))
    const transaction = isNew ? begin(sequence, message) : known
    if (isNew) this.#remember(sequence, transaction, isStretch ? null : index)
    transaction.messages += 1
    transaction.hasFirst ||= isFirst
    transaction.hasLast ||= isLast
    return transaction
  }

  /** A receiver took the message with a number. */
  taken(sequence: Sequence, receiver: SequenceReceiver, number: number, frame: FrameRef): void {
    const taken = sequence.transactions.get(number)?.taken
    if (taken === undefined) return
    const own = taken.find(each => each.receiver === receiver)
    if (own === undefined) {
      if (taken.length < RECEIVERS_MAX) taken.push({ receiver, messages: 1, upTo: number, frame })
    } else {
      own.messages += 1
      own.upTo = Math.max(own.upTo, number)
    }
  }

  #remember(sequence: Sequence, transaction: SeenTransaction, index: number | null): void {
    const key = sequence.life
    let gone: SeenTransaction | null = null
    if (index === null) {
      let stretches = this.#stretches.get(key)
      if (stretches === undefined) {
        if (this.#stretches.size >= SOURCES_MAX) return
        stretches = { recent: new Recent(), begun: 0 }
        this.#stretches.set(key, stretches)
      }
      stretches.begun += 1
      gone = stretches.recent.set(stretches.begun, transaction)
    } else {
      let recent = this.#numbered.get(key)
      if (recent === undefined) {
        if (this.#numbered.size >= SOURCES_MAX) return
        recent = new Recent()
        this.#numbered.set(key, recent)
      }
      gone = recent.set(index, transaction)
    }
    if (gone !== null) this.onForgotten(gone)
  }
}

function begin({ source, id }: Sequence, { first, transaction }: SeenMessage): SeenTransaction {
  return {
    source,
    sequence: id,
    firstNumber: transaction!.number,
    frame: first,
    messages: 0,
    hasFirst: false,
    hasLast: false,
    taken: [],
  }
}
