import { vacuousText } from '../lab/exercises.js'
import type { AnomalyRow, Exploration, UnmetRow } from '../lab/explore/exploration.js'
import { timeText } from '../lab/report/time-text.js'
import { styled, table } from './output.js'

export interface ShrunkSeed {
  readonly seed: number
  readonly way: string
  readonly file: string
  readonly diagram: string
  readonly text: string
}

/** What an exploration came to, for people. `name`: how the scenario was asked for. */
export function explorationText(exploration: Exploration, name: string, shrunk: readonly ShrunkSeed[]): string {
  const { scenario, wanted, seeds, anomalies, unmet, vacuous, failing } = exploration
  const all = seeds === wanted.to - wanted.from + 1
  const range = `seeds ${wanted.from} to ${wanted.to}${all ? '' : `, of which ${seeds.toLocaleString('en-US')} ran`}`
  const replayed = failing[0] ?? anomalies[0]?.firstSeed
  return [
    `${styled('bold', scenario.scenario)}  ${range}; ${timeText(exploration.simulatedMs)} of virtual time, ` +
      `${exploration.sent.toLocaleString('en-US')} messages sent, ${exploration.delivered.toLocaleString('en-US')} delivered\n\n`,
    anomalies.length === 0 ? 'no anomaly in any seed\n' : anomalyTable(anomalies, seeds),
    unmet.length === 0 ? '' : `\n${unmetTable(unmet, seeds)}`,
    ...vacuous.map(entry => `in no seed: ${vacuousText(entry)}\n`),
    ...shrunk.map(one => `\n${shrunkText(one)}`),
    `\n${outcomeText(exploration)}\n`,
    replayed === undefined ? '' : `one seed again: mqlab run ${name} --world sim --seed ${replayed}\n`,
  ].join('')
}

function outcomeText({ seeds, asExpected, seedsAsExpected }: Exploration): string {
  const of = (count: number) => `${count.toLocaleString('en-US')} of ${seeds.toLocaleString('en-US')} seeds`
  if (asExpected) return `${styled('green', 'as expected')}: ${of(seedsAsExpected)}`
  const failed = seeds - seedsAsExpected
  return `${styled('red', 'NOT as expected')}: ${failed > 0 ? of(failed) : 'what was to happen in some seed happened in none'}`
}

function anomalyTable(rows: readonly AnomalyRow[], seeds: number): string {
  const lines = rows.map(({ kind, behaviour, seeds: showing, count, firstMs, firstSeed }) => [
    kind,
    behaviour ?? '',
    showing,
    share(showing, seeds),
    count,
    ...(firstMs === null ? ['', '', ''] : [firstMs.min, firstMs.median, firstMs.max].map(timeText)),
    String(firstSeed),
  ])
  const header = ['anomaly', 'shows', 'seeds', '', 'befell', 'first after: least', 'median', 'most', 'first seed']
  return table(lines, header)
}

function unmetTable(rows: readonly UnmetRow[], seeds: number): string {
  const lines = rows.map(({ count, expected, seeds: showing, least, most, firstSeed }) => [
    count,
    String(expected),
    least === most ? String(least) : `${least} to ${most}`,
    showing,
    share(showing, seeds),
    String(firstSeed),
  ])
  return table(lines, ['not met', 'expected', 'seen', 'seeds', '', 'first seed'])
}

function shrunkText({ seed, way, file, diagram, text }: ShrunkSeed): string {
  return `${styled('bold', `Seed ${seed}, shrunk: ${way}`)}\n${text}written to ${file}, drawn in ${diagram}\nagain: mqlab run ${file} --world sim\n`
}

function share(part: number, all: number): string {
  const percent = (100 * part) / all
  return `${percent > 0 && percent < 1 ? percent.toFixed(2) : Math.round(percent)} %`
}
