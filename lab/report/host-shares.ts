import { eventsOf, type RunRecord } from '../history.js'
import { html, type Markup } from './html.js'

const WIDTH = 520
const ROW = 26
const LEFT = 88
const RIGHT = 120
const NOBODY = 'nobody'

/** What the balancer gave to each host. Null where there is none, or none that tells of its decisions. */
export function hostShares(run: RunRecord): Markup | null {
  const { gateway } = run
  const decisions = eventsOf(run, 'gateway-decision')
  if (gateway === null || decisions.length === 0) return null
  const perRequest = decisions.some(({ decision }) => decision.request !== undefined)
  const given = new Map<string, number>(gateway.hosts.map(host => [host, 0]))
  for (const { decision } of decisions) {
    const host = decision.host ?? NOBODY
    given.set(host, (given.get(host) ?? 0) + 1)
  }
  const most = Math.max(...given.values())
  const bar = (count: number) => Math.round((count / most) * (WIDTH - LEFT - RIGHT))
  const what = perRequest ? 'requests' : 'connections'
  return html`<h3>What the balancer gave to whom</h3><figure><svg viewBox="0 0 ${WIDTH} ${given.size * ROW + 4}" class="chart shares" role="img" aria-label="${`${what} by host`}">
${Array.from(given, ([host, count], row) => html`<text class="tick" x="${LEFT - 8}" y="${row * ROW + 18}" text-anchor="end">${host}</text><rect class="bar${host === NOBODY ? ' wrong' : ''}" x="${LEFT}" y="${row * ROW + 5}" width="${Math.max(bar(count), 1)}" height="${ROW - 8}" rx="3"/><text class="tick" x="${LEFT + bar(count) + 8}" y="${row * ROW + 18}">${`${count.toLocaleString('en-US')} (${Math.round((100 * count) / decisions.length)} %)`}</text>`)}
</svg><figcaption>${decisions.length.toLocaleString('en-US')} ${what}, those of order acks on their way home included.</figcaption></figure>`
}
