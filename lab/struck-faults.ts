import type { ScenarioFault } from './faults/fault-schema.js'
import { eventsOf, type RunRecord } from './history.js'

/** Faults by meaning that struck at least once. */
export function struckFaults(run: Pick<RunRecord, 'events' | 'scenario'>): ScenarioFault[] {
  const rules = new Set(eventsOf(run, 'injected').map(({ rule }) => rule))
  return run.scenario.faults.filter((_, index) => rules.has(index))
}
