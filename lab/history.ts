import type { ConnectionClosed, ProxiedRequest, ProxyDecision } from '../gateway/planes/proxy-events.js'
import type { Guid } from '../protocol/guid.js'
import type { Note } from '../queue-manager/notes.js'
import type { NodeSample } from './channel-messages.js'
import type { ClusterMap } from './cluster-map.js'
import type { Injection } from './faults/rule-book.js'
import { groupBy } from './group-by.js'
import type { NodeReport, QueueManagerReport } from './node-spec.js'
import type { Plane } from './planes.js'
import type { NodeRole } from './scenario-nodes.js'
import type { Scenario, ScenarioLoad } from './scenario-schema.js'

/** One event of a run: what a queue manager noted, or what the gateway decided. `atMs` is the wall clock. */
export type LabEvent = { readonly node: string; readonly atMs: number } & (
  | Note
  | Pick<FaultEvent, 'kind' | 'fault'>
  | { readonly kind: 'gateway-decision'; readonly decision: ProxyDecision }
  | { readonly kind: 'gateway-closed'; readonly closed: ConnectionClosed }
  | { readonly kind: 'gateway-request'; readonly request: ProxiedRequest }
  /** A cluster's buckets have other owners than before; the first is the map that the run began with. */
  | { readonly kind: 'cluster-map'; readonly owners: ClusterMap }
  /** A fault by meaning struck at this machine. */
  | ({ readonly kind: 'injected' } & Injection)
  /** A disk had reported a message as durable, and has not got it after a loss of power. */
  | { readonly kind: 'disk-forgot'; readonly source: Guid; readonly messageId: number }
)

/** What the lab did to a machine, as the scenario wanted it. From `left` on they are about the gateway's cluster. */
export interface FaultEvent {
  readonly kind: 'fault'
  readonly node: string
  readonly atMs: number
  readonly fault:
    | 'killed'
    | 'stopped'
    | 'started'
    | 'left'
    | 'draining'
    | 'joined'
    | 'partitioned'
    | 'healed'
    | 'mac-learned'
    | 'mac-forgotten'
    | 'paused'
    | 'resumed'
    | 'clock-set'
    | 'link-changed'
    | 'link-parted'
    | 'link-well'
    | 'disk-ill'
    | 'disk-well'
}

export type EventOf<Kind extends LabEvent['kind']> = Extract<LabEvent, { kind: Kind }>

/** A queue manager that took part. */
export interface RunNode {
  readonly name: string
  readonly role: NodeRole
  /** What it takes for its computer name; clones and namesakes share it. Absent: its name here. */
  readonly computerName?: string
  /** QMId; clones share it. */
  readonly guid: Guid
  readonly address: string
  readonly sequenceTimeStamp: number
  /** Number that its message bodies carry, and what it was to send; null when it sends nothing. */
  readonly sender: number | null
  readonly load: ScenarioLoad | null
}

export interface RunGateway {
  readonly name: string
  readonly address: string
  /** What it was in this run. Absent: `proxy`. */
  readonly plane?: Plane
  /** Absent: `appliance`. */
  readonly kind?: 'appliance' | 'nlb'
  /** QMId that stands for the cluster's name, as if the directory knew it; no machine has it. */
  readonly guid?: Guid
  readonly hosts: readonly string[]
  readonly source: 'keep' | 'translate'
  readonly protocol: 'tcp' | 'http'
  /** Over HTTP: what a host is chosen for. */
  readonly balance: 'connection' | 'request'
}

export interface NodeDeath {
  readonly node: string
  readonly exitCode: number | null
  readonly signal: string | null
  readonly reason: string | null
}

/** Everything that a run left behind. Checkers and reports read it and nothing else. */
export interface RunRecord {
  readonly scenario: Scenario
  readonly world: string
  readonly seed: number
  readonly nodes: readonly RunNode[]
  readonly gateway: RunGateway | null
  /** By time; events of one node in the order in which it had them. */
  readonly events: readonly LabEvent[]
  readonly reports: ReadonlyMap<string, NodeReport>
  readonly samples: readonly { readonly node: string; readonly sample: NodeSample }[]
  readonly deaths: readonly NodeDeath[]
  readonly startedMs: number
  /** When the senders had offered everything, or their time was up. */
  readonly loadEndedMs: number
  /** When faults had ended and everything was well again. Absent on sockets, where a fault ends when its time is up. */
  readonly healedMs?: number
  readonly endedMs: number
  /** Every outgoing queue was empty in the end. */
  readonly drained: boolean
}

/** Collects what the nodes report and puts it in order at the end. */
export class HistoryCollector {
  readonly #events: LabEvent[] = []
  readonly #onEvent: ((event: LabEvent) => void) | undefined

  /** @param onEvent told each event as it comes; each node's are in order, those of several are about so. */
  constructor(onEvent?: (event: LabEvent) => void) {
    this.#onEvent = onEvent
  }

  notes(node: string, notes: readonly Note[]): void {
    for (const note of notes) this.#add({ ...note, node })
  }

  gateway(
    node: string,
    decisions: readonly ProxyDecision[],
    closed: readonly ConnectionClosed[],
    requests: readonly ProxiedRequest[] = [],
  ): void {
    for (const decision of decisions) this.#add({ kind: 'gateway-decision', node, atMs: decision.timeMs, decision })
    for (const ended of closed) this.#add({ kind: 'gateway-closed', node, atMs: ended.timeMs, closed: ended })
    for (const request of requests) this.#add({ kind: 'gateway-request', node, atMs: request.timeMs, request })
  }

  injected(node: string, injections: readonly Injection[]): void {
    for (const injection of injections) this.#add({ kind: 'injected', ...injection, node })
  }

  clusterMap(node: string, atMs: number, owners: ClusterMap): void {
    this.#add({ kind: 'cluster-map', node, atMs, owners })
  }

  fault(event: FaultEvent): void {
    this.#add(event)
  }

  get size(): number {
    return this.#events.length
  }

  /** Array.prototype.sort is stable, so that events of one node keep their order within a millisecond. */
  events(): LabEvent[] {
    return this.#events.toSorted((a, b) => a.atMs - b.atMs)
  }

  #add(event: LabEvent): void {
    this.#events.push(event)
    this.#onEvent?.(event)
  }
}

const indexes = new WeakMap<readonly LabEvent[], ReadonlyMap<LabEvent['kind'], LabEvent[]>>()

/** Events of one kind, in order. The first question sorts them all by kind, the others only look there. */
export function eventsOf<Kind extends LabEvent['kind']>(
  { events }: Pick<RunRecord, 'events'>,
  kind: Kind,
): readonly EventOf<Kind>[] {
  let index = indexes.get(events)
  if (index === undefined) {
    index = groupBy(events, event => event.kind)
    indexes.set(events, index)
  }
  return (index.get(kind) ?? []) as EventOf<Kind>[]
}

export function queueManagerReport(run: RunRecord, node: string): QueueManagerReport | null {
  const report = run.reports.get(node)
  return report?.kind === 'queue-manager' ? report : null
}

/** Seconds since the run began, for people: `1.204 s`. */
export function runTime(run: Pick<RunRecord, 'startedMs'>, atMs: number): string {
  return `${((atMs - run.startedMs) / 1000).toFixed(3)} s`
}
