import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { type ControlServer, startControlServer } from '../control/control-server.js'
import { announceControlSocket, defaultControlEndpoint } from '../control/endpoint.js'
import { MqlabError } from '../protocol/errors.js'
import type { Note } from '../queue-manager/notes.js'
import { QueueManager } from '../queue-manager/queue-manager.js'
import { Driver } from '../transport/driver.js'
import { type MetricsServer, startMetricsServer } from '../transport/metrics-server.js'
import { isWildcard } from '../transport/plain-address.js'
import { createResolver } from '../transport/resolver.js'
import { writeJson } from './output.js'
import { packageVersion } from './program.js'
import type { QmConfig } from './qm-config.js'
import { EventLog } from './qm-events.js'
import { driverHttp, engineHttp, ownAddresses, ownUrl, withFreePorts } from './qm-http.js'
import { createLog } from './qm-log.js'
import { metricsText } from './qm-metrics.js'
import { declareQueues } from './qm-queues.js'
import { type OpenedStore, openQmStore } from './qm-store.js'
import { StoreMeter } from './qm-store-meter.js'
import { ServiceCapture } from './service-capture.js'
import { type ControlPlace, controlPlace, endpointText, metricsUrl, startOrUndo, type Undo } from './serving.js'

/** What `--json` tells of each message. */
const REPORTED_NOTES: ReadonlySet<Note['kind']> = new Set(['arrived', 'discarded'])
const SETTLE_INTERVAL_MS = 5_000
/** How long the end waits for what applications were promised an answer to. */
const SETTLE_MS_MAX = 5_000

export interface RunningQueueManager {
  /** The first line on stdout. */
  readonly ready: Readonly<Record<string, unknown>>
  readonly logger: Logger
  /** Ends in order: no new sessions, answers to applications, sessions closed, the store closed. */
  stop(why: string): Promise<void>
}

/** @throws {CliError} one line: what is in the way. */
export function startQueueManager(config: QmConfig, json: boolean): Promise<RunningQueueManager> {
  return startOrUndo(undo => start(config, json, undo))
}

async function start(config: QmConfig, json: boolean, undo: Undo): Promise<RunningQueueManager> {
  // Before the store is opened: opening tells, once, what the last run lost.
  const place = controlPlace(config)
  const opened = await openQmStore(config)
  undo.add(() => opened.store.close())
  const { name } = opened.identity
  const log = createLog(config.logLevel, { qm: name })
  undo.add(log.flush)
  const { logger } = log
  const events = new EventLog(logger)
  const meter = new StoreMeter(opened.store, opened.lmdb, error => events.storeFailed(Date.now(), error))
  const http = await withFreePorts(config.http)
  const capture = openCapture(config, name, logger)
  undo.add(() => capture?.close())
  const driver = createDriver({ ...config, http }, opened, meter, json, capture, note => events.note(note))
  const { engine } = driver
  driver.call((engine, now) => declareQueues(engine, now, config.queues))
  const { address, port } = await driver.start()
  undo.add(() => driver.stop())
  const control = await openControl(place, { ...config, http }, name, driver, logger)
  if (control !== null) undo.add(() => control.close())
  const conceal = await announce(control, name)
  undo.add(conceal)
  const metrics = await openMetrics(config, driver, meter)
  if (metrics !== null) undo.add(() => metrics.close())
  capture?.begin()
  const settling = setInterval(() => events.settle(Date.now()), SETTLE_INTERVAL_MS).unref()

  const queues = engine
    .localQueues()
    .filter(({ system }) => !system)
    .sort((a, b) => a.number - b.number)
  const where = {
    address,
    port,
    http: driver.bound.http,
    https: driver.bound.https,
    data: config.data === undefined ? null : resolve(config.data),
    control: control === null ? null : endpointText(control.endpoint),
    metrics: metrics === null ? null : metricsUrl(metrics),
  }
  const held = queues.reduce((sum, { messages }) => sum + messages, 0)
  const { outgoingMessages } = engine.counters
  logger.info(
    { event: 'started', guid: engine.guid, ...where, queues: queues.length, held, outgoingMessages },
    'started',
  )
  return {
    ready: {
      ready: true,
      name,
      guid: engine.guid,
      ...where,
      queues: queues.map(({ name, number, transactional }) => ({ name, number, transactional })),
    },
    logger,
    async stop(why) {
      logger.info({ event: 'stopping', why }, 'closing sessions')
      driver.stopListening()
      await settled(driver)
      conceal()
      await control?.close()
      await driver.stop()
      await metrics?.close()
      clearInterval(settling)
      capture?.close()
      events.settle(Number.POSITIVE_INFINITY)
      // No flush: it would overtake the line that is being written, and the process ends when all are.
      logger.info({ event: 'stopped', writesLost: meter.pending }, 'stopped')
    },
  }
}

