import { readTrackedBody } from '../protocol/tracked-body.js'
import type { Endpoint } from '../queue-manager/actions.js'
import type { Note } from '../queue-manager/notes.js'
import { QueueManager } from '../queue-manager/queue-manager.js'
import { createSettings } from '../queue-manager/settings.js'
import { Consumer, enterMessage } from '../receivers/consumer.js'
import { ReceiverLedger } from '../receivers/receiver-ledger.js'
import { Workload } from '../senders/workload.js'
import { MemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { applicationHost } from '../transport/application-host.js'
import { realNow } from '../transport/clock.js'
import { Driver } from '../transport/driver.js'
import { createResolver } from '../transport/resolver.js'
import type { NodeMessage, NodeSample } from './channel-messages.js'
import type { LabNode } from './lab-node.js'
import type { QueueManagerReport, QueueManagerSpec, RemainingMessages } from './node-spec.js'

/** A lab run ends soon after it is told to: nobody waits long for a peer that does not close. */
const LINGER_MS = 500
const WAITING_MESSAGES_MAX = 1_000_000

/** A queue manager on real sockets with what the specification puts on it: queues, a consumer, a workload. */
export class QueueManagerNode implements LabNode {
  readonly #spec: QueueManagerSpec
  readonly #engine: QueueManager
  readonly #driver: Driver<QueueManager>
  readonly #ledger: ReceiverLedger
  readonly #consumer: Consumer | null
  readonly #workload: Workload | null
  readonly #store: Store
  #notes: Note[] = []
  /** Known at the end, when the store can still be asked. */
  #remaining: RemainingMessages[] | null = null

  /** `onDone`: the workload has offered all it will, and each offer is answered. */
  static async create(spec: QueueManagerSpec, onDone: () => void): Promise<QueueManagerNode> {
    return new QueueManagerNode(spec, onDone, await openStore(spec))
  }

  private constructor(spec: QueueManagerSpec, onDone: () => void, store: Store) {
    this.#spec = spec
    this.#store = store
    const settings = createSettings(spec.settings)
    this.#engine = new QueueManager({
      name: spec.computerName ?? spec.name,
      ...(spec.dnsName !== undefined && { dnsName: spec.dnsName }),
      guid: spec.guid,
      addresses: [spec.address, ...(spec.moreAddresses ?? [])],
      settings,
      sequenceTimeStamp: spec.sequenceTimeStamp,
      notes: spec.notes,
      stored: store.load(),
      packets: store,
      ...(spec.http !== undefined && { http: { ...spec.http, host: spec.name } }),
    })
    this.#driver = new Driver({
      engine: this.#engine,
      store: keptOpen(store),
      resolver: createResolver(spec.resolver),
      listen: { address: spec.listenAddress ?? spec.address, port: spec.port },
      localAddress: spec.address,
      ...(spec.http !== undefined && { http: { address: spec.listenAddress ?? spec.address, port: spec.http.port } }),
      ...(settings.EnablePingService === 1 && { pingPort: settings.MsmqIpPingPort }),
      limits: { lingerMs: LINGER_MS },
      onOutcome: (request, outcome, error) => this.#workload?.outcome(request, outcome, error),
      onReceived: (_request, queue, messages) => this.#consumer?.received(queue, messages),
      onArrived: queue => this.#consumer?.arrived(queue),
      onNote: note => this.#notes.push(note),
      onTurn: () => this.#workload?.turned(),
    })
    const host = applicationHost(this.#driver)
    this.#ledger = new ReceiverLedger({ latency: spec.consumer?.latency ?? false })
    this.#consumer = spec.consumer === undefined ? null : new Consumer(host, this.#ledger, spec.consumer)
    this.#workload =
      spec.workload === undefined ? null : new Workload(host, spec.workload, { keepMessageIds: spec.notes, onDone })
  }

  async open(): Promise<Endpoint> {
    const bound = await this.#driver.start()
    const known = new Set(this.#engine.localQueues().map(({ name }) => name))
    for (const queue of this.#spec.queues)
      if (!known.has(queue.name)) this.#driver.call((engine, now) => engine.createQueue(now, queue))
    this.#consumer?.start()
    return bound
  }

  start(): void {
    this.#workload?.start()
  }

  drain(): void {
    this.#workload?.stop()
  }

  async close(): Promise<void> {
    this.#workload?.stop()
    this.#consumer?.stop()
    await this.#driver.stop()
    this.#enterWaiting()
    this.#remaining = remainingMessages(this.#engine)
    await this.#store.close()
  }

  report(partial: boolean): QueueManagerReport {
    return {
      kind: 'queue-manager',
      node: this.#spec.name,
      partial,
      atMs: Date.now(),
      ...(this.#workload !== null && { sender: this.#workload.ledger.data() }),
      ...(this.#spec.queues.length > 0 && { receiver: this.#ledger.data() }),
      outgoing: this.#engine.outgoingQueues(),
      local: this.#engine.localQueues(),
      remaining: this.#remaining ?? remainingMessages(this.#engine),
      counters: this.#engine.counters,
    }
  }

  sample(): NodeSample {
    return {
      atMs: Date.now(),
      outgoing: this.#engine
        .outgoingQueues()
        .filter(({ messages }) => messages > 0)
        .map(({ formatName, messages }) => ({ formatName, messages })),
      outgoingMessages: this.#engine.counters.outgoingMessages,
      localMessages: this.#engine
        .localQueues()
        .reduce((sum, { number, messages }) => (number > 0 ? sum + messages : sum), 0),
      offered: this.#workload?.ledger.offered ?? 0,
      consumed: this.#ledger.received,
    }
  }

  takeNews(): NodeMessage | null {
    if (this.#notes.length === 0) return null
    const notes = this.#notes
    this.#notes = []
    return { type: 'notes', notes }
  }

  /** What lies in a queue at the end was delivered, though nobody consumed it. */
  #enterWaiting(): void {
    const { monotonicMs, wallMs } = realNow()
    const verify = this.#spec.consumer?.verifyBodies ?? false
    for (const { name } of this.#spec.queues)
      for (const queued of this.#engine.peek(name, WAITING_MESSAGES_MAX))
        enterMessage(this.#ledger, name, queued, monotonicMs * 1000, wallMs, verify)
  }
}

async function openStore({ data, name, guid, sequenceTimeStamp }: QueueManagerSpec): Promise<Store> {
  if (data === undefined) return new MemoryStore()
  // a native library, which a node that forgets everything need not load
  const { LmdbStore } = await import('../store/lmdb-store.js')
  return await LmdbStore.open(data, { identity: { name, guid, sequenceTimeStamp } })
}

/** A store that its user does not close: what waits in the queues is read when the driver has stopped. */
function keptOpen(store: Store): Store {
  return {
    load: () => store.load(),
    packet: (table, key) => store.packet(table, key),
    write: (operations, done) => store.write(operations, done),
    close: () => Promise.resolve(),
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
