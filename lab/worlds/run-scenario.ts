import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SourceMode } from '../../gateway/planes/proxy-events.js'
import { networkCapturesLacking } from '../captures/network-captures.js'
import type { RunCapture } from '../captures/run-capture.js'
import { simulatedOnly } from '../faults/fault-checks.js'
import type { RunRecord } from '../history.js'
import type { HistoryWriter } from '../history-writer.js'
import {
  kernelModeOf,
  type Plane,
  planeObstacle,
  type Realisation,
  type RealisationDetails,
  sourceOf,
} from '../planes.js'
import { type Scenario, SOCKETS_SECONDS_MAX } from '../scenario-schema.js'
import { createRunView, createVerdict } from '../verdict.js'
import { performFaults } from './fault-schedule.js'
import { loopbackWorld } from './loopback.js'
import { namespaceWorld } from './namespaces.js'
import { type Casting, cast } from './node-specs.js'
import { Stage } from './stage.js'
import type { World } from './world.js'

export interface RunOptions {
  readonly seed: number
  /** Told what the run is doing, in a few words. */
  readonly onProgress?: (text: string) => void
  /** Ends the run early: everything is cleaned up and the promise rejects. */
  readonly signal?: AbortSignal
  /** Whatever stands for the balancer. Default `proxy`. */
  readonly plane?: Plane
  /** What hosts take for the client, on a plane that leaves the choice. Default: what the scenario says. */
  readonly source?: SourceMode
  readonly details?: RealisationDetails
  /** Nodes as processes, so that all cores work (the default), or as threads of this process. */
  readonly nodesAs?: 'process' | 'thread'
  /** Told of the run as it happens. When it cannot be written, the run ends and the promise rejects. */
  readonly history?: HistoryWriter
  /** Told of all that crosses the network; whose file is written is for the caller to say. */
  readonly capture?: RunCapture
}

const POLL_MS = 25
/** Acknowledgements that are on their way when the last queue empties still belong to the run. */
const SETTLE_MS = 250
/**
 * Longest time after the scenario's own for what it expects to come about: a slow or busy machine may need more. What
 * must not happen is judged at the end all the same.
 */
const PATIENCE_MS = 30_000
const PATIENCE_STEP_MS = 300

/** A scenario cannot be run as it was asked for. `message` is one line. */
export class RealisationError extends RangeError {
  override readonly name = 'RealisationError'
}

/**
 * Runs a scenario with a process for each machine, on real sockets: each machine at its own address of 127.0.0.0/8, or on
 * a kernel plane in a network namespace of its own. Bounded in time; nothing is left behind, whichever way it ends.
 * @throws {RealisationError} for a scenario that this plane cannot show
 * @throws {AddressBlockError} on systems without those addresses
 * @throws {NodeError} when a machine does not come up; a plane that cannot be had here fails its gateway
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<RunRecord> {
  options.signal?.throwIfAborted()
  const realisation = realisationOf(scenario, options)
  const obstacle = planeObstacle(scenario, realisation)
  if (obstacle !== null) throw new RealisationError(`not on ${realisation.plane}: ${obstacle}`)
  if (options.capture !== undefined) checkCapture(realisation)
  const fault = simulatedOnly(scenario)
  if (fault !== null) throw new RealisationError(`${fault}: run it with --world sim`)
  const { loadS, drainS } = scenario.time
  if (Math.max(loadS, drainS) > SOCKETS_SECONDS_MAX)
    throw new RealisationError(
      `time.loadS and time.drainS are ${SOCKETS_SECONDS_MAX} at most on sockets: run it with --world sim`,
    )
  const kernel = kernelModeOf(realisation.plane) !== null
  const world = kernel ? namespaceWorld() : await loopbackWorld(options.seed)
  const dataFolder = await mkdtemp(join(tmpdir(), 'mqlab-run-'))
  const casting = cast(scenario, options.seed, last => world.address(last), dataFolder, realisation)
  const { nodesAs, history, capture, seed } = options
  const machines = { nodes: casting.nodes, gateway: casting.gateway?.run ?? null, seed }
  const stage = new Stage(casting, nodesAs, history, capture?.ofMachines(machines, realisation.plane))
  try {
    return await perform(scenario, casting, stage, world, options)
  } finally {
    await stage.clear()
    await rm(dataFolder, { recursive: true, force: true })
    await world.release()
  }
}

function realisationOf({ topology }: Scenario, { plane = 'proxy', source, details }: RunOptions): Realisation {
  const fixed = sourceOf(plane)
  if (fixed !== null && source !== undefined && source !== fixed)
    throw new RealisationError(`not on ${plane}: its hosts see ${fixed === 'keep' ? 'the client' : 'the balancer'}`)
  return {
    plane,
    source: fixed ?? source ?? topology.gateway?.source ?? 'keep',
    ...(details === undefined ? {} : { details }),
  }
}

/** Of a balancer that is not ours its hosts have to tell what comes from it, and of the kernel's packets tcpdump. */
function checkCapture({ plane, source }: Realisation): void {
  const lacking = kernelModeOf(plane) === null ? null : networkCapturesLacking()
  if (lacking !== null) throw new RealisationError(`a capture on ${plane}: ${lacking}`)
  if ((plane === 'haproxy' || plane === 'nginx') && source === 'keep')
    throw new RealisationError(
      `a capture with ${plane} needs --source translate, for else nobody can tell its connections from its clients’; ` +
        'with --source keep leave out --pcap and run tcpdump -i lo beside it',
    )
}

