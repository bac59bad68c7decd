import type { QueueManager } from '../../queue-manager/queue-manager.js'
import type { FaultRule } from '../faults/fault-rules.js'
import { FaultyEngine } from '../faults/faulty-engine.js'
import type { Injection } from '../faults/rule-book.js'
import type { QueueManagerSpec } from '../node-spec.js'
import type { Scheduler } from '../sim/scheduler.js'
import type { VirtualClock } from '../sim/virtual-clock.js'

export interface PacketFaultOwner {
  injected(node: string, injection: Injection): void
  kill(name: string): void
  restart(name: string): void
}

/** Faults by meaning in a simulated run: what stands before the engine of each life, and the machines that they end. */
export class SimPacketFaults {
  readonly #scheduler: Scheduler
  readonly #owner: PacketFaultOwner
  /** Of the present lives. */
  readonly #engines = new Map<string, FaultyEngine>()
  /** A rule that has ended its machine does not do so again. */
  readonly #spent = new Map<string, Set<number>>()
  /** When the load began; null before. */
  #zeroMs: number | null = null
  #awaited = 0

  constructor(scheduler: Scheduler, owner: PacketFaultOwner) {
    this.#scheduler = scheduler
    this.#owner = owner
  }

  /** What stands before the engine of a new life. */
  before({ name, faults }: QueueManagerSpec, engine: QueueManager, clock: VirtualClock): FaultyEngine | QueueManager {
    if (faults === undefined) return engine
    const spent = this.#spent.get(name) ?? new Set()
    this.#spent.set(name, spent)
    const rules = faults.rules.filter(({ index }) => !spent.has(index))
    const faulty = new FaultyEngine(
      engine,
      { ...faults, rules },
      {
        now: () => clock.now(),
        injected: injection => this.#owner.injected(name, injection),
        crash: rule => {
          spent.add(rule.index)
          this.#crash(name, rule)
        },
      },
    )
    this.#engines.set(name, faulty)
    if (this.#zeroMs !== null) faulty.begin(this.#scheduler.nowMs - this.#zeroMs)
    return faulty
  }

  /** The load begins. */
  begin(): void {
    this.#zeroMs = this.#scheduler.nowMs
    for (const engine of this.#engines.values()) engine.begin()
  }

  /** Whether a machine that was ended is still to come back. */
  get awaitsMachines(): boolean {
    return this.#awaited > 0
  }

  /** What was written before has left by the end of this instant; the engine does nothing any more. */
  #crash(name: string, { act }: FaultRule): void {
    this.#scheduler.after(0, () => this.#owner.kill(name))
    if (act.do !== 'crash' || act.backAfterMs === null) return
    this.#awaited += 1
    this.#scheduler.after(act.backAfterMs, () => {
      this.#awaited -= 1
      this.#owner.restart(name)
    })
  }
}
