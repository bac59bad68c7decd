/** Finds values by keys of a fixed number of 32-bit words: addresses and ports, without a string or an object for each
 *  question. Memory grows with the most entries that were in it at one time.
 *
 *  Whoever asks writes the key into {@link FlowTable.key} first. */
export class FlowTable<T> {
  readonly key: Int32Array
  private readonly words: number
  /** Of each bucket its first entry, and of each entry the next in its bucket; -1 ends. */
  private heads = new Int32Array(1024).fill(-1)
  private nexts = new Int32Array(1024)
  private keys: Int32Array
  private readonly values: (T | null)[] = []
  private readonly free: number[] = []
  private count = 0

  constructor(words: number) {
    this.words = words
    this.key = new Int32Array(words)
    this.keys = new Int32Array(1024 * words)
  }

  find(): T | null {
    const entry = this.entryOf(this.key)
    return entry === -1 ? null : this.values[entry]!
  }

  /** The key must not be there yet. Gives what `remove` wants. */
  insert(value: T): number {
    if (this.count === this.nexts.length) this.grow()
    const entry = this.free.pop() ?? this.values.length
    this.values[entry] = value
    this.keys.set(this.key, entry * this.words)
    this.link(entry)
    this.count++
    return entry
  }

  remove(entry: number): void {
    const bucket = this.bucketOf(this.keys, entry * this.words)
    let at = this.heads[bucket]!
    if (at === entry) {
      this.heads[bucket] = this.nexts[entry]!
    } else {
      while (this.nexts[at] !== entry) at = this.nexts[at]!
      this.nexts[at] = this.nexts[entry]!
    }
    this.values[entry] = null
    this.free.push(entry)
    this.count--
  }

  private entryOf(key: Int32Array): number {
    const { keys, nexts, words } = this
    let entry = this.heads[this.bucketOf(key, 0)]!
    while (entry !== -1) {
      const at = entry * words
      let word = 0
      while (word < words && keys[at + word] === key[word]) word++
      if (word === words) return entry
      entry = nexts[entry]!
    }
    return -1
  }

  private bucketOf(words: Int32Array, offset: number): number {
    let hash = 0
    for (let word = 0; word < this.words; word++) {
      hash = Math.imul(hash ^ words[offset + word]!, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    hash = Math.imul(hash, 0x85ebca6b)
    return (hash ^ (hash >>> 13)) & (this.heads.length - 1)
  }

  private link(entry: number): void {
    const bucket = this.bucketOf(this.keys, entry * this.words)
    this.nexts[entry] = this.heads[bucket]!
    this.heads[bucket] = entry
  }

  private grow(): void {
    const size = this.nexts.length * 2
    const keys = new Int32Array(size * this.words)
    keys.set(this.keys)
    this.keys = keys
    this.nexts = new Int32Array(size)
    this.heads = new Int32Array(size).fill(-1)
    for (let entry = 0; entry < this.values.length; entry++) {
      if (this.values[entry] !== null) this.link(entry)
    }
  }
}