async function perform(
  scenario: Scenario,
  casting: Casting,
  stage: Stage,
  world: World,
  options: RunOptions,
): Promise<RunRecord> {
  const { seed, onProgress = () => {}, signal, history } = options
  const pause = (ms: number) => sleep(ms, undefined, signal === undefined ? {} : { signal })
  const until = async (condition: () => boolean, timeoutMs: number): Promise<boolean> => {
    const deadlineMs = performance.now() + timeoutMs
    while (!condition()) {
      history?.check()
      if (performance.now() >= deadlineMs) return false
      await pause(POLL_MS)
    }
    return true
  }

  onProgress(`starting ${stage.size} machines`)
  await stage.open(signal)

  const startedMs = Date.now()
  const gateway = casting.gateway?.run ?? null
  history?.begin({ scenario, world: world.name, seed, nodes: casting.nodes, gateway, startedMs })
  const senders = casting.nodes.filter(({ sender }) => sender !== null)
  onProgress('sending')
  stage.start()
  const faults = performFaults(scenario.faults, stage, pause)
  faults.catch(() => undefined) // waited for below
  const lastStartMs = Math.max(0, ...senders.map(({ load }) => load?.startAfterMs ?? 0))
  const isOffered = () => senders.every(({ name }) => stage.done.has(name))
  const inTime = await until(isOffered, scenario.time.loadS * 1000 + lastStartMs)
  // who says how many are sent counts on all of them, also where the machine is slow
  if (!inTime && scenario.expect.sent !== undefined) await until(isOffered, PATIENCE_MS)
  for (const { name } of senders) stage.drain(name)
  const loadEndedMs = Date.now()
  if (scenario.faults.length > 0) onProgress('waiting for machines to come back')
  await faults
  const quietSinceMs = Date.now()

  onProgress('letting the outgoing queues drain')
  const isDrained = () => stage.isDrained(quietSinceMs)
  const record = (endedMs: number, drained: boolean): RunRecord => ({
    scenario,
    world: world.name,
    seed,
    nodes: casting.nodes,
    gateway,
    events: stage.history.events(),
    reports: stage.reports(),
    samples: stage.samples,
    deaths: stage.deaths,
    startedMs,
    loadEndedMs,
    endedMs,
    drained,
  })
  let drained = await until(isDrained, scenario.time.drainS * 1000)
  const patientUntilMs = performance.now() + PATIENCE_MS
  while (
    !drained &&
    performance.now() < patientUntilMs &&
    !createVerdict(createRunView(record(Date.now(), false))).asExpected
  ) {
    drained = await until(isDrained, PATIENCE_STEP_MS)
  }
  if (drained) await pause(SETTLE_MS)
  const endedMs = Date.now()

  onProgress('collecting the ledgers')
  await stage.stop()
  const run = record(endedMs, drained)
  history?.end(run)
  return run
}
