import type { Guid } from '../../protocol/guid.js'
import { MessageClass } from '../../protocol/message-class.js'
import { HTTP_PACKETS, type Instant, type PacketKind, type ScenarioFault } from './fault-schema.js'
import { faultText } from './fault-text.js'

/** Which way a packet passes a machine. */
export type Direction = 'in' | 'out'

/** What rules know of a machine of the run. */
export interface RuleMachine {
  readonly name: string
  readonly address: string
  /** Clones share it. */
  readonly guid: Guid
  /** Number in its message bodies; null when it sends nothing. */
  readonly sender: number | null
}

/** What a rule looks out for: a packet that passes, or that a disk has a message. */
export interface Subject {
  readonly kind: Instant
  /** Null: both. Moments have none. */
  readonly direction: Direction | null
  /** Who is at the other end; null: whoever. */
  readonly peer: Pick<RuleMachine, 'address' | 'guid'> | null
  readonly messages: readonly number[] | null
  readonly sender: number | null
  readonly messageClass: number | null
  /** Ordinal of the transactional sequence. */
  readonly sequence: number | null
  readonly numbers: readonly number[] | null
}

export type RuleAct =
  | { readonly do: 'drop' | 'duplicate' }
  | { readonly do: 'delay'; readonly byMs: number }
  | { readonly do: 'corrupt'; readonly offset: number }
  | { readonly do: 'cut'; readonly when: 'before' | 'after' }
  | { readonly do: 'crash'; readonly when: 'before' | 'after'; readonly backAfterMs: number | null }
  /** Of the machine itself: what it writes has that QMId, and what comes for that is its own. */
  | { readonly do: 'swap'; readonly guid: Guid }

/** A fault by meaning as one machine looks out for it. Plain data: it travels to the machine. Times are milliseconds of the load. */
export interface FaultRule {
  /** Its place in the scenario's list. */
  readonly index: number
  /** As the scenario says it. */
  readonly text: string
  readonly act: RuleAct
  readonly subject: Subject
  /** Of `between`: what has to have come about before. */
  readonly armedBy: Subject | null
  /** Null: also before the load begins. */
  readonly fromMs: number | null
  readonly untilMs: number | null
  /** The first that fits and no other. */
  readonly once: boolean
  readonly nth: readonly number[] | null
  readonly every: number | null
}

/** Everything by meaning that goes wrong at one machine. */
export interface NodeFaults {
  readonly rules: readonly FaultRule[]
  /** The machine's own. */
  readonly guid: Guid
  /** Addresses of all machines: a peer with another one is a balancer, and who is behind it only its QMId tells. */
  readonly addresses: readonly string[]
}

/** What of `faults` happens at `name`; null when nothing does. */
export function nodeFaults(
  faults: readonly ScenarioFault[],
  name: string,
  machines: readonly RuleMachine[],
): NodeFaults | null {
  const self = machines.find(machine => machine.name === name)
  if (self === undefined) return null
  const rules = faults.flatMap((fault, index) => ruleAt(fault, index, name, machines) ?? [])
  return rules.length === 0 ? null : { rules, guid: self.guid, addresses: machines.map(({ address }) => address) }
}

