import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Scenario } from '../scenario-schema.js'
import type { SeedRange } from './exploration.js'
import { failedSeed, RUN_LOST, type SeedSummary } from './seed-summary.js'
import { READY, type SeedBatch, type SeedWorkerData } from './seed-worker.js'

export interface SeedPoolOptions {
  /** Threads. Default: as many as there are processor cores. */
  readonly workers?: number
  /** Module whose `runSeed` runs one; for tests. Default lab/explore/run-seed.ts. */
  readonly runner?: URL
  /** Longest that one seed may take on the wall's clock before its thread is given up. Default ten minutes. */
  readonly seedLimitMs?: number
}

const SEED_LIMIT_MS = 600_000
/** Seeds handed to a thread at once, at most: messages between threads cost little, and no thread waits long for the last. */
const BATCH_MAX = 32
const BATCHES_PER_WORKER = 8

interface Job {
  readonly scenario: Scenario
  /** Batches that nobody runs, the next one last. */
  readonly waiting: { readonly from: number; readonly to: number }[]
  readonly onSummary: (summary: SeedSummary) => void
  readonly finish: (error?: unknown) => void
  open: number
}

interface Thread {
  readonly worker: Worker
  batch: { from: number; readonly to: number } | null
  timer: NodeJS.Timeout | undefined
  failure: Error | null
  ready: boolean
}

/**
 * Threads that run seeds of scenarios. A thread that dies, as when it runs out of memory, or that does not come back, is
 * replaced; the seed that it had is reported as failed, for it is a finding like any other.
 */
export class SeedPool {
  readonly workers: number
  readonly #runner: string
  readonly #seedLimitMs: number
  readonly #threads = new Set<Thread>()
  #job: Job | null = null
  #closed = false

  constructor(options: SeedPoolOptions = {}) {
    this.workers = Math.max(1, options.workers ?? availableParallelism())
    this.#runner = (options.runner ?? new URL('./run-seed.js', import.meta.url)).href
    this.#seedLimitMs = options.seedLimitMs ?? SEED_LIMIT_MS
  }

  /**
   * Runs a scenario with each seed of a range and tells of each, in no certain order. Resolves when all are done, or at once
   * when `signal` aborts; what is under way then is not told of. One range at a time.
   */
  async run(
    scenario: Scenario,
    seeds: SeedRange,
    onSummary: (summary: SeedSummary) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.#job !== null || this.#closed) throw new Error('the pool is busy or closed')
    if (signal?.aborted) return
    await new Promise<void>((resolve, reject) => {
      const abort = () => {
        for (const thread of this.#threads) if (thread.batch !== null) this.#drop(thread)
        finish()
      }
      const finish = (error?: unknown) => {
        this.#job = null
        signal?.removeEventListener('abort', abort)
        if (error === undefined) resolve()
        else reject(error)
      }
      signal?.addEventListener('abort', abort)
      const waiting = batchesOf(seeds, this.workers)
      this.#job = { scenario, waiting, onSummary, finish, open: seeds.to - seeds.from + 1 }
      while (this.#threads.size < Math.min(this.workers, waiting.length)) this.#start()
      for (const thread of this.#threads) this.#feed(thread)
    })
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#threads, thread => this.#drop(thread)))
  }

  #start(): Thread {
    const data: SeedWorkerData = { runner: this.#runner }
    const worker = new Worker(new URL('./seed-worker.js', import.meta.url), { workerData: data })
    const thread: Thread = { worker, batch: null, timer: undefined, failure: null, ready: false }
    this.#threads.add(thread)
    worker.on('message', (word: SeedSummary | typeof READY) => {
      if (word !== READY) {
        this.#told(thread, word)
        return
      }
      thread.ready = true
      if (thread.batch !== null) this.#watch(thread)
    })
    worker.on('error', error => {
      thread.failure = error instanceof Error ? error : new Error(String(error))
    })
    worker.on('exit', code => this.#lost(thread, thread.failure ?? new Error(`its thread ended with ${code}`)))
    return thread
  }

  #feed(thread: Thread): void {
    const next = this.#job?.waiting.pop()
    thread.batch = next === undefined ? null : { ...next }
    if (next === undefined || this.#job === null) {
      clearTimeout(thread.timer)
      return
    }
    this.#watch(thread)
    const batch: SeedBatch = { scenario: this.#job.scenario, ...next }
    thread.worker.postMessage(batch)
  }

  /** A seed's time counts from when its thread can begin. */
  #watch(thread: Thread): void {
    clearTimeout(thread.timer)
    if (!thread.ready) return
    thread.timer = setTimeout(() => {
      thread.failure = new Error(`it was not over after ${this.#seedLimitMs / 1000} s`)
      void thread.worker.terminate()
    }, this.#seedLimitMs)
  }

  #told(thread: Thread, summary: SeedSummary): void {
    const { batch } = thread
    if (batch === null) return
    batch.from = summary.seed + 1
    if (batch.from > batch.to) this.#feed(thread)
    else this.#watch(thread)
    this.#enter(summary)
  }

  /**
   * What the thread had told last may have been lost with it, so which seed ended it is certain only where it had one: the
   * rest of a longer batch is run again, seed by seed.
   */
  #lost(thread: Thread, why: Error): void {
    clearTimeout(thread.timer)
    if (!this.#threads.delete(thread)) return
    const { batch } = thread
    if (batch === null || this.#job === null) return
    if (!thread.ready) {
      this.#job.finish(why)
      return
    }
    if (batch.from === batch.to) this.#enter(failedSeed(batch.from, why.message, RUN_LOST))
    else for (let seed = batch.to; seed >= batch.from; seed--) this.#job.waiting.push({ from: seed, to: seed })
    if (this.#job !== null && this.#job.waiting.length > 0) this.#feed(this.#start())
  }

  #enter(summary: SeedSummary): void {
    const job = this.#job
    if (job === null) return
    try {
      job.onSummary(summary)
    } catch (error) {
      job.finish(error)
      return
    }
    job.open -= 1
    if (job.open === 0) job.finish()
  }

  async #drop(thread: Thread): Promise<void> {
    this.#threads.delete(thread)
    thread.batch = null
    clearTimeout(thread.timer)
    await thread.worker.terminate()
  }
}

/** The last batch comes first. */
function batchesOf({ from, to }: SeedRange, workers: number): Job['waiting'] {
  const size = Math.max(1, Math.min(BATCH_MAX, Math.ceil((to - from + 1) / (workers * BATCHES_PER_WORKER))))
  const batches: Job['waiting'] = []
  for (let first = from; first <= to; first += size) batches.push({ from: first, to: Math.min(to, first + size - 1) })
  return batches.reverse()
}
