import type { Policy } from '../nlb/policy.js'

export interface WeightedName {
  readonly name: string
  /** 0: gets nothing. */
  readonly weight: number
}

/**
 * In turn, by weight: of every `sum of weights` requests a host gets `weight`, spread as evenly as can be ("smooth"
 * weighted round robin). Hosts that are left out neither gain nor lose turns.
 */
export function createRoundRobinPolicy(hosts: readonly WeightedName[]): Policy {
  const turns = hosts.map(host => ({ ...host, credit: 0 }))
  return {
    pick(_client, except) {
      let best: (typeof turns)[number] | undefined
      let total = 0
      for (const turn of turns) {
        if (turn.weight === 0 || except?.has(turn.name)) continue
        turn.credit += turn.weight
        total += turn.weight
        if (best === undefined || turn.credit > best.credit) best = turn
      }
      if (best === undefined) return { host: null, reason: 'round robin: no host is left' }
      best.credit -= total
      return { host: best.name, reason: `round robin: the turn of ${best.name}` }
    },
  }
}

/** By chance, by weight. The same seed gives the same draws. */
export function createRandomPolicy(hosts: readonly WeightedName[], seed: number): Policy {
  const next = randomFractions(seed)
  return {
    pick(_client, except) {
      const eligible = hosts.filter(({ name, weight }) => weight > 0 && !except?.has(name))
      let left = next() * eligible.reduce((sum, { weight }) => sum + weight, 0)
      for (const { name, weight } of eligible) {
        left -= weight
        if (left < 0) return { host: name, reason: `random (seed ${seed}): ${name}` }
      }
      return { host: null, reason: `random (seed ${seed}): no host is left` }
    },
  }
}

/** Fractions of [0, 1) from a 32-bit state (mulberry32). */
function randomFractions(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
