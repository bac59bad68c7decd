import type { Guid } from '../protocol/guid.js'
import type { Now } from './clock.js'

const ROWS_MAX = 10_000

interface Row {
  readonly address: string
  readonly expiresMs: number
}

/**
 * The cache QMId -> address of the sender (QMID-2), filled from received messages and used to address acknowledgements.
 * A row is made from the first message, lives `lifetimeS` from then, and is not replaced by another address while it
 * lives: so clones, which share one QMId, share one row, and wait for it to expire (QMID-3, QMID-6). Decision 0012.
 */
export class QmIdCache {
  readonly #rows = new Map<Guid, Row>()
  readonly #lifetimeMs: number

  constructor(lifetimeS: number) {
    this.#lifetimeMs = lifetimeS * 1000
  }

  /** Notes where a message of `guid` came from; says what that did to the row. */
  learn(now: Now, guid: Guid, address: string): 'new' | 'known' | 'kept-other' {
    const row = this.#rows.get(guid)
    if (row !== undefined && row.expiresMs > now.monotonicMs) return row.address === address ? 'known' : 'kept-other'
    if (row !== undefined) this.#rows.delete(guid)
    else if (this.#rows.size >= ROWS_MAX) this.#purge(now)
    this.#rows.set(guid, { address, expiresMs: now.monotonicMs + this.#lifetimeMs })
    return 'new'
  }

  lookup(now: Now, guid: Guid): string | null {
    const row = this.#rows.get(guid)
    if (row === undefined) return null
    if (row.expiresMs > now.monotonicMs) return row.address
    this.#rows.delete(guid)
    return null
  }

  /** Drops expired rows, and the oldest when all are alive: a peer can invent QMIds without end. Rows lie in the order of
   *  their expiry, so no more are looked at than go. */
  #purge(now: Now): void {
    for (const [guid, row] of this.#rows) {
      if (row.expiresMs > now.monotonicMs && this.#rows.size < ROWS_MAX) return
      this.#rows.delete(guid)
    }
  }
}
