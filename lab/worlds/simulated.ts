import type { SourceMode } from '../../gateway/planes/proxy-events.js'
import type { RunCapture } from '../captures/run-capture.js'
import { withDrawnFaults } from '../faults/draw-faults.js'
import type { LabEvent, RunRecord } from '../history.js'
import type { HistoryWriter } from '../history-writer.js'
import type { Scenario } from '../scenario-schema.js'
import { cast } from './node-specs.js'
import { scheduleFaults } from './sim-faults.js'
import { SimStage } from './sim-stage.js'

export interface SimulationOptions {
  readonly seed: number
  /** Told each event as it happens, in order. */
  readonly onEvent?: (event: LabEvent) => void
  /** Whether the record holds the events too. Default true. */
  readonly keepEvents?: boolean
  /** Whether the depths of queues are noted as time goes by. Default true. */
  readonly samples?: boolean
  /** What hosts take for the client. Default: what the scenario says. */
  readonly source?: SourceMode
  /** Told of the run as it happens, and ended with it. */
  readonly history?: HistoryWriter
  /** Told of all that crosses the network; whose file is written is for the caller to say. */
  readonly capture?: RunCapture
}

/** The network of every simulated run. */
const PREFIX = '10.66.0'
/** Whether something is over is looked at so often, and more rarely the longer it has been waited for. */
const POLL_MS = 20
const POLLS_OF_A_WAIT = 200
/** Acknowledgements that are on their way when the last queue empties still belong to the run. */
const SETTLE_MS = 60_000
/** Depths are noted so often at first, and half as often after each so many times. */
const SAMPLE_MS = 100
const SAMPLES_AT_ONE_PACE = 60

/**
 * Runs a scenario on virtual time: the machines are the same as on sockets, and the clock, the network, the disks and what
 * moves bytes for the balancer are simulated. The same seed gives the same events, byte for byte.
 *
 * While the load and the faults last, whatever the scenario says befalls the machines; then everything is healed, and what
 * is owed has `time.drainS` to arrive.
 */
export function simulateScenario(given: Scenario, options: SimulationOptions): RunRecord {
  const { seed, onEvent, keepEvents = true, samples = true, history, capture } = options
  const scenario = withDrawnFaults(given, seed)
  const source = options.source ?? scenario.topology.gateway?.source ?? 'keep'
  const casting = cast(scenario, seed, last => `${PREFIX}.${last}`, 'disk', { plane: 'proxy', source })
  const events: LabEvent[] = []
  const stage = new SimStage(casting, seed, event => {
    if (keepEvents) events.push(event)
    onEvent?.(event)
    history?.event(event)
  })
  const { scheduler } = stage
  const gateway = casting.gateway?.run ?? null
  if (capture !== undefined)
    stage.network.tap = capture.ofSimulation({ nodes: casting.nodes, gateway, seed }, () => stage.wallMs)
  if (samples) sampleEvery(stage, SAMPLE_MS)
  const startedMs = stage.wallMs
  history?.begin({ scenario, world: 'sim', seed, nodes: casting.nodes, gateway, startedMs })
  stage.open()

  stage.start()
  const senders = casting.nodes.filter(({ sender }) => sender !== null)
  const lastStartMs = Math.max(0, ...senders.map(({ load }) => load?.startAfterMs ?? 0))
  const names = [...casting.nodes.map(({ name }) => name), ...(casting.gateway?.run ? [casting.gateway.run.name] : [])]
  const faultsDone = scheduleFaults(scenario.faults, names, stage, scheduler)
  until(stage, () => senders.every(({ name }) => stage.done.has(name)), scenario.time.loadS * 1000 + lastStartMs)
  for (const { name } of senders) stage.drain(name)
  const loadEndedMs = stage.wallMs
  until(stage, () => faultsDone() && stage.isWhole, Number.POSITIVE_INFINITY)
  stage.heal()
  const healedMs = stage.wallMs

  const drained = until(stage, () => stage.isDrained(), scenario.time.drainS * 1000)
  if (drained) scheduler.runFor(SETTLE_MS)
  const endedMs = stage.wallMs
  stage.stop()
  capture?.end()
  const run: RunRecord = {
    scenario,
    world: 'sim',
    seed,
    nodes: casting.nodes,
    gateway,
    events,
    reports: stage.reports(),
    samples: stage.samples,
    deaths: [],
    startedMs,
    loadEndedMs,
    healedMs,
    endedMs,
    drained,
  }
  for (const { node, sample } of run.samples) history?.sample(node, sample)
  history?.end(run)
  return run
}

/** Whether `condition` came to hold within `limitMs`. It is looked at now and then. */
function until({ scheduler }: SimStage, condition: () => boolean, limitMs: number): boolean {
  const beganMs = scheduler.nowMs
  let dueMs = beganMs
  const looked = (): boolean => {
    const { nowMs } = scheduler
    if (nowMs < dueMs) return false
    dueMs = nowMs + Math.max(POLL_MS, (nowMs - beganMs) / POLLS_OF_A_WAIT)
    return condition()
  }
  return scheduler.runUntilDone(looked, limitMs) || condition()
}

function sampleEvery(stage: SimStage, firstMs: number): void {
  let count = 0
  let everyMs = firstMs
  const again = (): void => {
    stage.sample()
    if (++count % SAMPLES_AT_ONE_PACE === 0) everyMs *= 2
    stage.scheduler.after(everyMs, again)
  }
  stage.scheduler.after(firstMs, again)
}
