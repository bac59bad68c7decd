import type { Histogram } from 'hdr-histogram-js'
import type { TrackedBody } from '../protocol/tracked-body.js'
import { latencyHistogram } from './latency-histogram.js'

/** What was delivered out of place: `number` came after `after` had come from the same sender in the same queue. */
export interface OutOfOrderExample {
  readonly queue: string
  readonly number: number
  readonly after: number
  readonly atMs: number
}

export interface DuplicateExample {
  readonly queue: string
  readonly number: number
  readonly atMs: number
}

export interface DeliveredFromSender {
  readonly sender: number
  /** Copies delivered of message n at index n - 1; saturates at 255. */
  readonly copies: Uint8Array
  /** Distinct messages. */
  readonly delivered: number
  /** Copies beyond the first. */
  readonly duplicateCopies: number
  readonly firstDuplicate: DuplicateExample | null
  readonly outOfOrder: number
  readonly firstOutOfOrder: OutOfOrderExample | null
  /** Messages in a transaction, as the bodies said. */
  readonly transactionSizeMax: number
}

/** Microseconds from the intended send time to consumption. */
export interface LatencySummary {
  readonly count: number
  readonly p50Us: number
  readonly p90Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
}

/** A receiver's ledger as it travels to the lab. Times are microseconds of the machine's monotonic clock; -1 = never. */
export interface ReceiverLedgerData {
  /** Messages consumed, or found waiting in a queue at the end; foreign ones included. */
  readonly received: number
  /** Messages whose body carries no identity of ours, or whose identity does not check, and acknowledgements. */
  readonly foreign: number
  /** Bodies of ours with a wrong size or wrong filling. */
  readonly bodyFailures: number
  readonly firstUs: number
  readonly lastUs: number
  readonly senders: readonly DeliveredFromSender[]
  readonly latency: LatencySummary | null
}

/** A message with a greater number counts as foreign: a forged one would make the ledger grow without bound. */
export const NUMBER_MAX = 100_000_000
const COPIES_MAX = 255
const INITIAL_CAPACITY = 1024
/** Longer latencies are kept as this. */
const LATENCY_US_MAX = 3_600_000_000

/** What came out of the queues of one node, and how often, by sender. Foreign and forged bodies are only counted. */
export class ReceiverLedger {
  readonly #senders = new Map<number, SenderRow>()
  readonly #latency: Histogram | null
  #received = 0
  #foreign = 0
  #bodyFailures = 0
  #firstUs = -1
  #lastUs = -1

  constructor(options: { readonly latency?: boolean } = {}) {
    this.#latency = options.latency ? latencyHistogram(LATENCY_US_MAX) : null
  }

  get received(): number {
    return this.#received
  }

  /** One message left `queue`. `body` is null when it carries no identity of ours. */
  consumed(queue: string, body: TrackedBody | null, nowUs: number, wallMs: number): void {
    if (this.#firstUs < 0) this.#firstUs = nowUs
    this.#lastUs = nowUs
    this.#received++
    if (body === null || body.number < 1 || body.number > NUMBER_MAX) {
      this.#foreign++
      return
    }
    let row = this.#senders.get(body.sender)
    if (row === undefined) {
      row = new SenderRow(body.sender)
      this.#senders.set(body.sender, row)
    }
    row.consumed(queue, body, wallMs)
    this.#latency?.recordValue(Math.min(Math.max(0, Math.round(nowUs - body.intendedSendUs)), LATENCY_US_MAX))
  }

  bodyFailed(): void {
    this.#bodyFailures++
  }

  /** A view of the present state, valid until the ledger changes: encode it at once or copy it. */
  data(): ReceiverLedgerData {
    return {
      received: this.#received,
      foreign: this.#foreign,
      bodyFailures: this.#bodyFailures,
      firstUs: this.#firstUs,
      lastUs: this.#lastUs,
      senders: Array.from(this.#senders.values(), row => row.data()),
      latency: this.#latency === null ? null : latencySummary(this.#latency),
    }
  }
}

class SenderRow {
  readonly #sender: number
  #copies = new Uint8Array(INITIAL_CAPACITY)
  #highest = 0
  #delivered = 0
  #duplicateCopies = 0
  #firstDuplicate: DuplicateExample | null = null
  #outOfOrder = 0
  #firstOutOfOrder: OutOfOrderExample | null = null
  #transactionSizeMax = 0
  readonly #highestOfQueue = new Map<string, number>()

  constructor(sender: number) {
    this.#sender = sender
  }

  consumed(queue: string, body: TrackedBody, wallMs: number): void {
    const { number } = body
    if (body.transactionSize > this.#transactionSizeMax) this.#transactionSizeMax = body.transactionSize
    if (number > this.#highest) {
      this.#highest = number
      if (number > this.#copies.length) this.#grow(number)
    }
    const copies = this.#copies[number - 1]!
    if (copies < COPIES_MAX) this.#copies[number - 1] = copies + 1
    if (copies > 0) {
      this.#duplicateCopies++
      this.#firstDuplicate ??= { queue, number, atMs: wallMs }
      return
    }
    this.#delivered++
    const after = this.#highestOfQueue.get(queue) ?? 0
    if (number > after) {
      this.#highestOfQueue.set(queue, number)
    } else {
      this.#outOfOrder++
      this.#firstOutOfOrder ??= { queue, number, after, atMs: wallMs }
    }
  }

  data(): DeliveredFromSender {
    return {
      sender: this.#sender,
      copies: this.#copies.subarray(0, this.#highest),
      delivered: this.#delivered,
      duplicateCopies: this.#duplicateCopies,
      firstDuplicate: this.#firstDuplicate,
      outOfOrder: this.#outOfOrder,
      firstOutOfOrder: this.#firstOutOfOrder,
      transactionSizeMax: this.#transactionSizeMax,
    }
  }

  #grow(number: number): void {
    const copies = new Uint8Array(Math.max(number, this.#copies.length * 2))
    copies.set(this.#copies)
    this.#copies = copies
  }
}

function latencySummary(histogram: Histogram): LatencySummary {
  return {
    count: histogram.totalCount,
    p50Us: histogram.getValueAtPercentile(50),
    p90Us: histogram.getValueAtPercentile(90),
    p99Us: histogram.getValueAtPercentile(99),
    p999Us: histogram.getValueAtPercentile(99.9),
    maxUs: histogram.totalCount === 0 ? 0 : histogram.maxValue,
  }
}
