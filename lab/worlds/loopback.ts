import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeSample } from '../channel-messages.js'
import { HistoryCollector, type NodeDeath, type RunRecord } from '../history.js'
import { NodeHandle } from '../node-handle.js'
import type { NodeReport, NodeSpec } from '../node-spec.js'
import { outgoingDepth } from '../outgoing-depth.js'
import type { Scenario } from '../scenario-schema.js'
import { createRunView, createVerdict } from '../verdict.js'
import { takeAddressBlock } from './address-block.js'
import { type Casting, cast } from './node-specs.js'

export interface RunOptions {
  readonly seed: number
  /** Told what the run is doing, in a few words. */
  readonly onProgress?: (text: string) => void
  /** Ends the run early: everything is cleaned up and the promise rejects. */
  readonly signal?: AbortSignal
  /** Nodes as processes, so that all cores work (the default), or as threads of this process. */
  readonly nodesAs?: 'process' | 'thread'
}

const POLL_MS = 25
/** Acknowledgements that are on their way when the last queue empties still belong to the run. */
const SETTLE_MS = 250
/**
 * Longest time after the scenario's own for what it expects to come about: a slow or busy machine may need more. What
 * must not happen is judged at the end all the same.
 */
const PATIENCE_MS = 15_000
const PATIENCE_STEP_MS = 300

/**
 * Runs a scenario with a process for each machine, on real sockets, each machine at its own address of 127.0.0.0/8.
 * Bounded in time; nothing is left behind, whichever way it ends.
 * @throws {AddressBlockError} on systems without those addresses
 * @throws {NodeError} when a machine does not come up
 */
export async function runOnLoopback(scenario: Scenario, options: RunOptions): Promise<RunRecord> {
  options.signal?.throwIfAborted()
  const block = await takeAddressBlock(options.seed * 31 + process.pid)
  const casting = cast(scenario, options.seed, last => block.address(last))
  const stage = new Stage(casting, options)
  try {
    return await perform(scenario, casting, stage, options)
  } finally {
    await stage.clear()
    await block.release()
  }
}

async function perform(scenario: Scenario, casting: Casting, stage: Stage, options: RunOptions): Promise<RunRecord> {
  const { seed, onProgress = () => {}, signal } = options
  const pause = (ms: number) => sleep(ms, undefined, signal === undefined ? {} : { signal })
  const until = async (condition: () => boolean, timeoutMs: number): Promise<boolean> => {
    const deadlineMs = performance.now() + timeoutMs
    while (!condition()) {
      if (performance.now() >= deadlineMs) return false
      await pause(POLL_MS)
    }
    return true
  }

  onProgress(`starting ${stage.handles.length} machines`)
  await stage.opened(signal)

  const startedMs = Date.now()
  const senders = casting.nodes.filter(({ sender }) => sender !== null)
  onProgress('sending')
  for (const handle of stage.handles) handle.start()
  const lastStartMs = Math.max(0, ...senders.map(({ load }) => load?.startAfterMs ?? 0))
  await until(() => senders.every(({ name }) => stage.done.has(name)), scenario.time.loadS * 1000 + lastStartMs)
  for (const { name } of senders) stage.handleOf(name)?.drain()
  const loadEndedMs = Date.now()

  onProgress('letting the outgoing queues drain')
  const isDrained = () => stage.isDrained(casting, loadEndedMs)
  const record = (endedMs: number, drained: boolean): RunRecord => ({
    scenario,
    world: 'loopback',
    seed,
    nodes: casting.nodes,
    gateway: casting.gateway?.run ?? null,
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
  return record(endedMs, drained)
}

/** The machines of one run and what they have reported so far. */
class Stage {
  readonly history = new HistoryCollector()
  readonly samples: { node: string; sample: NodeSample }[] = []
  readonly deaths: NodeDeath[] = []
  readonly done = new Set<string>()
  readonly handles: readonly NodeHandle[]

  constructor({ gateway, specs }: Casting, { nodesAs = 'process' }: RunOptions) {
    const all: readonly NodeSpec[] = gateway === null ? specs : [gateway.spec, ...specs]
    this.handles = all.map(
      spec =>
        new NodeHandle(spec, {
          as: nodesAs,
          onNotes: (node, notes) => this.history.notes(node, notes),
          onDecisions: (node, decisions, closed, requests) => this.history.gateway(node, decisions, closed, requests),
          onSample: (node, sample) => this.samples.push({ node, sample }),
          onExit: ({ node, exitCode, signal, failure, orderly }) => {
            if (!orderly) this.deaths.push({ node, exitCode, signal, reason: failure?.message ?? null })
          },
        }),
    )
    for (const handle of this.handles) void handle.done.then(() => this.done.add(handle.name))
  }

  async opened(signal: AbortSignal | undefined): Promise<void> {
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    await Promise.race([aborted, Promise.all(this.handles.map(handle => handle.opened()))])
  }

  handleOf(name: string): NodeHandle | undefined {
    return this.handles.find(handle => handle.name === name)
  }

  /** By samples taken after the load: senders have nothing in an outgoing queue, receivers nothing for a consumer. */
  isDrained({ specs }: Casting, loadEndedMs: number): boolean {
    return specs.every(spec => {
      const handle = this.handleOf(spec.name)
      if (handle?.running !== true) return true
      const sample = handle.lastSample
      if (sample === null || sample.atMs <= loadEndedMs) return false
      return spec.workload === undefined ? sample.localMessages === 0 : outgoingDepth(sample) === 0
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.handles.map(handle => handle.stop()))
  }

  reports(): ReadonlyMap<string, NodeReport> {
    return new Map(this.handles.flatMap(({ name, report }) => (report === null ? [] : [[name, report]])))
  }

  /** Ends what still runs, as after a failure. */
  async clear(): Promise<void> {
    const running = this.handles.filter(handle => handle.running)
    for (const handle of running) handle.kill()
    await Promise.all(running.map(handle => handle.exited))
  }
}
