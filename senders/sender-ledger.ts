/**
 * What the sender knows of a message it offered. `unknown` is not lost: the answer had not come. `aborted`: the application
 * ended its transaction so.
 */
export const MESSAGE_STATE = { unknown: 0, accepted: 1, refused: 2, aborted: 3 } as const
export type MessageState = (typeof MESSAGE_STATE)[keyof typeof MESSAGE_STATE]

/** A sender's ledger as it travels to the lab. Times are microseconds of the machine's monotonic clock; -1 = never. */
export interface SenderLedgerData {
  readonly sender: number
  readonly perTransaction: number
  /** Messages offered: numbers 1 to this. */
  readonly offered: number
  /** One `MessageState` a message; message n stands at index n - 1. */
  readonly states: Uint8Array
  /** MessageID that the queue manager gave to each message, u32 little-endian at 4 * (n - 1); empty when not kept. */
  readonly messageIds: Uint8Array
  readonly accepted: number
  readonly refused: number
  /** Refusals by error. */
  readonly refusals: Readonly<Record<string, number>>
  readonly firstOfferedUs: number
  readonly lastOfferedUs: number
  /** Most that an open-loop workload ever ran behind its intended times. */
  readonly lateUsMax: number
}

const INITIAL_CAPACITY = 1024

/** What one sender promised: per message number whether the queue manager accepted it, refused it, or never answered. */
export class SenderLedger {
  readonly sender: number
  readonly perTransaction: number
  #states = new Uint8Array(INITIAL_CAPACITY)
  #messageIds: Uint32Array | null
  #offered = 0
  #accepted = 0
  #refused = 0
  #aborted = 0
  readonly #refusals = new Map<string, number>()
  #firstOfferedUs = -1
  #lastOfferedUs = -1
  #lateUsMax = 0

  constructor(options: {
    readonly sender: number
    readonly perTransaction: number
    readonly keepMessageIds?: boolean
  }) {
    this.sender = options.sender
    this.perTransaction = options.perTransaction
    this.#messageIds = options.keepMessageIds ? new Uint32Array(INITIAL_CAPACITY) : null
  }

  get offered(): number {
    return this.#offered
  }

  /** Messages that were answered for, either way. */
  get settled(): number {
    return this.#accepted + this.#refused + this.#aborted
  }

  /** Message `offered + 1` is handed to the queue manager now; returns its number. */
  offer(intendedUs: number, nowUs: number): number {
    if (this.#firstOfferedUs < 0) this.#firstOfferedUs = nowUs
    this.#lastOfferedUs = nowUs
    if (nowUs - intendedUs > this.#lateUsMax) this.#lateUsMax = nowUs - intendedUs
    if (this.#offered === this.#states.length) this.#grow()
    this.#offered++
    return this.#offered
  }

  identify(number: number, messageId: number): void {
    if (this.#messageIds !== null) this.#messageIds[number - 1] = messageId
  }

  accepted(first: number, count: number): void {
    for (let index = first - 1; index < first - 1 + count; index++) this.#states[index] = MESSAGE_STATE.accepted
    this.#accepted += count
  }

  /** The application aborted their transaction. */
  aborted(first: number, count: number): void {
    this.#states.fill(MESSAGE_STATE.aborted, first - 1, first - 1 + count)
    this.#aborted += count
  }

  refused(first: number, count: number, error: string): void {
    this.#states.fill(MESSAGE_STATE.refused, first - 1, first - 1 + count)
    this.#refused += count
    this.#refusals.set(error, (this.#refusals.get(error) ?? 0) + count)
  }

  /** A view of the present state, valid until the ledger changes: encode it at once or copy it. */
  data(): SenderLedgerData {
    const ids = this.#messageIds
    return {
      sender: this.sender,
      perTransaction: this.perTransaction,
      offered: this.#offered,
      states: this.#states.subarray(0, this.#offered),
      messageIds: ids === null ? new Uint8Array(0) : new Uint8Array(ids.buffer, 0, this.#offered * 4),
      accepted: this.#accepted,
      refused: this.#refused,
      refusals: Object.fromEntries(this.#refusals),
      firstOfferedUs: this.#firstOfferedUs,
      lastOfferedUs: this.#lastOfferedUs,
      lateUsMax: this.#lateUsMax,
    }
  }

  #grow(): void {
    const states = new Uint8Array(this.#states.length * 2)
    states.set(this.#states)
    this.#states = states
    if (this.#messageIds === null) return
    const ids = new Uint32Array(states.length)
    ids.set(this.#messageIds)
    this.#messageIds = ids
  }
}

/** MessageID of message `number` in `data`, or null when identifiers were not kept or the number was never offered. */
export function messageIdOf(data: SenderLedgerData, number: number): number | null {
  const at = 4 * (number - 1)
  const { messageIds: b } = data
  if (number < 1 || at + 4 > b.length) return null
  return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0
}
