import type { Guid } from '../../protocol/guid.js'
import { NO_REDIRECTIONS, type Redirection } from '../../queue-manager/http/redirections.js'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { MemoryStore } from '../../store/memory-store.js'
import type { Store } from '../../store/store.js'
import { type ApplicationHost, applicationHost } from '../../transport/application-host.js'
import { Driver, type DriverOptions } from '../../transport/driver.js'
import { createResolver } from '../../transport/resolver.js'
import { type StoreWork, WatchedStore } from '../watched-store.js'

/** Where a queue manager keeps what must outlive it. `folder` is made when it is not there. */
export type StoreChoice = { readonly kind: 'memory' } | { readonly kind: 'lmdb'; readonly folder: string }

/** A queue manager of a benchmark: on its own address at port 1801. Values must survive a clone. */
export interface EngineRoleOptions {
  readonly name: string
  readonly address: string
  readonly guid: Guid
  /** By their registry names; those not given have their defaults. */
  readonly settings: Readonly<Record<string, number>>
  /** Default: memory. */
  readonly store?: StoreChoice
  /** Takes messages over HTTP at this port of its address. Default: none. */
  readonly http?: {
    readonly port: number
    readonly aliases?: readonly string[]
    readonly inbound?: readonly Redirection[]
  }
}

type Handlers = Pick<DriverOptions<QueueManager>, 'onArrived' | 'onReceived' | 'onOutcome' | 'onNote' | 'onTurn'>

export interface RunningEngine {
  readonly engine: QueueManager
  readonly host: ApplicationHost<QueueManager>
  /** Resolves when all that the queue manager has done so far is in the store for good. */
  durable(): Promise<void>
  /** What its store has done; nothing of a store in memory. */
  stored(): StoreWork
  stop(): Promise<void>
}

const PORT = 1801
const LINGER_MS = 500
const NO_WORK: StoreWork = { commits: 0, busyUs: 0 }
/** TxSequenceID.TimeStamp; any time of installation will do. */
const INSTALLED_AT = 1_750_000_000

/** Starts the engine and the driver that ship. Notes are events for a lab's history and cost time: off unless asked. */
export async function runEngine(
  options: EngineRoleOptions,
  notes: boolean,
  handlers: Handlers,
): Promise<RunningEngine> {
  const { name, address, guid, settings, http } = options
  const store = await openStore(options)
  const engine = new QueueManager({
    name,
    guid,
    addresses: [address],
    settings: createSettings(settings),
    sequenceTimeStamp: INSTALLED_AT,
    notes,
    stored: store.load(),
    packets: store,
    ...(http !== undefined && {
      http: {
        host: address,
        port: http.port,
        aliases: http.aliases ?? [],
        redirections: { ...NO_REDIRECTIONS, inbound: http.inbound ?? [] },
      },
    }),
  })
  const driver = new Driver({
    engine,
    store,
    resolver: createResolver({}),
    listen: { address, port: PORT },
    localAddress: address,
    ...(http !== undefined && { http: { address, port: http.port } }),
    limits: { lingerMs: LINGER_MS },
    ...handlers,
  })
  await driver.start()
  return {
    engine,
    host: applicationHost(driver),
    durable: () => written(store),
    stored: () => (store instanceof WatchedStore ? store.work() : NO_WORK),
    stop: () => driver.stop(),
  }
}

async function openStore({ name, guid, store = { kind: 'memory' } }: EngineRoleOptions): Promise<Store> {
  if (store.kind === 'memory') return new MemoryStore()
  const { LmdbStore } = await import('../../store/lmdb-store.js')
  const identity = { name, guid, sequenceTimeStamp: INSTALLED_AT }
  return new WatchedStore(await LmdbStore.open(store.folder, { identity }))
}

/** Writes are done in their order: when an empty one is, all before it are. The driver hands over what a call into the
 *  engine led to at the end of the turn, hence the wait for the next. */
async function written(store: Store): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
  await new Promise<void>((resolve, reject) =>
    store.write([], error => {
      if (error === null) resolve()
      else reject(error)
    }),
  )
}
