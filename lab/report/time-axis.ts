export interface TimeTick {
  readonly ms: number
  readonly text: string
}

const UNITS: readonly (readonly [ms: number, name: string, steps: readonly number[]])[] = [
  [1, 'ms', [1, 2, 5, 10, 20, 50, 100, 200, 500]],
  [1000, 's', [1, 2, 5, 10, 15, 30]],
  [60_000, 'min', [1, 2, 5, 10, 15, 30]],
  [3_600_000, 'h', [1, 2, 3, 6, 12]],
  [86_400_000, 'd', [1, 2, 5, 7, 14, 30, 60, 90, 180, 365]],
]

/** Round times from 0 to `endMs`, at most `ticksMax` beside 0, all in the largest unit of which there are enough. */
export function timeTicks(endMs: number, ticksMax = 8): TimeTick[] {
  const [unitMs, name] = UNITS.findLast(([unitMs]) => endMs >= (unitMs > 1000 ? 2 : 1) * unitMs) ?? UNITS[0]!
  const steps = UNITS.flatMap(([ofMs, , steps]) => steps.map(step => step * ofMs))
  const stepMs = steps.find(stepMs => endMs / stepMs <= ticksMax) ?? endMs
  return Array.from({ length: Math.floor(endMs / stepMs) + 1 }, (_, index) => ({
    ms: index * stepMs,
    text: `${Number(((index * stepMs) / unitMs).toFixed(2))} ${name}`,
  }))
}
