import type { ResolveQuery } from '../../queue-manager/actions.js'
import type { Note } from '../../queue-manager/notes.js'
import type { QueueManager } from '../../queue-manager/queue-manager.js'
import { createResolver } from '../../transport/resolver.js'
import type { NodeSample } from '../channel-messages.js'
import type { ClusterFault } from '../cluster-fault.js'
import type { DiskCondition, LinkChange } from '../faults/fault-schema.js'
import type { FaultEvent, LabEvent } from '../history.js'
import type { ClusterSpec, GatewaySpec, NodeReport, QueueManagerSpec } from '../node-spec.js'
import { outgoingDepth } from '../outgoing-depth.js'
import {
  createQueueManager,
  type MachineLedgers,
  machineLedgers,
  QueueManagerApplication,
} from '../queue-manager-application.js'
import { SimNetwork } from '../sim/network.js'
import { createRandom } from '../sim/random.js'
import { Scheduler } from '../sim/scheduler.js'
import { createSimGateway, type SimGateway } from '../sim/sim-gateway.js'

import { SimMachine, type SimSurroundings } from '../sim/sim-machine.js'
import { SIMULATED_EPOCH_MS } from '../sim/virtual-clock.js'
import { storedMessage } from '../stored-messages.js'
import { allAcknowledged, clusterFaultNote, isClusterHost } from './cast-facts.js'
import type { FaultTarget } from './fault-steps.js'
import type { Casting } from './node-specs.js'
import { changeLink } from './sim-links.js'
import { SimPacketFaults } from './sim-packet-faults.js'

/** From asking a disk to durable, as of a disk that flushes. */
const FLUSH_MS = 1
/** How long sessions take to close in order. */
const CLOSING_MS = 5_000

/** A machine of the run, over all its lives. */
interface Machine {
  readonly spec: QueueManagerSpec
  readonly machine: SimMachine
  readonly ledgers: MachineLedgers
  application: QueueManagerApplication | null
  /** It was told to end in order, and has not yet. */
  isStopping: boolean
  /** Its last word, once it has ended. */
  report: NodeReport | null
}

/** The machines of one simulated run, on one virtual clock: what `Stage` is for those on sockets. */
export class SimStage implements FaultTarget<void> {
  readonly scheduler = new Scheduler()
  readonly network: SimNetwork
  readonly samples: { node: string; sample: NodeSample }[] = []
  /** Machines whose workload is done, or that have none. */
  readonly done = new Set<string>()
  readonly #casting: Casting
  readonly #onEvent: (event: LabEvent) => void
  readonly #machines = new Map<string, Machine>()
  readonly #gateway: SimGateway | null
  readonly #acknowledged = new Set<string>()
  /** Machines whose load is over: a later life of theirs does not go on with it. */
  readonly #drained = new Set<string>()
  readonly #illDisks = new Set<string>()
  readonly #packetFaults: SimPacketFaults

