/**
 * A length of time for people, in the two largest units that it fills: `12 ms`, `1.204 s`, `6 h 5 min`, `2 d 3 h`.
 * Stands alone: the report's script has it too.
 */
export function timeText(ms: number): string {
  if (ms < 0) return `-${timeText(-ms)}`
  if (ms < 1) return `${Number(ms.toFixed(3))} ms`
  if (ms < 1000) return `${Number(ms.toFixed(1))} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(3)} s`
  const units: readonly (readonly [ms: number, name: string])[] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ]
  const first = units.findIndex(([unitMs]) => ms >= unitMs)
  const [unitMs, name] = units[first]!
  const [smallerMs, smaller] = units[first + 1]!
  // the smaller unit must not come out as sixty of itself
  const count = Math.round(ms / smallerMs)
  const perUnit = unitMs / smallerMs
  const [whole, rest] = [Math.floor(count / perUnit), count % perUnit]
  return rest === 0 ? `${whole} ${name}` : `${whole} ${name} ${rest} ${smaller}`
}
