import type { Guid } from '../protocol/guid.js'
import { compareSequenceId, type TxSequenceId } from '../protocol/sequence-id.js'
import type { StoreBatch, StoredState } from './store-batch.js'
import type { StoredRow } from './stored-row.js'

/** What became of a transactional message at its destination. All but `accept` leave the state as it was. */
export type SequenceVerdict = 'accept' | 'duplicate' | 'hole' | 'older-sequence' | 'middle-of-sequence'

export interface SequenceState {
  readonly id: TxSequenceId
  readonly number: number
  /** Of a stream over HTTP; null where it did not say, and of a sequence over the binary protocol. */
  readonly receipts: ReceiptAddress | null
}

/** Whom a stream's receipts go to, and which queue they come from: both URLs, as its first message has them. */
export interface ReceiptAddress {
  readonly to: string
  readonly from: string
}

/** Streams that are kept, for good: each pair of a source and a queue is one, and sources can be invented. */
const SEQUENCES_MAX = 200_000

const NOTHING: SequenceState = { id: { ordinal: 0, timeStamp: 0 }, number: 0, receipts: null }

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
 * The same over HTTP ([MC-MQSRM] 3.1.5.1.6.3): a stream begins with a message that says so, is number 1, and is of a newer
 * stream than the last one (decision 0022).
 */
export function judgeStream(
  stored: SequenceState,
  id: TxSequenceId,
  number: number,
  previous: number,
  isStart: boolean,
): SequenceVerdict {
  const order = compareSequenceId(id, stored.id)
  if (order < 0) return 'older-sequence'
  if (order > 0) return isStart && number === 1 ? 'accept' : 'middle-of-sequence'
  if (number <= stored.number) return 'duplicate'
  return number === stored.number + 1 || previous <= stored.number ? 'accept' : 'hole'
}

/** Over which protocol a sequence comes: a sender has one of each to a queue, and they know nothing of each other. */
export type SequenceKind = 'binary' | 'srmp'

/**
 * What a receiver knows of one stream: the messages of one source queue manager to one local queue (decision A12).
 * `taken` decides about the next message; `durable` is what an order ack may claim. They differ while the store works.
 */
export class IncomingSequence implements StoredState {
  readonly kind: SequenceKind
  readonly source: Guid
  readonly queueNumber: number
  /** Address that the newest message came from; '' where that is not known. */
  lastPeer = ''
  taken: SequenceState
  durable: SequenceState
  /** Counts store failures: a message taken before one is not good any more, even if the store took it later. */
  generation = 0

  constructor(kind: SequenceKind, source: Guid, queueNumber: number, state: SequenceState = NOTHING) {
    this.kind = kind
    this.source = source
    this.queueNumber = queueNumber
    this.taken = state
    this.durable = state
  }

  /** In the store. */
  get key(): string {
    const key = `${this.source}/${this.queueNumber}`
    return this.kind === 'binary' ? key : `${key}/${this.kind}`
  }

  judge(id: TxSequenceId, number: number, previous: number): SequenceVerdict {
    return judge(this.taken, id, number, previous)
  }

  take(state: SequenceState): void {
    this.taken = state
  }

  /** What the store failed to keep was not taken. */
  rollBack(): void {
    this.taken = this.durable
    this.generation += 1
  }

  save(batch: StoreBatch): void {
    const { id, number, receipts } = this.taken
    const { ordinal, timeStamp } = id
    const { kind, source, queueNumber } = this
    if (number === 0) {
      // the store took more of it than counts
      batch.remove('incoming-sequence', this.key)
      return
    }
    const row = { source, queueNumber, ordinal, timeStamp, number }
    if (kind === 'binary') batch.put('incoming-sequence', this.key, row)
    else
      batch.put('incoming-sequence', this.key, {
        ...row,
        kind,
        receiptsTo: receipts?.to ?? null,
        receiptsFrom: receipts?.from ?? null,
      })
  }
}

/** The incoming sequences of a queue manager, kept across restarts. */
export class IncomingSequences {
  readonly #byQueue = new Map<number, Readonly<Record<SequenceKind, Map<Guid, IncomingSequence>>>>()
  #size = 0

  /** The stream from `source` to the queue numbered `queueNumber`; made, but not kept, when it is new. */
  find(kind: SequenceKind, source: Guid, queueNumber: number): IncomingSequence {
    const known = this.#byQueue.get(queueNumber)?.[kind].get(source)
    return known ?? new IncomingSequence(kind, source, queueNumber)
  }

  /** There is no room to keep a new one. Old ones are never given up for it: what was taken must not be taken again. */
  get isFull(): boolean {
    return this.#size >= SEQUENCES_MAX
  }

  /** Kept from its first accepted message on: a peer that only invents sources costs nothing. */
  keep(sequence: IncomingSequence): void {
    let byKind = this.#byQueue.get(sequence.queueNumber)
    if (byKind === undefined) {
      byKind = { binary: new Map(), srmp: new Map() }
      this.#byQueue.set(sequence.queueNumber, byKind)
    }
    const bySource = byKind[sequence.kind]
    if (bySource.has(sequence.source)) return
    bySource.set(sequence.source, sequence)
    this.#size += 1
  }

  /** A queue is deleted, and with it what was known of the streams to it; if the store fails, both are back. */
  forget(queueNumber: number, batch: StoreBatch): void {
    const byKind = this.#byQueue.get(queueNumber)
    if (byKind === undefined) return
    const sequences = [...byKind.binary.values(), ...byKind.srmp.values()]
    for (const { key } of sequences) batch.remove('incoming-sequence', key)
    this.#size -= sequences.length
    this.#byQueue.delete(queueNumber)
    batch.whenDurable(error => {
      if (error === null || this.#byQueue.has(queueNumber)) return
      this.#size += sequences.length
      this.#byQueue.set(queueNumber, byKind)
    })
  }

  restore(row: StoredRow): void {
    const kind = row.optional('kind', row.text) ?? 'binary'
    if (kind !== 'binary' && kind !== 'srmp') throw row.wrong('kind', '"srmp"')
    const to = row.optional('receiptsTo', row.text)
    const from = row.optional('receiptsFrom', row.text)
    const state = {
      id: { ordinal: row.whole('ordinal'), timeStamp: row.whole('timeStamp') },
      number: row.whole('number', 1),
      receipts: to === null || from === null ? null : { to, from },
    }
    this.keep(new IncomingSequence(kind, row.text('source'), row.whole('queueNumber'), state))
  }
}
