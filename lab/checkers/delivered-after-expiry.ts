import { messageIdOf } from '../../senders/sender-ledger.js'
import type { Checker, RunView } from '../finding.js'
import { type EventOf, eventsOf, runTime } from '../history.js'
import type { SenderFacts } from '../message-facts.js'

/** Queue managers count whole seconds. */
const WHOLE_SECOND_MS = 1000

interface Late {
  readonly sender: SenderFacts
  readonly messageId: number
  readonly node: string
  readonly atMs: number
  readonly text: string
}

/**
 * An application received a message whose time was over: it had come later than time-to-reach-queue allows, counted from
 * when its sender had it, or lay in its queue longer than time-to-be-received, counted from when it came there. By one
 * clock, whatever the machines' own clocks say, so that clocks that differ show here.
 */
export const checkDeliveredAfterExpiry: Checker = view => {
  const late = view.senders.flatMap(sender => lateMessages(view, sender))
  const [first] = late.toSorted((a, b) => a.atMs - b.atMs)
  if (first === undefined) return []
  const { sender, messageId, node, atMs } = first
  const { ledger, messages } = sender
  const message = ledger === null ? undefined : messages.find(({ number }) => messageIdOf(ledger, number) === messageId)
  return [
    {
      id: 'delivered-after-expiry',
      behaviour: null,
      severity: 'anomaly',
      count: late.length,
      first: {
        atMs,
        nodes: [sender.node.name, node],
        text: `message ${message?.number ?? `with MessageID ${messageId}`} of ${sender.node.name} was delivered by ${node} at ${runTime(view.run, atMs)}: ${first.text}`,
      },
    },
  ]
}

function lateMessages({ run }: RunView, sender: SenderFacts): Late[] {
  const { node, copiesAt } = sender
  const { timeToReachQueueS = Number.POSITIVE_INFINITY, timeToBeReceivedS = Number.POSITIVE_INFINITY } = node.load ?? {}
  if (Math.min(timeToReachQueueS, timeToBeReceivedS) === Number.POSITIVE_INFINITY) return []
  const left = new Map<number, number>()
  for (const kind of ['accepted', 'sent'] as const)
    for (const event of eventsOf(run, kind))
      if (event.node === node.name && !left.has(event.messageId)) left.set(event.messageId, event.atMs)
  const came = new Map<string, EventOf<'arrived'>>()
  for (const event of eventsOf(run, 'arrived'))
    if (event.source === node.guid) came.set(`${event.node} ${event.messageId}`, event)
  return eventsOf(run, 'consumed').flatMap((event): Late[] => {
    const { messageId, atMs } = event
    const arrived = came.get(`${event.node} ${messageId}`)
    if (event.source !== node.guid || !copiesAt.has(event.node) || arrived === undefined) return []
    const leftMs = left.get(messageId)
    const underWayMs = leftMs === undefined ? 0 : arrived.atMs - leftMs
    const inQueueMs = atMs - arrived.atMs
    const text =
      underWayMs > timeToReachQueueS * 1000 + WHOLE_SECOND_MS
        ? `it was under way for ${seconds(underWayMs)}, and had ${timeToReachQueueS} s to reach the queue`
        : inQueueMs > timeToBeReceivedS * 1000 + WHOLE_SECOND_MS
          ? `it had been in the queue for ${seconds(inQueueMs)}, and had ${timeToBeReceivedS} s to be received`
          : null
    return text === null ? [] : [{ sender, messageId, node: event.node, atMs, text }]
  })
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`
}
