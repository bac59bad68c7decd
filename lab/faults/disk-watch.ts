import type { ConnectionId, StoreOperation } from '../../queue-manager/actions.js'
import { type PacketFacts, packetFacts } from './packet-facts.js'

/** A message of an application that the disk has. */
export interface Persisted {
  readonly facts: PacketFacts
  /** By which it came last; null where this machine sends it. */
  readonly connection: ConnectionId | null
}

const ARRIVALS_MAX = 10_000

/** Which messages each write to the disk brings, and by which connection they came. */
export class DiskWatch {
  /** By source and identifier. */
  readonly #arrivals = new Map<string, ConnectionId>()
  readonly #asked = new Map<number, readonly PacketFacts[]>()

  arrived(facts: PacketFacts, connection: ConnectionId): void {
    if (facts.kind !== 'user-message') return
    // what is no news to the queue manager is never written
    if (this.#arrivals.size >= ARRIVALS_MAX) this.#arrivals.delete(this.#arrivals.keys().next().value ?? '')
    this.#arrivals.set(keyOf(facts), connection)
  }

  asked(ticket: number, operations: readonly StoreOperation[]): void {
    const messages = operations.flatMap(({ packet }) => {
      if (packet === undefined) return []
      const facts = packetFacts(Buffer.from(packet.buffer, packet.byteOffset, packet.length))
      return facts?.kind === 'user-message' ? [facts] : []
    })
    if (messages.length > 0) this.#asked.set(ticket, messages)
  }

  /** The write is over. In the order in which the messages were written. */
  settled(ticket: number): readonly Persisted[] {
    const messages = this.#asked.get(ticket)
    if (messages === undefined) return []
    this.#asked.delete(ticket)
    return messages.map(facts => {
      const key = keyOf(facts)
      const connection = this.#arrivals.get(key) ?? null
      this.#arrivals.delete(key)
      return { facts, connection }
    })
  }
}

function keyOf({ source, messageId }: PacketFacts): string {
  return `${source} ${messageId}`
}
