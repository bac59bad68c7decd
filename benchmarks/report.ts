import type { Figure, Goal } from './figure.js'
import type { Machine } from './machine.js'

export interface BenchmarkReport {
  readonly machine: Machine
  readonly seed: number
  readonly seconds: number
  readonly repetitions: number
  readonly figures: readonly Figure[]
  readonly skipped: readonly string[]
  readonly remarks: readonly string[]
}

/** True when all that was sent arrived as it should in every repetition of every figure. Speed is no part of it. */
export function isDelivered(report: BenchmarkReport): boolean {
  return report.figures.every(figure => figure.verdict.ok)
}

export function isGoalMissed(report: BenchmarkReport): boolean {
  return report.figures.some(figure => figure.met === false)
}

const COLUMNS = ['figure', 'median', 'spread', 'ceiling', 'ratio', 'goal', 'delivery'] as const

/** The report for a person: the machine, one line a figure, the percentiles of those that have them. */
export function reportText(report: BenchmarkReport): string {
  const { machine } = report
  const rows = [[...COLUMNS] as string[], ...report.figures.map(figureRow)]
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}, commit ${machine.commit}, ` +
      `load ${machine.loadAverage}, seed ${report.seed}, ${report.seconds} s a benchmark in ${report.repetitions} repetitions`,
    '',
    ...alignColumns(rows),
  ]
  const timed = report.figures.filter(figure => figure.latency !== null)
  if (timed.length > 0) {
    const header = ['latency, us', 'p50', 'p90', 'p99', 'p99.9', 'max', 'count']
    lines.push('', ...alignColumns([header, ...timed.map(latencyRow)]))
  }
  if (report.remarks.length > 0) lines.push('', ...report.remarks.map(line => `with ${line}`))
  if (report.skipped.length > 0) lines.push('', ...report.skipped.map(line => `skipped: ${line}`))
  return `${lines.join('\n')}\n`
}

function figureRow(figure: Figure): string[] {
  return [
    `${figure.benchmark}: ${figure.name}`,
    `${formatNumber(figure.value)} ${figure.unit}`,
    `${Math.round(figure.spread * 100)} %`,
    figure.ceiling === null ? '-' : `${formatNumber(figure.ceiling.value)} (${figure.ceiling.name})`,
    figure.ratio === null ? '-' : figure.ratio.toFixed(figure.ratio < 0.1 ? 4 : 3),
    figure.goal === null
      ? '-'
      : `${goalText(figure.goal)} ${figure.met === null ? '?' : figure.met ? 'met' : 'MISSED'}`,
    `${figure.verdict.ok ? 'ok' : 'FAILED'}: ${figure.verdict.says}${countsText(figure.verdict.counts)}`,
  ]
}

function latencyRow({ benchmark, name, latency }: Figure): string[] {
  if (latency === null) return []
  const values = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max]
  return [`${benchmark}: ${name}`, ...values.map(value => value.toFixed(1)), `${latency.count}`]
}

function goalText(goal: Goal): string {
  return `${goal.at === 'least' ? '>=' : '<='} ${goal.of === 'ratio' ? goal.value : formatNumber(goal.value)}`
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const words = Object.entries(counts).map(([name, count]) => `${name} ${formatNumber(count)}`)
  return words.length === 0 ? '' : ` (${words.join(', ')})`
}

function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  return size >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(size >= 10 || size === 0 ? 1 : 2)
}

function alignColumns(rows: readonly string[][]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0))) ?? []
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
