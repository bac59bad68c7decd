import type { MachineCaptures } from '../captures/run-capture.js'
import type { NodeSample } from '../channel-messages.js'
import type { ClusterFault } from '../cluster-fault.js'
import { takeLastWord, withoutRule } from '../faults/last-word.js'
import { type FaultEvent, HistoryCollector, type NodeDeath } from '../history.js'
import type { HistoryWriter } from '../history-writer.js'
import { NodeHandle } from '../node-handle.js'
import type { NodeReport, NodeSpec, QueueManagerSpec } from '../node-spec.js'
import { outgoingDepth } from '../outgoing-depth.js'
import { allAcknowledged, clusterFaultNote, isClusterHost } from './cast-facts.js'
import type { Casting } from './node-specs.js'

/** Networks take longer to take away than a process. */
const GATEWAY_STOP_MS = 15_000

/** The machines of one run and what they have reported so far. One that starts again goes on under its name. */
export class Stage {
  readonly history: HistoryCollector
  readonly samples: { node: string; sample: NodeSample }[] = []
  readonly deaths: NodeDeath[] = []
  /** Machines whose workload is done, or that have none and are gone. */
  readonly done = new Set<string>()
  readonly #casting: Casting
  readonly #writer: HistoryWriter | undefined
  readonly #nodesAs: 'process' | 'thread'
  readonly #capture: MachineCaptures | undefined
  readonly #handles = new Map<string, NodeHandle>()
  /** Of machines in networks of their own: how a command inside begins. */
  #inside: Readonly<Record<string, readonly string[]>> = {}
  /** Machines that are meant to end. */
  readonly #ending = new Set<string>()
  /** Hosts of a cluster that have no power. */
  readonly #crashed = new Set<string>()
  /** Senders that have had an order ack. */
  readonly #acknowledged = new Set<string>()
  #startedMs = 0
  /** Machines that a fault by meaning has ended, and that are to come back. */
  #awaited = 0
  readonly #returns = new Set<NodeJS.Timeout>()
  #cleared = false

  /**
   * @param writer told of everything as it comes
   * @param capture what machines are to record
   */
  constructor(
    casting: Casting,
    nodesAs: 'process' | 'thread' = 'process',
    writer?: HistoryWriter,
    capture?: MachineCaptures,
  ) {
    this.history = new HistoryCollector(writer === undefined ? undefined : event => writer.event(event))
    this.#writer = writer
    this.#casting = casting
    this.#nodesAs = nodesAs
    this.#capture = capture
  }

  get size(): number {
    const { gateway, specs } = this.#casting
    return specs.length + (gateway === null ? 0 : 1)
  }

  /** All machines run and listen. The gateway is the first where it makes the networks that the others live in. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    const opening = this.#openAll()
    opening.catch(() => undefined)
    let abort: () => void = () => undefined
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(signal?.reason)
      signal?.addEventListener('abort', abort)
    })
    try {
      await Promise.race([aborted, opening])
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  async #openAll(): Promise<void> {
    const { gateway, specs, networks } = this.#casting
    const first = gateway === null ? null : this.#launch(gateway.spec)
    if (first !== null && networks) {
      this.#inside = (await first.opened()).inside ?? {}
      await this.#capture?.networks(this.#inside)
    }
    if (this.#cleared) return
    for (const spec of specs) this.#launch(spec)
    await Promise.all(this.#all().map(handle => handle.opened()))
  }

  start(): void {
    this.#startedMs = Date.now()
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
    if (isClusterHost(this.#casting, name)) this.cluster({ kind: 'crash', host: name })
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
  async restart(name: string, spec: NodeSpec = this.#handle(name).spec): Promise<void> {
    if (this.#cleared) throw new Error('the run is over')
    if (this.#crashed.has(name)) this.cluster({ kind: 'recover', host: name })
    if (this.#handle(name).running) return
    const handle = this.#launch(spec)
    await handle.opened()
    this.#ending.delete(name)
    this.#noteFault(name, 'started')
    handle.start(Date.now() - this.#startedMs)
  }

  /** Something befalls the gateway's hosts. */
  cluster(fault: ClusterFault): void {
    const { gateway } = this.#casting
    if (gateway === null) return
    const told = clusterFaultNote(gateway.spec.name, fault)
    if (told !== null) this.#noteFault(told.node, told.note)
    if (fault.kind === 'crash') this.#crashed.add(fault.host)
    if (fault.kind === 'recover') this.#crashed.delete(fault.host)
    this.#handle(gateway.spec.name).fault(fault)
  }

