import type { Guid } from '../../protocol/guid.js'
import type { Action, ConnectionId } from '../../queue-manager/actions.js'
import type { Now } from '../../queue-manager/clock.js'
import type { DrivenEngine } from '../../transport/driven-engine.js'
import type { Direction, FaultRule, NodeFaults } from './fault-rules.js'
import type { PacketFacts } from './packet-facts.js'
import type { LaneStep, PacketLane } from './packet-lane.js'
import { type Injection, RuleBook } from './rule-book.js'
import type { SightPeer } from './rule-watch.js'
import { Wire } from './wire.js'

export interface FaultOwner {
  now(): Now
  injected(injection: Injection): void
  /** The machine ends at this instant. Its engine is told nothing any more, and asks for nothing. */
  crash(rule: FaultRule): void
}

/** What the parts of a faulty engine share: the rules, the connections, what the driver is to do next, and the end. */
export class FaultScene {
  readonly engine: DrivenEngine
  readonly owner: FaultOwner
  readonly book: RuleBook
  /** The machine's own QMId. */
  readonly guid: Guid
  readonly wires = new Map<ConnectionId, Wire>()
  readonly #addresses: ReadonlySet<string>
  #outbox: Action[] = []
  /** Once what is in the outbox has been carried out. */
  #crashDue: FaultRule | null = null
  #isDead = false

  constructor(engine: DrivenEngine, faults: NodeFaults, owner: FaultOwner) {
    this.engine = engine
    this.owner = owner
    this.book = new RuleBook(faults, injection => owner.injected(injection))
    this.guid = faults.guid
    this.#addresses = new Set(faults.addresses)
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Nothing more comes of what the engine asks for. */
  get isEnding(): boolean {
    return this.#isDead || this.#crashDue !== null
  }

  judge(
    now: Now,
    facts: PacketFacts,
    direction: Direction,
    peer: SightPeer,
    connection: ConnectionId | null,
  ): FaultRule | null {
    return this.book.judge(now, { kind: facts.kind, direction, facts, peer }, connection)
  }

  addWire(id: ConnectionId, address: string): void {
    this.wires.set(id, new Wire(id, address, this.#addresses.has(address)))
  }

  /** Of somebody without a connection. */
  peerAt(address: string): SightPeer {
    return { address, guid: null, isMachine: this.#addresses.has(address) }
  }

  /** The driver is to do that next. */
  emit(action: Action): void {
    this.#outbox.push(action)
  }

  emitBytes(connection: ConnectionId, bytes: Buffer): void {
    const last = this.#outbox.at(-1)
    if (last?.do === 'write' && last.connection === connection) last.chunks.push(bytes)
    else this.#outbox.push({ do: 'write', connection, chunks: [bytes] })
  }

  /** What was emitted since the last call. A crash that is due comes when the driver has done all before it. */
  take(): Action[] {
    if (this.#crashDue !== null && this.#outbox.length === 0) this.crash(this.#crashDue)
    const actions = this.#outbox
    this.#outbox = []
    return actions
  }

  crash(rule: FaultRule): void {
    if (this.#isDead) return
    this.#isDead = true
    this.#outbox = []
    this.owner.crash(rule)
  }

  crashSoon(rule: FaultRule): void {
    this.#crashDue ??= rule
  }
}

/** Steps at once, or in their turn where something is held back before them. */
export function pass(now: Now, lane: PacketLane, steps: readonly LaneStep[], byMs = 0): void {
  for (const step of steps)
    if (byMs > 0 || lane.isHolding) lane.hold(step, now.monotonicMs + byMs)
    else step(now)
}

/** What is no packet of a session: `step` as often and as late as the rule has it. */
export function carry(now: Now, lane: PacketLane, rule: FaultRule | null, step: LaneStep): void {
  const act = rule?.act
  if (act?.do === 'drop') return
  pass(now, lane, act?.do === 'duplicate' ? [step, step] : [step], act?.do === 'delay' ? act.byMs : 0)
}
