import type { Logger } from 'pino'

export type LogLine = 'debug' | 'info' | 'warn' | 'error'

/** Lines of one subject in a period; more are counted, and the count is logged when the period is over. */
export const LINES_PER_PERIOD = 20
const PERIOD_MS = 10_000

export interface BudgetedLine {
  /** Lines of a subject share a bound. */
  readonly subject: string
  readonly level: LogLine
}

/** Keeps a log short, however much happens: {@link LINES_PER_PERIOD} lines of a subject in ten seconds. */
export class LineBudget {
  readonly #logger: Logger
  readonly #periods = new Map<string, { startedMs: number; lines: number; level: LogLine }>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Logs how many lines were left out in periods that are over. Call it every few seconds. */
  settle(nowMs: number): void {
    for (const [subject, { startedMs, lines, level }] of this.#periods) {
      if (nowMs - startedMs < PERIOD_MS) continue
      this.#periods.delete(subject)
      if (lines > LINES_PER_PERIOD)
        this.#logger[level](
          { event: 'left-out', subject, lines: lines - LINES_PER_PERIOD },
          'more of these were left out',
        )
    }
  }

  /** Whether one more line may be logged. */
  allows({ subject, level }: BudgetedLine, nowMs: number): boolean {
    let period = this.#periods.get(subject)
    if (period !== undefined && nowMs - period.startedMs >= PERIOD_MS) {
      this.settle(nowMs)
      period = undefined
    }
    if (period === undefined) {
      period = { startedMs: nowMs, lines: 0, level }
      this.#periods.set(subject, period)
    }
    period.lines += 1
    return period.lines <= LINES_PER_PERIOD
  }
}
