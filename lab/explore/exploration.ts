import type { Expectation, ExpectedCount, Scenario } from '../scenario-schema.js'
import type { SeedSummary, Sighting } from './seed-summary.js'

/** Both included. */
export interface SeedRange {
  readonly from: number
  readonly to: number
}

/** One kind of anomaly over all seeds. */
export interface AnomalyRow {
  readonly kind: string
  readonly behaviour: string | null
  /** Seeds that showed it. */
  readonly seeds: number
  /** Messages, acknowledgements or machines that it befell, over all seeds. */
  readonly count: number
  /**
   * Virtual milliseconds from the beginning of the load to the first, of the seeds that showed it: the least, then each
   * tenth of them up to the most. Null when nobody can tell.
   */
  readonly firstMs: FirstTimes | null
  /** Lowest seed that showed it, and what was seen there. */
  readonly firstSeed: number
  readonly text: string
}

export interface FirstTimes {
  readonly min: number
  readonly median: number
  readonly max: number
  /** Eleven values: the least, the tenth, …, the most. */
  readonly deciles: readonly number[]
}

/** An expectation that some seeds did not meet. */
export interface UnmetRow {
  readonly count: ExpectedCount
  readonly expected: Expectation
  readonly seeds: number
  readonly firstSeed: number
  /** What they had instead. */
  readonly least: number
  readonly most: number
}

/** What many runs of one scenario in the simulated world came to. The same seeds give the same, however they were run. */
export interface Exploration {
  /** As the simulated world ran it. */
  readonly scenario: Scenario
  readonly wanted: SeedRange
  /** How many ran: fewer than wanted when it was interrupted. */
  readonly seeds: number
  /** Every seed went as the scenario expects, and what it wants exercised happened in one of them at least. */
  readonly asExpected: boolean
  readonly seedsAsExpected: number
  /** By seeds that showed it, most first. */
  readonly anomalies: readonly AnomalyRow[]
  readonly unmet: readonly UnmetRow[]
  /** Exercises and claims that no seed showed. */
  readonly vacuous: readonly string[]
  /** The lowest seeds that did not go as expected, at most {@link FAILING_LISTED}. */
  readonly failing: readonly number[]
  readonly sent: number
  readonly delivered: number
  /** Virtual time of all runs together. */
  readonly simulatedMs: number
  readonly longestWaitMs: number
  /** Of each seed the longest that a message waited for its order ack; null without seeds. */
  readonly waitsMs: FirstTimes | null
  /** Seeds in which messages had to be sent again for want of an order ack, and after how long first. */
  readonly resent: { readonly seeds: number; readonly firstMs: FirstTimes | null }
}

export const FAILING_LISTED = 100

interface Kind {
  behaviour: string | null
  seeds: number
  count: number
  readonly firstMs: number[]
  firstSeed: number
  text: string
}

/** Adds up seeds in any order: nothing of the result depends on it. Keeps a few numbers of each seed. */
export class ExplorationTally {
  readonly #scenario: Scenario
  readonly #wanted: SeedRange
  readonly #kinds = new Map<string, Kind>()
  readonly #unmet = new Map<ExpectedCount, { -readonly [Key in keyof UnmetRow]: UnmetRow[Key] }>()
  /** What seeds did not show, by what was to be shown. */
  readonly #vacuous = new Map<string, { seeds: number; firstSeed: number; text: string }>()
  /** Sorted. */
  readonly #failing: number[] = []
  #seeds = 0
  #asExpected = 0
  #sent = 0
  #delivered = 0
  #simulatedMs = 0
  readonly #waitsMs: number[] = []
  readonly #firstResendsMs: number[] = []

  constructor(scenario: Scenario, wanted: SeedRange) {
    this.#scenario = scenario
    this.#wanted = wanted
  }

  get seeds(): number {
    return this.#seeds
  }

  get failed(): number {
    return this.#seeds - this.#asExpected
  }