  constructor(casting: Casting, seed: number, onEvent: (event: LabEvent) => void) {
    this.#casting = casting
    this.#onEvent = onEvent
    const random = createRandom(seed)
    this.network = new SimNetwork(this.scheduler, random.fork())
    this.#packetFaults = new SimPacketFaults(this.scheduler, {
      injected: (node, injection) => onEvent({ kind: 'injected', ...injection, node, atMs: this.wallMs }),
      kill: name => this.kill(name),
      restart: name => this.restart(name),
    })
    const [first] = casting.specs
    const resolver = createResolver(first?.resolver ?? {})
    const surroundings: SimSurroundings = {
      scheduler: this.scheduler,
      network: this.network,
      random,
      // what it does not know it does not ask the system for: it answers at once
      resolve: (query: ResolveQuery) => resolver(query) as readonly string[],
      resolveDelayMs: 0,
    }
    for (const spec of casting.specs) {
      const machine = new SimMachine(surroundings, {
        address: spec.address,
        engine: store => createQueueManager(spec, store),
        driven: (engine, clock) => this.#packetFaults.before(spec, engine, clock),
        ...(spec.http === undefined ? {} : { http: { http: spec.http.port } }),
        store: { delayMs: FLUSH_MS },
      })
      this.#machines.set(spec.name, {
        spec,
        machine,
        ledgers: machineLedgers(spec),
        application: null,
        isStopping: false,
        report: null,
      })
    }
    const { gateway } = casting
    this.#gateway = gateway === null ? null : this.#createGateway(gateway.spec)
  }

  /** True time, in milliseconds since 1970. */
  get wallMs(): number {
    return SIMULATED_EPOCH_MS + this.scheduler.nowMs
  }

  open(): void {
    this.#gateway?.start()
    for (const machine of this.#machines.values()) this.#begin(machine)
  }

  start(): void {
    this.#packetFaults.begin()
    for (const { application } of this.#machines.values()) application?.start()
  }

  drain(name: string): void {
    this.#drained.add(name)
    this.#machine(name).application?.drain()
  }

  /** As in a power failure: whatever it was in the middle of. */
  kill(name: string): void {
    this.#noteFault(name, 'killed')
    if (isClusterHost(this.#casting, name)) this.cluster({ kind: 'crash', host: name })
    this.#end(this.#machine(name), 'power')
  }

  /** In order, as a service is stopped. */
  end(name: string): void {
    this.#noteFault(name, 'stopped')
    const machine = this.#machine(name)
    if (!machine.machine.isRunning) return
    const { driver } = machine.machine
    machine.isStopping = true
    driver.stop()
    this.scheduler.after(CLOSING_MS, () => {
      if (driver.isRunning) this.#end(machine, 'process')
    })
  }

  /** A machine that has ended starts again, with what is on its disk. */
  restart(name: string): void {
    const machine = this.#machine(name)
    // two faults may have ended it, and both start it again
    if (machine.machine.isRunning && !machine.isStopping) return
    this.#end(machine, 'process')
    if (isClusterHost(this.#casting, name)) this.cluster({ kind: 'recover', host: name })
    this.#begin(machine)
    this.#noteFault(name, 'started')
    if (!this.#drained.has(name)) machine.application?.start()
  }

  pause(name: string, on: boolean): void {
    const { machine } = this.#machine(name)
    this.#noteFault(name, on ? 'paused' : 'resumed')
    if (on) machine.pause()
    else machine.resume()
  }

  clock(name: string, jumpMs: number): void {
    this.#noteFault(name, 'clock-set')
    this.#machine(name).machine.clock.stepWall(jumpMs)
  }

  link(one: string, other: string, change: LinkChange | null): void {
    const [from, to] = [this.#addressOf(one), this.#addressOf(other)]
    if (change === null) this.#noteFault(one, 'link-well')
    else this.#noteFault(one, change.partition ? 'link-parted' : 'link-changed')
    changeLink(this.network, from, to, change)
  }

  disk(name: string, condition: DiskCondition | null): void {
    const { store } = this.#machine(name).machine
    if (condition === null && !this.#illDisks.delete(name)) return
    if (condition !== null) this.#illDisks.add(name)
    this.#noteFault(name, condition === null ? 'disk-well' : 'disk-ill')
    store.capacityBytes = condition?.full ? 0 : Number.POSITIVE_INFINITY
    store.failing = condition?.failing ?? false
    store.delayMs = FLUSH_MS + (condition?.slowMs ?? 0)
    store.readsFailing = condition?.unreadable ?? false
    store.cacheMs = condition?.unflushedMs ?? 0
  }

  /** Nobody is still to come back after a crash. */
  get isWhole(): boolean {
    return !this.#packetFaults.awaitsMachines
  }

  /** Whatever befell links, disks and machines is over; who was stopped for good stays so. */
  heal(): void {
    this.network.heal()
    for (const [name, { machine }] of this.#machines) {
      if (machine.isPaused) this.pause(name, false)
      this.disk(name, null)
    }
  }

  /** Something befalls the gateway's hosts. */
  cluster(fault: ClusterFault): void {
    const { gateway } = this.#casting
    if (gateway === null) return
    const told = clusterFaultNote(gateway.spec.name, fault)
    if (told !== null) this.#noteFault(told.node, told.note)
    this.#gateway?.fault(fault)
  }

  acknowledged(): boolean {
    return allAcknowledged(this.#casting, this.#acknowledged)
  }

  /** Nobody is to come back, senders and front ends have nothing in an outgoing queue, receivers nothing for a consumer. */
  isDrained(): boolean {
    if (!this.isWhole) return false
    const running = [...this.#machines.values()].filter(({ machine }) => machine.isRunning)
    return (
      running.every(({ spec, machine }) => !this.#sendsOn(spec) || hasSentAll(machine.driver.engine)) &&
      running.every(({ application }) => application?.hasConsumedAll !== false)
    )
  }

  sample(): void {
    for (const [node, { application }] of this.#machines)
      if (application !== null) this.samples.push({ node, sample: application.sample(this.wallMs) })
  }

  /** Everybody ends in order. */
  stop(): void {
    const running = [...this.#machines.values()].filter(({ machine }) => machine.isRunning)
    for (const { machine, application } of running) {
      application?.drain()
      application?.stopConsuming()
      machine.driver.stop()
    }
    this.scheduler.runFor(CLOSING_MS)
    this.#gateway?.stop()
    for (const machine of running) {
      machine.application?.settle()
      machine.report = machine.application?.report(false, this.wallMs) ?? null
    }
  }

  reports(): ReadonlyMap<string, NodeReport> {
    const reports = new Map<string, NodeReport>()
    if (this.#gateway !== null && this.#casting.gateway !== null)
      reports.set(this.#casting.gateway.spec.name, this.#gateway.report(false))
    for (const [name, { report, application }] of this.#machines) {
      const last = report ?? application?.report(true, this.wallMs) ?? null
      if (last !== null) reports.set(name, last)
    }
    return reports
  }

  #createGateway(spec: GatewaySpec | ClusterSpec): SimGateway {
    const { scheduler, network } = this
    const node = spec.name
    return createSimGateway({ scheduler, network, nowWallMs: () => this.wallMs }, spec, {
      decided: decision => this.#onEvent({ kind: 'gateway-decision', node, atMs: this.wallMs, decision }),
      closed: closed => this.#onEvent({ kind: 'gateway-closed', node, atMs: this.wallMs, closed }),
      request: request => this.#onEvent({ kind: 'gateway-request', node, atMs: this.wallMs, request }),
      mapped: owners => this.#onEvent({ kind: 'cluster-map', node, atMs: this.wallMs, owners }),
    })
  }

  #begin(machine: Machine): void {
    const { spec, ledgers } = machine
    let application: QueueManagerApplication | null = null
    const host = machine.machine.start({
      onOutcome: (request, outcome, error) => application?.onOutcome(request, outcome, error),
      onReceived: (request, queue, messages) => application?.onReceived(request, queue, messages),
      onArrived: queue => application?.onArrived(queue),
      onNote: note => this.#noted(spec.name, note),
      onTurn: () => application?.onTurn(),
    })
    application = new QueueManagerApplication(spec, machine.machine.driver.engine, host, ledgers, () =>
      this.done.add(spec.name),
    )
    if (spec.workload === undefined) this.done.add(spec.name)
    machine.application = application
    machine.isStopping = false
    machine.report = null
    application.open()
  }

  #end(machine: Machine, how: 'process' | 'power'): void {
    if (!machine.machine.isRunning) return
    machine.report = machine.application?.report(true, this.wallMs) ?? null
    for (const packet of machine.machine.crash(how)) {
      const message = storedMessage(packet)
      const { name: node } = machine.spec
      if (message !== null) this.#onEvent({ kind: 'disk-forgot', node, atMs: this.wallMs, ...message })
    }
    machine.application = null
  }

  #noted(node: string, note: Note): void {
    if (note.kind === 'order-ack-received' && note.result === 'matched') this.#acknowledged.add(node)
    // the note is ours now; a machine's own clock may be wrong, and the history has one time
    this.#onEvent(Object.assign(note, { node, atMs: this.wallMs }))
  }

  #noteFault(node: string, fault: FaultEvent['fault']): void {
    this.#onEvent({ kind: 'fault', node, atMs: this.wallMs, fault })
  }

  /** Whether it has messages of applications for others. */
  #sendsOn({ name, workload }: QueueManagerSpec): boolean {
    const isFrontEnd = this.#casting.nodes.some(node => node.name === name && node.role === 'front-end')
    return workload !== undefined || isFrontEnd
  }

  /** Of a machine, or of the gateway. */
  #addressOf(name: string): string {
    const { gateway } = this.#casting
    if (gateway?.run?.name === name) return gateway.run.address
    return this.#machine(name).machine.address
  }

  #machine(name: string): Machine {
    const machine = this.#machines.get(name)
    if (machine === undefined) throw new RangeError(`there is no machine ${name}`)
    return machine
  }
}

function hasSentAll(engine: QueueManager): boolean {
  return engine.counters.outgoingMessages === 0 || outgoingDepth({ outgoing: engine.outgoingQueues() }) === 0
}
