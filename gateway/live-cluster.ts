import { monotonicMs } from '../transport/clock.js'
import { NlbCluster, type NlbClusterOptions } from './nlb/cluster.js'

/** Where a cluster's time comes from. */
export interface ClusterTime {
  /** Milliseconds of a clock that does not go back. */
  nowMs(): number
  /** Calls `run` once, later; what it returns takes that back. */
  after(delayMs: number, run: () => void): () => void
}

/** The machine's monotonic clock, so that a change of the wall clock moves nothing. */
const MACHINE_TIME: ClusterTime = {
  nowMs: monotonicMs,
  after(delayMs, run) {
    const timer = setTimeout(run, Math.max(1, Math.ceil(delayMs)))
    return () => clearTimeout(timer)
  },
}

/**
 * A cluster in time, for whichever plane: heartbeats, detection and convergence happen when they are due. After a pause of
 * the process all that was due happens in its order, and no host takes another for dead by it.
 */
export class LiveCluster {
  readonly cluster: NlbCluster
  readonly #time: ClusterTime
  #cancel: () => void = () => undefined
  #running = false

  /** `time`: default the real one. */
  constructor(options: NlbClusterOptions, time: ClusterTime = MACHINE_TIME) {
    this.cluster = new NlbCluster(options)
    this.#time = time
  }

  /** `settled`: as one that has been up for long; else the hosts have to converge first. */
  start(settled: boolean): void {
    const nowMs = this.#time.nowMs()
    if (settled) this.cluster.settle(nowMs)
    else this.cluster.start(nowMs)
    this.#running = true
    this.#schedule()
  }

  /** Time stands still from now on. */
  stop(): void {
    this.#running = false
    this.#cancel()
  }

  /** Does something at the present time: an order, a fault, a question that depends on it. */
  call<Result>(act: (cluster: NlbCluster, nowMs: number) => Result): Result {
    const nowMs = this.#time.nowMs()
    if (this.#running) this.cluster.advance(nowMs)
    try {
      return act(this.cluster, nowMs)
    } finally {
      this.#schedule()
    }
  }

  #schedule(): void {
    this.#cancel()
    const dueMs = this.cluster.nextDueMs()
    if (!this.#running || dueMs === Number.POSITIVE_INFINITY) return
    this.#cancel = this.#time.after(dueMs - this.#time.nowMs(), () => this.call(() => undefined))
  }
}
