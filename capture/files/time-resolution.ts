/** How the stamps of an interface become microseconds. */

const HIGH = 2 ** 32
const MICRO = 1e6

/** The end of the year 9999: what is later is no time of a packet, and soon nothing that a date can be made of. */
export const TIME_US_MAX = 253_402_300_800_000_000

/** As pcapng codes it. */
export const MICROSECONDS = 6
export const NANOSECONDS = 9

/** Of one second, for a coded resolution. */
export function ticksPerSecond(resolution: number): number {
  return resolution < 0x80 ? 10 ** resolution : 2 ** (resolution & 0x7f)
}

/**
 * 64-bit stamps to microseconds since 1970, rounded once, to the nearest number there is: for resolutions of 10^-0 to 10^-12
 * and 2^-0 to 2^-33. Finer ones are rounded twice, which is still far below a microsecond.
 */
export class TimeScale {
  readonly #offsetUs: number
  /** Microseconds in a tick; 0 where ticks are finer. */
  readonly #multiplier: number
  /** Ticks in a microsecond; 0 where they are coarser, or of no whole number. */
  readonly #divisor: number
  /** Bits of a fraction of a second; -1 for decimal resolutions. */
  readonly #fractionBits: number
  readonly #ticksPerSecond: number

  constructor(resolution: number, offsetSeconds = 0) {
    this.#offsetUs = offsetSeconds * MICRO
    this.#ticksPerSecond = ticksPerSecond(resolution)
    const isDecimal = resolution < 0x80
    this.#multiplier = isDecimal && resolution <= 6 ? 10 ** (6 - resolution) : 0
    this.#divisor = isDecimal && resolution > 6 && resolution <= 12 ? 10 ** (resolution - 6) : 0
    const bits = resolution & 0x7f
    this.#fractionBits = !isDecimal && bits <= 53 ? bits : -1
  }

  microseconds(high: number, low: number): number {
    const divisor = this.#divisor
    if (divisor > 0) {
      // Long division: the remainder of the high half and the low one are below 2^53 together.
      const upper = Math.floor(high / divisor)
      const rest = (high - upper * divisor) * HIGH + low
      const lower = Math.floor(rest / divisor)
      return upper * HIGH + lower + this.#offsetUs + (rest - lower * divisor) / divisor
    }
    if (this.#multiplier > 0) return (high * HIGH + low) * this.#multiplier + this.#offsetUs
    const bits = this.#fractionBits
    if (bits < 0) return ((high * HIGH + low) / this.#ticksPerSecond) * MICRO + this.#offsetUs
    const ofHigh = bits > 32 ? 2 ** (bits - 32) : 1
    const ofLow = bits > 32 ? HIGH : 2 ** bits
    const seconds = bits > 32 ? Math.floor(high / ofHigh) : high * (HIGH / ofLow) + Math.floor(low / ofLow)
    const fraction = bits > 32 ? (high % ofHigh) * HIGH + low : low % ofLow
    return seconds * MICRO + this.#offsetUs + (fraction * MICRO) / (ofHigh * ofLow)
  }
}
