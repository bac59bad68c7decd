import type { ProxyDecision } from '../gateway/planes/proxy-events.js'
import { eventsOf, type RunRecord } from './history.js'

/** The gateway's last decision, up to a moment, that gave a connection of a client to a host. Null when it told of none. */
export function decisionBefore(
  run: RunRecord,
  clientAddress: string,
  host: string,
  atMs: number,
): (ProxyDecision & { readonly atMs: number }) | null {
  const event = eventsOf(run, 'gateway-decision').findLast(
    ({ decision, atMs: decidedMs }) =>
      decision.clientAddress === clientAddress && decision.host === host && decidedMs <= atMs,
  )
  return event === undefined ? null : { ...event.decision, atMs: event.atMs }
}
