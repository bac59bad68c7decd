/**
 * A cache as the queue manager keeps for keys and certificates: an entry lives `lifetimeMs` from its making, and when
 * there are too many the older half goes. Time is given with each call. Source: [MS-MQQB] 3.1.5.8.3, 3.1.6.10 to 3.1.6.13.
 */
export class AgingCache<Value> {
  // In the order of making, which is the order of expiry.
  readonly #entries = new Map<string, { readonly value: Value; readonly madeMs: number }>()
  readonly #countMax: number
  readonly #lifetimeMs: number

  constructor(countMax: number, lifetimeMs: number) {
    this.#countMax = countMax
    this.#lifetimeMs = lifetimeMs
  }

  get count(): number {
    return this.#entries.size
  }

  get(key: string, nowMs: number): Value | null {
    this.#expire(nowMs)
    return this.#entries.get(key)?.value ?? null
  }

  add(key: string, value: Value, nowMs: number): void {
    this.#expire(nowMs)
    this.#entries.delete(key)
    if (this.#entries.size >= this.#countMax) this.#discardOlder(Math.floor(this.#countMax / 2))
    this.#entries.set(key, { value, madeMs: nowMs })
  }

  #expire(nowMs: number): void {
    for (const [key, { madeMs }] of this.#entries) {
      if (madeMs >= nowMs - this.#lifetimeMs) return
      this.#entries.delete(key)
    }
  }

  #discardOlder(count: number): void {
    let left = count
    for (const key of this.#entries.keys()) {
      if (left-- === 0) return
      this.#entries.delete(key)
    }
  }
}
