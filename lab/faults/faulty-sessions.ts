import type { Action, ConnectionId } from '../../queue-manager/actions.js'
import type { Now } from '../../queue-manager/clock.js'
import type { DiskWatch, Persisted } from './disk-watch.js'
import type { FaultRule } from './fault-rules.js'
import { type FaultScene, pass } from './fault-scene.js'
import { packetFacts } from './packet-facts.js'
import type { LaneStep, PacketLane } from './packet-lane.js'
import { withSwappedGuid } from './swapped-identity.js'
import type { Wire } from './wire.js'

/** Packets of sessions on their way in and out, and what the disk has of those that came in. */
export class FaultySessions {
  readonly #scene: FaultScene
  readonly #disk: DiskWatch | null

  constructor(scene: FaultScene, disk: DiskWatch | null) {
    this.#scene = scene
    this.#disk = disk
  }

  received(now: Now, id: ConnectionId, bytes: Buffer): void {
    const wire = this.#scene.wires.get(id)
    wire?.in.cut(bytes, (packet, isPacket) => {
      if (this.#scene.isDead || wire.severed) return
      if (isPacket) this.#packetIn(now, wire, packet)
      else this.#through(now, wire, wire.in, null, packet)
    })
  }

  write(now: Now, id: ConnectionId, chunks: readonly Buffer[]): void {
    const wire = this.#scene.wires.get(id)
    for (const chunk of chunks)
      wire?.out.cut(chunk, (packet, isPacket) => {
        if (wire.severed || this.#scene.isEnding) return
        if (isPacket) this.#packetOut(now, wire, packet)
        else this.#through(now, wire, wire.out, null, packet)
      })
  }

  /** The engine closes a session: what is held back goes before an end in order. */
  close(action: Extract<Action, { do: 'close' }>): void {
    const wire = this.#scene.wires.get(action.connection)
    if (wire?.severed) return
    if (wire?.out.isHolding && action.how === 'graceful') wire.out.hold(() => this.#scene.emit(action), 0)
    else {
      wire?.drop()
      this.#scene.emit(action)
    }
  }

  /** The disk has a message: the engine hears of it after this. */
  persisted(now: Now, { facts, connection }: Persisted): void {
    const wire = connection === null ? undefined : this.#scene.wires.get(connection)
    const isLogged = facts.sequence !== undefined
    for (const kind of isLogged ? (['persisted', 'logged'] as const) : (['persisted'] as const)) {
      const sight = { kind, direction: null, facts, peer: wire?.peer ?? null }
      const rule = this.#scene.book.judge(now, sight, wire?.id ?? null)
      if (rule?.act.do === 'crash') {
        this.#scene.crash(rule)
        return
      }
      if (rule?.act.do === 'cut' && wire !== undefined) this.#sever(wire, 'abort', rule)
    }
  }

  #packetIn(now: Now, wire: Wire, packet: Buffer): void {
    const { book, guid } = this.#scene
    const foreign = book.foreignGuid(now)
    const own = foreign === null ? packet : withSwappedGuid(packet, foreign, guid)
    const facts = packetFacts(own)
    if (facts?.kind === 'establish') wire.learnPeer(own, guid)
    const rule = facts === null ? null : this.#scene.judge(now, facts, 'in', wire.peer, wire.id)
    if (facts !== null && rule?.act.do !== 'drop') this.#disk?.arrived(facts, wire.id)
    this.#through(now, wire, wire.in, rule, own)
  }

  #packetOut(now: Now, wire: Wire, packet: Buffer): void {
    const facts = packetFacts(packet)
    const rule = facts === null ? null : this.#scene.judge(now, facts, 'out', wire.peer, wire.id)
    const foreign = this.#scene.book.foreignGuid(now)
    const bytes = foreign === null ? packet : withSwappedGuid(packet, this.#scene.guid, foreign)
    this.#through(now, wire, wire.out, rule, bytes)
  }

  /** Bytes on their way through `lane`, as the rule that struck them has it. */
  #through(now: Now, wire: Wire, lane: PacketLane, rule: FaultRule | null, bytes: Buffer): void {
    const act = rule?.act
    const byMs = act?.do === 'delay' ? act.byMs : 0
    // a view of what will be used again before it goes on
    const kept = lane.isHolding || byMs > 0 ? Buffer.from(bytes) : bytes
    const passing = this.#passing(wire, lane, kept)
    if (rule === null || act === undefined || act.do === 'delay') {
      pass(now, lane, [passing], byMs)
      return
    }
    switch (act.do) {
      case 'duplicate':
        pass(now, lane, [passing, passing])
        break
      case 'corrupt':
        pass(now, lane, [this.#passing(wire, lane, corrupted(kept, act.offset))])
        break
      case 'cut': {
        // an end in order lets what was written arrive
        const how = act.when === 'after' && lane === wire.out ? 'graceful' : 'abort'
        const cut: LaneStep = () => this.#sever(wire, how, rule)
        pass(now, lane, act.when === 'after' ? [passing, cut] : [cut])
        break
      }
      case 'crash': {
        // what was written before leaves before
        const crash: LaneStep = () => (lane === wire.out ? this.#scene.crashSoon(rule) : this.#scene.crash(rule))
        pass(now, lane, act.when === 'after' ? [passing, crash] : [crash])
        break
      }
    }
  }

  #passing(wire: Wire, lane: PacketLane, bytes: Buffer): LaneStep {
    if (lane === wire.out)
      return () => {
        if (!wire.severed) this.#scene.emitBytes(wire.id, bytes)
      }
    return now => {
      if (!wire.severed && !this.#scene.isDead) this.#scene.engine.received(now, wire.id, bytes)
    }
  }

  #sever(wire: Wire, how: 'graceful' | 'abort', rule: FaultRule): void {
    if (wire.severed) return
    wire.severed = true
    wire.drop()
    this.#scene.emit({ do: 'close', connection: wire.id, how, reason: `fault: ${rule.text}` })
  }
}

function corrupted(packet: Buffer, offset: number): Buffer {
  const bytes = Buffer.from(packet)
  if (offset < bytes.length) bytes[offset]! ^= 0xff
  return bytes
}
