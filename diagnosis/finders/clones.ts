import type { Guid } from '../../protocol/guid.js'
import { QmIdCache } from '../../queue-manager/qmid-cache.js'
import { DEFAULT_SETTINGS } from '../../queue-manager/settings.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { PartyAddress } from '../parties.js'

const RECEIVERS_MAX = 10_000

/**
 * `qmid-at-several-addresses`: one QMId that opens sessions from more than one address. The address cache of every
 * receiver is simulated beside it: which messages came while its row named the other address, so that whatever is
 * acknowledged by QMId goes to the wrong clone.
 */
export function findClones({ book, parties, sides, nowUs }: DiagnosisContext): Finder {
  const caches = new Map<Guid, QmIdCache>()
  const wrong = new Map<Guid, number>()
  return {
    arrived({ source, from, forwarded }, { qmId }) {
      if (qmId === null || forwarded || (parties.get(source)?.addresses.size ?? 0) < 2) return
      let cache = caches.get(qmId)
      if (cache === undefined) {
        if (caches.size >= RECEIVERS_MAX) return
        cache = new QmIdCache(DEFAULT_SETTINGS.QMIdCacheLifetime)
        caches.set(qmId, cache)
      }
      const now = { wallMs: nowUs() / 1000, monotonicMs: nowUs() / 1000 }
      if (cache.learn(now, source, from.address) === 'kept-other') wrong.set(source, (wrong.get(source) ?? 0) + 1)
    },
    finish() {
      const translated = new Set(
        sides.translations.filter(({ client, seenAs }) => client !== seenAs).map(({ seenAs }) => seenAs),
      )
      for (const { qmId, addresses, names } of parties.list()) {
        // over HTTP nothing tells a clone from a front end that posts for others, but that it says other things; and what a
        // balancer opens for a client, with that one's QMId, is no other machine
        const places = [...addresses.values()].filter(
          ({ opens, posts, address }) =>
            (opens && !translated.has(address)) ||
            ((opens || posts) &&
              [...addresses.keys()].some(other => parties.areDistinct(qmId, address, other) === true)),
        )
        if (places.length < 2) continue
        const [a, b] = twoMachines(places, (x, y) => parties.areDistinct(qmId, x.address, y.address) === true)
        const isProven = parties.areDistinct(qmId, a.address, b.address) === true
        const misled = wrong.get(qmId) ?? 0
        book.add('qmid-at-several-addresses', {
          frames: places.map(({ firstFrame }) => firstFrame),
          from: a.address,
          to: b.address,
          machines: [qmId, ...places.map(({ address }) => address)],
          weight: places.length,
          reservations: isProven
            ? []
            : [
                `one machine with several addresses looks the same: nothing that ${a.address} and ${b.address} sent shows two lives`,
              ],
          text:
            `QMId ${qmId}${names.size === 0 ? '' : ` (${[...names].join(', ')})`} opens sessions from ${places.map(({ address }) => address).join(', ')}` +
            `${isProven ? `: they are clones${apartText(a, b)}` : ''}; ` +
            `${misled} messages came while the receiver's address cache named another of these addresses`,
        })
      }
    },
  }
}

/** Two that are certainly two, if there are any. */
function twoMachines(
  places: readonly PartyAddress[],
  areTwo: (a: PartyAddress, b: PartyAddress) => boolean,
): readonly [PartyAddress, PartyAddress] {
  const [first, second] = places
  const other = places.find(place => place !== first && areTwo(first!, place))
  return [first!, other ?? second!]
}

/** Where the uptimes tell: `, started 3 hours apart`. */
function apartText(a: PartyAddress, b: PartyAddress): string {
  const s = Math.abs((a.startedUs ?? 0) - (b.startedUs ?? 0)) / 1e6
  if (s < 1) return ''
  if (s < 120) return `, started ${s.toFixed(0)} s apart`
  return `, started ${s < 7200 ? `${(s / 60).toFixed(0)} minutes` : `${(s / 3600).toFixed(0)} hours`} apart`
}
