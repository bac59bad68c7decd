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
import type { NodeFaults } from './fault-rules.js'
import { carry, type FaultOwner, FaultScene } from './fault-scene.js'
import { FaultyPosts } from './faulty-posts.js'
import { FaultySessions } from './faulty-sessions.js'
import { type LaneStep, PacketLane } from './packet-lane.js'
import { requestWithSwappedGuid } from './swapped-identity.js'

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
  readonly #scene: FaultScene
  readonly #sessions: FaultySessions
  readonly #posts: FaultyPosts
  readonly #disk: DiskWatch | null
  readonly #pings = { in: new PacketLane(), out: new PacketLane() }

  constructor(engine: DrivenEngine, faults: NodeFaults, owner: FaultOwner) {
    this.#engine = engine
    this.#scene = new FaultScene(engine, faults, owner)
    this.#disk = this.#scene.book.watchesDisk ? new DiskWatch() : null
    this.#sessions = new FaultySessions(this.#scene, this.#disk)
    this.#posts = new FaultyPosts(this.#scene)
  }

  /** The load begins, or has begun so long ago: times of rules count from there. */
  begin(elapsedMs = 0): void {
    this.#scene.book.begin(this.#scene.owner.now(), elapsedMs)
  }

  start(now: Now): void {
    this.#engine.start(now)
  }

  stop(now: Now): void {
    this.#engine.stop(now)
  }

  accepted(now: Now, peer: Endpoint): ConnectionId {
    const id = this.#engine.accepted(now, peer)
    this.#scene.addWire(id, peer.address)
    return id
  }

  connected(now: Now, id: ConnectionId): void {
    if (!this.#scene.isDead) this.#engine.connected(now, id)
  }

  connectFailed(now: Now, id: ConnectionId, reason: string): void {
    this.#scene.wires.delete(id)
    if (!this.#scene.isDead) this.#engine.connectFailed(now, id, reason)
  }

  received(now: Now, id: ConnectionId, bytes: Buffer): void {
    this.#sessions.received(now, id, bytes)
  }

  writable(now: Now, id: ConnectionId, ready: boolean): void {
    if (!this.#scene.isDead && this.#scene.wires.get(id)?.severed === false) this.#engine.writable(now, id, ready)
  }

  closed(now: Now, id: ConnectionId, how: CloseKind): void {
    if (this.#scene.isDead) return
    const wire = this.#scene.wires.get(id)
    const close: LaneStep = later => {
      this.#scene.wires.delete(id)
      this.#engine.closed(later, id, wire?.severed ? 'reset' : how)
    }
    // what came before the end is heard before the end
    if (wire?.in.isHolding && how === 'end' && !wire.severed) wire.in.hold(close, now.monotonicMs)
    else close(now)
  }

  datagram(now: Now, socket: PingSocket, from: Endpoint, bytes: Buffer): void {
    if (this.#scene.isDead) return
    const rule = this.#scene.judge(now, { kind: 'ping' }, 'in', this.#scene.peerAt(from.address), null)
    const kept = rule === null ? bytes : Buffer.from(bytes)
    carry(now, this.#pings.in, rule, later => this.#engine.datagram(later, socket, from, kept))
  }

  httpRequested(now: Now, peer: Endpoint, request: HttpRequest): ExchangeId {
    const { book, guid } = this.#scene
    const foreign = book.foreignGuid(now)
    const own = foreign === null ? request : requestWithSwappedGuid(request, foreign, guid)
    return this.#engine.httpRequested(now, peer, own)
  }

  httpAnswered(now: Now, exchange: ExchangeId, status: number): void {
    if (!this.#scene.isDead) this.#posts.answered(now, exchange, status)
  }

  httpFailed(now: Now, exchange: ExchangeId, reason: string): void {
    if (!this.#scene.isDead) this.#posts.failed(now, exchange, reason)
  }

  resolved(now: Now, ticket: number, addresses: readonly string[]): void {
    if (!this.#scene.isDead) this.#engine.resolved(now, ticket, addresses)
  }

  persisted(now: Now, ticket: number): void {
    if (this.#scene.isDead) return
    for (const message of this.#disk?.settled(ticket) ?? []) {
      this.#sessions.persisted(now, message)
      if (this.#scene.isDead) return
    }
    this.#engine.persisted(now, ticket)
  }

  persistFailed(now: Now, ticket: number, reason: string): void {
    this.#disk?.settled(ticket)
    if (!this.#scene.isDead) this.#engine.persistFailed(now, ticket, reason)
  }

  nextWake(): number | null {
    if (this.#scene.isDead) return null
    let wakeMs = this.#engine.nextWake()
    for (const { dueMs } of this.#lanes()) if (dueMs !== null) wakeMs = Math.min(wakeMs ?? dueMs, dueMs)
    return wakeMs
  }

  wake(now: Now): void {
    if (this.#scene.isDead) return
    this.#engine.wake(now)
    for (const lane of [...this.#lanes()]) if (!this.#scene.isDead) lane.release(now)
  }

  takeActions(): Action[] {
    if (this.#scene.isDead) return []
    const now = this.#scene.owner.now()
    // what a rule does may be an input, and ask for more
    for (let actions = this.#asked(); actions.length > 0; actions = this.#asked())
      for (const action of actions) if (!this.#scene.isEnding) this.#carryOut(now, action)
    return this.#scene.take()
  }

  #asked(): Action[] {
    return this.#scene.isEnding ? [] : this.#engine.takeActions()
  }

  #carryOut(now: Now, action: Action): void {
    const scene = this.#scene
    switch (action.do) {
      case 'connect':
      case 'http-open':
        scene.addWire(action.connection, action.address)
        scene.emit(action)
        break
      case 'write':
        this.#sessions.write(now, action.connection, action.chunks)
        break
      case 'close':
        this.#sessions.close(action)
        break
      case 'pause':
      case 'resume':
        if (scene.wires.get(action.connection)?.severed !== true) scene.emit(action)
        break
      case 'persist':
        this.#disk?.asked(action.ticket, action.operations)
        scene.emit(action)
        break
      case 'datagram': {
        const rule = scene.judge(now, { kind: 'ping' }, 'out', scene.peerAt(action.address), null)
        carry(now, this.#pings.out, rule, () => scene.emit(action))
        break
      }
      case 'http-post':
        this.#posts.post(now, action)
        break
      case 'http-close':
        scene.wires.delete(action.connection)
        scene.emit(action)
        break
      default:
        scene.emit(action)
    }
  }

  *#lanes(): Iterable<PacketLane> {
    yield this.#pings.in
    yield this.#pings.out
    for (const wire of this.#scene.wires.values()) {
      yield wire.in
      yield wire.out
    }
  }
}
