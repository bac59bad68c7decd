import { MESSAGE_STATE } from '../senders/sender-ledger.js'
import type { RunNode } from './history.js'
import type { JourneyTarget } from './journey-state.js'
import type { JourneyCopy } from './message-journey.js'
import { isRemaining, type NodeReport } from './node-spec.js'

/** What became of a message, by what machines noted and by their ledgers. */
export interface JourneyEnd {
  /** What its sender was told; null when no ledger says. */
  readonly sender: 'accepted' | 'refused' | 'aborted' | 'unknown' | null
  /** `delivered`: copies by the ledger of the machine, those that waited in its queue in the end included; null without one. */
  readonly copies: readonly (JourneyCopy & { readonly delivered: number | null })[]
  /** Machines in whose outgoing queues it is in the end. */
  readonly heldBy: readonly string[]
}

const STATES = {
  [MESSAGE_STATE.unknown]: 'unknown',
  [MESSAGE_STATE.accepted]: 'accepted',
  [MESSAGE_STATE.refused]: 'refused',
  [MESSAGE_STATE.aborted]: 'aborted',
} as const

/** @param reports the last of each machine */
export function journeyEnd(
  target: JourneyTarget,
  nodes: readonly RunNode[],
  noted: readonly JourneyCopy[],
  reports: ReadonlyMap<string, NodeReport>,
): JourneyEnd {
  const { number } = target
  const sender = nodes.find(({ name }) => name === target.node)?.sender ?? null
  const states = reportOf(reports, target.node)?.sender?.states
  const state = number === null || states === undefined ? undefined : states[number - 1]
  const names = new Set([
    ...noted.map(({ node }) => node),
    ...nodes.filter(({ role }) => role === 'receiver').map(({ name }) => name),
  ])
  const copies = [...names].flatMap(node => {
    const copy = noted.find(each => each.node === node) ?? { node, arrived: 0, consumed: 0, discarded: 0 }
    const ledger = reportOf(reports, node)?.receiver
    const known = ledger !== undefined && number !== null && sender !== null
    const row = ledger?.senders.find(each => each.sender === sender)
    const delivered = known ? (row?.copies[number - 1] ?? 0) : null
    return copy.arrived + copy.discarded + (delivered ?? 0) === 0 ? [] : [{ ...copy, delivered }]
  })
  const heldBy = nodes.flatMap(({ name }) => {
    if (number === null || sender === null) return []
    const remaining = reportOf(reports, name)?.remaining.find(each => each.sender === sender)
    return remaining !== undefined && isRemaining(remaining, number) ? [name] : []
  })
  return { sender: state === undefined ? null : (STATES[state as keyof typeof STATES] ?? null), copies, heldBy }
}

function reportOf(reports: ReadonlyMap<string, NodeReport>, node: string | null) {
  const report = node === null ? undefined : reports.get(node)
  return report?.kind === 'queue-manager' ? report : undefined
}
