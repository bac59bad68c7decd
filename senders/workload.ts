import { fillTrackedFiller, TRACKED_BODY_SIZE, type TrackedBody, writeTrackedBody } from '../protocol/tracked-body.js'
import type { SendOutcome } from '../queue-manager/actions.js'
import type { Now } from '../queue-manager/clock.js'
import type { MessageToSend } from '../queue-manager/message-to-send.js'
import type { ApplicationHost } from '../transport/application-host.js'
import { type Arrivals, constantArrivals, poissonArrivals } from './arrival.js'
import { SenderLedger } from './sender-ledger.js'
import type { ReusedMessage, SendingEngine } from './sending-engine.js'
import { destinationIndex, transactionOf, type WorkloadSpec } from './workload-spec.js'

/** Messages offered in a row before the queue manager may get on with sending them. */
const OFFERED_IN_A_ROW_MAX = 64
const OUTGOING_MAX = 2048
/** Transactional messages stay in the outgoing queue until their order ack, which comes half a second after a pause. */
const OUTGOING_TRANSACTIONAL_MAX = 65_536
/** A workload without a pace that was refused waits so long before it tries again. */
const REFUSED_WAIT_MS = 10

interface Offer {
  readonly first: number
  readonly count: number
  /** Its transaction was aborted; the answer says that nothing of it will come about. */
  readonly aborted: boolean
}

/**
 * Offers messages to a queue manager as a `WorkloadSpec` says, and keeps the ledger of what became of them. With a rate
 * it is an open loop: a message that is late is sent as soon as can be, and its body keeps the time it was meant for.
 * Without one, `turned` refills the outgoing queues up to a bound.
 */
export class Workload {
  readonly ledger: SenderLedger
  readonly #host: ApplicationHost<SendingEngine>
  readonly #spec: WorkloadSpec
  readonly #onDone: (() => void) | undefined
  readonly #perTransaction: number
  readonly #messagesMax: number
  readonly #outgoingMax: number
  readonly #arrivals: Arrivals | null
  /** One for each place in a transaction, used over and over. */
  readonly #messages: ReusedMessage[]
  readonly #identity: TrackedBody
  readonly #offers = new Map<number, Offer>()
  #state: 'waiting' | 'offering' | 'ending' | 'done' = 'waiting'
  #startUs = 0
  #dueUs = 0
  #cancelTimer: (() => void) | null = null
  #refused = false

