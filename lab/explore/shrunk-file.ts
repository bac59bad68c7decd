import { SIMULATED_HEADS } from '../faults/fault-checks.js'
import { timeText } from '../report/time-text.js'
import { scenarioNodes } from '../scenario-nodes.js'
import { type Scenario, SOCKETS_SECONDS_MAX } from '../scenario-schema.js'
import { wayText } from './failing-way.js'
import { scenarioText } from './scenario-text.js'
import type { SeedSummary } from './seed-summary.js'
import type { Shrunk } from './shrink.js'

/** A shrunk scenario as its file says it, with its name, what it shows, and how it is run again. */
export interface ShrunkFile {
  /** Without a folder, such as `orders-seed-17.yaml`. */
  readonly name: string
  readonly text: string
  /** Why it shows nothing on sockets; null when it may. */
  readonly socketsObstacle: string | null
}

const NAME_MAX = 80

/** `original`: the scenario that was explored, as its file had it. `summary`: what the shrunk one showed. */
export function shrunkFile(shrunk: Shrunk, original: Scenario, summary: SeedSummary): ShrunkFile {
  const { seed, way, runs, minimal } = shrunk
  const suffix = `-seed-${seed}`
  const scenario = original.scenario.slice(0, NAME_MAX - suffix.length) + suffix
  const about = `${original.scenario} with seed ${seed}, made as small as it still shows ${wayText(way)}.`
  const socketsObstacle = obstacleOnSockets(shrunk.scenario, original, summary)
  const name = `${scenario}.yaml`
  const text = scenarioText({ ...shrunk.scenario, scenario, about }, socketsObstacle === null ? original : null)
  const seen = summary.anomalies.map(({ kind, firstMs, text }) => {
    const when = firstMs === null ? '' : ` after ${timeText(firstMs)}`
    return `# ${kind}${when}: ${text}\n`
  })
  const left = minimal ? 'nothing that was tried makes it smaller' : 'the bound on runs or time was reached'
  const head = [
    `# Shows ${wayText(way)}.\n`,
    ...seen,
    `# Shrunk in ${runs} runs; ${left}.\n`,
    `# Again, event for event: mqlab run ${name} --world sim\n`,
    socketsObstacle === null
      ? `# On sockets, where timing differs from run to run: mqlab run ${name}\n`
      : `# Not on sockets: ${socketsObstacle}.\n`,
  ]
  return { name, text: head.join('') + text, socketsObstacle }
}

function obstacleOnSockets(shrunk: Scenario, original: Scenario, { durationMs }: SeedSummary): string | null {
  const only = SIMULATED_HEADS.find(head => shrunk.faults.some(fault => fault[head] !== undefined))
  if (only !== undefined) return `${only} is a fault of the simulated world`
  const loaded = new Set(scenarioNodes(shrunk).nodes.flatMap(({ name, load }) => (load === null ? [] : [name])))
  const ending = shrunk.faults.flatMap(({ kill = [], stop = [], crash = '' }) => [...kill, ...stop, crash])
  if (ending.some(name => loaded.has(name))) return 'a machine with a load ends, and with it what became of that'
  const shortened = Object.keys(original.topology.settings).length > 0
  const { loadS, drainS } = original.time
  if (shortened && Math.max(loadS, drainS) <= SOCKETS_SECONDS_MAX) return null
  return durationMs <= SOCKETS_SECONDS_MAX * 1000 ? null : `it takes ${timeText(durationMs)} with MSMQ's own timers`
}
