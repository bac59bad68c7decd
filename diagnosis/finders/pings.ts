import type { FrameRef } from '../../capture/frame.js'
import type { SeenPing } from '../../capture/messages/seen.js'
import { PING_FLAGS } from '../../protocol/binary/ping.js'
import { MSMQ_PING_PORT } from '../../protocol/ports.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import { BoundedMap } from './bounded-map.js'
import { countText } from './ends.js'

/** [MS-MQQB] 3.1.2.9. */
const ANSWER_US = 1_000_000
const REQUESTS_MAX = 10_000

interface Unanswered {
  readonly client: string
  readonly server: string
  count: number
  readonly first: FrameRef
  last: FrameRef
}

/** Pings on UDP 3527 that refuse, or that nobody answers; the latter told once for each pair of machines. */
export function findPings({ book, parties }: DiagnosisContext): Finder {
  const waiting = new BoundedMap<string, SeenPing>(REQUESTS_MAX, unanswered)
  const rows = new BoundedMap<string, Unanswered>(REQUESTS_MAX, report)
  const answering = new BoundedMap<string, true>(REQUESTS_MAX)

  return {
    ping(seen) {
      const { from, to, ping, at } = seen
      if (to.port === MSMQ_PING_PORT) {
        waiting.set(`${from.address}:${from.port} ${to.address} ${ping.cookie}`, seen)
        return
      }
      if (from.port !== MSMQ_PING_PORT) return
      answering.set(from.address, true)
      const request = waiting.take(`${to.address}:${to.port} ${from.address} ${ping.cookie}`)
      if ((ping.flags & PING_FLAGS.RF) === 0) return
      book.add('ping-refused', {
        frames: request === undefined ? [at] : [request.at, at],
        from: `${to.address}:${to.port}`,
        to: `${from.address}:${from.port}`,
        machines: [to.address, ping.qmGuid],
        text: `${parties.describe(null, from.address)} answered a ping of ${parties.describe(null, to.address)} that it would refuse a session now`,
      })
    },
    tick(nowUs) {
      for (const [key, request] of waiting.entries()) {
        if (nowUs - request.at.timeUs <= ANSWER_US) return
        waiting.take(key)
        unanswered(request)
      }
    },
    finish() {
      for (const row of rows.values()) report(row)
    },
  }

  function unanswered({ from, to, at }: SeenPing): void {
    const key = `${from.address} ${to.address}`
    const row = rows.get(key)
    if (row === undefined) rows.set(key, { client: from.address, server: to.address, count: 1, first: at, last: at })
    else {
      row.count += 1
      row.last = at
    }
  }

  function report({ client, server, count, first, last }: Unanswered): void {
    book.add('ping-unanswered', {
      frames: count === 1 ? [first] : [first, last],
      from: client,
      to: `${server}:${MSMQ_PING_PORT}`,
      machines: [client, server],
      weight: count,
      text: `${parties.describe(null, server)} did not answer ${countText(count, 'ping')} of ${parties.describe(null, client)} within a second`,
      reservations: answering.get(server)
        ? []
        : [`no answer of ${server} to any ping was captured: they may go another way`],
    })
  }
}
