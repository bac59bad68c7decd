import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { countText } from './ends.js'

/** Packets that are left out for their checksums: one finding for a capture. */
export function findDamagedPackets({ book, coverage }: DiagnosisContext): Finder {
  return {
    finish() {
      const { damagedPackets: count, firstDamaged: first, lastDamaged: last } = coverage
      if (first === null || last === null) return
      book.add('packets-damaged', {
        frames: first === last ? [first] : [first, last],
        weight: count,
        text: `${countText(count, 'packet')} with wrong checksums ${count === 1 ? 'is' : 'are'} left out, the first in frame ${first.number}`,
      })
    },
  }
}
