import type { Guid } from '../../protocol/guid.js'
import type { Direction, FaultRule, Subject } from './fault-rules.js'
import type { Instant } from './fault-schema.js'
import type { PacketFacts } from './packet-facts.js'

/** What a machine sees happen: a packet that passes it, or that its disk has a message. */
export interface Sight {
  readonly kind: Instant
  /** Null for a moment. */
  readonly direction: Direction | null
  readonly facts: PacketFacts
  /** Who is at the other end; null where there is none. */
  readonly peer: SightPeer | null
}

export interface SightPeer {
  readonly address: string
  /** Null until the handshake has told it. */
  readonly guid: Guid | null
  /** That address is a machine's, and no balancer's. */
  readonly isMachine: boolean
}

/** One rule in the course of one life of a machine: what it has seen so far. */
export class RuleWatch {
  readonly rule: FaultRule
  #seen = 0
  #armed = false
  #spent = false

  constructor(rule: FaultRule) {
    this.rule = rule
  }

  /** `loadMs`: time since the load began; null before it. */
  isInTime(loadMs: number | null): boolean {
    const { fromMs, untilMs } = this.rule
    if (loadMs === null) return fromMs === null && untilMs === null
    return loadMs >= (fromMs ?? 0) && loadMs < (untilMs ?? Number.POSITIVE_INFINITY)
  }

  /** Whether it strikes at this. Each call counts as one look. */
  strikes(sight: Sight, loadMs: number | null): boolean {
    if (this.#spent || !this.isInTime(loadMs)) return false
    const { subject, armedBy, once, nth, every } = this.rule
    if (armedBy !== null && !this.#armed) {
      this.#armed = fits(armedBy, sight)
      return false
    }
    if (!fits(subject, sight)) return false
    this.#seen += 1
    this.#armed = false
    if (once) this.#spent = true
    if (nth !== null) return nth.includes(this.#seen)
    return every === null || this.#seen % every === 0
  }
}

function fits(subject: Subject, { kind, direction, facts, peer }: Sight): boolean {
  if (subject.kind !== kind) return false
  if (subject.direction !== null && subject.direction !== direction) return false
  if (subject.messages !== null && !subject.messages.includes(facts.message ?? 0)) return false
  if (subject.sender !== null && subject.sender !== facts.sender) return false
  if (subject.messageClass !== null && subject.messageClass !== facts.messageClass) return false
  if (subject.sequence !== null && subject.sequence !== facts.sequence?.ordinal) return false
  if (subject.numbers !== null && !subject.numbers.includes(facts.number ?? 0)) return false
  return subject.peer === null || (peer !== null && isPeer(subject.peer, peer))
}

/** By its address where that tells; behind a balancer by its QMId, which clones share. */
function isPeer(wanted: NonNullable<Subject['peer']>, { address, guid, isMachine }: SightPeer): boolean {
  return isMachine ? address === wanted.address : guid === wanted.guid
}
