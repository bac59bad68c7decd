import type { Guid } from '../../protocol/guid.js'
import type { ResolveQuery } from '../../queue-manager/actions.js'
import type { Note } from '../../queue-manager/notes.js'
import { SimNetwork } from './network.js'
import { createRandom, type Random } from './random.js'
import { Scheduler } from './scheduler.js'
import type { SimSurroundings } from './sim-machine.js'
import { SimNode, type SimNodeOptions } from './sim-node.js'

/** Who is where: machine names in lower case, and queue managers by GUID. Tests change it while the world runs. */
export interface ResolverTable {
  readonly names: Map<string, readonly string[]>
  readonly queueManagers: Map<Guid, readonly string[]>
  /** How long an answer takes. */
  delayMs: number
}

/**
 * One simulation: time, network and machines, all drawn from one seed. The same seed and the same calls give the same
 * run, event for event; so a failure is reproduced from its seed alone.
 */
export class SimWorld implements SimSurroundings {
  readonly seed: number
  readonly random: Random
  readonly scheduler = new Scheduler()
  readonly network: SimNetwork
  readonly resolver: ResolverTable = { names: new Map(), queueManagers: new Map(), delayMs: 0 }
  readonly nodes: SimNode[] = []
  /** Every note of every node, in order. */
  readonly history: { readonly node: string; readonly note: Note }[] = []

  constructor(seed: number) {
    this.seed = seed
    this.random = createRandom(seed)
    this.network = new SimNetwork(this.scheduler, this.random.fork())
  }

  /** Adds a machine, known to the resolver by its name and its GUID, and starts its queue manager. */
  addNode(options: SimNodeOptions): SimNode {
    const node = new SimNode(this, options)
    this.nodes.push(node)
    if (!this.resolver.names.has(options.name.toLowerCase()))
      this.resolver.names.set(options.name.toLowerCase(), [options.address])
    if (!this.resolver.queueManagers.has(options.guid)) this.resolver.queueManagers.set(options.guid, [options.address])
    node.start()
    return node
  }

  resolve(query: ResolveQuery): readonly string[] {
    if (query.kind === 'name') return this.resolver.names.get(query.name.toLowerCase()) ?? []
    return this.resolver.queueManagers.get(query.guid) ?? []
  }

  get resolveDelayMs(): number {
    return this.resolver.delayMs
  }

  get nowMs(): number {
    return this.scheduler.nowMs
  }

  runFor(durationMs: number): void {
    this.scheduler.runFor(durationMs)
  }

  /** Whether `done` came to hold within `limitMs`. */
  runUntil(done: () => boolean, limitMs: number): boolean {
    return this.scheduler.runUntilDone(done, limitMs)
  }

  /** Runs `action` at chance moments, on average every `everyMs`, until `untilMs`. */
  atRandom(everyMs: number, untilMs: number, action: () => void): void {
    const random = this.random.fork()
    const again = (): void => {
      const atMs = this.nowMs - everyMs * Math.log(1 - random.unit())
      if (atMs >= untilMs) return
      this.scheduler.at(atMs, () => {
        action()
        again()
      })
    }
    again()
  }
}
