import { predictionText } from '../lab/validate/prediction.js'
import type { RowProof, WorldProof } from '../lab/validate/prove.js'
import { isTrial, RULE_VERDICTS, type RuleRow, type RuleVerdict } from '../lab/validate/rule.js'
import type { Validation } from '../lab/validate/validate.js'
import { type Style, styled } from './output.js'
import { wrapped } from './wrapped-text.js'

/** A row with its place in the file; line and column count from 1. */
export type PlacedRow = RuleRow & { readonly line: number; readonly column: number }

const COLOURS: Readonly<Record<RuleVerdict, Style>> = {
  supported: 'green',
  'supported-if': 'yellow',
  unknown: 'yellow',
  unsupported: 'red',
}
const WORDS: Readonly<Record<RuleVerdict, string>> = {
  supported: 'supported',
  'supported-if': 'supported if',
  unknown: 'unknown',
  unsupported: 'unsupported',
}

/** One row for people: what it says, where, what follows, what to do. */
export function describeRow(row: PlacedRow, file: string): string {
  const { rule, verdict, condition, reason, consequence, remedy } = row
  const head = condition === undefined ? WORDS[verdict] : `${WORDS[verdict]}: ${condition}`
  return [
    `${styled('bold', rule)}  ${styled(COLOURS[verdict], head)}  ${styled('dim', `${file}:${row.line}`)}\n`,
    wrapped(reason, '  '),
    wrapped(`then: ${consequence}`, '  '),
    ...(remedy === undefined ? [] : [wrapped(`remedy: ${remedy}`, '  ')]),
  ].join('')
}

/** Prediction beside observation, a line or two for each world. */
export function describeProof(proof: RowProof): string {
  const { row, why, simulation, sockets, socketsWhy } = proof
  if (!isTrial(row.proof)) return wrapped(`not run: ${why}`, '  ')
  const { prediction, stress } = row.proof
  return [
    wrapped(`predicted: ${predictionText(prediction)}${stress === null ? '' : ` (when ${stress})`}`, '  '),
    ...(simulation === null ? [] : [wrapped(`simulated: ${worldText(simulation)}`, '  ')]),
    sockets === null
      ? wrapped(`on sockets: not run: ${socketsWhy}`, '  ')
      : wrapped(`on sockets: ${worldText(sockets)}`, '  '),
  ].join('')
}

function worldText({ state, seeds, asPredicted, otherwise, vacuous, shown }: WorldProof): string {
  const colour = state === 'confirmed' ? 'green' : state === 'contradicted' ? 'red' : 'yellow'
  const measured = Object.entries(shown.measured)
    .map(([measure, value]) => `${measure} ${value}`)
    .join(', ')
  const counts =
    seeds === 1
      ? ''
      : state === 'contradicted'
        ? ` in ${otherwise} of ${seeds} seeds`
        : state === 'confirmed'
          ? ` in ${asPredicted} of ${seeds} seeds`
          : ` in any of ${seeds} seeds (what it needs did not happen)`
  const idle = vacuous > 0 && state !== 'not shown' ? `, ${vacuous} meant nothing` : ''
  return `${styled(colour, state.toUpperCase())}${counts}${idle}; seed ${shown.seed}: ${measured}`
}

/** How many rows say what, and the verdict on the whole. */
export function describeSummary({ deployment, verdict, rows }: Validation, proofs: readonly RowProof[] | null): string {
  const counts = RULE_VERDICTS.map(one => ({ one, count: rows.filter(row => row.verdict === one).length })).filter(
    ({ count }) => count > 0,
  )
  const said =
    rows.length === 0
      ? 'no rule has anything to say'
      : counts.map(({ one, count }) => `${count} ${WORDS[one]}`).join(', ')
  return [
    `\n${styled('bold', deployment.topology.topology)}: ${styled(COLOURS[verdict], WORDS[verdict])} (${said})\n`,
    proofs === null ? '' : `${proofCounts(proofs)}\n`,
    expectationText({ deployment, verdict, rows }),
  ].join('')
}

function proofCounts(proofs: readonly RowProof[]): string {
  const states = ['confirmed', 'contradicted', 'not shown', 'not run'] as const
  const counts = states.map(state => ({ state, count: proofs.filter(proof => proof.state === state).length }))
  return `predictions: ${counts
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
    .join(', ')}`
}

/** What the file's own `expect` says, where it says anything and is wrong. */
function expectationText({ deployment, verdict }: Validation): string {
  const { expect } = deployment.topology
  if (expect === undefined || expect.verdict === verdict) return ''
  return `${styled('red', `the file expects ${WORDS[expect.verdict]}`)}\n`
}

/** What `--json` prints of a row: everything but what runs it. */
export function rowJson(row: PlacedRow, proof: RowProof | null): object {
  const { proof: trial, ...said } = row
  return {
    ...said,
    prediction: isTrial(trial) ? { ...trial.prediction, stress: trial.stress } : null,
    ...(proof === null
      ? {}
      : {
          proof: {
            state: proof.state,
            why: proof.why,
            simulation: proof.simulation,
            sockets: proof.sockets,
            socketsWhy: proof.socketsWhy,
          },
        }),
  }
}
