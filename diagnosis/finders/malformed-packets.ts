import type { FrameRef } from '../../capture/frame.js'
import type { Direction } from '../../capture/tcp/seen-connection.js'
import type { DecodeError } from '../../protocol/errors.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { Session } from '../session.js'
import { countText, endName, endsOf, gapsIn } from './ends.js'

interface Malformed {
  count: number
  /** Of the first; null where bytes before the first packet were passed over without a look. */
  readonly fault: DecodeError | null
  readonly first: FrameRef
  last: FrameRef
  /** Nothing of MSMQ had been said yet. */
  readonly isStranger: boolean
  /** Bytes before the first packet; 0 when no packet followed, or there were none. */
  preambleSize: number
  readonly reservations: readonly string[]
}

/** The first byte of the two forms of the PROXY protocol's preamble: `PROXY …`, and a CR. */
const PREAMBLE_BYTES = [0x50, 0x0d]
/** Of the second form, with all that it may carry by custom. */
const PREAMBLE_SIZE_MAX = 1_024

/**
 * Packets that cannot be decoded: one finding for each session and direction. Before any packet of MSMQ they are a
 * stranger's, as scanners and health checks send them; or a preamble that a balancer puts before the client's bytes.
 */
export function findMalformedPackets(context: DiagnosisContext): Finder {
  const found = new Map<Session, [Malformed | null, Malformed | null]>()

  const note = (session: Session, direction: Direction, malformed: Malformed): void => {
    const both = found.get(session) ?? [null, null]
    both[direction] = malformed
    found.set(session, both)
  }

  return {
    malformed(session, direction, fault, first, last) {
      const known = found.get(session)?.[direction] ?? null
      if (known !== null) {
        known.count += 1
        known.last = last
        return
      }
      const isStranger = isNew(session)
      const reservations = [...gapsIn(session, direction), ...context.coverage.ofBytes()]
      note(session, direction, { count: 1, fault, first, last, isStranger, preambleSize: 0, reservations })
    },
    resynchronised(session, direction, skipped, frame) {
      if (direction === 1 || !isNew(session) || session.holes[0] || session.connection.opening === 'none') return
      const known = found.get(session)?.[0] ?? null
      if (known !== null) known.preambleSize = skipped
      else {
        const bytes = { fault: null, first: frame, last: frame, isStranger: true }
        note(session, 0, { count: 1, ...bytes, preambleSize: skipped, reservations: [] })
      }
    },
    ended(session) {
      const both = found.get(session)
      if (both === undefined) return
      found.delete(session)
      for (const direction of [0, 1] as const) {
        const malformed = both[direction]
        if (malformed !== null) report(session, direction, malformed)
      }
    },
  }

  function report(session: Session, direction: Direction, malformed: Malformed): void {
    const { count, fault, first, last, isStranger, preambleSize, reservations } = malformed
    const sender = endName(context, session, direction)
    const evidence = {
      ...endsOf(session, direction),
      frames: first === last ? [first] : [first, last],
      weight: count,
      reservations,
    }
    if (isStranger && (preambleSize > 0 || isPreamble(fault))) {
      if (preambleSize > PREAMBLE_SIZE_MAX) return
      const size = preambleSize > 0 ? `${preambleSize} bytes` : 'bytes'
      const text = `${sender} begins ${session.name} with ${size} that are not MSMQ’s, like the preamble of the PROXY protocol`
      context.book.add('proxy-preamble', { ...evidence, text })
    } else if (fault === null) return
    else if (isStranger) {
      const text = `${sender} sent something else than MSMQ on ${session.name}: ${fault.message}`
      context.book.add('not-msmq', { ...evidence, text })
    } else {
      const row =
        count === 1
          ? ''
          : `; ${countText(count, 'packet')} of it on this session are malformed: what comes is not MSMQ, or is changed on the way`
      const text = `A packet of ${sender} on ${session.name} is malformed: ${fault.message} (${fault.code}, ${fault.section})${row}`
      context.book.add('malformed-packet', { ...evidence, text })
    }
  }
}

/** Nothing of MSMQ was said on it yet. */
function isNew({ established, messages }: Session): boolean {
  return established[0] === null && messages[0] === 0 && messages[1] === 0
}

function isPreamble(fault: DecodeError | null): boolean {
  return fault?.code === 'MSMQ_DECODE_VERSION' && PREAMBLE_BYTES.some(byte => fault.message.includes(` ${byte}, `))
}
