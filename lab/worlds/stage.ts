import type { HostState } from '../../gateway/planes/http-options.js'
import type { NodeSample } from '../channel-messages.js'
import { type FaultEvent, HistoryCollector, type NodeDeath } from '../history.js'
import { NodeHandle } from '../node-handle.js'
import type { NodeReport, NodeSpec } from '../node-spec.js'
import { outgoingDepth } from '../outgoing-depth.js'
import type { Casting } from './node-specs.js'

/** The machines of one run and what they have reported so far. One that starts again goes on under its name. */
export class Stage {
  readonly history = new HistoryCollector()
  readonly samples: { node: string; sample: NodeSample }[] = []
  readonly deaths: NodeDeath[] = []
  /** Machines whose workload is done, or that have none and are gone. */
  readonly done = new Set<string>()
  readonly #casting: Casting
  readonly #nodesAs: 'process' | 'thread'
  readonly #handles = new Map<string, NodeHandle>()
  /** Machines that are meant to end. */
  readonly #ending = new Set<string>()
  /** Senders that have had an order ack. */
  readonly #acknowledged = new Set<string>()
  #cleared = false

  constructor(casting: Casting, nodesAs: 'process' | 'thread' = 'process') {
    this.#casting = casting
    this.#nodesAs = nodesAs
    const { gateway, specs } = casting
    for (const spec of gateway === null ? specs : [gateway.spec, ...specs]) this.#launch(spec)
  }

  get size(): number {
    return this.#handles.size
  }

  async opened(signal: AbortSignal | undefined): Promise<void> {
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    await Promise.race([aborted, Promise.all(this.#all().map(handle => handle.opened()))])
  }

  start(): void {
    for (const handle of this.#all()) handle.start()
  }

  drain(name: string): void {
    this.#handles.get(name)?.drain()
  }

  /** As in a power failure: the process ends in the middle of whatever it does. */
  async kill(name: string): Promise<void> {
    const handle = this.#handle(name)
    this.#ending.add(name)
    this.#noteFault(name, 'killed')
    handle.kill()
    await handle.exited
  }

  /** In order, as a service is stopped. */
  async end(name: string): Promise<void> {
    this.#ending.add(name)
    this.#noteFault(name, 'stopped')
    await this.#handle(name).stop()
  }

  /** A machine that has ended starts again, with what is on its disk. @throws NodeError */
  async restart(name: string): Promise<void> {
    if (this.#cleared) throw new Error('the run is over')
    const handle = this.#launch(this.#handle(name).spec)
    await handle.opened()
    this.#ending.delete(name)
    this.#noteFault(name, 'started')
    handle.start()
  }

  /** The gateway takes one of its hosts out of the cluster, or in again. */
  setHost(host: string, state: HostState): void {
    const { gateway } = this.#casting
    if (gateway === null) return
    this.#noteFault(host, state === 'up' ? 'joined' : state === 'down' ? 'left' : 'draining')
    this.#handle(gateway.spec.name).setHost(host, state)
  }

  acknowledged(): boolean {
    return this.#casting.nodes.every(
      ({ name, load }) => load?.delivery !== 'transactional' || this.#acknowledged.has(name),
    )
  }

  /**
   * By samples taken after `sinceMs`: senders and front ends have nothing in an outgoing queue, receivers nothing for a
   * consumer.
   */
  isDrained(sinceMs: number): boolean {
    return this.#casting.specs.every(spec => {
      const handle = this.#handles.get(spec.name)
      if (handle?.running !== true) return true
      const sample = handle.lastSample
      if (sample === null || sample.atMs <= sinceMs) return false
      const forwards = this.#casting.nodes.some(({ name, role }) => name === spec.name && role === 'front-end')
      if (spec.workload !== undefined || forwards) return outgoingDepth(sample) === 0
      return spec.consumer === undefined || sample.localMessages === 0
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all().map(handle => handle.stop()))
  }

  reports(): ReadonlyMap<string, NodeReport> {
    return new Map(this.#all().flatMap(({ name, report }) => (report === null ? [] : [[name, report]])))
  }

  /** Ends what still runs, as after a failure. */
  async clear(): Promise<void> {
    this.#cleared = true
    const running = this.#all().filter(handle => handle.running)
    for (const handle of running) handle.kill()
    await Promise.all(running.map(handle => handle.exited))
  }

  #launch(spec: NodeSpec): NodeHandle {
    const handle = new NodeHandle(spec, {
      as: this.#nodesAs,
      onNotes: (node, notes) => {
        this.history.notes(node, notes)
        const matched = notes.some(note => note.kind === 'order-ack-received' && note.result === 'matched')
        if (matched) this.#acknowledged.add(node)
      },
      onDecisions: (node, decisions, closed, requests) => this.history.gateway(node, decisions, closed, requests),
      onSample: (node, sample) => this.samples.push({ node, sample }),
      onExit: ({ node, exitCode, signal, failure, orderly }) => {
        if (orderly || this.#ending.has(node)) return
        this.deaths.push({ node, exitCode, signal, reason: failure?.message ?? null })
      },
    })
    this.#handles.set(spec.name, handle)
    void handle.done.then(() => this.done.add(handle.name))
    return handle
  }

  #handle(name: string): NodeHandle {
    const handle = this.#handles.get(name)
    if (handle === undefined) throw new RangeError(`there is no machine ${name}`)
    return handle
  }

  #all(): NodeHandle[] {
    return [...this.#handles.values()]
  }

  #noteFault(node: string, fault: FaultEvent['fault']): void {
    this.history.fault({ kind: 'fault', node, atMs: Date.now(), fault })
  }
}
