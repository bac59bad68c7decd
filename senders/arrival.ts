/** Yields the distance from one arrival to the next, in microseconds. */
export type Arrivals = () => number

/** Evenly spaced. `ratePerS` above 0. */
export function constantArrivals(ratePerS: number): Arrivals {
  const intervalUs = 1e6 / ratePerS
  return () => intervalUs
}

/** A Poisson process: exponentially distributed distances with the given mean rate, the same for the same seed. */
export function poissonArrivals(ratePerS: number, seed: number): Arrivals {
  const random = createRandom(seed)
  const meanUs = 1e6 / ratePerS
  return () => -Math.log(1 - random()) * meanUs
}

/** Mulberry32: uniform in [0, 1), one 32-bit state. Plenty for spacing messages. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
