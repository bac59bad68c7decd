import type { FrameRef } from '../../capture/frame.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { Session } from '../session.js'

const ADDRESSES_MAX = 10_000

/**
 * `source-translated`: receivers see an address that is not the sender's. Either both sides of the balancer were captured,
 * or several queue managers come from one address.
 */
export function findTranslations({ book, parties, sides }: DiagnosisContext): Finder {
  /** Frame of the first transactional message that came from an address to a host. */
  const transactional = new Map<string, FrameRef>()
  const noted = new WeakSet<Session>()
  return {
    arrived({ transaction, session, first }, { address }) {
      // of a session the first tells all
      if (transaction === null || noted.has(session) || transactional.size >= ADDRESSES_MAX) return
      noted.add(session)
      const key = `${session.connection.client.address} ${address}`
      if (!transactional.has(key)) transactional.set(key, first)
    },
    finish() {
      const told = new Set<string>()
      for (const { client, virtual, seenAs, host, connections, first } of sides.translations) {
        if (client === seenAs) continue
        told.add(seenAs)
        const carried = transactional.get(`${seenAs} ${host}`)
        book.add('source-translated', {
          frames: carried === undefined ? first : [...first, carried],
          from: client,
          to: host,
          machines: [client, host],
          weight: connections,
          text:
            `${host} sees ${seenAs} in place of ${client}, which connects to ${virtual} (${connections === 1 ? '1 connection or request' : `${connections} connections or requests`})` +
            `${carried === undefined ? '' : ': its order acks for transactional messages go to that address'}`,
        })
      }
      for (const [address, there] of parties.openersByAddress()) {
        if (there.length < 2 || told.has(address)) continue
        book.add('source-translated', {
          frames: there.map(({ firstFrame }) => firstFrame),
          from: address,
          machines: [address],
          weight: there.length,
          text: `${there.length} queue managers open sessions from ${address}: an address translator stands before them, or one machine had several QMIds`,
        })
      }
    },
  }
}