  constructor(
    host: ApplicationHost<SendingEngine>,
    spec: WorkloadSpec,
    options: {
      readonly keepMessageIds?: boolean
      /** To go on where an earlier life of the machine ended. */
      readonly ledger?: SenderLedger
      readonly onDone?: () => void
    } = {},
  ) {
    this.#host = host
    this.#spec = spec
    this.#onDone = options.onDone
    this.#perTransaction = spec.perTransaction ?? 1
    this.#messagesMax = spec.messages ?? Number.POSITIVE_INFINITY
    this.#outgoingMax =
      spec.outgoingMax ?? (spec.delivery === 'transactional' ? OUTGOING_TRANSACTIONAL_MAX : OUTGOING_MAX)
    this.#arrivals = arrivalsOf(spec)
    this.#messages = Array.from({ length: this.#perTransaction }, () => blankMessage(spec))
    this.#identity = {
      sender: spec.sender,
      number: 0,
      transaction: 0,
      indexInTransaction: 0,
      transactionSize: 0,
      queueIndex: 0,
      intendedSendUs: 0,
      bodySize: bodySize(spec),
    }
    this.ledger =
      options.ledger ??
      new SenderLedger({
        sender: spec.sender,
        perTransaction: this.#perTransaction,
        keepMessageIds: options.keepMessageIds ?? false,
      })
  }

  get done(): boolean {
    return this.#state === 'done'
  }

  start(): void {
    this.#setTimer(() => {
      this.#state = 'offering'
      this.#startUs = this.#host.now().monotonicMs * 1000
      this.#dueUs = this.#startUs
      // Without a pace the end may come while nothing moves.
      const { durationMs } = this.#spec
      if (this.#arrivals === null && durationMs !== undefined) this.#host.setTimer(() => this.stop(), durationMs)
      this.#offer()
    }, this.#spec.startDelayMs ?? 0)
  }

  /** Offers nothing more. It is done when every offer is answered. */
  stop(): void {
    if (this.#state === 'done') return
    this.#state = 'ending'
    this.#cancelTimer?.()
    this.#settle()
  }

  /** To be called with every outcome of the queue manager; those of others' requests are left alone. */
  outcome(request: number, outcome: SendOutcome, error: string | undefined): void {
    const offer = this.#offers.get(request)
    if (offer === undefined) return
    this.#offers.delete(request)
    if (offer.aborted) this.ledger.aborted(offer.first, offer.count)
    else if (outcome === 'accepted') this.ledger.accepted(offer.first, offer.count)
    else {
      this.ledger.refused(offer.first, offer.count, error ?? '')
      this.#refused = true
    }
    this.#settle()
  }

  /** To be called after each turn of the queue manager: there may be room in its outgoing queues. */
  turned(): void {
    if (this.#state === 'offering' && this.#arrivals === null && this.#cancelTimer === null) this.#offer()
  }

  #offer(): void {
    if (this.#refused && this.#arrivals === null) {
      this.#refused = false
      this.#setTimer(() => this.#offer(), REFUSED_WAIT_MS)
      return
    }
    const nowUs = this.#host.now().monotonicMs * 1000
    if (this.#mayOffer(nowUs)) this.#host.call((engine, now) => this.#offerInARow(engine, now))
    if (this.#state !== 'offering') return
    if (this.#ended(nowUs)) {
      this.stop()
      return
    }
    if (this.#arrivals === null) return
    const untilDueMs = (this.#dueUs - this.#host.now().monotonicMs * 1000) / 1000
    this.#setTimer(() => this.#offer(), this.#spec.spin && untilDueMs < 2 ? 0 : untilDueMs)
  }

  #offerInARow(engine: SendingEngine, now: Now): void {
    const nowUs = now.monotonicMs * 1000
    let offered = 0
    while (offered < OFFERED_IN_A_ROW_MAX && this.#mayOffer(nowUs) && this.#hasRoom(engine)) {
      const intendedUs = this.#arrivals === null ? nowUs : this.#dueUs
      offered += this.#offerGroup(engine, now, intendedUs)
      if (this.#arrivals !== null) this.#dueUs += this.#arrivals()
    }
  }

  #mayOffer(nowUs: number): boolean {
    return this.#state === 'offering' && !this.#ended(nowUs) && (this.#arrivals === null || this.#dueUs <= nowUs)
  }

  #hasRoom(engine: SendingEngine): boolean {
    return this.#arrivals !== null || engine.counters.outgoingMessages + this.#perTransaction <= this.#outgoingMax
  }

  /** For an open loop the intended times count: what was due before the end is sent, however late. */
  #ended(nowUs: number): boolean {
    const { durationMs = Number.POSITIVE_INFINITY } = this.#spec
    const momentUs = this.#arrivals === null ? nowUs : this.#dueUs
    return this.ledger.offered >= this.#messagesMax || momentUs - this.#startUs >= durationMs * 1000
  }

  /** Offers the next transaction, or the next group of single messages; returns how many messages that were. */
  #offerGroup(engine: SendingEngine, now: Now, intendedUs: number): number {
    const count = Math.min(this.#perTransaction, this.#messagesMax - this.ledger.offered)
    const first = this.ledger.offered + 1
    const transactional = this.#spec.delivery === 'transactional'
    const identity = this.#identity
    identity.transaction = transactional ? transactionOf(first, this.#perTransaction) : 0
    identity.transactionSize = count
    identity.intendedSendUs = intendedUs
    for (let index = 0; index < count; index++) {
      const message = this.#messages[index]!
      identity.number = this.ledger.offer(intendedUs, now.monotonicMs * 1000)
      identity.indexInTransaction = index
      identity.queueIndex = destinationIndex(this.#spec, identity.number)
      message.destination = this.#spec.destinations[identity.queueIndex]!
      writeTrackedBody(message.body, 0, identity)
      fillTrackedFiller(message.body, TRACKED_BODY_SIZE, identity.number)
      if (!transactional) this.#expect(identity.number, 1, engine.send(now, message))
    }
    if (transactional) {
      const messages = count === this.#perTransaction ? this.#messages : this.#messages.slice(0, count)
      const { abortEvery } = this.#spec
      if (abortEvery !== undefined && identity.transaction % abortEvery === 0) this.#abort(engine, now, first, messages)
      else this.#expect(first, count, engine.sendTransaction(now, messages))
    }
    return count
  }

  #expect(first: number, count: number, ticket: { request: number; messageIds: readonly number[] }): void {
    this.#offers.set(ticket.request, { first, count, aborted: false })
    for (let index = 0; index < ticket.messageIds.length; index++)
      this.ledger.identify(first + index, ticket.messageIds[index]!)
  }

  /** Sends a transaction's messages, and thinks better of it. */
  #abort(engine: SendingEngine, now: Now, first: number, messages: readonly MessageToSend[]): void {
    const transaction = engine.begin(now)
    for (const message of messages) engine.send(now, message, transaction)
    this.#offers.set(engine.abort(now, transaction), { first, count: messages.length, aborted: true })
  }

  #settle(): void {
    if (this.#state !== 'ending' || this.#offers.size > 0) return
    this.#state = 'done'
    this.#onDone?.()
  }

  #setTimer(run: () => void, delayMs: number): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#host.setTimer(() => {
      this.#cancelTimer = null
      run()
    }, delayMs)
  }
}

function arrivalsOf(spec: WorkloadSpec): Arrivals | null {
  if (spec.ratePerS === undefined) return null
  const groupsPerS = spec.ratePerS / (spec.perTransaction ?? 1)
  return spec.arrival === 'poisson' ? poissonArrivals(groupsPerS, spec.seed ?? 1) : constantArrivals(groupsPerS)
}

function bodySize(spec: WorkloadSpec): number {
  return Math.max(spec.bodyBytes, TRACKED_BODY_SIZE)
}

function blankMessage(spec: WorkloadSpec): ReusedMessage {
  return {
    destination: '',
    body: Buffer.alloc(bodySize(spec)),
    ...(spec.delivery !== 'transactional' && { delivery: spec.delivery }),
    ...(spec.label !== undefined && { label: spec.label }),
    ...(spec.priority !== undefined && { priority: spec.priority }),
    ...(spec.timeToReachQueueS !== undefined && { timeToReachQueueS: spec.timeToReachQueueS }),
    ...(spec.timeToBeReceivedS !== undefined && { timeToBeReceivedS: spec.timeToBeReceivedS }),
    ...(spec.acknowledgements !== undefined && { acknowledgements: spec.acknowledgements }),
    ...(spec.adminQueue !== undefined && { adminQueue: spec.adminQueue }),
    ...(spec.journalNegative !== undefined && { journalNegative: spec.journalNegative }),
  }
}
