import type { Guid } from '../../protocol/guid.js'
import type {
  Action,
  ConnectionId,
  Endpoint,
  ExchangeId,
  HttpRequest,
  PingSocket,
} from '../../queue-manager/actions.js'
import type { Now } from '../../queue-manager/clock.js'
import type { CloseKind, DrivenEngine } from '../../transport/driven-engine.js'
import { DiskWatch } from './disk-watch.js'
import type { Direction, FaultRule, NodeFaults } from './fault-rules.js'
import { type PacketFacts, packetFacts, postFacts } from './packet-facts.js'
import { type LaneStep, PacketLane } from './packet-lane.js'
import { type Injection, RuleBook } from './rule-book.js'
import type { SightPeer } from './rule-watch.js'
import { requestWithSwappedGuid, withSwappedGuid } from './swapped-identity.js'
import { Wire } from './wire.js'

export interface FaultyEngineOwner {
  now(): Now
  injected(injection: Injection): void
  /** The machine ends at this instant. Nothing is asked of this engine afterwards. */
  crash(rule: FaultRule): void
}

/**
 * Stands between a driver and an engine, and has faults come about by the meaning of what passes: packets of each session,
 * pings, posts over HTTP, and what the disk has taken. The same on sockets and in the simulated world. Only machines that a
 * rule concerns have one.
 *
 * Packets go through whole: bytes of one that is not whole yet wait here. Delayed ones wait as copies, at most what the
 * session's window lets a peer send. What a cut does is what a box on the way would do: the engine is told of a reset.
 */
export class FaultyEngine implements DrivenEngine {
  readonly #engine: DrivenEngine
  readonly #owner: FaultyEngineOwner
  readonly #book: RuleBook
  readonly #guid: Guid
  readonly #addresses: ReadonlySet<string>
  readonly #disk: DiskWatch | null
  readonly #wires = new Map<ConnectionId, Wire>()
  readonly #pings = { in: new PacketLane(), out: new PacketLane() }
  /** Under way over HTTP; `isLost` where the connection will be found cut before the answer. */
  readonly #posts = new Map<ExchangeId, { readonly wire: Wire; readonly isLost: boolean }>()
  #outbox: Action[] = []
  /** Once what is in the outbox has been carried out. */
  #crashDue: FaultRule | null = null
  #dead = false

  constructor(engine: DrivenEngine, faults: NodeFaults, owner: FaultyEngineOwner) {
    this.#engine = engine
    this.#owner = owner
    this.#book = new RuleBook(faults, injection => owner.injected(injection))
    this.#guid = faults.guid
    this.#addresses = new Set(faults.addresses)
    this.#disk = this.#book.watchesDisk ? new DiskWatch() : null
  }

  /** The load begins, or has begun so long ago: times of rules count from there. */
  begin(elapsedMs = 0): void {
    this.#book.begin(this.#owner.now(), elapsedMs)
  }

  start(now: Now): void {
    this.#engine.start(now)
  }

  stop(now: Now): void {
    this.#engine.stop(now)
  }

  accepted(now: Now, peer: Endpoint): ConnectionId {
    const id = this.#engine.accepted(now, peer)
    this.#add(id, peer.address)
    return id
  }

