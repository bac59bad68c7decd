/**
 * How far a host is with converging; the phase names are those of 2008 R2. [D] The `2003` profile knows `phase1` only.
 */
export type ConvergencePhase = 'phase1' | 'stable1' | 'stable2' | 'converged'

/**
 * What a host tells all others of its segment once a period: the fields of the public frame layout that decide anything,
 * in plain values. How they are packed on Windows' wire is not needed here. The agreed beats and the held clients are
 * ours [S]: how Windows counts and how it exchanges its lists is not public.
 */
export interface Heartbeat {
  /** Stands for the "unique host code": the host's place in the cluster, 0 to 31. */
  readonly slot: number
  readonly name: string
  readonly priority: number
  readonly phase: ConvergencePhase
  /** Of how many rules, and which; see `rulesCode`. */
  readonly rulesCode: string
  /** Whom it counts as members, itself included: bit n is the host of slot n. */
  readonly members: number
  /** Beats in a row at which all that it heard agreed. */
  readonly agreedBeats: number
  /** For each rule, and at the end for what no rule covers: its part. */
  readonly offers: readonly RuleOffer[]
  /** For each rule, and the default at the end: 60 flags, 1 where the bucket is its own. "Current map". */
  readonly owned: readonly Uint8Array[]
  /** For each rule: clients that extended affinity holds at this host. */
  readonly held: readonly ReadonlySet<string>[]
  /** Its last one: it leaves. */
  readonly leaving: boolean
}

/** What one host would take of one rule. */
export interface RuleOffer {
  /** Whether it takes anything new: neither draining nor disabled. */
  readonly open: boolean
  readonly weight: number
  readonly handlingPriority: number
}

export function sameOffers(a: readonly RuleOffer[], b: readonly RuleOffer[]): boolean {
  return (
    a.length === b.length &&
    a.every((offer, index) => {
      const other = b[index]!
      return (
        offer.open === other.open && offer.weight === other.weight && offer.handlingPriority === other.handlingPriority
      )
    })
  )
}
