import type { Endpoint } from '../queue-manager/actions.js'
import type { Note } from '../queue-manager/notes.js'
import type { QueueManager } from '../queue-manager/queue-manager.js'
import { MemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { applicationHost } from '../transport/application-host.js'
import { realNow } from '../transport/clock.js'
import { Driver } from '../transport/driver.js'
import { createResolver } from '../transport/resolver.js'
import type { SocketsTap } from '../transport/wire-tap.js'
import type { NodeMessage, NodeSample } from './channel-messages.js'
import type { FaultyEngine } from './faults/faulty-engine.js'
import type { Injection } from './faults/rule-book.js'
import type { LabNode } from './lab-node.js'
import type { QueueManagerReport, QueueManagerSpec } from './node-spec.js'
import { createQueueManager, machineLedgers, QueueManagerApplication } from './queue-manager-application.js'

/** A lab run ends soon after it is told to: nobody waits long for a peer that does not close. */
const LINGER_MS = 500

/** A queue manager on real sockets with what the specification puts on it: queues, a consumer, a workload. */
export class QueueManagerNode implements LabNode {
  readonly #driver: Driver<QueueManager>
  readonly #application: QueueManagerApplication
  readonly #store: Store
  readonly #faulty: FaultyEngine | null
  #notes: Note[] = []
  #injections: Injection[] = []

  /** `onDone`: the workload has offered all it will, and each offer is answered. */
  static async create(spec: QueueManagerSpec, onDone: () => void, tap?: SocketsTap): Promise<QueueManagerNode> {
    return new QueueManagerNode(spec, onDone, await openStore(spec), await loadFaults(spec), tap)
  }

  private constructor(
    spec: QueueManagerSpec,
    onDone: () => void,
    store: Store,
    faults: Faults,
    tap: SocketsTap | undefined,
  ) {
    this.#store = store
    const engine = createQueueManager(spec, store)
    const { settings } = engine
    this.#faulty =
      faults === null
        ? null
        : new faults.FaultyEngine(engine, faults.rules, {
            now: realNow,
            injected: injection => this.#injections.push(injection),
            crash: rule => faults.dieAtOnce({ rule, injections: this.#injections }, spec.lastWord),
          })
    this.#driver = new Driver({
      engine,
      ...(this.#faulty === null ? {} : { driven: this.#faulty }),
      store: keptOpen(store),
      resolver: createResolver(spec.resolver),
      listen: { address: spec.listenAddress ?? spec.address, port: spec.port },
      localAddress: spec.address,
      ...(spec.http !== undefined && { http: { address: spec.listenAddress ?? spec.address, port: spec.http.port } }),
      ...(settings.EnablePingService === 1 && { pingPort: settings.MsmqIpPingPort }),
      limits: { lingerMs: LINGER_MS },
      ...(tap !== undefined && { tap }),
      onOutcome: (request, outcome, error) => this.#application.onOutcome(request, outcome, error),
      onReceived: (request, queue, messages) => this.#application.onReceived(request, queue, messages),
      onArrived: queue => this.#application.onArrived(queue),
      onNote: note => this.#notes.push(note),
      onTurn: () => this.#application.onTurn(),
    })
    const host = applicationHost(this.#driver)
    this.#application = new QueueManagerApplication(spec, engine, host, machineLedgers(spec), onDone)
  }

  async open(): Promise<Endpoint> {
    const bound = await this.#driver.start()
    this.#application.open()
    return bound
  }

  start(elapsedMs = 0): void {
    this.#faulty?.begin(elapsedMs)
    this.#application.start()
  }

  drain(): void {
    this.#application.drain()
  }

  async close(): Promise<void> {
    this.#application.drain()
    this.#application.stopConsuming()
    await this.#driver.stop()
    this.#application.settle()
    await this.#store.close()
  }

  report(partial: boolean): QueueManagerReport {
    return this.#application.report(partial, Date.now())
  }

  sample(): NodeSample {
    return this.#application.sample(Date.now())
  }

  takeNews(): NodeMessage | null {
    if (this.#notes.length > 0) {
      const notes = this.#notes
      this.#notes = []
      return { type: 'notes', notes }
    }
    if (this.#injections.length === 0) return null
    const injections = this.#injections
    this.#injections = []
    return { type: 'injected', injections }
  }
}

type Faults = Awaited<ReturnType<typeof loadFaults>>

/** Faults by meaning, with the code for them: a tenth of what a node has to load, and most have none. */
async function loadFaults({ faults: rules }: QueueManagerSpec) {
  if (rules === undefined) return null
  const [{ FaultyEngine }, { dieAtOnce }] = await Promise.all([
    import('./faults/faulty-engine.js'),
    import('./faults/last-word.js'),
  ])
  return { rules, FaultyEngine, dieAtOnce }
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
