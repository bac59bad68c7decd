import { monotonicMs } from '../transport/clock.js'
import { NlbCluster, type NlbClusterOptions } from './nlb/cluster.js'

/**
 * A cluster on the real clock, for whichever plane: heartbeats, detection and convergence happen when they are due. The
 * clock is the monotonic one of the machine, so that a change of the wall clock moves nothing; after a pause of the
 * process all that was due happens in its order, and no host takes another for dead by it.
 */
export class LiveCluster {
  readonly cluster: NlbCluster
  #timer: NodeJS.Timeout | undefined
  #running = false

  constructor(options: NlbClusterOptions) {
    this.cluster = new NlbCluster(options)
  }

  /** `settled`: as one that has been up for long; else the hosts have to converge first. */
  start(settled: boolean): void {
    const nowMs = monotonicMs()
    if (settled) this.cluster.settle(nowMs)
    else this.cluster.start(nowMs)
    this.#running = true
    this.#schedule()
  }

  /** Time stands still from now on. */
  stop(): void {
    this.#running = false
    clearTimeout(this.#timer)
  }

  /** Does something at the present time: an order, a fault, a question that depends on it. */
  call<Result>(act: (cluster: NlbCluster, nowMs: number) => Result): Result {
    const nowMs = monotonicMs()
    if (this.#running) this.cluster.advance(nowMs)
    try {
      return act(this.cluster, nowMs)
    } finally {
      this.#schedule()
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const dueMs = this.cluster.nextDueMs()
    if (!this.#running || dueMs === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.call(() => undefined), Math.max(1, Math.ceil(dueMs - monotonicMs())))
  }
}
