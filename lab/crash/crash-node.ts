import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '../../queue-manager/actions.js'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { LmdbStore } from '../../store/lmdb-store.js'
import { type Store, StoreError } from '../../store/store.js'
import { applicationHost } from '../../transport/application-host.js'
import { Driver } from '../../transport/driver.js'
import type { NodeSample } from '../channel-messages.js'
import type { LabNode } from '../lab-node.js'
import { createRandom } from '../sim/random.js'
import { Answers } from './crash-application.js'
import { FileLedger, readLedger } from './crash-ledger.js'
import type { CrashNodeReport, CrashNodeSpec } from './crash-node-spec.js'
import { CrashOffers } from './crash-offers.js'
import { CrashTakes } from './crash-takes.js'
import { KillingStore } from './killing-store.js'

const LINGER_MS = 500
const QUIET_POLL_MS = 5
const DEAD_LETTER_QUEUES = ['system$;deadletter', 'system$;deadxact']

/** A queue manager on its durable store, with the campaign's applications. It expects to be killed. */
export class CrashNode implements LabNode {
  readonly #spec: CrashNodeSpec
  #driver: Driver<QueueManager> | null = null
  #offers: CrashOffers | null = null
  #takes: CrashTakes | null = null
  #ledgers: { readonly offers: FileLedger; readonly takes: FileLedger } | null = null

  constructor(spec: CrashNodeSpec) {
    this.#spec = spec
  }

  async open(): Promise<Endpoint> {
    const spec = this.#spec
    const store = await this.#openStore()
    const answers = new Answers()
    const driver = new Driver({
      engine: new QueueManager({
        name: spec.name,
        guid: spec.guid,
        addresses: [spec.address],
        settings: createSettings(spec.settings),
        ...(spec.http !== undefined && { http: spec.http }),
        sequenceTimeStamp: spec.sequenceTimeStamp,
        notes: false,
        stored: store.load(),
        packets: store,
      }),
      store,
      resolver: () => [],
      listen: { address: spec.address, port: spec.port },
      ...(spec.http !== undefined && { http: { address: spec.address, port: spec.http.port } }),
      localAddress: spec.address,
      limits: { lingerMs: LINGER_MS },
      onOutcome: (request, outcome, error) => answers.answer(request, { outcome, error }),
      onReceived: (request, _queue, messages, error) => answers.answer(request, { messages, error }),
    })
    const host = applicationHost(driver)
    const random = createRandom(spec.seed)
    const written = { offers: readLedger(spec.offersLedger), takes: readLedger(spec.takesLedger) }
    const ledgers = { offers: new FileLedger(spec.offersLedger), takes: new FileLedger(spec.takesLedger) }
    for (const ledger of Object.values(ledgers)) ledger.append({ do: 'life', life: spec.life })
    this.#driver = driver
    this.#ledgers = ledgers
    const parts = { answers, random: random.fork() }
    if (spec.offers !== undefined)
      this.#offers = new CrashOffers(host, spec.offers, { ...parts, ledger: ledgers.offers, written: written.offers })
    const takes = new CrashTakes(host, spec.takes, { ...parts, ledger: ledgers.takes, written: written.takes })
    this.#takes = takes
    const bound = await driver.start()
    driver.call((engine, now) => {
      const known = new Set(engine.localQueues().map(({ name }) => name))
      for (const { node, name, transactional, isJournal, journal } of spec.queues)
        if (node === spec.name && isJournal !== true && !known.has(name))
          engine.createQueue(now, { name, transactional, journal: journal !== undefined })
    })
    takes.start()
    return bound
  }

  start(): void {
    this.#offers?.start()
  }

  drain(): void {
    this.#offers?.stop()
  }

  async close(): Promise<void> {
    this.#offers?.stop()
    this.#takes?.stop()
    while (this.#offers?.isQuiet === false || this.#takes?.isQuiet === false) await sleep(QUIET_POLL_MS)
    this.#driver?.call(engine => {
      this.#takes?.audit(engine)
      for (const name of DEAD_LETTER_QUEUES) {
        const dead = engine.peek(name, 10)
        if (dead.length > 0) this.#ledgers?.takes.append({ do: 'wrong', what: `${name} holds messages` })
      }
    })
    await this.#driver?.stop()
    this.#ledgers?.offers.close()
    this.#ledgers?.takes.close()
  }

  report(partial: boolean): CrashNodeReport {
    return { kind: 'crash-node', node: this.#spec.name, partial, atMs: Date.now() }
  }

  /** What is under way counts as waiting. */
  sample(): NodeSample | null {
    const engine = this.#driver?.engine
    if (engine === undefined) return null
    const waiting = engine
      .localQueues()
      .reduce((sum, { messages, journalMessages, system }) => (system ? sum : sum + messages + journalMessages), 0)
    return {
      atMs: Date.now(),
      outgoing: engine.outgoingQueues().map(({ formatName, messages }) => ({ formatName, messages })),
      outgoingMessages: engine.counters.outgoingMessages,
      localMessages: waiting + (this.#takes?.busy ?? 0) + (this.#offers?.open ?? 0),
      offered: 0,
      consumed: 0,
    }
  }

  takeNews(): null {
    return null
  }

  async #openStore(): Promise<Store> {
    const { directory, kill, storeBytesMax, name, guid, sequenceTimeStamp } = this.#spec
    const store = await LmdbStore.open(directory, {
      identity: { name, guid, sequenceTimeStamp },
      ...(storeBytesMax !== undefined && { bytesMax: storeBytesMax }),
    })
    const codes = new Set<string>()
    return new KillingStore(store, kill, error => {
      const code = error instanceof StoreError ? error.code : error.message
      if (!codes.has(code)) this.#ledgers?.takes.append({ do: 'failure', code })
      codes.add(code)
    })
  }
}
