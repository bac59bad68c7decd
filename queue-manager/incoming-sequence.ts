import type { Guid } from '../protocol/guid.js'
import { compareSequenceId, type TxSequenceId } from '../protocol/sequence-id.js'
import type { StoreBatch, StoredState } from './store-batch.js'
import type { StoredRow } from './stored-row.js'

/** What became of a transactional message at its destination. All but `accept` leave the state as it was. */
export type SequenceVerdict = 'accept' | 'duplicate' | 'hole' | 'older-sequence' | 'middle-of-sequence'

export interface SequenceState {
  readonly id: TxSequenceId
  readonly number: number
}

/** Streams that are kept, for good: each pair of a source and a queue is one, and sources can be invented. */
const SEQUENCES_MAX = 200_000

const NOTHING: SequenceState = { id: { ordinal: 0, timeStamp: 0 }, number: 0 }

/**
 * The acceptance rule ([MS-MQQB] 3.1.5.8.6): within the same sequence a later number whose predecessor was taken (or is
 * gone, which the sender says by a smaller previous number); of a newer sequence only its first message.
 */
export function judge(stored: SequenceState, id: TxSequenceId, number: number, previous: number): SequenceVerdict {
  const order = compareSequenceId(id, stored.id)
  if (order < 0) return 'older-sequence'
  if (order > 0) return previous === 0 ? 'accept' : 'middle-of-sequence'
  if (number <= stored.number) return 'duplicate'
  return previous <= stored.number ? 'accept' : 'hole'
}

/**
 * What a receiver knows of one stream: the messages of one source queue manager to one local queue (decision A12).
 * `taken` decides about the next message; `durable` is what an order ack may claim. They differ while the store works.
 */
export class IncomingSequence implements StoredState {
  readonly source: Guid
  readonly queueNumber: number
  taken: SequenceState
  durable: SequenceState
  /** Counts store failures: a message taken before one is not good any more, even if the store took it later. */
  generation = 0

  constructor(source: Guid, queueNumber: number, state: SequenceState = NOTHING) {
    this.source = source
    this.queueNumber = queueNumber
    this.taken = state
    this.durable = state
  }

  judge(id: TxSequenceId, number: number, previous: number): SequenceVerdict {
    return judge(this.taken, id, number, previous)
  }

  take(id: TxSequenceId, number: number): void {
    this.taken = { id, number }
  }

  /** What the store failed to keep was not taken. */
  rollBack(): void {
    this.taken = this.durable
    this.generation += 1
  }

  save(batch: StoreBatch): void {
    const { id, number } = this.taken
    const { ordinal, timeStamp } = id
    batch.put('incoming-sequence', `${this.source}/${this.queueNumber}`, {
      source: this.source,
      queueNumber: this.queueNumber,
      ordinal,
      timeStamp,
      number,
    })
  }
}

/** The incoming sequences of a queue manager, kept across restarts. */
export class IncomingSequences {
  readonly #byQueue = new Map<number, Map<Guid, IncomingSequence>>()
  #size = 0

  /** The stream from `source` to the queue numbered `queueNumber`; made, but not kept, when it is new. */
  find(source: Guid, queueNumber: number): IncomingSequence {
    return this.#byQueue.get(queueNumber)?.get(source) ?? new IncomingSequence(source, queueNumber)
  }

  /** There is no room to keep a new one. Old ones are never given up for it: what was taken must not be taken again. */
  get isFull(): boolean {
    return this.#size >= SEQUENCES_MAX
  }

  /** Kept from its first accepted message on: a peer that only invents sources costs nothing. */
  keep(sequence: IncomingSequence): void {
    let bySource = this.#byQueue.get(sequence.queueNumber)
    if (bySource === undefined) {
      bySource = new Map()
      this.#byQueue.set(sequence.queueNumber, bySource)
    }
    if (bySource.has(sequence.source)) return
    bySource.set(sequence.source, sequence)
    this.#size += 1
  }

  /** A queue is deleted, and with it what was known of the streams to it; if the store fails, both are back. */
  forget(queueNumber: number, batch: StoreBatch): void {
    const bySource = this.#byQueue.get(queueNumber)
    if (bySource === undefined) return
    for (const source of bySource.keys()) batch.remove('incoming-sequence', `${source}/${queueNumber}`)
    this.#size -= bySource.size
    this.#byQueue.delete(queueNumber)
    batch.whenDurable(error => {
      if (error === null || this.#byQueue.has(queueNumber)) return
      this.#size += bySource.size
      this.#byQueue.set(queueNumber, bySource)
    })
  }

  restore(row: StoredRow): void {
    const state = {
      id: { ordinal: row.whole('ordinal'), timeStamp: row.whole('timeStamp') },
      number: row.whole('number', 1),
    }
    this.keep(new IncomingSequence(row.text('source'), row.whole('queueNumber'), state))
  }
}
