import { BUCKET_COUNT } from './hash.js'

/** Highest host ID, which is also its priority in the cluster; 1 is the lowest. */
export const HOST_ID_MAX = 32

/** Highest load weight of a port rule; a host of weight 0 takes nothing. */
export const WEIGHT_MAX = 100

/** Who owns each of the 60 buckets: a host ID, or 0 where nobody does and the packet is dropped by all. */
export type BucketMap = readonly number[]

export const NOBODY = 0

export interface WeightedHost {
  /** 1 to 32, unique in the cluster. */
  readonly id: number
  /** Whole number, 0 to 100. */
  readonly weight: number
}

/** The map before the first convergence, and the map of a rule whose filtering mode is "disabled". */
export const EMPTY_BUCKET_MAP: BucketMap = Array.from({ length: BUCKET_COUNT }, () => NOBODY)

/** One owner for all buckets: a rule in single-host mode, or traffic that no rule covers (default host). */
export function singleOwnerMap(hostId: number): BucketMap {
  return Array.from({ length: BUCKET_COUNT }, () => hostId)
}

/**
 * The map that follows `current` when `hosts` are present. Every host of a cluster computes it from the same inputs and
 * comes to the same result, so nothing is negotiated bucket by bucket. A host keeps its buckets, lowest first, up to its
 * target; all others are dealt round robin, in host-ID order, to those still below target. So a leave moves only the
 * leaver's buckets, a join moves buckets only to the joiner, and a change of weights moves no more than it must.
 *
 * Part of the `nlb-sub-1` substitute: Windows' own assignment order is unpublished. Throws a `RangeError` for a
 * duplicate or out-of-range host ID or weight.
 */
export function nextBucketMap(current: BucketMap, hosts: readonly WeightedHost[]): BucketMap {
  const ordered = [...hosts].sort((a, b) => a.id - b.id)
  checkHosts(ordered)
  const missing = bucketTargets(current, ordered)
  const next = current.map(owner => {
    const room = missing.get(owner) ?? 0
    if (room === 0) return NOBODY
    missing.set(owner, room - 1)
    return owner
  })
  let turn = 0
  for (const [bucket, owner] of next.entries()) {
    if (owner !== NOBODY) continue
    for (let tried = 0; tried < ordered.length; tried++) {
      const { id } = ordered[turn]!
      turn = (turn + 1) % ordered.length
      const room = missing.get(id)!
      if (room > 0) {
        missing.set(id, room - 1)
        next[bucket] = id
        break
      }
    }
  }
  return next
}

/**
 * How many buckets each host should own: 60 * weight / sum of weights, rounded down, the rest by largest fraction.
 * Ties go to the host that owns more than its rounded share now, so that computing a map again changes nothing; then to
 * the lower ID. All targets are 0 when all weights are.
 */
export function bucketTargets(current: BucketMap, hosts: readonly WeightedHost[]): Map<number, number> {
  const weightSum = hosts.reduce((sum, host) => sum + host.weight, 0)
  if (weightSum === 0) return new Map(hosts.map(({ id }) => [id, 0]))
  const shares = hosts.map(({ id, weight }) => {
    // whole numbers throughout: two equal fractions must compare equal
    const scaled = BUCKET_COUNT * weight
    const remainder = scaled % weightSum
    const floor = (scaled - remainder) / weightSum
    return { id, floor, remainder, surplus: countOwned(current, id) - floor }
  })
  let left = BUCKET_COUNT - shares.reduce((sum, share) => sum + share.floor, 0)
  const targets = new Map(shares.map(({ id, floor }) => [id, floor]))
  shares.sort((a, b) => b.remainder - a.remainder || b.surplus - a.surplus || a.id - b.id)
  for (const { id, floor } of shares) {
    if (left === 0) break
    targets.set(id, floor + 1)
    left--
  }
  return targets
}

/** How many of the 60 buckets a host owns. */
export function countOwned(map: BucketMap, hostId: number): number {
  let owned = 0
  for (const owner of map) if (owner === hostId) owned++
  return owned
}

function checkHosts(ordered: readonly WeightedHost[]): void {
  for (const [index, { id, weight }] of ordered.entries()) {
    if (!Number.isInteger(id) || id < 1 || id > HOST_ID_MAX)
      throw new RangeError(`host ID ${id}: 1 to ${HOST_ID_MAX} allowed`)
    if (ordered[index - 1]?.id === id) throw new RangeError(`host ID ${id} given twice`)
    if (!Number.isInteger(weight) || weight < 0 || weight > WEIGHT_MAX)
      throw new RangeError(`host ${id} weight ${weight}: whole numbers 0 to ${WEIGHT_MAX} allowed`)
  }
}
