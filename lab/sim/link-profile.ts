/** How traffic between two addresses fares. Chances are from 0 to 1; times are milliseconds. */
export interface LinkProfile {
  /** One way. A connect takes two of them. */
  readonly latencyMs: number
  /** Up to this much more, drawn for each segment; segments of a connection still never overtake each other. */
  readonly jitterMs: number
  /** What passes each way in a second, shared by all that goes that way; segments are then of 1,460 bytes at most. */
  readonly bytesPerS: number
  /** Less than 1,460 bytes wait so long for more to go with them. 0: what is written in one moment goes together. */
  readonly coalesceMs: number
  /** That a segment is lost and sent again, 300 ms later, and again after twice as long each time. What follows waits. */
  readonly lossChance: number
  /** How long an end sends again what does not get through; then it breaks off, and the other end does not learn of it. */
  readonly giveUpMs: number
  /** That a segment ends at a random byte instead of carrying all that waits. */
  readonly splitChance: number
  /** Per segment: that the connection stands still after it, for up to `stallMaxMs`. */
  readonly stallChance: number
  readonly stallMaxMs: number
  /** Per segment: that the connection is reset at a random byte of it. */
  readonly cutChance: number
  /** Per segment: that the system of one end or the other breaks off the connection. */
  readonly resetChance: number
  /** Per connect: that it is refused although someone listens. */
  readonly refuseChance: number
  /** Per connect: that the SYN is never answered. */
  readonly blackHoleChance: number
  readonly datagramLossChance: number
  readonly datagramDuplicateChance: number
  /** Extra delay of a datagram, drawn for each: so they overtake each other. */
  readonly datagramSpreadMs: number
}

/** A quiet local network: half a millisecond, whole segments, no faults; Windows repeats five times before it gives up. */
export const QUIET_LINK: LinkProfile = {
  latencyMs: 0.5,
  jitterMs: 0,
  bytesPerS: Number.POSITIVE_INFINITY,
  coalesceMs: 0,
  lossChance: 0,
  giveUpMs: 18_900,
  splitChance: 0,
  stallChance: 0,
  stallMaxMs: 0,
  cutChance: 0,
  resetChance: 0,
  refuseChance: 0,
  blackHoleChance: 0,
  datagramLossChance: 0,
  datagramDuplicateChance: 0,
  datagramSpreadMs: 0,
}

/** Everything that may happen to traffic happens, often. */
export const HOSTILE_LINK: LinkProfile = {
  latencyMs: 1,
  jitterMs: 20,
  bytesPerS: Number.POSITIVE_INFINITY,
  coalesceMs: 2,
  lossChance: 0.05,
  giveUpMs: 40_000,
  splitChance: 0.5,
  stallChance: 0.05,
  stallMaxMs: 60_000,
  cutChance: 0.03,
  resetChance: 0.01,
  refuseChance: 0.2,
  blackHoleChance: 0.1,
  datagramLossChance: 0.3,
  datagramDuplicateChance: 0.2,
  datagramSpreadMs: 50,
}
