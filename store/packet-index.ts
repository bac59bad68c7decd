import { hasBit } from './packet-segment.js'

/** What opening finds, or a commit adds: a segment of a packet table. */
export interface SegmentEntry {
  /** Key of the segment, which was the key of its first row. */
  readonly base: number
  readonly count: number
  /** Of each key from the base; null when they follow each other. */
  readonly distances: Uint32Array | null
  /** A bit for each row that is gone; null while none is. */
  readonly gone: Uint8Array | null
  readonly goneCount: number
  /** Size of the packets together. */
  readonly bytes: number
}

/** Emptied segments are swept out when they are more than this and more than half. */
const EMPTIED_MAX = 1_024

/**
 * Where the rows of one packet table are: the segments by rising keys, in arrays side by side, since there may be a
 * million of them. What is in a segment is found by its place in these arrays, which holds until `sweep`.
 */
export class PacketIndex {
  rowCount = 0
  /** Bytes of the packets that are there, taken as average over their segment, and of those that are gone. */
  liveBytes = 0
  deadBytes = 0
  #length = 0
  #emptied = 0
  #bases = new Float64Array(64)
  #counts = new Uint16Array(64)
  #goneCounts = new Uint16Array(64)
  #bytes = new Uint32Array(64)
  #distances: (Uint32Array | null)[] = []
  #gone: (Uint8Array | null)[] = []

  /** Places of segments are below; some may be emptied. */
  get length(): number {
    return this.#length
  }

  get segmentCount(): number {
    return this.#length - this.#emptied
  }

  /** The greatest key that any segment holds or held; −1 when there never was one. */
  get lastKey(): number {
    return this.#length === 0 ? -1 : this.#keyAt(this.#length - 1, this.#counts[this.#length - 1]! - 1)
  }

  baseAt(place: number): number {
    return this.#bases[place]!
  }

  countAt(place: number): number {
    return this.#counts[place]!
  }

  liveCountAt(place: number): number {
    return this.#counts[place]! - this.#goneCounts[place]!
  }

  goneAt(place: number): Uint8Array | null {
    return this.#gone[place]!
  }

  keysAt(place: number): number[] {
    return Array.from({ length: this.#counts[place]! }, (_, row) => this.#keyAt(place, row))
  }

  /** Its keys are greater than all that are there. */
  append(segment: SegmentEntry): void {
    const place = this.#length
    if (place === this.#bases.length) this.#grow()
    this.#length++
    this.#bases[place] = segment.base
    this.#fill(place, segment)
  }

  /** The same base, other rows: after some were gone, or all (count 0). */
  replace(place: number, rows: Omit<SegmentEntry, 'base'>): void {
    this.#count(place, -1)
    this.#fill(place, rows)
  }

  setGone(place: number, gone: Uint8Array, goneCount: number): void {
    this.#count(place, -1)
    this.#gone[place] = gone
    this.#goneCounts[place] = goneCount
    this.#count(place, 1)
  }

  /** All its rows are gone. */
  empty(place: number): void {
    this.#count(place, -1)
    // The keys stay known, so that no later row can have one of them again.
    this.#goneCounts[place] = this.#counts[place]!
    this.#bytes[place] = 0
    this.#gone[place] = null
    this.#emptied++
  }

  /** The row with that key, if it is there: its segment's place and its number in it. */
  find(key: number): { place: number; row: number } | null {
    const place = this.#placeOf(key)
    if (place < 0 || this.liveCountAt(place) === 0) return null
    const row = this.#rowOf(place, key - this.#bases[place]!)
    if (row < 0) return null
    const gone = this.#gone[place]!
    return gone !== null && hasBit(gone, row) ? null : { place, row }
  }

  /** Lets go of emptied segments once they are many. Places change. */
  sweep(): void {
    if (this.#emptied <= EMPTIED_MAX || this.#emptied * 2 <= this.#length) return
    let to = 0
    for (let from = 0; from < this.#length; from++) {
      // The last one stays, for the sake of lastKey.
      if (this.liveCountAt(from) === 0 && from < this.#length - 1) continue
      this.#bases[to] = this.#bases[from]!
      this.#counts[to] = this.#counts[from]!
      this.#goneCounts[to] = this.#goneCounts[from]!
      this.#bytes[to] = this.#bytes[from]!
      this.#distances[to] = this.#distances[from]!
      this.#gone[to] = this.#gone[from]!
      to++
    }
    this.#length = to
    this.#distances.length = to
    this.#gone.length = to
    this.#emptied = to > 0 && this.liveCountAt(to - 1) === 0 ? 1 : 0
  }

  #fill(place: number, { count, distances, gone, goneCount, bytes }: Omit<SegmentEntry, 'base'>): void {
    this.#counts[place] = count
    this.#goneCounts[place] = goneCount
    this.#bytes[place] = bytes
    this.#distances[place] = distances
    this.#gone[place] = gone
    this.#count(place, 1)
  }

  #keyAt(place: number, row: number): number {
    const distances = this.#distances[place]!
    return this.#bases[place]! + (distances === null ? row : distances[row]!)
  }

  /** Of the last segment that begins at the key or before it; −1 when none does. */
  #placeOf(key: number): number {
    let low = 0
    let high = this.#length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#bases[middle]! <= key) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #rowOf(place: number, distance: number): number {
    const count = this.#counts[place]!
    const distances = this.#distances[place]!
    if (distances === null) return distance < count && Number.isInteger(distance) ? distance : -1
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (distances[middle]! < distance) low = middle + 1
      else high = middle
    }
    return low < count && distances[low] === distance ? low : -1
  }

  #count(place: number, sign: 1 | -1): void {
    const count = this.#counts[place]!
    const live = this.liveCountAt(place)
    const liveBytes = count === 0 ? 0 : Math.round((this.#bytes[place]! * live) / count)
    this.rowCount += sign * live
    this.liveBytes += sign * liveBytes
    this.deadBytes += sign * (this.#bytes[place]! - liveBytes)
  }

  #grow(): void {
    const length = this.#bases.length * 2
    const bases = new Float64Array(length)
    bases.set(this.#bases)
    this.#bases = bases
    this.#counts = grown(this.#counts, new Uint16Array(length))
    this.#goneCounts = grown(this.#goneCounts, new Uint16Array(length))
    this.#bytes = grown(this.#bytes, new Uint32Array(length))
  }
}

function grown<T extends Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
