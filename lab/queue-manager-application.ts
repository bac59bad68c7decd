import { MqlabError } from '../protocol/errors.js'
import { readTrackedBody } from '../protocol/tracked-body.js'
import { QueueManager } from '../queue-manager/queue-manager.js'
import type { ReceivedMessage } from '../queue-manager/queued-message.js'
import { createSettings } from '../queue-manager/settings.js'
import { Consumer, enterMessage } from '../receivers/consumer.js'
import { ReceiverLedger } from '../receivers/receiver-ledger.js'
import { SenderLedger } from '../senders/sender-ledger.js'
import { Workload } from '../senders/workload.js'
import type { Store } from '../store/store.js'
import type { ApplicationHost } from '../transport/application-host.js'
import type { NodeSample } from './channel-messages.js'
import type { QueueManagerReport, QueueManagerSpec, RemainingMessages } from './node-spec.js'

/** The queue manager that `spec` describes, on what `store` holds. */
export function createQueueManager(spec: QueueManagerSpec, store: Store): QueueManager {
  return new QueueManager({
    name: spec.computerName ?? spec.name,
    ...(spec.dnsName !== undefined && { dnsName: spec.dnsName }),
    guid: spec.guid,
    addresses: [spec.address, ...(spec.moreAddresses ?? [])],
    settings: createSettings(spec.settings),
    sequenceTimeStamp: spec.sequenceTimeStamp,
    notes: spec.notes,
    stored: store.load(),
    packets: store,
    ...(spec.http !== undefined && { http: { ...spec.http, host: spec.name } }),
  })
}

const WAITING_MESSAGES_MAX = 1_000_000

/** What one machine of a run has promised and received; where it may end and start again, over all its lives. */
export interface MachineLedgers {
  readonly receiver: ReceiverLedger
  readonly sender: SenderLedger | null
}

export function machineLedgers({ consumer, workload, notes }: QueueManagerSpec): MachineLedgers {
  return {
    receiver: new ReceiverLedger({ latency: consumer?.latency ?? false }),
    sender:
      workload === undefined
        ? null
        : new SenderLedger({
            sender: workload.sender,
            perTransaction: workload.perTransaction ?? 1,
            keepMessageIds: notes,
          }),
  }
}

/** What the lab has running on a queue manager, whatever drives that: a consumer, a workload, and their ledgers. */
export class QueueManagerApplication {
  readonly #spec: QueueManagerSpec
  readonly #engine: QueueManager
  readonly #host: ApplicationHost<QueueManager>
  readonly #ledgers: MachineLedgers
  readonly #consumer: Consumer | null
  readonly #workload: Workload | null
  /** Known at the end, when the store can still be asked. */
  #remaining: RemainingMessages[] | null = null
  #isUnreadable = false

  /** `onDone`: the workload has offered all it will, and each offer is answered. */
  constructor(
    spec: QueueManagerSpec,
    engine: QueueManager,
    host: ApplicationHost<QueueManager>,
    ledgers: MachineLedgers,
    onDone: () => void,
  ) {
    this.#spec = spec
    this.#engine = engine
    this.#host = host
    this.#ledgers = ledgers
    const { consumer, workload } = spec
    this.#consumer = consumer === undefined ? null : new Consumer(host, ledgers.receiver, consumer)
    this.#workload =
      workload === undefined || ledgers.sender === null
        ? null
        : new Workload(host, workload, { ledger: ledgers.sender, onDone })
  }

  onOutcome(...outcome: Parameters<Workload['outcome']>): void {
    this.#workload?.outcome(...outcome)
  }

  onReceived(_request: number, queue: string, messages: readonly ReceivedMessage[]): void {
    this.#consumer?.received(queue, messages)
  }

  onArrived(queue: string): void {
    this.#consumer?.arrived(queue)
  }

  onTurn(): void {
    this.#workload?.turned()
  }

  /** Makes the queues that are not there yet, and begins to take messages out. */
  open(): void {
    const known = new Set(this.#engine.localQueues().map(({ name }) => name))
    for (const queue of this.#spec.queues)
      if (!known.has(queue.name)) this.#host.call((engine, now) => engine.createQueue(now, queue))
    this.#consumer?.start()
  }

  start(): void {
    this.#workload?.start()
  }

  drain(): void {
    this.#workload?.stop()
  }

  stopConsuming(): void {
    this.#consumer?.stop()
  }

  /**
   * The queue manager has stopped; its store can still be asked. What lies in a queue at the end was delivered, though
   * nobody consumed it.
   */
  settle(): void {
    const { monotonicMs, wallMs } = this.#host.now()
    const verify = this.#spec.consumer?.verifyBodies ?? false
    try {
      for (const { name } of this.#spec.queues)
        for (const queued of this.#engine.peek(name, WAITING_MESSAGES_MAX))
          enterMessage(this.#ledgers.receiver, name, queued, monotonicMs * 1000, wallMs, verify)
    } catch (error) {
      // a disk that does not give back what it has: what was delivered is not known in full
      if (!(error instanceof MqlabError)) throw error
      this.#isUnreadable = true
    }
    this.#remaining = remainingMessages(this.#engine)
  }

  report(partial: boolean, atMs: number): QueueManagerReport {
    const { sender, receiver } = this.#ledgers
    return {
      kind: 'queue-manager',
      node: this.#spec.name,
      partial: partial || this.#isUnreadable,
      atMs,
      ...(sender !== null && { sender: sender.data() }),
      ...(this.#spec.queues.length > 0 && { receiver: receiver.data() }),
      outgoing: this.#engine.outgoingQueues(),
      local: this.#engine.localQueues(),
      remaining: this.#remaining ?? remainingMessages(this.#engine),
      counters: this.#engine.counters,
    }
  }

  /** Whether its consumer has nothing to take. */
  get hasConsumedAll(): boolean {
    return this.#spec.consumer === undefined || this.#waiting() === 0
  }

  /** Messages in the queues that the specification puts there. */
  #waiting(): number {
    return this.#spec.queues.reduce((sum, { name }) => sum + (this.#engine.queue(name)?.messages ?? 0), 0)
  }

  sample(atMs: number): NodeSample {
    return {
      atMs,
      outgoing: this.#engine
        .outgoingQueues()
        .filter(({ messages }) => messages > 0)
        .map(({ formatName, messages }) => ({ formatName, messages })),
      outgoingMessages: this.#engine.counters.outgoingMessages,
      localMessages: this.#waiting(),
      offered: this.#ledgers.sender?.offered ?? 0,
      consumed: this.#ledgers.receiver.received,
    }
  }
}

function remainingMessages(engine: QueueManager): RemainingMessages[] {
  const numbersOf = new Map<number, number[]>()
  for (const { body } of engine.outgoingMessages()) {
    const identity = readTrackedBody(body)
    if (identity === null) continue
    const numbers = numbersOf.get(identity.sender)
    if (numbers === undefined) numbersOf.set(identity.sender, [identity.number])
    else numbers.push(identity.number)
  }
  return Array.from(numbersOf, ([sender, numbers]) => ({ sender, numbers: bitmapOf(numbers) }))
}

function bitmapOf(numbers: readonly number[]): Uint8Array {
  const highest = numbers.reduce((max, number) => Math.max(max, number), 0)
  const bitmap = new Uint8Array((highest + 7) >> 3)
  for (const number of numbers) bitmap[(number - 1) >> 3]! |= 1 << ((number - 1) & 7)
  return bitmap
}
