import { Workload } from '../../senders/workload.js'
import type { WorkloadSpec } from '../../senders/workload-spec.js'
import { monotonicUs } from '../latency.js'
import { processorUs } from '../processor.js'
import { type EngineRoleOptions, runEngine } from './engine.js'

/** What the present run's workload has offered, and what of it the queue manager still holds. */
export interface SenderState {
  readonly processorUs: number
  readonly offered: number
  readonly accepted: number
  readonly refused: number
  /** Messages in all outgoing queues: not sent, or sent and not acknowledged for good. */
  readonly outgoing: number
  readonly resends: number
  readonly connectFailures: number
}

/** From the first offer to the moment when each message was answered for and none was left in an outgoing queue. */
export interface SenderRun {
  readonly fromUs: number
  readonly untilUs: number
  readonly processorUs: number
}

/** A sending queue manager with a workload without a pace: it refills the outgoing queue after each turn. */
export async function startEngineSender(options: EngineRoleOptions) {
  let workload: Workload | null = null
  let whenDone: () => void = () => {}
  let whenDelivered: (() => void) | null = null
  const { engine, host, stored, stop } = await runEngine(options, false, {
    onOutcome: (request, outcome, error) => workload?.outcome(request, outcome, error),
    onTurn: () => {
      workload?.turned()
      if (whenDelivered !== null && workload?.done && engine.counters.outgoingMessages === 0) whenDelivered()
    },
  })
  const start = (spec: WorkloadSpec) => {
    workload?.stop()
    workload = new Workload(host, spec, { onDone: () => whenDone() })
    workload.start()
  }

  return {
    start,
    /** Offers the messages that `spec` counts; resolves when the last of them is acknowledged for good. */
    run: (spec: WorkloadSpec): Promise<SenderRun> =>
      new Promise(resolve => {
        const fromUs = monotonicUs()
        const processorFromUs = processorUs()
        whenDelivered = () => {
          whenDelivered = null
          resolve({ fromUs, untilUs: monotonicUs(), processorUs: processorUs() - processorFromUs })
        }
        start(spec)
      }),
    /** Offers nothing more; resolves when every offer is answered. */
    finish: (): Promise<void> =>
      new Promise(resolve => {
        if (workload === null || workload.done) return resolve()
        whenDone = resolve
        workload.stop()
      }),
    state: (): SenderState => {
      const ledger = workload?.ledger.data()
      return {
        processorUs: processorUs(),
        offered: ledger?.offered ?? 0,
        accepted: ledger?.accepted ?? 0,
        refused: ledger?.refused ?? 0,
        outgoing: engine.counters.outgoingMessages,
        resends: engine.counters.resends,
        connectFailures: engine.counters.connectFailures,
      }
    },
    stored,
    close: async (): Promise<void> => {
      workload?.stop()
      await stop()
    },
  }
}
