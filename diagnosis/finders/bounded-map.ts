/** A map that forgets what was put into it first when it grows beyond `max`: a peer can invent any number of keys. */
export class BoundedMap<K, V> {
  readonly #max: number
  readonly #forgotten: ((value: V) => void) | undefined
  readonly #map = new Map<K, V>()

  /** @param forgotten told what had to go. */
  constructor(max: number, forgotten?: (value: V) => void) {
    this.#max = max
    this.#forgotten = forgotten
  }

  get(key: K): V | undefined {
    return this.#map.get(key)
  }

  set(key: K, value: V): void {
    this.#map.set(key, value)
    if (this.#map.size <= this.#max) return
    const [oldest, gone] = this.#map.entries().next().value!
    this.#map.delete(oldest)
    this.#forgotten?.(gone)
  }

  /** What was there, taken out. */
  take(key: K): V | undefined {
    const value = this.#map.get(key)
    if (value !== undefined) this.#map.delete(key)
    return value
  }

  values(): Iterable<V> {
    return this.#map.values()
  }

  entries(): Iterable<[K, V]> {
    return this.#map.entries()
  }
}
