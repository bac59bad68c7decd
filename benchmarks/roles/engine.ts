import type { Guid } from '../../protocol/guid.js'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { MemoryStore } from '../../store/memory-store.js'
import { type ApplicationHost, applicationHost } from '../../transport/application-host.js'
import { Driver, type DriverOptions } from '../../transport/driver.js'
import { createResolver } from '../../transport/resolver.js'

/** A queue manager of a benchmark: on its own address at port 1801, with a memory store. Values must survive a clone. */
export interface EngineRoleOptions {
  readonly name: string
  readonly address: string
  readonly guid: Guid
  /** By their registry names; those not given have their defaults. */
  readonly settings: Readonly<Record<string, number>>
}

type Handlers = Pick<DriverOptions<QueueManager>, 'onArrived' | 'onReceived' | 'onOutcome' | 'onNote' | 'onTurn'>

export interface RunningEngine {
  readonly engine: QueueManager
  readonly host: ApplicationHost<QueueManager>
  stop(): Promise<void>
}

const PORT = 1801
const LINGER_MS = 500
/** TxSequenceID.TimeStamp; any time of installation will do. */
const INSTALLED_AT = 1_750_000_000

/** Starts the engine and the driver that ship. Notes are events for a lab's history and cost time: off unless asked. */
export async function runEngine(
  options: EngineRoleOptions,
  notes: boolean,
  handlers: Handlers,
): Promise<RunningEngine> {
  const { name, address, guid, settings } = options
  const engine = new QueueManager({
    name,
    guid,
    addresses: [address],
    settings: createSettings(settings),
    sequenceTimeStamp: INSTALLED_AT,
    notes,
  })
  const driver = new Driver({
    engine,
    store: new MemoryStore(),
    resolver: createResolver({}),
    listen: { address, port: PORT },
    localAddress: address,
    limits: { lingerMs: LINGER_MS },
    ...handlers,
  })
  await driver.start()
  return { engine, host: applicationHost(driver), stop: () => driver.stop() }
}