  acknowledged(): boolean {
    return allAcknowledged(this.#casting, this.#acknowledged)
  }

  /**
   * By samples taken after `sinceMs`: senders and front ends have nothing in an outgoing queue, receivers nothing for a
   * consumer.
   */
  isDrained(sinceMs: number): boolean {
    if (this.#awaited > 0) return false
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

  /** The gateway at last: it may have to take away what the others live in. */
  async stop(): Promise<void> {
    this.#awaitNobody()
    const { gateway, rest } = this.#gatewayAndRest()
    await Promise.all(rest.map(handle => handle.stop()))
    await this.#capture?.settled()
    await gateway?.stop(GATEWAY_STOP_MS)
  }

  reports(): ReadonlyMap<string, NodeReport> {
    return new Map(this.#all().flatMap(({ name, report }) => (report === null ? [] : [[name, report]])))
  }

  /** Ends what still runs, as after a failure. */
  async clear(): Promise<void> {
    this.#cleared = true
    this.#awaitNobody()
    const { gateway, rest } = this.#gatewayAndRest()
    const running = rest.filter(handle => handle.running)
    for (const handle of running) handle.kill()
    await Promise.all(running.map(handle => handle.exited))
    if (gateway?.running) await gateway.stop(GATEWAY_STOP_MS)
  }

  #launch(spec: NodeSpec): NodeHandle {
    const capture = this.#capture?.specOf(spec.name) ?? null
    const handle = new NodeHandle(capture === null ? spec : { ...spec, capture }, {
      as: this.#nodesAs,
      inside: this.#inside[spec.name] ?? [],
      onNotes: (node, notes) => {
        this.history.notes(node, notes)
        const matched = notes.some(note => note.kind === 'order-ack-received' && note.result === 'matched')
        if (matched) this.#acknowledged.add(node)
      },
      onDecisions: (node, decisions, closed, requests) => this.history.gateway(node, decisions, closed, requests),
      onInjected: (node, injections) => this.history.injected(node, injections),
      onClusterMap: (node, atMs, owners) => this.history.clusterMap(node, atMs, owners),
      onSample: (node, sample) => {
        this.samples.push({ node, sample })
        this.#writer?.sample(node, sample)
        this.#writer?.flush()
      },
      onReport: report => this.#writer?.checkpoint(report),
      onExit: ({ node, exitCode, signal, failure, orderly }) => {
        if (orderly || this.#ending.has(node) || this.#wasStruckDown(handle)) return
        this.deaths.push({ node, exitCode, signal, reason: failure?.message ?? null })
      },
    })
    this.#handles.set(spec.name, handle)
    void handle.done.then(() => this.done.add(handle.name))
    return handle
  }

  /** Whether a fault by meaning has ended the machine. It comes back in its time, and that fault is spent. */
  #wasStruckDown({ spec }: NodeHandle): boolean {
    if (spec.kind !== 'queue-manager' || spec.lastWord === undefined || spec.faults === undefined) return false
    const word = takeLastWord(spec.lastWord)
    if (word === null) return false
    const { name, faults } = spec
    const { rule, injections } = word
    this.#ending.add(name)
    this.history.injected(name, injections)
    this.#noteFault(name, 'killed')
    if (isClusterHost(this.#casting, name)) this.cluster({ kind: 'crash', host: name })
    if (rule.act.do !== 'crash' || rule.act.backAfterMs === null) return true
    this.#awaited += 1
    const timer = setTimeout(() => {
      this.#returns.delete(timer)
      void this.#comeBack({ ...spec, faults: withoutRule(faults, rule) })
    }, rule.act.backAfterMs)
    this.#returns.add(timer)
    return true
  }

  /** The run ends: who was to come back later stays away, and nothing waits for that. */
  #awaitNobody(): void {
    for (const timer of this.#returns) clearTimeout(timer)
    this.#returns.clear()
  }

  async #comeBack(spec: QueueManagerSpec): Promise<void> {
    try {
      if (!this.#cleared) await this.restart(spec.name, spec)
    } catch (error) {
      this.deaths.push({ node: spec.name, exitCode: null, signal: null, reason: String(error) })
    } finally {
      this.#awaited -= 1
    }
  }

  #handle(name: string): NodeHandle {
    const handle = this.#handles.get(name)
    if (handle === undefined) throw new RangeError(`there is no machine ${name}`)
    return handle
  }

  #gatewayAndRest(): { gateway: NodeHandle | undefined; rest: NodeHandle[] } {
    const gateway = this.#handles.get(this.#casting.gateway?.spec.name ?? '')
    return { gateway, rest: this.#all().filter(handle => handle !== gateway) }
  }

  #all(): NodeHandle[] {
    return [...this.#handles.values()]
  }

  #noteFault(node: string, fault: FaultEvent['fault']): void {
    this.history.fault({ kind: 'fault', node, atMs: Date.now(), fault })
  }
}
