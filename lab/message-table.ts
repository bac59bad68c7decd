import { MESSAGE_STATE, type MessageState, messageIdOf, type SenderLedgerData } from '../senders/sender-ledger.js'
import { isRemaining, type RemainingMessages } from './node-spec.js'

/**
 * What became of one message. `delivered` has an application receive it (copies may be several, see `copies`); otherwise
 * one of: `waiting` in an outgoing queue of the sender or of a front end, `dead-lettered` at either,
 * `refused` by the sender's own queue manager, `aborted` with its transaction by the application, `lost` (accepted, and nowhere to be found), or `unknown`: the sender
 * got no answer, or a node that could tell has died.
 */
export type MessageFate = (typeof FATES)[number]

const FATES = ['delivered', 'waiting', 'dead-lettered', 'refused', 'aborted', 'lost', 'unknown'] as const

export interface MessageFacts {
  readonly number: number
  readonly accepted: boolean
  /** What the sender's own queue manager said of it. */
  readonly state: MessageState
  readonly fate: MessageFate
  /** Copies delivered altogether. */
  readonly copies: number
  /** Still in the sender's outgoing queue at the end, delivered or not: no acknowledgement freed it. */
  readonly held: boolean
  /** In a dead-letter queue of the sender, or of a machine that had it from there; delivered or not. */
  readonly deadLettered: boolean
  /** Front ends in whose outgoing queues it is at the end. */
  readonly waitingAt: readonly string[]
}

/** All that is known of the messages of one sender. */
export interface MessageSources {
  /** Offered to the queue manager, or delivered though the ledger ends earlier. */
  readonly sent: number
  readonly ledger: SenderLedgerData | null
  /** By receiver: copies of message n at index n - 1. */
  readonly copiesAt: ReadonlyMap<string, Uint8Array>
  /** In the sender's own outgoing queue. */
  readonly remaining: RemainingMessages | undefined
  /** In outgoing queues of front ends. */
  readonly waiting: readonly { readonly name: string; readonly numbers: RemainingMessages }[]
  /** MessageIDs. */
  readonly deadLettered: ReadonlySet<number>
  /** The sender's report is not its last word. */
  readonly partial: boolean
  /** That of another node, which may have had the message, is not. */
  readonly othersPartial: boolean
}

/**
 * The messages of one sender, 1 to `length`, in columns: three bytes a message beside the ledgers, so that ten million
 * fit. What iterates sees a row, which is made as it is read.
 */
export class MessageTable implements Iterable<MessageFacts> {
  readonly length: number
  /** Copies delivered beyond the first, of all messages. */
  readonly duplicateCopies: number
  readonly #fates: Uint8Array
  /** Each receiver's count saturates at 255, their sum does not. */
  readonly #copies: Uint16Array
  readonly #counts: Record<MessageFate, number> = {
    delivered: 0,
    waiting: 0,
    'dead-lettered': 0,
    refused: 0,
    aborted: 0,
    lost: 0,
    unknown: 0,
  }
  readonly #sources: MessageSources

  constructor(sources: MessageSources) {
    const { sent, copiesAt } = sources
    this.length = sent
    this.#sources = sources
    this.#copies = new Uint16Array(sent)
    for (const row of copiesAt.values()) {
      for (let index = 0; index < row.length; index++) this.#copies[index]! += row[index]!
    }
    this.#fates = new Uint8Array(sent)
    let duplicateCopies = 0
    for (let number = 1; number <= sent; number++) {
      const fate = this.#fate(number)
      this.#fates[number - 1] = FATES.indexOf(fate)
      this.#counts[fate]++
      duplicateCopies += Math.max(0, this.copies(number) - 1)
    }
    this.duplicateCopies = duplicateCopies
  }

  /** Message `number`, from 1. */
  at(number: number): MessageFacts {
    if (number < 1 || number > this.length) throw new RangeError(`message ${number} of ${this.length}`)
    return new Row(this, number)
  }

  countOf(fate: MessageFate): number {
    return this.#counts[fate]
  }

  fate(number: number): MessageFate {
    return FATES[this.#fates[number - 1]!]!
  }

  state(number: number): MessageState {
    return (this.#sources.ledger?.states[number - 1] ?? MESSAGE_STATE.unknown) as MessageState
  }

  copies(number: number): number {
    return this.#copies[number - 1]!
  }

  held(number: number): boolean {
    const { remaining } = this.#sources
    return remaining !== undefined && isRemaining(remaining, number)
  }

  deadLettered(number: number): boolean {
    const { ledger, deadLettered } = this.#sources
    if (ledger === null || deadLettered.size === 0) return false
    const id = messageIdOf(ledger, number)
    return id !== null && deadLettered.has(id)
  }

  waitingAt(number: number): readonly string[] {
    const { waiting } = this.#sources
    if (waiting.length === 0) return NOWHERE
    return waiting.filter(({ numbers }) => isRemaining(numbers, number)).map(({ name }) => name)
  }

  *[Symbol.iterator](): IterableIterator<MessageFacts> {
    for (let number = 1; number <= this.length; number++) yield new Row(this, number)
  }

  /** One row is shown to `predicate` again and again, as another message each time: it must not keep it. */
  count(predicate: (message: MessageFacts) => boolean): number {
    const row = new Row(this, 1)
    let count = 0
    for (; row.number <= this.length; row.number++) if (predicate(row)) count++
    return count
  }

  find(predicate: (message: MessageFacts) => boolean): MessageFacts | undefined {
    const row = new Row(this, 1)
    for (; row.number <= this.length; row.number++) if (predicate(row)) return row
    return undefined
  }

  some(predicate: (message: MessageFacts) => boolean): boolean {
    return this.find(predicate) !== undefined
  }

  every(predicate: (message: MessageFacts) => boolean): boolean {
    return !this.some(message => !predicate(message))
  }

  /** As an array: for few. */
  filter(predicate: (message: MessageFacts) => boolean): MessageFacts[] {
    const rows: MessageFacts[] = []
    for (const row of this) if (predicate(row)) rows.push(row)
    return rows
  }

  #fate(number: number): MessageFate {
    const { waiting, partial, othersPartial } = this.#sources
    if (this.copies(number) > 0) return 'delivered'
    const state = this.state(number)
    if (state === MESSAGE_STATE.refused) return 'refused'
    if (state === MESSAGE_STATE.aborted) return 'aborted'
    if (state === MESSAGE_STATE.unknown) return 'unknown'
    if (partial) return 'unknown'
    if (this.held(number) || waiting.some(({ numbers }) => isRemaining(numbers, number))) return 'waiting'
    if (this.deadLettered(number)) return 'dead-lettered'
    return othersPartial ? 'unknown' : 'lost'
  }
}

const NOWHERE: readonly string[] = []

class Row implements MessageFacts {
  number: number
  readonly #table: MessageTable

  constructor(table: MessageTable, number: number) {
    this.#table = table
    this.number = number
  }

  get accepted(): boolean {
    return this.state === MESSAGE_STATE.accepted
  }

  get state(): MessageState {
    return this.#table.state(this.number)
  }

  get fate(): MessageFate {
    return this.#table.fate(this.number)
  }

  get copies(): number {
    return this.#table.copies(this.number)
  }

  get held(): boolean {
    return this.#table.held(this.number)
  }

  get deadLettered(): boolean {
    return this.#table.deadLettered(this.number)
  }

  get waitingAt(): readonly string[] {
    return this.#table.waitingAt(this.number)
  }
}
