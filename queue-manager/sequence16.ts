/**
 * The 16-bit message counters of a session. The specification never mentions their wrap: they are compared here, and
 * nowhere else, by distance modulo 65,536 (decision A10).
 */
export function next16(value: number): number {
  return (value + 1) & 0xffff
}

/** How far `to` lies after `from`, 0..65535. */
export function distance16(from: number, to: number): number {
  return (to - from) & 0xffff
}
