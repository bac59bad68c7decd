import { setImmediate as turn } from 'node:timers/promises'
import { planeObstacle } from '../planes.js'
import type { ReportedRun } from '../report/report.js'
import type { Scenario } from '../scenario-schema.js'
import { createRunView, createVerdict } from '../verdict.js'
import { runScenario } from '../worlds/run-scenario.js'
import { simulateScenario } from '../worlds/simulated.js'
import { type Observation, observe } from './prediction.js'
import { isTrial, type ProofWorld, type RuleRow, type Trial } from './rule.js'

export interface ProofOptions {
  /** Of the simulated runs; the first is that of the run on sockets. */
  readonly seeds: readonly number[]
  /** Why nothing runs on sockets, in a few words; null: what can, does. */
  readonly socketsLacking: string | null
  /** Told what is going on, in a few words. */
  readonly onProgress?: (text: string) => void
  readonly signal?: AbortSignal
  /** Told of one run for each scenario and world, for a report. */
  readonly onRun?: (run: ReportedRun) => void
}

/**
 * `confirmed`: seen as predicted. `contradicted`: what is to hold always did not in some run that means anything, or what
 * comes about at times did in none. `not shown`: no run had what the prediction needs.
 */
export type ProofState = 'confirmed' | 'contradicted' | 'not shown'

/** Runs of one world beside a prediction. */
export interface WorldProof {
  readonly state: ProofState
  readonly seeds: number
  readonly asPredicted: number
  readonly otherwise: number
  readonly vacuous: number
  /** The run that tells: the first that contradicts, else the first as predicted, else the first. */
  readonly shown: Observation & { readonly seed: number }
}

export interface RowProof {
  readonly row: RuleRow
  /** Worst of both worlds; `not run` with the reason in `why`. */
  readonly state: ProofState | 'not run'
  readonly why: string | null
  readonly simulation: WorldProof | null
  readonly sockets: WorldProof | null
  /** Why it did not run on sockets; null where it did, or where nothing ran at all. */
  readonly socketsWhy: string | null
}

/** Machines that one computer can play on sockets without much ado. */
const MACHINES_ON_SOCKETS_MAX = 16

/** A busy machine may be too slow once, and chance decides elsewhere too: what goes otherwise is run again, and that counts. */
const SOCKETS_ATTEMPTS_MAX = 2

interface Tried {
  readonly row: RuleRow
  readonly trial: Trial
}

/**
 * Runs what each row of a validation predicts: over the seeds in the simulation, and where it can be, once on sockets with
 * shortened timers. Rows with one scenario share its runs.
 * @throws {NodeError} and whatever else keeps a run on sockets from being
 */
export async function prove(rows: readonly RuleRow[], options: ProofOptions): Promise<RowProof[]> {
  const tried = rows.flatMap((row): Tried[] => (isTrial(row.proof) ? [{ row, trial: row.proof }] : []))
  const simulated = await inSimulation(tried, options)
  const { observed, lacking } = await onSockets(tried, options)
  return rows.map((row): RowProof => {
    if (!isTrial(row.proof))
      return { row, state: 'not run', why: row.proof.notRun, simulation: null, sockets: null, socketsWhy: null }
    const simulation = proofOf(row.proof, simulated.get(row) ?? [], 'seeds')
    const sockets = observed.has(row) ? proofOf(row.proof, observed.get(row) ?? [], 'one run') : null
    const states = [simulation.state, ...(sockets === null ? [] : [sockets.state])]
    const state = (['contradicted', 'confirmed', 'not shown'] as const).find(one => states.includes(one))!
    return { row, state, why: null, simulation, sockets, socketsWhy: lacking.get(row) ?? null }
  })
}

type Seen = Observation & { readonly seed: number }

async function inSimulation(
  tried: readonly Tried[],
  { seeds, signal, onProgress, onRun }: ProofOptions,
): Promise<Map<RuleRow, Seen[]>> {
  const seen = new Map<RuleRow, Seen[]>(tried.map(({ row }) => [row, []]))
  for (const { scenario, members } of groupsOf(tried, 'sim')) {
    for (const [index, seed] of seeds.entries()) {
      await turn() // so that Ctrl-C is heard
      signal?.throwIfAborted()
      onProgress?.(`${namesOf(members)}: simulated, ${index + 1} of ${seeds.length} seeds`)
      // depths are for the report alone, which shows the first seed
      const isShown = index === 0 && onRun !== undefined
      const view = createRunView(simulateScenario(scenario, { seed, samples: isShown }))
      const verdict = createVerdict(view)
      if (isShown) onRun({ title: `${namesOf(members)}, simulated`, view, verdict })
      for (const { row, trial } of members) seen.get(row)!.push({ ...observe(trial.prediction, view, verdict), seed })
    }
  }
  return seen
}

