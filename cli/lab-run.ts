import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { RunCapture } from '../lab/captures/run-capture.js'
import type { RunView } from '../lab/finding.js'
import { HistoryError } from '../lab/history-format.js'
import { HistoryWriter } from '../lab/history-writer.js'
import { NodeError } from '../lab/node-handle.js'
import { createReport, type ReportedRun } from '../lab/report/report.js'
import type { Scenario } from '../lab/scenario-schema.js'
import { inSimulation } from '../lab/scenario-worlds.js'
import { createRunView, createVerdict } from '../lab/verdict.js'
import { AddressBlockError } from '../lab/worlds/address-block.js'
import { RealisationError, type RunOptions, runScenario } from '../lab/worlds/run-scenario.js'
import { beforeSignalEnds } from './ended-by-signal.js'
import { fail, log, progress, progressDone } from './output.js'
import { packageVersion } from './program.js'
import { makeFolder } from './report-file.js'

export interface PerformOptions extends Pick<RunOptions, 'seed' | 'plane' | 'source' | 'history'> {
  /** On virtual time instead of sockets. */
  readonly simulated?: boolean
  readonly capture?: RunCapture
  readonly title?: string
  readonly onProgress?: (text: string) => void
}

/** Runs a scenario and judges it. What keeps it from running ends the command with exit code 2. */
export async function performScenario(scenario: Scenario, options: PerformOptions): Promise<ReportedRun> {
  const {
    title,
    seed,
    plane,
    source,
    simulated,
    history,
    capture,
    onProgress = text => progress(`${scenario.scenario}: ${text}`),
  } = options
  // a simulated run does not come back to hear of it, and leaves nothing behind: Ctrl-C ends the process
  const interruption = simulated ? null : interruptible()
  const common = {
    seed,
    ...(source === undefined ? {} : { source }),
    ...(history === undefined ? {} : { history }),
    ...(capture === undefined ? {} : { capture }),
  }
  try {
    // half of what a simulated run loads is of no use to one on sockets
    const run = simulated
      ? (await import('../lab/worlds/simulated.js')).simulateScenario(inSimulation(scenario), common)
      : await runScenario(scenario, {
          ...common,
          onProgress,
          ...(interruption === null ? {} : { signal: interruption.signal }),
          ...(plane === undefined ? {} : { plane }),
        })
    const view = createRunView(run)
    if (capture !== undefined) {
      interruption?.end()
      await finishCapture(capture, view)
    }
    return { view, verdict: createVerdict(view), ...(title === undefined ? {} : { title }) }
  } catch (error) {
    if (interruption?.signal.aborted) fail(`${scenario.scenario}: interrupted`)
    if (error instanceof AddressBlockError) fail(error.message, { cause: error })
    if (error instanceof RealisationError) fail(`${scenario.scenario}: ${error.message}`, { cause: error })
    if (error instanceof NodeError) fail(`${scenario.scenario}: ${error.message}`, { cause: error })
    if (error instanceof HistoryError) fail(error.message, { cause: error })
    throw error
  } finally {
    history?.close()
    capture?.close()
    interruption?.end()
    progressDone()
  }
}

/** What a run was ended for while its capture is put together is that alone: all else is over. */
async function finishCapture(capture: RunCapture, view: RunView): Promise<void> {
  const stopWatching = beforeSignalEnds(() => capture.close())
  try {
    const lacks = await capture.finish(view)
    if (lacks.length > 0) log(`mqlab: ${capture.file} is not the whole run: ${lacks.join('; ')}`)
  } finally {
    stopWatching()
  }
}

/** Aborts on Ctrl-C or a request to end, so that the run can take its machines down. */
export function interruptible(): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController()
  const abort = () => controller.abort(new Error('interrupted'))
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const name of signals) process.on(name, abort)
  return {
    signal: controller.signal,
    end: () => {
      for (const name of signals) process.off(name, abort)
    },
  }
}

/** The file that a run's history is written to, its folders made. */
export function historyFile(file: string): HistoryWriter {
  makeFolder(dirname(file))
  return new HistoryWriter(file, packageVersion())
}

/** The file that a run's capture is written to, its folders made. */
export async function captureFile(file: string): Promise<RunCapture> {
  makeFolder(dirname(file))
  const { RunCapture } = await import('../lab/captures/run-capture.js')
  return new RunCapture(file, `mqlab ${packageVersion()}`)
}

export function writeReport(file: string, runs: readonly ReportedRun[], title: string): void {
  writeFileSync(file, createReport(runs, title))
}
