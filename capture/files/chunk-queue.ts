/** Pieces of bytes that wait to be read. */
export class ChunkQueue {
  readonly #chunks: Buffer[] = []
  #first = 0
  /** Of the first chunk that were read. */
  #taken = 0

  get isEmpty(): boolean {
    return this.#first === this.#chunks.length
  }

  add(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  }

  /** Puts what fits into `into` from `at` on. @returns how many bytes */
  take(into: Buffer, at: number): number {
    let place = at
    while (place < into.length) {
      const chunk = this.#chunks[this.#first]
      if (chunk === undefined) break
      const size = chunk.copy(into, place, this.#taken)
      place += size
      this.#taken += size
      if (this.#taken < chunk.length) break
      this.#first++
      this.#taken = 0
    }
    if (this.isEmpty) {
      this.#chunks.length = 0
      this.#first = 0
    }
    return place - at
  }
}
