import { ackOwners } from '../ack-journeys.js'
import type { Checker, Finding, RunView } from '../finding.js'
import { eventsOf, type RunRecord, runTime } from '../history.js'
import { messageKey } from '../message-facts.js'
import { struckFaults } from '../struck-faults.js'

interface Early {
  readonly atMs: number
  readonly nodes: readonly string[]
  readonly text: string
}

/**
 * Acknowledged before it was persisted, by what may never be wrong: an order ack of a machine that had not noted the
 * message as durable; a session ack for a recoverable message that no machine had taken by then; or an acknowledged
 * message that a disk had reported as durable and did not have when its power was gone.
 */
export const checkAcknowledgedEarly: Checker = ({ run, senders }) => {
  const early = [...earlyOrderAcks(run), ...earlySessionAcks({ run, senders }), ...forgotten(run)]
  const [first] = early.toSorted((a, b) => a.atMs - b.atMs)
  if (first === undefined) return []
  const finding: Finding = {
    id: 'acknowledged-before-persisted',
    behaviour: 'NLB-8',
    severity: 'anomaly',
    count: early.length,
    first,
  }
  return [finding]
}

/**
 * A machine that has started again may have what it had no time to note, so it is believed; and so is one that noted
 * nothing of the sequence at all.
 */
function earlyOrderAcks(run: RunRecord): Early[] {
  const telling = new Set<string>()
  for (const { node, source, tx } of eventsOf(run, 'arrived'))
    if (tx !== null) telling.add(`${node} ${source} ${tx.sequence}`)
  const noted = new Set<string>()
  const restarted = new Set<string>()
  const early: Early[] = []
  for (const event of run.events) {
    if (event.kind === 'fault' && event.fault === 'started') restarted.add(event.node)
    if ((event.kind === 'arrived' || event.kind === 'discarded') && event.tx !== null) {
      const { node, source, messageId, tx } = event
      const message = `${node} ${messageKey(source, messageId)}`
      // over HTTP what came in an earlier stream has its place in this one too
      const isHere = event.kind === 'arrived' || (event.reason === 'duplicate' && noted.has(message))
      if (isHere) noted.add(message).add(placeKey(node, source, tx.sequence, tx.number))
    }
    if (event.kind !== 'order-ack-sent' || event.number === 0 || restarted.has(event.node)) continue
    const { node, forSource, sequence, number, atMs } = event
    if (!telling.has(`${node} ${forSource} ${sequence}`)) continue
    if (noted.has(placeKey(node, forSource, sequence, number))) continue
    early.push({
      atMs,
      nodes: [node, ...ackOwners(run.nodes, event)],
      text: `${node} acknowledged number ${number} of sequence ${sequence} at ${runTime(run, atMs)}, before it had noted that message as durable`,
    })
  }
  return early
}

function placeKey(node: string, source: string, sequence: string, number: number): string {
  return `${node} ${source} ${sequence} ${number}`
}

function earlySessionAcks({ run, senders }: Pick<RunView, 'run' | 'senders'>): Early[] {
  const takers = new Set(run.nodes.map(({ name }) => name))
  // on sockets what a machine had not told yet is gone with it
  if (run.world !== 'sim' && eventsOf(run, 'fault').some(({ fault }) => fault === 'killed')) return []
  if (sessionsMiscount(run)) return []
  return senders.flatMap(({ node }) => {
    if (node.load === null || node.load.delivery === 'express') return []
    const takenMs = new Map<number, number>()
    for (const kind of ['arrived', 'discarded', 'forwarded'] as const)
      for (const { node: taker, source, messageId, atMs } of eventsOf(run, kind))
        if (source === node.guid && takers.has(taker))
          takenMs.set(messageId, Math.min(atMs, takenMs.get(messageId) ?? Number.POSITIVE_INFINITY))
    const own = new Set<number>()
    for (const event of eventsOf(run, 'accepted')) if (event.node === node.name) own.add(event.messageId)
    return eventsOf(run, 'session-acked').flatMap((event): Early[] => {
      const { messageId, atMs, queue } = event
      if (event.node !== node.name || !own.has(messageId)) return []
      const taken = takenMs.get(messageId) ?? Number.POSITIVE_INFINITY
      if (taken <= atMs) return []
      const when =
        taken === Number.POSITIVE_INFINITY ? 'none noted it at all' : `the first did at ${runTime(run, taken)}`
      const text = `${node.name} got a session ack for message ${messageId} to ${queue} at ${runTime(run, atMs)}, before any machine had taken it: ${when}`
      return [{ atMs, nodes: [node.name], text }]
    })
  })
}

/**
 * A session ack says how many messages have come. Where a fault took one out of its session or put one in, which no network
 * does, or changed whose they are, the count no longer says which.
 */
function sessionsMiscount(run: RunRecord): boolean {
  return struckFaults(run).some(({ drop, duplicate, corrupt, swapQmId }) =>
    [drop, duplicate, corrupt, swapQmId].some(fault => fault !== undefined),
  )
}

/** What disks said they had, and had not; as far as it had been acknowledged. */
function forgotten(run: RunRecord): Early[] {
  return eventsOf(run, 'disk-forgot').flatMap((lost): Early[] => {
    const { node, source, messageId } = lost
    const arrived = eventsOf(run, 'arrived').findLast(
      event => event.node === node && event.source === source && event.messageId === messageId,
    )
    if (arrived === undefined || arrived.atMs > lost.atMs) return []
    const { tx } = arrived
    const ack =
      tx === null
        ? eventsOf(run, 'session-acked').find(event => event.messageId === messageId && ownerOf(event.node) === source)
        : eventsOf(run, 'order-ack-sent').find(
            event =>
              event.node === node &&
              event.forSource === source &&
              event.sequence === tx.sequence &&
              event.number >= tx.number,
          )
    if (ack === undefined || ack.atMs > lost.atMs) return []
    const what = tx === null ? `message ${messageId}` : `number ${tx.number} of sequence ${tx.sequence}`
    const text = `${node} acknowledged ${what} at ${runTime(run, ack.atMs)} since its disk had reported it as durable; when power was lost at ${runTime(run, lost.atMs)} the disk did not have it`
    return [{ atMs: ack.atMs, nodes: [node], text }]
  })

  function ownerOf(name: string) {
    return run.nodes.find(node => node.name === name)?.guid
  }
}