function createDriver(
  config: QmConfig,
  { identity, settings, stored }: OpenedStore,
  store: StoreMeter,
  json: boolean,
  tap: ServiceCapture | null,
  onNote: (note: Note) => void,
): Driver<QueueManager> {
  const { address, dnsName, http } = config
  const { name } = identity
  const own = [isWildcard(address) ? '127.0.0.1' : address]
  const engine = new QueueManager({
    ...identity,
    ...(dnsName !== undefined && { dnsName }),
    addresses: ownAddresses(address),
    http: engineHttp(http),
    settings,
    notes: json || config.logLevel !== 'silent',
    stored: stored(),
    packets: store,
    security: { keys: config.security, randomBytes },
  })
  return new Driver({
    engine,
    store,
    resolver: createResolver({
      names: { ...config.names, [name]: own, ...(dnsName !== undefined && { [dnsName]: own }) },
      queueManagers: config.queueManagers,
      system: true,
    }),
    listen: { address, port: config.port ?? settings.MsmqIpPort },
    ...driverHttp(http),
    ...(isLoopback(address) && { localAddress: address }),
    ...(settings.EnablePingService === 1 && { pingPort: settings.MsmqIpPingPort }),
    ...(tap !== null && { tap }),
    onNote: note => {
      onNote(note)
      if (json && REPORTED_NOTES.has(note.kind)) void writeJson(note)
    },
  })
}

function openCapture({ pcap, address, names }: QmConfig, name: string, logger: Logger): ServiceCapture | null {
  if (pcap === undefined) return null
  const known = Object.entries(names).flatMap(([machine, addresses]) => addresses.map(at => [at, [machine]] as const))
  const own = isWildcard(address) ? [] : [[address, [name]] as const]
  return new ServiceCapture(pcap, new Map([...known, ...own]), logger)
}

/** Waits until everything done so far is durable, and those who asked for it have their answer. */
function settled(driver: Driver<QueueManager>): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(end, SETTLE_MS_MAX)
    const unsubscribe = driver.subscribe({
      onOutcome: answered => {
        if (answered === request) end()
      },
    })
    const request = driver.call((engine, now) => engine.settle(now))
    function end(): void {
      clearTimeout(timer)
      unsubscribe()
      resolve()
    }
  })
}

/** Null for `off`, and where the place that nobody asked for cannot be had: by another one of that name, say. */
async function openControl(
  place: ControlPlace,
  { data, http }: QmConfig,
  name: string,
  driver: Driver<QueueManager>,
  logger: Logger,
): Promise<ControlServer | null> {
  if (place === 'off') return null
  const httpUrl = ownUrl(http, name)
  const options = { driver, ...(httpUrl !== null && { httpUrl }) }
  if (place !== undefined) return startControlServer({ ...options, ...place })
  try {
    return await startControlServer({ ...options, listen: defaultControlEndpoint({ data, name }) })
  } catch (error) {
    if (!(error instanceof MqlabError)) throw error
    logger.warn({ event: 'no-control', error: error.message }, 'no control socket; --control gives it another place')
    return null
  }
}

async function announce(control: ControlServer | null, name: string): Promise<() => void> {
  return control !== null && 'path' in control.endpoint
    ? announceControlSocket(name, control.endpoint.path)
    : () => undefined
}

async function openMetrics(
  { metrics }: QmConfig,
  driver: Driver<QueueManager>,
  store: StoreMeter,
): Promise<MetricsServer | null> {
  if (metrics === undefined) return null
  const source = { engine: driver.engine, driver, store, version: packageVersion(), startedMs: Date.now() }
  return startMetricsServer(metrics, () => metricsText(source))
}

/** Nodes on one machine are told apart by their 127.x addresses; elsewhere the system knows best which is reachable. */
function isLoopback(address: string): boolean {
  return address.startsWith('127.') && address !== '127.0.0.1'
}