  add(summary: SeedSummary): void {
    const { seed, asExpected, anomalies, unmet } = summary
    this.#seeds += 1
    if (asExpected) this.#asExpected += 1
    else this.#addFailing(seed)
    for (const sighting of anomalies) this.#addSighting(seed, sighting)
    for (const { count, expected, actual } of unmet) {
      const row = this.#unmet.get(count)
      if (row === undefined) {
        this.#unmet.set(count, { count, expected, seeds: 1, firstSeed: seed, least: actual, most: actual })
        continue
      }
      row.seeds += 1
      row.firstSeed = Math.min(row.firstSeed, seed)
      row.least = Math.min(row.least, actual)
      row.most = Math.max(row.most, actual)
    }
    for (const text of summary.vacuous) this.#addVacuous(seed, text)
    this.#sent += summary.sent
    this.#delivered += summary.delivered
    this.#simulatedMs += summary.durationMs
    this.#waitsMs.push(summary.longestWaitMs)
    if (summary.firstResendMs !== null) this.#firstResendsMs.push(summary.firstResendMs)
  }

  exploration(): Exploration {
    const vacuous = [...this.#vacuous.values()]
      .filter(({ seeds }) => seeds === this.#seeds)
      .map(({ text }) => text)
      .sort()
    return {
      scenario: this.#scenario,
      wanted: this.#wanted,
      seeds: this.#seeds,
      asExpected: this.failed === 0 && vacuous.length === 0,
      seedsAsExpected: this.#asExpected,
      anomalies: Array.from(this.#kinds, ([kind, { firstMs, ...row }]) => ({
        kind,
        ...row,
        firstMs: firstTimes(firstMs),
      })).sort((a, b) => b.seeds - a.seeds || (a.kind < b.kind ? -1 : 1)),
      unmet: Array.from(this.#unmet.values()).sort((a, b) => b.seeds - a.seeds || (a.count < b.count ? -1 : 1)),
      vacuous,
      failing: [...this.#failing],
      sent: this.#sent,
      delivered: this.#delivered,
      simulatedMs: this.#simulatedMs,
      longestWaitMs: this.#waitsMs.reduce((longest, ms) => Math.max(longest, ms), 0),
      waitsMs: firstTimes(this.#waitsMs),
      resent: { seeds: this.#firstResendsMs.length, firstMs: firstTimes(this.#firstResendsMs) },
    }
  }

  #addSighting(seed: number, { kind, behaviour, count, firstMs, text }: Sighting): void {
    let known = this.#kinds.get(kind)
    if (known === undefined) {
      known = { behaviour, seeds: 0, count: 0, firstMs: [], firstSeed: seed, text }
      this.#kinds.set(kind, known)
    } else if (seed < known.firstSeed) {
      known.firstSeed = seed
      known.behaviour = behaviour
      known.text = text
    }
    known.seeds += 1
    known.count += count
    if (firstMs !== null) known.firstMs.push(firstMs)
  }

  /** Of a claim, `NLB-13: no resend reached …`, the reason may differ from seed to seed: the lowest one's is kept. */
  #addVacuous(seed: number, text: string): void {
    const [what = text] = text.split(':', 1)
    const known = this.#vacuous.get(what)
    if (known === undefined) {
      this.#vacuous.set(what, { seeds: 1, firstSeed: seed, text })
      return
    }
    known.seeds += 1
    if (seed > known.firstSeed) return
    known.firstSeed = seed
    known.text = text
  }

  #addFailing(seed: number): void {
    const place = this.#failing.findIndex(other => other > seed)
    this.#failing.splice(place === -1 ? this.#failing.length : place, 0, seed)
    if (this.#failing.length > FAILING_LISTED) this.#failing.pop()
  }
}

function firstTimes(unsorted: readonly number[]): FirstTimes | null {
  if (unsorted.length === 0) return null
  const sorted = Float64Array.from(unsorted).sort()
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)]!
  const deciles = Array.from({ length: 11 }, (_, tenth) => at(tenth / 10))
  return { min: at(0), median: at(0.5), max: at(1), deciles }
}
