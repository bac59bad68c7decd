import type { StoreKey, StoreOperation, StoreTable } from '../../queue-manager/actions.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'

/** What a row was before a write; undefined: it was not there. */
export interface FormerRow<Row> {
  readonly table: StoreTable
  readonly key: StoreKey
  readonly row: Row | undefined
}

interface CachedWrite<Row> {
  readonly durableMs: number
  readonly operations: readonly StoreOperation[]
  readonly former: readonly FormerRow<Row>[]
}

/** The writes that a disk has reported as durable and holds in a cache that needs power. */
export class WriteCache<Row> {
  readonly #scheduler: Scheduler
  readonly #random: Random
  #writes: CachedWrite<Row>[] = []

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler
    this.#random = random
  }

  /** A write was reported, and reaches the disk itself `forMs` from now. */
  keep(operations: readonly StoreOperation[], former: readonly FormerRow<Row>[], forMs: number): void {
    const { nowMs } = this.#scheduler
    if (this.#writes[0] !== undefined && this.#writes[0].durableMs <= nowMs)
      this.#writes = this.#writes.filter(({ durableMs }) => durableMs > nowMs)
    this.#writes.push({ durableMs: nowMs + forMs, operations, former })
  }

  /**
   * Power is lost: the first few writes, by chance, had reached the disk, and of the last of those a part may be torn.
   * @returns what the rows of the others were, in the order in which they are to be put back, and the torn write, if any
   */
  lose(): { readonly former: readonly FormerRow<Row>[]; readonly torn: readonly StoreOperation[] | null } {
    const { nowMs } = this.#scheduler
    const writes = this.#writes.filter(({ durableMs }) => durableMs > nowMs)
    this.#writes = []
    const kept = this.#random.between(0, writes.length)
    const former = writes
      .slice(kept)
      .reverse()
      .flatMap(write => write.former.toReversed())
    return { former, torn: kept > 0 && this.#random.chance(0.5) ? writes[kept - 1]!.operations : null }
  }
}
