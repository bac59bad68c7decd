import type { Direction } from './seen-connection.js'

const SIZE = 1024
const COPY_US_MAX = 1000

/** The last segments of a capture, to tell a retransmission from a frame that was captured twice: by "any" on two
 *  interfaces, by a mirrored port on its way in and out. A copy comes within a millisecond and has the mark of the
 *  original, what a sender changes with each packet. */
export class RecentSegments {
  private readonly ids = new Float64Array(SIZE).fill(-1)
  private readonly seqs = new Int32Array(SIZE)
  private readonly marks = new Int32Array(SIZE)
  private readonly timesUs = new Float64Array(SIZE)
  private at = 0

  add(connectionId: number, direction: Direction, seq: number, mark: number, timeUs: number): void {
    const at = this.at
    this.ids[at] = 2 * connectionId + direction
    this.seqs[at] = seq
    this.marks[at] = mark
    this.timesUs[at] = timeUs
    this.at = (at + 1) & (SIZE - 1)
  }

  /** Whether such a segment came just before. */
  has(connectionId: number, direction: Direction, seq: number, mark: number, timeUs: number): boolean {
    const id = 2 * connectionId + direction
    for (let back = 1; back <= SIZE; back++) {
      const at = (this.at - back) & (SIZE - 1)
      if (timeUs - this.timesUs[at]! > COPY_US_MAX) return false
      if (this.ids[at] === id && this.seqs[at] === seq && this.marks[at] === mark) return true
    }
    return false
  }
}
