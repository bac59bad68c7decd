import type { ResolveQuery, SendOutcome } from '../../queue-manager/actions.js'
import type { Note } from '../../queue-manager/notes.js'
import type { QueueManager } from '../../queue-manager/queue-manager.js'
import type { ReceivedMessage } from '../../queue-manager/queued-message.js'
import type { ApplicationHost } from '../../transport/application-host.js'
import type { DrivenEngine } from '../../transport/driven-engine.js'
import type { SimNetwork } from './network.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'
import { SimDriver } from './sim-driver.js'
import type { SimHttpPorts } from './sim-http.js'
import { SimStore, type SimStoreOptions } from './sim-store.js'
import { VirtualClock, type VirtualClockOptions } from './virtual-clock.js'

/** What a machine stands in: the time, the network, and who is where. */
export interface SimSurroundings {
  readonly scheduler: Scheduler
  readonly network: SimNetwork
  readonly random: Random
  resolve(query: ResolveQuery): readonly string[]
  /** How long that takes. */
  readonly resolveDelayMs: number
}

export interface SimMachineOptions {
  readonly address: string
  /** The queue manager of a new life, on what the disk holds. */
  readonly engine: (store: SimStore) => QueueManager
  /** What stands before that engine, if anything does. */
  readonly driven?: (engine: QueueManager, clock: VirtualClock) => DrivenEngine
  readonly http?: SimHttpPorts
  readonly clock?: VirtualClockOptions
  readonly store?: SimStoreOptions
}

/** Told what a queue manager says, in each life of the machine. */
export interface SimListener {
  onOutcome(request: number, outcome: SendOutcome, error: string | undefined): void
  onReceived(request: number, queue: string, messages: readonly ReceivedMessage[], error: string | undefined): void
  onArrived?(queue: string): void
  onNote(note: Note): void
  /** After the actions that followed from one input. */
  onTurn?(): void
}

/** A disk, a clock, and a queue manager that may crash and start again on them. */
export class SimMachine {
  readonly address: string
  readonly clock: VirtualClock
  readonly store: SimStore
  readonly #surroundings: SimSurroundings
  readonly #options: SimMachineOptions
  #driver: SimDriver<QueueManager> | null = null

  constructor(surroundings: SimSurroundings, options: SimMachineOptions) {
    this.#surroundings = surroundings
    this.#options = options
    this.address = options.address
    this.clock = new VirtualClock(surroundings.scheduler, options.clock)
    this.store = new SimStore(surroundings.scheduler, surroundings.random.fork(), options.store)
  }

  /** The present life's. Throws while it is not running. */
  get driver(): SimDriver<QueueManager> {
    if (this.#driver === null) throw new Error(`the machine at ${this.address} is not running`)
    return this.#driver
  }

  get isRunning(): boolean {
    return this.#driver !== null
  }

  /** Starts a queue manager on what the disk holds; it listens when this returns. */
  start(listener: SimListener): ApplicationHost<QueueManager> {
    const { address, http } = this.#options
    const { scheduler, network, resolveDelayMs } = this.#surroundings
    const engine = this.#options.engine(this.store)
    const driver = new SimDriver({
      engine,
      ...(this.#options.driven === undefined ? {} : { driven: this.#options.driven(engine, this.clock) }),
      scheduler,
      network,
      clock: this.clock,
      store: this.store,
      resolver: query => this.#surroundings.resolve(query),
      resolveDelayMs,
      listen: { address, port: engine.settings.MsmqIpPort },
      ...(http === undefined ? {} : { http }),
      ...(engine.settings.EnablePingService === 1 ? { pingPort: engine.settings.MsmqIpPingPort } : {}),
      onOutcome: (request, outcome, error) => listener.onOutcome(request, outcome, error),
      onReceived: (request, queue, messages, error) => listener.onReceived(request, queue, messages, error),
      onArrived: queue => listener.onArrived?.(queue),
      onNote: note => listener.onNote(note),
      onTurn: () => listener.onTurn?.(),
    })
    this.#driver = driver
    driver.start()
    return this.#host(driver)
  }

  /** Ends at once; the disk keeps what was durable. See `SimDriver.crash`, and `SimStore.crash` for what it returns. */
  crash(how: 'process' | 'power' = 'process'): readonly Uint8Array[] {
    this.driver.crash(how)
    const forgotten = this.store.crash(how)
    this.#driver = null
    return forgotten
  }

  get isPaused(): boolean {
    return this.#surroundings.network.inputsAt(this.address).isStopped
  }

  /** Its processes stand still: see `ProcessInputs`. Calls of the simulation's own into its engine are still carried out. */
  pause(): void {
    this.#surroundings.network.inputsAt(this.address).stop()
  }

  /** They go on with all that waited for them, and with timers that are overdue. */
  resume(): void {
    this.#surroundings.network.inputsAt(this.address).resume()
  }

  /** What an application of this life may use; its timers die with the queue manager. */
  #host(driver: SimDriver<QueueManager>): ApplicationHost<QueueManager> {
    return {
      call: body => driver.call(body),
      now: () => this.clock.now(),
      setTimer: (run, delayMs) => {
        const { scheduler, network } = this.#surroundings
        let cancelled = false
        const ring = (): void => {
          if (driver.isRunning && !cancelled) run()
        }
        const event = scheduler.after(delayMs, () => network.inputsAt(this.address).take(ring))
        return () => {
          cancelled = true
          event.cancel()
        }
      },
    }
  }
}
