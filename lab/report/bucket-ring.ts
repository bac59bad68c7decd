import type { ClusterMap } from '../cluster-map.js'
import { eventsOf, type RunRecord } from '../history.js'
import { html, type Markup } from './html.js'
import { timeText } from './time-text.js'

/** Colours that can be told from each other; more hosts share the last. */
const COLOURS_MAX = 8
/** Rings drawn: the first ones and the last. */
const RINGS_MAX = 6

interface Ring {
  readonly atMs: number
  readonly owners: ClusterMap
  readonly before: ClusterMap | null
}

/** Who owned which of the 60 buckets of an NLB cluster, a ring for each change. Null where no cluster told. */
export function bucketRings(run: RunRecord): Markup | null {
  if (run.gateway?.kind !== 'nlb') return null
  const maps = eventsOf(run, 'cluster-map')
  if (maps.length === 0) return null
  const hosts = run.gateway.hosts
  const all = maps.map(({ atMs, owners }, index): Ring => ({ atMs, owners, before: maps[index - 1]?.owners ?? null }))
  const shown = all.length <= RINGS_MAX ? all : [...all.slice(0, RINGS_MAX - 1), all.at(-1)!]
  const tone = (owners: readonly string[]) =>
    owners.length === 0
      ? 'nobody'
      : owners.length > 1
        ? 'several'
        : `host-${Math.min(hosts.indexOf(owners[0]!), COLOURS_MAX - 1)}`
  return html`<h3>Who owned which bucket</h3>
<div class="rings">${shown.map(
    (
      { atMs, owners, before },
      index,
    ) => html`<figure class="ring"><svg viewBox="0 0 168 168" role="img" aria-label="${`owners of the 60 buckets: ${sharesText(owners)}`}">
${owners.map((names, bucket) => {
  const moved = before !== null && !same(before[bucket]!, names)
  const was = moved ? `, before ${namesText(before[bucket]!)}` : ''
  return html`<path class="bucket ${tone(names)}" d="${segment(bucket, owners.length, 46, moved ? 80 : 72)}"><title>${`bucket ${bucket}: ${namesText(names)}${was}`}</title></path>`
})}
<text class="name" x="84" y="82" text-anchor="middle">${before === null ? 'first' : timeText(atMs - run.startedMs)}</text><text class="tick" x="84" y="97" text-anchor="middle">${before === null ? 'map' : `${movedCount(owners, before)} moved`}</text>
</svg><figcaption>${sharesText(owners)}${before === null ? '' : `. ${movesText(owners, before)}`}${index === shown.length - 1 && shown.length < all.length ? ` (${all.length - shown.length} maps before it are not drawn)` : ''}</figcaption></figure>`,
  )}</div>
<p class="small quiet">${hosts.map((host, index) => html`<span class="key"><span class="swatch host-${Math.min(index, COLOURS_MAX - 1)}"></span> ${host}</span>`)}<span class="key"><span class="swatch nobody"></span> nobody: clients of these buckets hear nothing</span>${maps.some(({ owners }) => owners.some(names => names.length > 1)) ? html`<span class="key"><span class="swatch several"></span> several at once</span>` : null} Buckets that moved stand out.</p>`
}

function segment(bucket: number, count: number, inner: number, outer: number): string {
  const at = (radius: number, turn: number) => {
    const angle = turn * 2 * Math.PI - Math.PI / 2
    return `${(84 + radius * Math.cos(angle)).toFixed(1)} ${(84 + radius * Math.sin(angle)).toFixed(1)}`
  }
  const [from, to] = [(bucket + 0.06) / count, (bucket + 0.94) / count]
  return `M${at(inner, from)}L${at(outer, from)}A${outer} ${outer} 0 0 1 ${at(outer, to)}L${at(inner, to)}A${inner} ${inner} 0 0 0 ${at(inner, from)}`
}

function sharesText(owners: ClusterMap): string {
  const counts = new Map<string, number>()
  for (const names of owners) counts.set(namesText(names), (counts.get(namesText(names)) ?? 0) + 1)
  return [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

function movesText(owners: ClusterMap, before: ClusterMap): string {
  const moves = new Map<string, number>()
  for (const [bucket, names] of owners.entries()) {
    if (same(names, before[bucket]!)) continue
    const move = `${namesText(before[bucket]!)} → ${namesText(names)}`
    moves.set(move, (moves.get(move) ?? 0) + 1)
  }
  return `Moved: ${Array.from(moves, ([move, count]) => `${count} ${move}`).join(', ')}`
}

const movedCount = (owners: ClusterMap, before: ClusterMap) =>
  owners.filter((names, bucket) => !same(names, before[bucket]!)).length
const namesText = (names: readonly string[]) => (names.length === 0 ? 'nobody' : names.join(' and '))
const same = (a: readonly string[], b: readonly string[]) => a.join() === b.join()
