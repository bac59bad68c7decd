import type { LatencySummary } from './latency.js'

/** Whether what was measured also arrived: a rate of lost messages is no rate. Counts are whole numbers by name. */
export interface Verdict {
  readonly ok: boolean
  readonly says: string
  readonly counts: Readonly<Record<string, number>>
}

/** One repetition of one measurement. `value` is in the unit of the figure it ends up in. */
export interface Sample {
  readonly value: number
  readonly verdict: Verdict
  readonly latency?: LatencySummary
  readonly cost?: MessageCost
}

/** Microseconds of processor time for one message, in the process that sends and in the one that receives. */
export interface MessageCost {
  readonly sendUs: number
  readonly receiveUs: number
}

/** `at: 'least'` for rates, `'most'` for latencies; of the figure itself, or of its ratio to the ceiling. */
export interface Goal {
  readonly at: 'least' | 'most'
  readonly of: 'value' | 'ratio'
  readonly value: number
}

/** What a figure is held against, measured in the same run, its repetitions interleaved with the figure's own. */
export interface Ceiling {
  readonly name: string
  readonly value: number
  readonly repetitions: readonly number[]
}

export interface Figure {
  readonly benchmark: string
  readonly name: string
  readonly unit: string
  /** Median over the repetitions. */
  readonly value: number
  readonly repetitions: readonly number[]
  /** Interquartile range over the median. On a quiet machine a few hundredths. */
  readonly spread: number
  readonly ceiling: Ceiling | null
  /** `value` to the ceiling: see `FigureOptions.ratioOf`. */
  readonly ratio: number | null
  readonly goal: Goal | null
  readonly met: boolean | null
  readonly verdict: Verdict
  readonly latency: LatencySummary | null
}

export interface FigureOptions {
  readonly benchmark: string
  readonly name: string
  readonly unit: string
  readonly samples: readonly Sample[]
  readonly ceiling?: { readonly name: string; readonly samples: readonly Sample[] } | undefined
  readonly goal?: Goal | undefined
  /** `repetitions` (default): the median of each repetition's ratio to its own ceiling. `medians`: the ratio of the two
   *  medians, for small differences, where a single repetition's ratio may have anything below the line. */
  readonly ratioOf?: 'repetitions' | 'medians' | undefined
}

/** Middle value, or the mean of the two middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  if (sorted.length % 2 === 1) return sorted[middle]!
  return (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Interquartile range over the median; 0 of fewer than two values. */
export function spread(values: readonly number[]): number {
  const middle = median(values)
  if (values.length < 2 || middle === 0) return 0
  const sorted = [...values].sort((a, b) => a - b)
  return (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / Math.abs(middle)
}

function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)]!
  const above = sorted[Math.ceil(place)]!
  return below + (above - below) * (place - Math.floor(place))
}

/** Repetitions meet their own ceiling: noise that lasts longer than a repetition falls on both and cancels. */
export function medianRatio(values: readonly number[], ceilings: readonly number[]): number {
  if (values.length !== ceilings.length) return median(values) / median(ceilings)
  return median(values.map((value, index) => value / ceilings[index]!))
}

export function createFigure(options: FigureOptions): Figure {
  const repetitions = options.samples.map(sample => sample.value)
  const value = median(repetitions)
  const ceilingRepetitions = options.ceiling?.samples.map(sample => sample.value) ?? []
  const ceilingValue = median(ceilingRepetitions)
  const inTurns = options.ratioOf === 'medians' ? value / ceilingValue : medianRatio(repetitions, ceilingRepetitions)
  const ratio = options.ceiling === undefined ? null : inTurns
  const goal = options.goal ?? null
  const latencies = options.samples.flatMap(sample => sample.latency ?? [])
  return {
    benchmark: options.benchmark,
    name: options.name,
    unit: options.unit,
    value,
    repetitions,
    spread: spread(repetitions),
    ceiling:
      options.ceiling === undefined
        ? null
        : { name: options.ceiling.name, value: ceilingValue, repetitions: ceilingRepetitions },
    ratio,
    goal,
    met: goal === null ? null : isGoalMet(goal, value, ratio),
    verdict: mergeVerdicts(options.samples.map(sample => sample.verdict)),
    latency: latencies.length === 0 ? null : medianLatency(latencies),
  }
}

function isGoalMet(goal: Goal, value: number, ratio: number | null): boolean | null {
  const judged = goal.of === 'value' ? value : ratio
  if (judged === null || Number.isNaN(judged)) return null
  return goal.at === 'least' ? judged >= goal.value : judged <= goal.value
}

/** All repetitions must be fine; counts add up; the first complaint is kept. */
export function mergeVerdicts(verdicts: readonly Verdict[]): Verdict {
  const counts: Record<string, number> = {}
  for (const verdict of verdicts) {
    for (const [name, count] of Object.entries(verdict.counts)) counts[name] = (counts[name] ?? 0) + count
  }
  const bad = verdicts.find(verdict => !verdict.ok)
  const first = bad ?? verdicts[0]
  return { ok: verdicts.length > 0 && bad === undefined, says: first?.says ?? 'nothing was measured', counts }
}

function medianLatency(latencies: readonly LatencySummary[]): LatencySummary {
  const of = (pick: (summary: LatencySummary) => number) => median(latencies.map(pick))
  return {
    unit: 'us',
    count: latencies.reduce((sum, summary) => sum + summary.count, 0),
    p50: of(summary => summary.p50),
    p90: of(summary => summary.p90),
    p99: of(summary => summary.p99),
    p999: of(summary => summary.p999),
    max: Math.max(...latencies.map(summary => summary.max)),
  }
}
