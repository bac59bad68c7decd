import { createTrackedBody, TRACKED_BODY_SIZE } from '../../protocol/tracked-body.js'
import type { Now } from '../../queue-manager/clock.js'
import type { ApplicationHost } from '../../transport/application-host.js'
import type { Random } from '../sim/random.js'
import type { Answers, CrashApplicationParts, CrashEngine } from './crash-application.js'
import type { Ledger, LedgerLine, OfferedMessage, OfferKind } from './crash-ledger.js'

export interface OffersSpec {
  /** In the bodies. */
  readonly sender: number
  /** By what may be sent there: numbers of queues and their format names. */
  readonly destinations: readonly { readonly queue: number; readonly formatName: string; readonly kind: OfferKind }[]
  /** Mean time between two groups. */
  readonly everyMs: number
  /** Offers nothing while so many are in the outgoing queues. */
  readonly outgoingMax: number
  /** Largest body. */
  readonly bodyBytesMax: number
}

const PER_TRANSACTION_MAX = 6
const ABANDONED_SHARE = 0.15
/** How long a transaction may stay open. */
const OPEN_MS_MAX = 30

/** Sends without end: single messages and transactions over several queues, some of them abandoned. */
export class CrashOffers {
  readonly #host: ApplicationHost<CrashEngine>
  readonly #spec: OffersSpec
  readonly #ledger: Ledger
  readonly #answers: Answers
  readonly #random: Random
  #nextNumber: number
  #offering = false
  #open = 0

  constructor(
    host: ApplicationHost<CrashEngine>,
    spec: OffersSpec,
    { ledger, written, answers, random }: CrashApplicationParts,
  ) {
    this.#host = host
    this.#spec = spec
    this.#ledger = ledger
    this.#answers = answers
    this.#random = random
    this.#nextNumber = nextNumber(written)
  }

  start(): void {
    this.#offering = true
    this.#wait()
  }

  /** Offers no more; transactions that are open come to their end. */
  stop(): void {
    this.#offering = false
  }

  /** Transactions that are open. */
  get open(): number {
    return this.#open
  }

  get isQuiet(): boolean {
    return !this.#offering && this.#open === 0
  }

  #wait(): void {
    const { everyMs } = this.#spec
    this.#host.setTimer(() => this.#turn(), everyMs * 2 * this.#random.unit())
  }

  #turn(): void {
    if (!this.#offering) return
    this.#host.call((engine, now) => {
      if (engine.counters.outgoingMessages >= this.#spec.outgoingMax) return
      const kinds = [...new Set(this.#spec.destinations.map(({ kind }) => kind))]
      const kind = this.#random.pick(kinds)
      if (kind === 'transactional') this.#begin(engine, now)
      else this.#single(engine, now, kind)
    })
    this.#wait()
  }

  #single(engine: CrashEngine, now: Now, kind: 'express' | 'recoverable'): void {
    const [message] = this.#number(kind, 1)
    const [number] = message!
    const priority = this.#random.between(0, 7)
    const { request } = engine.send(now, { ...this.#message(message!, 0, 1), delivery: kind, priority })
    this.#expectOutcome(number, request)
  }

  #begin(engine: CrashEngine, now: Now): void {
    const messages = this.#number('transactional', this.#random.between(1, PER_TRANSACTION_MAX))
    const [group] = messages[0]!
    const transaction = engine.begin(now)
    this.#open += 1
    for (const [index, message] of messages.entries()) {
      const { request } = engine.send(now, this.#message(message, index, messages.length), transaction)
      this.#answers.expect(request, () => undefined)
    }
    const abandoned = this.#random.chance(ABANDONED_SHARE)
    this.#host.setTimer(
      () => this.#end(transaction, group, abandoned),
      this.#random.chance(0.5) ? 0 : this.#random.unit() * OPEN_MS_MAX,
    )
  }

  #end(transaction: number, group: number, abandoned: boolean): void {
    this.#open -= 1
    this.#ledger.append({ do: abandoned ? 'abandon' : 'commit', group })
    this.#host.call((engine, now) => {
      const request = abandoned ? engine.abort(now, transaction) : engine.commit(now, transaction)
      if (abandoned) this.#answers.expect(request, () => undefined)
      else this.#expectOutcome(group, request)
    })
  }

  #number(kind: OfferKind, count: number): readonly OfferedMessage[] {
    const places = this.#spec.destinations.filter(destination => destination.kind === kind)
    const messages = Array.from({ length: count }, (): OfferedMessage => {
      this.#nextNumber += 1
      return [this.#nextNumber - 1, this.#random.pick(places).queue]
    })
    this.#ledger.append({ do: 'offer', kind, messages })
    return messages
  }

  #message([number, queue]: OfferedMessage, indexInTransaction: number, transactionSize: number) {
    const { destinations, sender, bodyBytesMax } = this.#spec
    const { formatName } = destinations.find(destination => destination.queue === queue)!
    const bodySize = this.#bodySize(bodyBytesMax)
    const body = createTrackedBody({
      sender,
      number,
      indexInTransaction,
      transactionSize,
      queueIndex: queue,
      bodySize,
    })
    return { destination: formatName, body }
  }

  /** Mostly small, now and then large. */
  #bodySize(bytesMax: number): number {
    const share = this.#random.unit()
    return TRACKED_BODY_SIZE + Math.floor((bytesMax - TRACKED_BODY_SIZE) * share ** 4)
  }

  #expectOutcome(group: number, request: number): void {
    this.#answers.expect(request, answer => {
      if (!('outcome' in answer)) return
      const { outcome, error } = answer
      this.#ledger.append({ do: 'outcome', group, outcome, ...(error !== undefined && { error }) })
    })
  }
}

/** Numbers are never used again, whatever became of the process that used them. */
function nextNumber(written: readonly LedgerLine[]): number {
  let last = 0
  for (const line of written)
    if (line.do === 'offer') for (const [number] of line.messages) last = Math.max(last, number)
  return last + 1
}
