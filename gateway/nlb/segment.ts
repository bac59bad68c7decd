import { HOST_ID_MAX } from './bucket-map.js'

/** What lies between the hosts of a cluster, and between them and their clients. By slot. */
export class Segment {
  /** The one host that a switch sends frames for the cluster to; null: it floods them to all, as it should. */
  onlyReceiver: number | null = null
  /** Group of each host; null: not divided. */
  #groups: Map<number, number> | null = null
  #clientsReach: Set<number> | null = null
  /** `from * HOST_ID_MAX + to` of heartbeats that do not arrive. */
  readonly #muted = new Set<number>()

  partition(groups: readonly (readonly number[])[], clientsReach: readonly number[] | null): void {
    this.#groups = new Map(groups.flatMap((slots, group) => slots.map(slot => [slot, group] as const)))
    this.#clientsReach = clientsReach === null ? null : new Set(clientsReach)
  }

  heal(): void {
    this.#groups = null
    this.#clientsReach = null
  }

  mute(from: number, to: number, muted: boolean): void {
    if (muted) this.#muted.add(from * HOST_ID_MAX + to)
    else this.#muted.delete(from * HOST_ID_MAX + to)
  }

  /** A host is no longer there; who gets its slot has nothing of it. */
  forget(slot: number): void {
    if (this.onlyReceiver === slot) this.onlyReceiver = null
    this.#groups?.delete(slot)
    this.#clientsReach?.delete(slot)
    for (let other = 0; other < HOST_ID_MAX; other++) {
      this.mute(slot, other, false)
      this.mute(other, slot, false)
    }
  }

  /** Whether heartbeats of one host arrive at another. They are broadcast: what switches have learned does not matter. */
  hears(to: number, from: number): boolean {
    if (this.#muted.has(from * HOST_ID_MAX + to)) return false
    if (this.#groups === null) return true
    const group = this.#groups.get(from)
    return group !== undefined && group === this.#groups.get(to)
  }

  clientsReach(slot: number): boolean {
    return this.#clientsReach === null || this.#clientsReach.has(slot)
  }

  delivers(slot: number): boolean {
    return this.onlyReceiver === null || this.onlyReceiver === slot
  }
}
