import { Workload } from '../../senders/workload.js'
import type { WorkloadSpec } from '../../senders/workload-spec.js'
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

/** A sending queue manager with a workload without a pace: it refills the outgoing queue after each turn. */
export async function startEngineSender(options: EngineRoleOptions) {
  let workload: Workload | null = null
  let whenDone: () => void = () => {}
  const { engine, host, stop } = await runEngine(options, false, {
    onOutcome: (request, outcome, error) => workload?.outcome(request, outcome, error),
    onTurn: () => workload?.turned(),
  })

  return {
    start: (spec: WorkloadSpec): void => {
      workload?.stop()
      workload = new Workload(host, spec, { onDone: () => whenDone() })
      workload.start()
    },
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
    close: async (): Promise<void> => {
      workload?.stop()
      await stop()
    },
  }
}