  connected(now: Now, id: ConnectionId): void {
    if (!this.#dead) this.#engine.connected(now, id)
  }

  connectFailed(now: Now, id: ConnectionId, reason: string): void {
    this.#wires.delete(id)
    if (!this.#dead) this.#engine.connectFailed(now, id, reason)
  }

  received(now: Now, id: ConnectionId, bytes: Buffer): void {
    const wire = this.#wires.get(id)
    if (wire === undefined) return
    wire.in.cut(bytes, (packet, isPacket) => {
      if (this.#dead || wire.severed) return
      if (isPacket) this.#packetIn(now, wire, packet)
      else this.#through(now, wire, wire.in, null, packet, bytes => this.#receiving(wire, bytes))
    })
  }

  writable(now: Now, id: ConnectionId, ready: boolean): void {
    if (!this.#dead && this.#wires.get(id)?.severed === false) this.#engine.writable(now, id, ready)
  }

  closed(now: Now, id: ConnectionId, how: CloseKind): void {
    if (this.#dead) return
    const wire = this.#wires.get(id)
    const close: LaneStep = later => {
      this.#wires.delete(id)
      this.#engine.closed(later, id, wire?.severed ? 'reset' : how)
    }
    // what came before the end is heard before the end
    if (wire?.in.isHolding && how === 'end' && !wire.severed) wire.in.hold(close, now.monotonicMs)
    else close(now)
  }

  datagram(now: Now, socket: PingSocket, from: Endpoint, bytes: Buffer): void {
    if (this.#dead) return
    const rule = this.#judge(now, { kind: 'ping' }, 'in', this.#peer(from.address), null)
    const kept = rule === null ? bytes : Buffer.from(bytes)
    this.#carry(now, this.#pings.in, rule, later => this.#engine.datagram(later, socket, from, kept))
  }

  httpRequested(now: Now, peer: Endpoint, request: HttpRequest): ExchangeId {
    const foreign = this.#book.foreignGuid(now)
    const own = foreign === null ? request : requestWithSwappedGuid(request, foreign, this.#guid)
    return this.#engine.httpRequested(now, peer, own)
  }

  httpAnswered(now: Now, exchange: ExchangeId, status: number): void {
    if (this.#dead) return
    const post = this.#posts.get(exchange)
    this.#posts.delete(exchange)
    if (post?.isLost) this.#engine.httpFailed(now, exchange, 'reset')
    else if (post !== undefined) this.#answered(now, post.wire, exchange, status)
  }

  httpFailed(now: Now, exchange: ExchangeId, reason: string): void {
    this.#posts.delete(exchange)
    if (!this.#dead) this.#engine.httpFailed(now, exchange, reason)
  }

  resolved(now: Now, ticket: number, addresses: readonly string[]): void {
    if (!this.#dead) this.#engine.resolved(now, ticket, addresses)
  }

  persisted(now: Now, ticket: number): void {
    if (this.#dead) return
    for (const { facts, connection } of this.#disk?.settled(ticket) ?? []) {
      const wire = connection === null ? undefined : this.#wires.get(connection)
      const isLogged = facts.sequence !== undefined
      for (const kind of isLogged ? (['persisted', 'logged'] as const) : (['persisted'] as const)) {
        const sight = { kind, direction: null, facts, peer: wire?.peer ?? null }
        const rule = this.#book.judge(now, sight, wire?.id ?? null)
        if (rule?.act.do === 'crash') {
          this.#crash(rule)
          return
        }
        if (rule?.act.do === 'cut' && wire !== undefined) this.#sever(wire, 'abort', rule)
      }
    }
    this.#engine.persisted(now, ticket)
  }

  persistFailed(now: Now, ticket: number, reason: string): void {
    this.#disk?.settled(ticket)
    if (!this.#dead) this.#engine.persistFailed(now, ticket, reason)
  }

  nextWake(): number | null {
    if (this.#dead) return null
    let wakeMs = this.#engine.nextWake()
    for (const { dueMs } of this.#lanes()) if (dueMs !== null) wakeMs = Math.min(wakeMs ?? dueMs, dueMs)
    return wakeMs
  }

  wake(now: Now): void {
    if (this.#dead) return
    this.#engine.wake(now)
    for (const lane of [...this.#lanes()]) {
      lane.release(now)
      if (this.#dead) return
    }
  }

  takeActions(): Action[] {
    if (this.#crashDue !== null && this.#outbox.length === 0) this.#crash(this.#crashDue)
    if (this.#dead) return []
    const now = this.#owner.now()
    // what a rule does may be an input, and ask for more
    for (let actions = this.#takeFromEngine(); actions.length > 0; actions = this.#takeFromEngine())
      for (const action of actions) if (this.#crashDue === null) this.#carryOut(now, action)
    if (this.#crashDue !== null && this.#outbox.length === 0) this.#crash(this.#crashDue)
    const actions = this.#outbox
    this.#outbox = []
    return actions
  }

  #takeFromEngine(): Action[] {
    return this.#dead || this.#crashDue !== null ? [] : this.#engine.takeActions()
  }

  #carryOut(now: Now, action: Action): void {
    switch (action.do) {
      case 'connect':
      case 'http-open':
        this.#add(action.connection, action.address)
        this.#outbox.push(action)
        break
      case 'write':
        this.#write(now, action.connection, action.chunks)
        break
      case 'close': {
        const wire = this.#wires.get(action.connection)
        if (wire?.severed) break
        if (wire?.out.isHolding && action.how === 'graceful') wire.out.hold(() => this.#outbox.push(action), 0)
        else {
          wire?.drop()
          this.#outbox.push(action)
        }
        break
      }
      case 'pause':
      case 'resume':
        if (this.#wires.get(action.connection)?.severed !== true) this.#outbox.push(action)
        break
      case 'persist':
        this.#disk?.asked(action.ticket, action.operations)
        this.#outbox.push(action)
        break
      case 'datagram': {
        const rule = this.#judge(now, { kind: 'ping' }, 'out', this.#peer(action.address), null)
        this.#carry(now, this.#pings.out, rule, () => this.#outbox.push(action))
        break
      }
      case 'http-post':
        this.#post(now, action)
        break
      case 'http-close':
        this.#wires.delete(action.connection)
        this.#outbox.push(action)
        break
      default:
        this.#outbox.push(action)
    }
  }

  #packetIn(now: Now, wire: Wire, packet: Buffer): void {
    const foreign = this.#book.foreignGuid(now)
    const own = foreign === null ? packet : withSwappedGuid(packet, foreign, this.#guid)
    const facts = packetFacts(own)
    if (facts?.kind === 'establish') wire.learnPeer(own, this.#guid)
    const rule = facts === null ? null : this.#judge(now, facts, 'in', wire.peer, wire.id)
    if (facts !== null && rule?.act.do !== 'drop') this.#disk?.arrived(facts, wire.id)
    this.#through(now, wire, wire.in, rule, own, bytes => this.#receiving(wire, bytes))
  }

  #receiving(wire: Wire, bytes: Buffer): LaneStep {
    return now => {
      if (!wire.severed && !this.#dead) this.#engine.received(now, wire.id, bytes)
    }
  }

  #write(now: Now, id: ConnectionId, chunks: readonly Buffer[]): void {
    const wire = this.#wires.get(id)
    if (wire === undefined) return
    for (const chunk of chunks)
      wire.out.cut(chunk, (packet, isPacket) => {
        if (wire.severed || this.#crashDue !== null) return
        if (isPacket) this.#packetOut(now, wire, packet)
        else this.#through(now, wire, wire.out, null, packet, bytes => this.#writing(wire, bytes))
      })
  }

  #packetOut(now: Now, wire: Wire, packet: Buffer): void {
    const facts = packetFacts(packet)
    const rule = facts === null ? null : this.#judge(now, facts, 'out', wire.peer, wire.id)
    const foreign = this.#book.foreignGuid(now)
    const bytes = foreign === null ? packet : withSwappedGuid(packet, this.#guid, foreign)
    this.#through(now, wire, wire.out, rule, bytes, each => this.#writing(wire, each))
  }

  #writing(wire: Wire, bytes: Buffer): LaneStep {
    return () => {
      if (wire.severed) return
      const last = this.#outbox.at(-1)
      if (last?.do === 'write' && last.connection === wire.id) last.chunks.push(bytes)
      else this.#outbox.push({ do: 'write', connection: wire.id, chunks: [bytes] })
    }
  }

  /** Bytes of a session on their way through `lane`, as the rule that struck them has it. */
  #through(
    now: Now,
    wire: Wire,
    lane: PacketLane,
    rule: FaultRule | null,
    bytes: Buffer,
    passing: (bytes: Buffer) => LaneStep,
  ): void {
    const act = rule?.act
    if (rule === null || act === undefined || act.do === 'delay') {
      const byMs = act?.do === 'delay' ? act.byMs : 0
      // a view of what will be used again before it goes on
      const kept = lane.isHolding || byMs > 0 ? Buffer.from(bytes) : bytes
      pass(now, lane, [passing(kept)], byMs)
      return
    }
    const kept = lane.isHolding ? Buffer.from(bytes) : bytes
    switch (act.do) {
      case 'duplicate':
        pass(now, lane, [passing(kept), passing(kept)])
        break
      case 'corrupt':
        pass(now, lane, [passing(corrupted(kept, act.offset))])
        break
      case 'cut': {
        // an end in order lets what was written arrive
        const how = act.when === 'after' && lane === wire.out ? 'graceful' : 'abort'
        const cut: LaneStep = () => this.#sever(wire, how, rule)
        pass(now, lane, act.when === 'after' ? [passing(kept), cut] : [cut])
        break
      }
      case 'crash': {
        const crash: LaneStep = () => (lane === wire.out ? this.#crashSoon(rule) : this.#crash(rule))
        pass(now, lane, act.when === 'after' ? [passing(kept), crash] : [crash])
        break
      }
    }
  }

  /** What is no packet of a session: `step` as often and as late as the rule has it. */
  #carry(now: Now, lane: PacketLane, rule: FaultRule | null, step: LaneStep): void {
    const act = rule?.act
    if (act?.do === 'drop') return
    pass(now, lane, act?.do === 'duplicate' ? [step, step] : [step], act?.do === 'delay' ? act.byMs : 0)
  }

  #post(now: Now, action: Extract<Action, { do: 'http-post' }>): void {
    const wire = this.#wires.get(action.connection)
    if (wire === undefined) return
    const { exchange, request } = action
    const rule = this.#judge(now, postFacts(request), 'out', wire.peer, wire.id)
    const foreign = this.#book.foreignGuid(now)
    const posted =
      foreign === null ? action : { ...action, request: requestWithSwappedGuid(request, this.#guid, foreign) }
    const isCut = rule?.act.do === 'cut'
    const isCrash = rule?.act.do === 'crash'
    if (rule !== null && (isCut || isCrash) && 'when' in rule.act && rule.act.when === 'before') {
      if (isCrash) this.#crashSoon(rule)
      else this.#engine.httpFailed(now, exchange, 'reset')
      return
    }
    this.#carry(now, wire.out, rule, () => {
      this.#posts.set(exchange, { wire, isLost: isCut })
      this.#outbox.push(posted)
      if (rule !== null && isCrash) this.#crashSoon(rule)
    })
  }

  #answered(now: Now, wire: Wire, exchange: ExchangeId, status: number): void {
    const rule = this.#judge(now, { kind: 'http-answer' }, 'in', wire.peer, wire.id)
    const answer: LaneStep = later => this.#engine.httpAnswered(later, exchange, status)
    const act = rule?.act
    if (rule === null || (act?.do !== 'cut' && act?.do !== 'crash')) {
      this.#carry(now, wire.in, rule, answer)
      return
    }
    if (act.when === 'after') answer(now)
    if (act.do === 'crash') this.#crash(rule)
    else {
      const others = [...this.#posts].filter(([, post]) => post.wire === wire).map(([other]) => other)
      for (const other of act.when === 'after' ? others : [exchange]) this.#engine.httpFailed(now, other, 'reset')
    }
  }

  #judge(
    now: Now,
    facts: PacketFacts,
    direction: Direction,
    peer: SightPeer,
    connection: ConnectionId | null,
  ): FaultRule | null {
    return this.#book.judge(now, { kind: facts.kind, direction, facts, peer }, connection)
  }

  #sever(wire: Wire, how: 'graceful' | 'abort', rule: FaultRule): void {
    if (wire.severed) return
    wire.severed = true
    wire.drop()
    this.#outbox.push({ do: 'close', connection: wire.id, how, reason: `fault: ${rule.text}` })
  }

  /** When what was written before has gone. */
  #crashSoon(rule: FaultRule): void {
    this.#crashDue ??= rule
  }

  #crash(rule: FaultRule): void {
    if (this.#dead) return
    this.#dead = true
    this.#outbox = []
    this.#owner.crash(rule)
  }

  #add(id: ConnectionId, address: string): void {
    this.#wires.set(id, new Wire(id, address, this.#addresses.has(address)))
  }

  #peer(address: string): SightPeer {
    return { address, guid: null, isMachine: this.#addresses.has(address) }
  }

  *#lanes(): Iterable<PacketLane> {
    yield this.#pings.in
    yield this.#pings.out
    for (const wire of this.#wires.values()) {
      yield wire.in
      yield wire.out
    }
  }
}

/** At once, or in their turn where something is held back before them. */
function pass(now: Now, lane: PacketLane, steps: readonly LaneStep[], byMs = 0): void {
  for (const step of steps)
    if (byMs > 0 || lane.isHolding) lane.hold(step, now.monotonicMs + byMs)
    else step(now)
}

function corrupted(packet: Buffer, offset: number): Buffer {
  const bytes = Buffer.from(packet)
  if (offset < bytes.length) bytes[offset]! ^= 0xff
  return bytes
}
