import type { FrameRef } from '../../capture/frame.js'
import type { Direction } from '../../capture/tcp/seen-connection.js'
import type { DecodeError } from '../../protocol/errors.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { Session } from '../session.js'
import { countText, endName, endsOf, gapsIn } from './ends.js'

interface Malformed {
  count: number
  readonly fault: DecodeError
  readonly first: FrameRef
  last: FrameRef
  readonly reservations: readonly string[]
}

/** The first byte of the two forms of the PROXY protocol's preamble: `PROXY …`, and a CR. */
const PREAMBLE_BYTES = [0x50, 0x0d]

/**
 * Packets that cannot be decoded: one finding for each session and direction. Before any packet of MSMQ they are a
 * stranger's, as scanners and health checks send them; or a preamble that a balancer puts before the client's bytes.
 */
export function findMalformedPackets(context: DiagnosisContext): Finder {
  const found = new Map<Session, [Malformed | null, Malformed | null]>()

  return {
    malformed(session, direction, fault, first, last) {
      const both = found.get(session) ?? [null, null]
      const known = both[direction]
      if (known !== null) {
        known.count += 1
        known.last = last
        return
      }
      both[direction] = { count: 1, fault, first, last, reservations: gapsIn(session, direction) }
      found.set(session, both)
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
    finish() {
      for (const [session, both] of found) {
        for (const direction of [0, 1] as const) {
          const malformed = both[direction]
          if (malformed !== null) report(session, direction, malformed)
        }
      }
      found.clear()
    },
  }

  function report(
    session: Session,
    direction: Direction,
    { count, fault, first, last, reservations }: Malformed,
  ): void {
    const sender = endName(context, session, direction)
    const evidence = {
      ...endsOf(session, direction),
      frames: first === last ? [first] : [first, last],
      weight: count,
      reservations,
    }
    const isStranger = session.established[0] === null && session.messages[0] === 0 && session.messages[1] === 0
    if (isStranger && isPreamble(fault)) {
      const text = `${sender} begins ${session.name} with bytes that are not MSMQ’s but look like the preamble of the PROXY protocol`
      context.book.add('proxy-preamble', { ...evidence, text })
    } else if (isStranger) {
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

function isPreamble({ code, message }: DecodeError): boolean {
  return code === 'MSMQ_DECODE_VERSION' && PREAMBLE_BYTES.some(byte => message.includes(` ${byte}, `))
}
