import { deflateRawSync } from 'node:zlib'
import { goesTo } from '../balanced-hosts.js'
import type { RunView } from '../finding.js'
import type { LabEvent, RunRecord } from '../history.js'
import type { Verdict } from '../verdict.js'
import { type Columns, decodeColumn, decodeColumns, encodeColumn, encodeColumns } from './columns.js'

/** Events that a report holds. A run that had more is told by its first ones; its charts and counts are of all. */
export const REPORT_EVENTS_MAX = 100_000

/** A machine as the report's script knows it. */
export interface ReportNode {
  readonly name: string
  readonly role: 'sender' | 'gateway' | 'front-end' | 'receiver'
  readonly guid: string | null
  readonly address: string
}

/** What the report's script works with: the raw JSON of a report. */
export interface ReportData {
  readonly scenario: string
  readonly world: string
  readonly seed: number
  readonly startedMs: number
  readonly endedMs: number
  readonly nodes: readonly ReportNode[]
  /** Format names that lead to the balancer. */
  readonly balancedQueues: readonly string[]
  readonly verdict: Verdict
  readonly events: readonly LabEvent[]
  /** Later events that the report leaves out. */
  readonly eventsLeftOut: number
}

/** The same with its events in columns, one table for each kind of event. */
export interface PackedData extends Omit<ReportData, 'events'> {
  /** Which kind each event is, as its index in `kinds`. */
  readonly order: ReturnType<typeof encodeColumn>
  readonly kinds: readonly { readonly count: number; readonly columns: Columns }[]
}

export function reportData({ run }: RunView, verdict: Verdict): ReportData {
  const events = run.events.slice(0, REPORT_EVENTS_MAX)
  return {
    scenario: run.scenario.scenario,
    world: run.world,
    seed: run.seed,
    startedMs: run.startedMs,
    endedMs: run.endedMs,
    nodes: reportNodes(run),
    balancedQueues: balancedQueues(run, events),
    verdict,
    events,
    eventsLeftOut: run.events.length - events.length,
  }
}

/** From left to right as they are drawn. */
function reportNodes({ nodes, gateway }: RunRecord): ReportNode[] {
  const named = (wanted: ReportNode['role']) =>
    nodes.filter(({ role }) => role === wanted).map(({ name, role, guid, address }) => ({ name, role, guid, address }))
  return [
    ...named('sender'),
    ...(gateway === null
      ? []
      : [{ name: gateway.name, role: 'gateway' as const, guid: gateway.guid ?? null, address: gateway.address }]),
    ...named('front-end'),
    ...named('receiver'),
  ]
}

function balancedQueues({ gateway }: RunRecord, events: readonly LabEvent[]): string[] {
  if (gateway === null) return []
  const queues = new Set<string>()
  for (const event of events) {
    if ('queue' in event && event.queue !== null) queues.add(event.queue)
    if ('destination' in event) queues.add(event.destination)
  }
  return [...queues].filter(queue => goesTo(gateway, queue))
}

/** Columns as JSON, deflated, in base64. */
export function packData(data: ReportData): string {
  const { events, ...rest } = data
  const rows = new Map<string, LabEvent[]>()
  for (const event of events) {
    const own = rows.get(event.kind)
    if (own === undefined) rows.set(event.kind, [event])
    else own.push(event)
  }
  const kinds = [...rows.keys()]
  const packed: PackedData = {
    ...rest,
    order: encodeColumn(events.map(({ kind }) => kinds.indexOf(kind))),
    kinds: Array.from(rows.values(), own => ({ count: own.length, columns: encodeColumns(own) })),
  }
  return deflateRawSync(JSON.stringify(packed), { level: 9 }).toString('base64')
}

/** Undoes the columns. The report's script has it too, with `decodeColumn` and `decodeColumns`. */
export function unpackData({ order, kinds, ...rest }: PackedData): ReportData {
  const rows = kinds.map(({ count, columns }) => decodeColumns(columns, count))
  const next = kinds.map(() => 0)
  const events = decodeColumn(order).map(kind => rows[kind as number]![next[kind as number]!++]! as unknown as LabEvent)
  return { ...rest, events }
}
