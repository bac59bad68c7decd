import type { FrameRef } from '../../capture/frame.js'
import type { Guid } from '../../protocol/guid.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { inOrder } from '../frames-in-order.js'
import type { SeenMessage } from '../seen-message.js'
import { BoundedMap } from './bounded-map.js'
import { spanText } from './ends.js'

/** Clocks that differ by less are right enough. */
const OFFSET_MAX_S = 60
const SOURCES_MAX = 50_000
const ADDRESSES_MAX = 64

/** What the messages of one queue manager say of its clock. */
interface Clock {
  readonly source: Guid
  readonly address: string
  count: number
  /** Capture's time less SentTime, seconds: of the message that had waited least. Below 0 the clock is ahead. */
  leastS: number
  least: FrameRef
  /** A message sent with the clock ahead, and one with it right. */
  ahead: FrameRef | null
  right: FrameRef | null
}

/**
 * Clocks of senders against that of the capture. A message from the future proves a wrong clock; one from the past may
 * have waited, so that only the least of all says something.
 */
export function findClocks(context: DiagnosisContext): Finder {
  /** One for each address that a QMId sends from: clones have a clock each. */
  const clocks = new BoundedMap<Guid, Clock[]>(SOURCES_MAX, each => each.forEach(report))

  return {
    message(message) {
      const { source, relayed, forwarded, from, sentTimeS, last } = message
      // 0 is of an envelope that has none
      if (relayed || forwarded || sentTimeS === 0) return
      const offsetS = last.timeUs / 1e6 - sentTimeS
      let own = clocks.get(source)
      if (own === undefined) {
        own = []
        clocks.set(source, own)
      }
      let clock: Clock | undefined
      for (const each of own) if (each.address === from.address) clock = each
      if (clock === undefined) {
        if (own.length >= ADDRESSES_MAX) return
        clock = newClock(message, offsetS)
        own.push(clock)
      }
      clock.count += 1
      if (offsetS < clock.leastS) {
        clock.leastS = offsetS
        clock.least = last
      }
      if (offsetS < -OFFSET_MAX_S) clock.ahead ??= last
      else if (offsetS < OFFSET_MAX_S) clock.right ??= last
    },
    finish() {
      for (const each of clocks.values()) each.forEach(report)
    },
  }

  function report({ source, address, count, leastS, least, ahead, right }: Clock): void {
    const name = context.parties.describe(source, address)
    const amount = spanText(Math.abs(leastS) * 1e6)
    const evidence = { from: address, machines: [source], weight: Math.abs(leastS) }
    if (ahead !== null && right !== null) {
      context.book.add('clock-jumped', {
        ...evidence,
        frames: inOrder(ahead, right),
        text: `The clock of ${name} was set while the capture ran: messages of it are up to ${amount} ahead of the capture's clock, others agree with it`,
        reservations: ['or it is always ahead, and those others had waited about as long before they were sent'],
      })
    } else if (leastS < -OFFSET_MAX_S) {
      const text = `The clock of ${name} is ${amount} ahead of the capture's: that far in the future its messages were sent`
      context.book.add('clock-offset', { ...evidence, frames: [least], text })
    } else if (leastS > OFFSET_MAX_S) {
      context.book.add('clock-offset', {
        ...evidence,
        frames: [least],
        text: `Each of ${count} messages of ${name} was sent ${amount} or more before it was captured: its clock is behind the capture's`,
        reservations: ['or all of them waited that long in an outgoing queue'],
      })
    }
  }
}

function newClock({ source, from, last }: SeenMessage, offsetS: number): Clock {
  return { source, address: from.address, count: 0, leastS: offsetS, least: last, ahead: null, right: null }
}
