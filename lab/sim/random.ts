/** Seeded randomness: the same seed gives the same run on every machine. Nothing in a simulation may draw from elsewhere. */
export interface Random {
  /** A whole number from 0 to 0xffffffff. */
  u32(): number
  /** A number from 0 up to, not including, 1. */
  unit(): number
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number
  chance(probability: number): boolean
  pick<T>(choices: readonly T[]): T
  bytes(size: number): Buffer
  /** An independent stream; drawing from it does not disturb this one. */
  fork(): Random
}

/** splitmix32 (public domain): 32 bits of state, every seed good, one multiplication chain per number. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const u32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
  const unit = (): number => u32() / 0x1_0000_0000
  const between = (low: number, high: number): number => low + Math.floor(unit() * (high - low + 1))
  return {
    u32,
    unit,
    between,
    chance: probability => probability > 0 && unit() < probability,
    pick: choices => {
      if (choices.length === 0) throw new RangeError('nothing to pick from')
      return choices[between(0, choices.length - 1)]!
    },
    bytes: size => Buffer.from(Array.from({ length: size }, () => u32() & 0xff)),
    fork: () => createRandom(u32()),
  }
}
