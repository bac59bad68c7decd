/* Moments of a capture as text. All in microseconds since 1970. */

/** `2026-11-22T13:25:19.123456Z` */
export function utcText(timeUs: number): string {
  const whole = Math.round(timeUs)
  const ms = Math.floor(whole / 1000)
  return `${new Date(ms).toISOString().slice(0, -1)}${String(whole - ms * 1000).padStart(3, '0')}Z`
}

/** `+2.413214 s`, as Wireshark counts from the first frame. */
export function sinceText(timeUs: number, firstUs: number): string {
  const seconds = sinceSeconds(timeUs, firstUs)
  return `${seconds < 0 ? '' : '+'}${seconds.toFixed(6)} s`
}

/** Seconds to the microsecond, without what floating point adds. */
export function sinceSeconds(timeUs: number, firstUs: number): number {
  return Number(((timeUs - firstUs) / 1e6).toFixed(6))
}
