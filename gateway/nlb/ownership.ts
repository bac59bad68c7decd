import { type BucketMap, EMPTY_BUCKET_MAP, NOBODY, nextBucketMap, singleOwnerMap } from './bucket-map.js'
import type { Heartbeat } from './heartbeat.js'
import type { PortRule } from './port-rule.js'

/**
 * The maps that follow when these hosts are the cluster, one for each rule and one at the end for what no rule covers.
 * Owners are priorities. Every host computes it for itself, from what all have said: where they have heard the same, they
 * come to the same. A bucket's owner now is who says so; where two do, as after a partition, the higher in rank.
 */
export function nextOwnership(rules: readonly PortRule[], members: readonly Heartbeat[]): BucketMap[] {
  const ranked = [...members].sort((a, b) => a.priority - b.priority)
  return [...rules.map(({ mode }) => mode), 'default' as const].map((mode, rule) => {
    if (mode === 'disabled') return EMPTY_BUCKET_MAP
    const open = ranked.filter(({ offers }) => offers[rule]!.open)
    if (mode === 'default') return singleOwnerMap(open[0]?.priority ?? NOBODY)
    if (mode === 'single') {
      const [first] = open.sort((a, b) => a.offers[rule]!.handlingPriority - b.offers[rule]!.handlingPriority)
      return singleOwnerMap(first?.priority ?? NOBODY)
    }
    return nextBucketMap(
      claimed(rule, ranked),
      open.map(({ priority, offers }) => ({ id: priority, weight: offers[rule]!.weight })),
    )
  })
}

function claimed(rule: number, ranked: readonly Heartbeat[]): BucketMap {
  return EMPTY_BUCKET_MAP.map((_, bucket) => ranked.find(({ owned }) => owned[rule]![bucket] === 1)?.priority ?? NOBODY)
}