async function onSockets(
  tried: readonly Tried[],
  { seeds: [seed = 1], socketsLacking, signal, onProgress, onRun }: ProofOptions,
): Promise<{ observed: Map<RuleRow, Seen[]>; lacking: Map<RuleRow, string> }> {
  const observed = new Map<RuleRow, Seen[]>()
  const lacking = new Map<RuleRow, string>()
  const outcomeOf = (row: RuleRow) => observed.get(row)?.[0]?.outcome
  const runnable = tried.filter(({ row, trial: { simulationOnly } }) => {
    const why = socketsLacking ?? simulationOnly
    if (why !== undefined && why !== null) lacking.set(row, why)
    return !lacking.has(row)
  })
  for (const { scenario, members } of groupsOf(runnable, 'sockets')) {
    const obstacle = socketsObstacle(scenario)
    if (obstacle !== null) {
      for (const { row } of members) lacking.set(row, obstacle)
      continue
    }
    for (let attempt = 0; attempt < SOCKETS_ATTEMPTS_MAX; attempt++) {
      onProgress?.(`${namesOf(members)}: on sockets${attempt === 0 ? '' : ', once more'}`)
      const run = await runScenario(scenario, { seed: seed + attempt, ...(signal === undefined ? {} : { signal }) })
      const view = createRunView(run)
      const verdict = createVerdict(view)
      onRun?.({ title: `${namesOf(members)}, on sockets`, view, verdict })
      for (const { row, trial } of members)
        if (outcomeOf(row) === undefined || outcomeOf(row) === 'otherwise')
          observed.set(row, [{ ...observe(trial.prediction, view, verdict), seed: seed + attempt }])
      if (members.every(({ row }) => outcomeOf(row) !== 'otherwise')) break
    }
  }
  return { observed, lacking }
}

/** Trials with the same scenario, in order. */
function groupsOf(tried: readonly Tried[], world: ProofWorld): { scenario: Scenario; members: Tried[] }[] {
  const groups = new Map<string, { scenario: Scenario; members: Tried[] }>()
  for (const one of tried) {
    const scenario = one.trial.scenario(world)
    // what is expected only says how long a run on a slow machine may wait
    const key = JSON.stringify({ ...scenario, expect: {} })
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { scenario, members: [one] })
    else group.members.push(one)
  }
  return [...groups.values()]
}

function socketsObstacle(scenario: Scenario): string | null {
  const { receivers, frontEnds, senders, gateway } = scenario.topology
  const machines = [...receivers, ...frontEnds, ...senders].reduce((sum, { count }) => sum + count, 0)
  if (machines > MACHINES_ON_SOCKETS_MAX)
    return `${machines} machines, and ${MACHINES_ON_SOCKETS_MAX} are the most here`
  return planeObstacle(scenario, { plane: 'proxy', source: gateway?.source ?? 'keep' })
}

/** What shows at times only need not show in one run: that contradicts nothing. */
function proofOf({ prediction }: Trial, seen: readonly Seen[], sample: 'seeds' | 'one run'): WorldProof {
  const of = (outcome: Observation['outcome']) => seen.filter(one => one.outcome === outcome)
  const [asPredicted, otherwise, vacuous] = [of('as predicted'), of('otherwise'), of('vacuous')]
  const contradicted =
    prediction.when === 'always'
      ? otherwise.length > 0
      : otherwise.length > 0 && asPredicted.length === 0 && sample === 'seeds'
  const state = contradicted ? 'contradicted' : asPredicted.length > 0 ? 'confirmed' : 'not shown'
  const shown = (contradicted ? otherwise[0] : asPredicted[0]) ?? seen[0]!
  return {
    state,
    seeds: seen.length,
    asPredicted: asPredicted.length,
    otherwise: otherwise.length,
    vacuous: vacuous.length,
    shown,
  }
}

const namesOf = (members: readonly Tried[]) => [...new Set(members.map(({ row }) => row.rule))].join(', ')
