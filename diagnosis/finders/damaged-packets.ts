import type { FrameRef } from '../../capture/frame.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { countText } from './ends.js'

/** Packets that are left out for their checksums: one finding for a capture. */
export function findDamagedPackets({ book }: DiagnosisContext): Finder {
  let count = 0
  let first: FrameRef | null = null
  let last: FrameRef | null = null

  return {
    damaged(frame) {
      count += 1
      first ??= frame
      last = frame
    },
    finish() {
      if (first === null || last === null) return
      book.add('packets-damaged', {
        frames: first === last ? [first] : [first, last],
        weight: count,
        text: `${countText(count, 'packet')} with wrong checksums ${count === 1 ? 'is' : 'are'} left out, the first in frame ${first.number}`,
      })
    },
  }
}
