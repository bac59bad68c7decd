import type { LiveCluster } from '../gateway/live-cluster.js'
import type { ClusterConfig } from '../gateway/nlb/cluster-config.js'
import type { NlbEvent } from '../gateway/nlb/events.js'
import type { HostView } from '../gateway/nlb/host-view.js'
import type { PlaneCounters } from '../gateway/planes/plane.js'
import { monotonicMs } from '../transport/clock.js'
import type { NlbConfig } from './nlb-config.js'

/** An event with the time of day. */
export interface LoggedEvent extends Omit<NlbEvent, 'atMs'> {
  readonly timeMs: number
}

/** What a running cluster shows of itself. Times are wall-clock milliseconds. */
export interface NlbView {
  readonly name: string
  readonly cluster: Omit<ClusterConfig, 'hosts'>
  readonly hash: string
  /** `nlb-sub-1` and `jhash` stand in for the hash of Windows, which is not public. */
  readonly hashIsSubstitute: boolean
  readonly plane: string
  /** Of the plane kernel its mode, of others whose address hosts see. */
  readonly mode: string
  readonly file: string
  readonly processId: number
  readonly startedMs: number
  readonly nowMs: number
  readonly converged: boolean
  readonly hosts: readonly HostView[]
  readonly counters: PlaneCounters
}

/** The last events, in their order. */
export class EventRing {
  readonly #events: LoggedEvent[] = []
  /** By kind and host, since the start. */
  readonly counts = new Map<string, { kind: string; host: string; count: number }>()

  add(event: NlbEvent): LoggedEvent {
    const { atMs, ...rest } = event
    const logged = { ...rest, timeMs: wallMs(atMs) }
    this.#events.push(logged)
    if (this.#events.length > EVENTS_KEPT) this.#events.shift()
    const key = `${event.kind} ${event.host}`
    const counted = this.counts.get(key) ?? { kind: event.kind, host: event.host, count: 0 }
    counted.count += 1
    this.counts.set(key, counted)
    return logged
  }

  last(max: number): readonly LoggedEvent[] {
    return this.#events.slice(-max)
  }
}

const EVENTS_KEPT = 1000

export function clusterView(
  config: NlbConfig,
  live: Pick<LiveCluster, 'call'>,
  startedMs: number,
  counters: PlaneCounters,
): NlbView {
  return live.call(cluster => {
    const { hosts: _, ...rest } = cluster.config
    return {
      name: cluster.config.name,
      cluster: rest,
      hash: cluster.hash.name,
      hashIsSubstitute: isSubstitute(cluster.hash.name),
      plane: config.plane,
      mode: config.kernelMode ?? `source ${config.source}`,
      file: config.path,
      processId: process.pid,
      startedMs,
      nowMs: Date.now(),
      converged: cluster.converged(),
      hosts: cluster.hosts().map(host => ({ ...host, sinceMs: wallMs(host.sinceMs) })),
      counters,
    }
  })
}

export function isSubstitute(hash: string): boolean {
  return !hash.startsWith('measured')
}

/** Taken once, so that what came first stays first. */
const WALL_OFFSET_MS = Date.now() - monotonicMs()

/** The time of day of a moment of the monotonic clock. */
function wallMs(atMs: number): number {
  return Math.round(WALL_OFFSET_MS + atMs)
}
