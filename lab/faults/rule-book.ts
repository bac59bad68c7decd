import type { Now } from '../../queue-manager/clock.js'
import type { Direction, FaultRule, NodeFaults } from './fault-rules.js'
import type { PacketFacts } from './packet-facts.js'
import { RuleWatch, type Sight } from './rule-watch.js'

/** A rule struck: what the history is told of it. `atMs` is the machine's wall clock. */
export type Injection = {
  readonly atMs: number
  /** Its place in the scenario's list of faults, from 0. */
  readonly rule: number
  /** As the scenario says it. */
  readonly what: string
  readonly direction: Direction | null
  /** Of the machine's own count; null where none was concerned. */
  readonly connection: number | null
  /** Address at the other end. */
  readonly peer: string | null
  /** What it struck at; null for a swap of identities, which befalls all. */
  readonly packet: PacketFacts | null
}

/** The rules of one life of one machine, and the load's clock. */
export class RuleBook {
  readonly #watches: readonly RuleWatch[]
  readonly #swaps: readonly RuleWatch[]
  readonly #tell: (injection: Injection) => void
  readonly #toldSwaps = new Set<number>()
  /** Monotonic; null before the load begins. */
  #zeroMs: number | null = null

  constructor({ rules }: NodeFaults, tell: (injection: Injection) => void) {
    const watches = rules.map(rule => new RuleWatch(rule))
    this.#watches = watches.filter(({ rule }) => rule.act.do !== 'swap')
    this.#swaps = watches.filter(({ rule }) => rule.act.do === 'swap')
    this.#tell = tell
  }

  /** @param elapsedMs how long ago the load began */
  begin(now: Now, elapsedMs: number): void {
    this.#zeroMs = now.monotonicMs - elapsedMs
  }

  /** Whether any rule is about what disks have. */
  get watchesDisk(): boolean {
    const isMoment = ({ kind }: { readonly kind: string }) => kind === 'persisted' || kind === 'logged'
    return this.#watches.some(({ rule: { subject, armedBy } }) => isMoment(subject) || (armedBy && isMoment(armedBy)))
  }

  /** The rule that strikes at what is seen: the first in the list. Those behind it have seen it too. */
  judge(now: Now, sight: Sight, connection: number | null): FaultRule | null {
    let struck: FaultRule | null = null
    const loadMs = this.#loadMs(now)
    for (const watch of this.#watches) {
      // without a connection there is nothing to cut
      if (watch.rule.act.do === 'cut' && connection === null) continue
      if (watch.strikes(sight, loadMs)) struck ??= watch.rule
    }
    if (struck !== null)
      this.#tell({
        atMs: now.wallMs,
        rule: struck.index,
        what: struck.text,
        direction: sight.direction,
        connection,
        peer: sight.peer?.address ?? null,
        packet: sight.facts,
      })
    return struck
  }

  /** The QMId that the machine has on the wire, where that is not its own. */
  foreignGuid(now: Now): string | null {
    if (this.#swaps.length === 0) return null
    const loadMs = this.#loadMs(now)
    const swap = this.#swaps.find(watch => watch.isInTime(loadMs))?.rule
    if (swap?.act.do !== 'swap') return null
    if (!this.#toldSwaps.has(swap.index)) {
      this.#toldSwaps.add(swap.index)
      const nothing = { direction: null, connection: null, peer: null, packet: null }
      this.#tell({ atMs: now.wallMs, rule: swap.index, what: swap.text, ...nothing })
    }
    return swap.act.guid
  }

  #loadMs({ monotonicMs }: Now): number | null {
    return this.#zeroMs === null ? null : monotonicMs - this.#zeroMs
  }
}
