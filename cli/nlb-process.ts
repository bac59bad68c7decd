import type { Logger } from 'pino'
import { type ControlServer, startServiceServer } from '../control/control-server.js'
import { defaultControlEndpoint, NLB_CLUSTER } from '../control/endpoint.js'
import { MqlabError } from '../protocol/errors.js'
import { startMetricsServer } from '../transport/metrics-server.js'
import type { NlbConfig } from './nlb-config.js'
import { NlbLog } from './nlb-log.js'
import { nlbMetricsText } from './nlb-metrics.js'
import { openPlane } from './nlb-planes.js'
import { isOtherBalancer, NlbService, type ServedCluster } from './nlb-service.js'
import { EventRing, isSubstitute } from './nlb-view.js'
import { createLog } from './qm-log.js'
import { ServiceCapture } from './service-capture.js'
import { type ControlPlace, controlPlace, endpointText, metricsUrl, startOrUndo, type Undo } from './serving.js'

const SETTLE_INTERVAL_MS = 5_000

export interface RunningNlb {
  /** The first line on stdout. */
  readonly ready: Readonly<Record<string, unknown>>
  stop(why: string): Promise<void>
}

/** @throws {CliError} one line: what is in the way. */
export function startNlb(config: NlbConfig, json: boolean): Promise<RunningNlb> {
  return startOrUndo(undo => start(config, json, undo))
}

async function start(config: NlbConfig, json: boolean, undo: Undo): Promise<RunningNlb> {
  const place = controlPlace(config)
  const { cluster, hash, plane: planeName, kernelMode, source, path } = config
  const { logger, flush } = createLog(config.logLevel, { nlb: cluster.name })
  undo.add(flush)
  for (const { line, what } of config.advice) logger.warn({ event: 'advice', at: `${path}:${line}` }, what)
  const events = new EventRing()
  const log = new NlbLog(logger, json)
  const capture = openCapture(config, logger)
  undo.add(() => capture?.close())
  const plane = await openPlane(config, {
    onEvent: event => log.event(events.add(event)),
    onDecision: (decision, at) => log.decision(decision, at),
    onClosed: (closed, at) => log.closed(closed, at),
    onDatagram: (datagram, at) => log.datagram(datagram, at),
    onHostChecked: (host, state) => log.checked(host, state),
    onError: error => log.failed(error),
    ...(capture !== null && { tap: capture }),
  })
  const served: ServedCluster = {
    config,
    live: plane.live,
    events,
    startedMs: Date.now(),
    counters: () => plane.counters(),
  }
  undo.add(() => plane.stop())
  await plane.start()
  const control = await openControl(place, served, logger)
  undo.add(() => control?.close())
  const metrics =
    config.metrics === undefined ? null : await startMetricsServer(config.metrics, () => nlbMetricsText(served))
  undo.add(() => metrics?.close())
  capture?.begin()
  const settling = setInterval(() => log.settle(Date.now()), SETTLE_INTERVAL_MS).unref()
  undo.add(() => clearInterval(settling))
  const where = {
    plane: planeName,
    ...(kernelMode === null ? { source } : { mode: kernelMode }),
    // Of NLB's there is no other; a balancer that people have chooses by its own.
    hash: isOtherBalancer(planeName) ? null : hash.name,
    hashIsSubstitute: !isOtherBalancer(planeName) && isSubstitute(hash.name),
    control: control === null ? null : endpointText(control.endpoint),
    metrics: metrics === null ? null : metricsUrl(metrics),
  }
  logger.info({ event: 'ready', addresses: cluster.addresses.join(', '), ...where }, 'ready')
  return {
    ready: {
      ready: true,
      name: cluster.name,
      addresses: cluster.addresses,
      hosts: cluster.hosts.map(({ name, address, priority }) => ({ name, address, priority })),
      ...where,
      ...plane.ready(),
    },
    async stop(why) {
      logger.info({ event: 'stopping', why }, 'stopping')
      await undo.all()
      log.settle(Number.POSITIVE_INFINITY)
      logger.info({ event: 'stopped' }, 'stopped')
    },
  }
}

function openCapture({ pcap, cluster, machines }: NlbConfig, logger: Logger): ServiceCapture | null {
  if (pcap === undefined) return null
  const named = (at: readonly { readonly name: string; readonly address: string }[]) =>
    at.map(({ name, address }) => [address, [name]] as const)
  const own = cluster.addresses.map(address => [address, [cluster.name]] as const)
  return new ServiceCapture(pcap, new Map([...named(machines), ...own, ...named(cluster.hosts)]), logger)
}

/** Null for `off`, and where the place that nobody asked for cannot be had: by another one of that name, say. */
async function openControl(place: ControlPlace, served: ServedCluster, logger: Logger): Promise<ControlServer | null> {
  if (place === 'off') return null
  const create = () => new NlbService(served)
  if (place !== undefined) return startServiceServer(create, place)
  try {
    const listen = defaultControlEndpoint({ name: served.config.cluster.name }, NLB_CLUSTER)
    return await startServiceServer(create, { listen })
  } catch (error) {
    if (!(error instanceof MqlabError)) throw error
    logger.warn({ event: 'no-control', error: error.message }, 'no control socket; --control gives it another place')
    return null
  }
}
