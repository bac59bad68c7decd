import { PacketFramer } from '../../protocol/binary/packet-framer.js'
import { DecodeError } from '../../protocol/errors.js'
import type { Now } from '../../queue-manager/clock.js'

/** Something that comes about now, or when those before it in its lane have. */
export type LaneStep = (now: Now) => void

/** One direction of one connection: its bytes cut into packets, and what is held back of them. */
export class PacketLane {
  readonly #framer = new PacketFramer()
  /** Copies of the bytes that the framer holds. */
  #partial: Buffer[] = []
  /** What passes is no stream of packets any more. */
  #malformed = false
  #held: { readonly dueMs: number; readonly step: LaneStep }[] = []

  /**
   * Hands out each packet that `chunk` completes, a view of it perhaps. After something malformed there are no packets:
   * bytes go on as they come, `isPacket` false.
   */
  cut(chunk: Buffer, each: (bytes: Buffer, isPacket: boolean) => void): void {
    if (this.#malformed) {
      each(chunk, false)
      return
    }
    const heldBefore = this.#framer.bytesHeld
    let packetBytes = 0
    try {
      this.#framer.push(chunk, packet => {
        packetBytes += packet.length
        each(packet, true)
      })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#malformed = true
    }
    const rest = packetBytes === 0 ? chunk : chunk.subarray(packetBytes - heldBefore)
    if (packetBytes > 0) this.#partial = []
    if (this.#malformed) {
      for (const bytes of [...this.#partial, rest]) each(bytes, false)
      this.#partial = []
    } else if (rest.length > 0) this.#partial.push(Buffer.from(rest))
  }

  get isHolding(): boolean {
    return this.#held.length > 0
  }

  /** Monotonic; null when nothing is held. */
  get dueMs(): number | null {
    return this.#held[0]?.dueMs ?? null
  }

  /** Nothing overtakes what came before it. */
  hold(step: LaneStep, dueMs: number): void {
    this.#held.push({ dueMs: Math.max(dueMs, this.#held.at(-1)?.dueMs ?? 0), step })
  }

  release(now: Now): void {
    while (this.#held.length > 0 && this.#held[0]!.dueMs <= now.monotonicMs) this.#held.shift()!.step(now)
  }

  clear(): void {
    this.#held = []
  }
}
