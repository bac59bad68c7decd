import { InvalidArgumentError } from 'commander'
import type { SeedRange } from '../lab/explore/exploration.js'
import { SEEDS_MAX } from '../lab/explore/explore.js'

/** `1..1000`, or a seed alone; null for anything else. */
export function readSeedRange(text: string): SeedRange | null {
  const [, first, last] = /^(\d+)(?:\.\.(\d+))?$/.exec(text) ?? []
  const range = { from: Number(first), to: Number(last ?? first) }
  return first === undefined || range.to > 0xffffffff || range.to < range.from ? null : range
}

/** @throws InvalidArgumentError */
export function seedRange(text: string): SeedRange {
  const range = readSeedRange(text)
  if (range === null)
    throw new InvalidArgumentError('first..last is needed, such as 1..1000, of whole numbers up to 4294967295')
  if (range.to - range.from + 1 > SEEDS_MAX) throw new InvalidArgumentError(`${SEEDS_MAX} seeds at most`)
  return range
}

export function workerCount(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 256) throw new InvalidArgumentError('1 to 256')
  return value
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, min: 60_000, h: 3_600_000 }

/** Milliseconds of `90s`, `10min`, `2h` or seconds alone. @throws InvalidArgumentError */
export function timeLimit(text: string): number {
  const [, count, unit = 's'] = /^(\d+(?:\.\d+)?)\s*(s|min|h)?$/.exec(text) ?? []
  const ms = Number(count) * UNIT_MS[unit]!
  if (count === undefined || ms <= 0 || ms > 86_400_000)
    throw new InvalidArgumentError('a time such as 90s, 10min or 2h is needed, a day at most')
  return ms
}
