import type { NlbHost } from './host.js'
import type { FilterReason, Packet } from './packet.js'
import type { PortRule } from './port-rule.js'

/** What one packet is to a filter, worked out once for all hosts. */
export interface FilterQuestion {
  readonly packet: Packet
  /** For a cluster address; else it is a host's own business. */
  readonly forCluster: boolean
  /** Index of the rule among the host's; that of the default, after the last, where none covers the packet. */
  readonly rule: number
  /** Undefined for the default. */
  readonly portRule: PortRule | undefined
  readonly bucket: number
  /** Whom extended affinity would hold; null where the rule has none. */
  readonly client: string | null
  /** Of the connection that it belongs to, or would open. */
  readonly connectionKey: string
  readonly filterIcmp: boolean
  readonly connectionsMax: number
}

/** One object for each answer that there is, so that asking many hosts makes none. */
export interface FilterAnswer {
  readonly accepts: boolean
  readonly reason: FilterReason
}

const answers = { accept: new Map<FilterReason, FilterAnswer>(), drop: new Map<FilterReason, FilterAnswer>() }

export function accept(reason: FilterReason): FilterAnswer {
  return the(answers.accept, true, reason)
}

export function drop(reason: FilterReason): FilterAnswer {
  return the(answers.drop, false, reason)
}

function the(known: Map<FilterReason, FilterAnswer>, accepts: boolean, reason: FilterReason): FilterAnswer {
  const made = known.get(reason)
  if (made !== undefined) return made
  const answer = { accepts, reason }
  known.set(reason, answer)
  return answer
}

/** What the filter of one host that sees the packet makes of it. Asks nobody else, as in life. [D] */
export function filter(host: NlbHost, question: FilterQuestion): FilterAnswer {
  const { packet, rule, portRule, bucket } = question
  if (!question.forCluster)
    return packet.destinationAddress === host.address ? accept('own-address') : drop('not-delivered')
  if (!host.running) return drop('stopped')
  if (packet.protocol === 'icmp' && !question.filterIcmp) return accept('icmp')
  if (portRule?.mode === 'disabled') return drop('rule-disabled')
  if (portRule !== undefined && host.portStates[rule] === 'disabled') return drop('port-disabled')
  const known = packet.protocol === 'tcp' && host.connections.has(question.connectionKey)
  // a SYN begins anew, also between the same ends: only what follows belongs to a connection
  if (packet.protocol === 'tcp' && packet.stage === 'established')
    return known ? accept('connection') : drop('unknown-connection')
  if (!host.joined) return drop('not-joined')
  const answer = byOwnership(host, question, host.owned[rule]?.[bucket] === 1)
  if (!answer.accepts || packet.protocol !== 'tcp' || known) return answer
  return host.connections.size >= question.connectionsMax ? drop('no-descriptor') : answer
}

function byOwnership(host: NlbHost, { rule, portRule, client }: FilterQuestion, isOwner: boolean): FilterAnswer {
  if (portRule === undefined) return isOwner ? accept('default-host') : drop('default-host')
  if (portRule.mode === 'single') return isOwner ? accept('single-host') : drop('single-host')
  if (client !== null) {
    if (host.held[rule]!.has(client)) return accept(isOwner ? 'bucket' : 'held-client')
    if (isOwner && host.holderOf(rule, client) !== null) return drop('exception')
  }
  return isOwner ? accept('bucket') : drop('not-my-bucket')
}