function ruleAt(fault: ScenarioFault, index: number, name: string, machines: readonly RuleMachine[]): FaultRule | null {
  const machineOf = (other: string) => machines.find(machine => machine.name === other)
  const act = actOf(fault, other => machineOf(other)?.guid)
  if (act === null) return null
  const { atS, fromS, forS, nth, every, between } = fault
  const beginS = atS ?? fromS
  const times = {
    fromMs: beginS === undefined ? (forS === undefined ? null : 0) : beginS * 1000,
    untilMs: forS === undefined ? null : ((beginS ?? 0) + forS) * 1000,
    once: atS !== undefined && act.do !== 'swap',
    nth: nth ?? null,
    every: every ?? null,
  }
  const text = faultText(fault)
  const anything = { peer: null, messages: null, sender: null, messageClass: null, sequence: null, numbers: null }
  if (act.do === 'swap') {
    // whatever it writes, of whatever kind
    const subject: Subject = { kind: 'user-message', direction: null, ...anything }
    return fault.swapQmId === name ? { index, text, act, subject, armedBy: null, ...times } : null
  }

  const [first, second] = between ?? [firstOf(fault), null]
  const place = placeOf(fault, first, name)
  if (place === null) return null
  const selected: Subject = {
    kind: first,
    direction: place.direction,
    peer: place.peer === null ? null : (machineOf(place.peer) ?? null),
    messages: fault.message ?? null,
    sender: fault.of === undefined ? null : (machineOf(fault.of)?.sender ?? null),
    messageClass: classOf(fault),
    sequence: fault.sequence ?? null,
    numbers: fault.number ?? null,
  }
  if (second === null) return { index, text, act, subject: selected, armedBy: null, ...times }
  const written: Subject = { kind: second, direction: 'out', ...anything }
  return { index, text, act, subject: written, armedBy: selected, ...times }
}

function actOf(fault: ScenarioFault, guidOf: (name: string) => Guid | undefined): RuleAct | null {
  const { byS = 0, offset = 0, after, backAfterS } = fault
  const when = after === undefined ? 'before' : 'after'
  if (fault.drop !== undefined) return { do: 'drop' }
  if (fault.duplicate !== undefined) return { do: 'duplicate' }
  if (fault.delay !== undefined) return { do: 'delay', byMs: byS * 1000 }
  if (fault.corrupt !== undefined) return { do: 'corrupt', offset }
  if (fault.cut !== undefined) return { do: 'cut', when }
  if (fault.crash !== undefined)
    return { do: 'crash', when, backAfterMs: backAfterS === undefined ? null : backAfterS * 1000 }
  const guid = fault.swapQmId === undefined ? undefined : guidOf(fault.with ?? '')
  return guid === undefined ? null : { do: 'swap', guid }
}

function firstOf({ drop, delay, duplicate, corrupt, before, after }: ScenarioFault): Instant {
  return (drop ?? delay ?? duplicate ?? corrupt ?? before ?? after)!
}

interface Place {
  readonly direction: Direction | null
  readonly peer: string | null
}

/**
 * Whether, and which way, `name` looks out for it. A packet is looked at once: by `at`, else by who writes it (`from`), else
 * by who gets it (`to`), else by everybody who writes such. What goes over HTTP is looked at by the machine that posts.
 */
function placeOf(fault: ScenarioFault, kind: Instant, name: string): Place | null {
  const { from, to } = fault
  const at = fault.crash ?? fault.at
  const poster = posterDirection(kind)
  if (kind === 'persisted' || kind === 'logged') {
    const where = at ?? to
    return where === undefined || where === name ? { direction: null, peer: from ?? null } : null
  }
  if (at === undefined && poster !== null) {
    const [own, peer] = poster === 'out' ? [from, to] : [to, from]
    return own === undefined || own === name ? { direction: poster, peer: peer ?? null } : null
  }
  if (at === undefined) {
    if (from !== undefined) return from === name ? { direction: 'out', peer: to ?? null } : null
    if (to !== undefined) return to === name ? { direction: 'in', peer: null } : null
    return { direction: 'out', peer: null }
  }
  if (at !== name) return null
  if (from === name) return { direction: 'out', peer: to ?? null }
  if (to === name) return { direction: 'in', peer: from ?? null }
  if (from !== undefined) return { direction: 'in', peer: from }
  return to === undefined ? { direction: null, peer: null } : { direction: 'out', peer: to }
}

function posterDirection(kind: Instant): Direction | null {
  if (!(HTTP_PACKETS as readonly Instant[]).includes(kind)) return null
  return (kind as PacketKind) === 'http-answer' ? 'in' : 'out'
}

function classOf({ class: wanted }: ScenarioFault): number | null {
  if (wanted === undefined) return null
  return typeof wanted === 'number' ? wanted : MessageClass[wanted]
}
