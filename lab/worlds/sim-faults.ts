import type { ScenarioFault } from '../faults/fault-schema.js'
import type { Scheduler } from '../sim/scheduler.js'
import {
  ACKNOWLEDGED_WAIT_MS,
  type FaultTarget,
  performStep,
  type ScheduledFault,
  scheduledFaults,
} from './fault-steps.js'

const POLL_MS = 20

/**
 * Has each fault happen at its virtual time, counted from now. `names`: all machines, and the gateway where there is one.
 * @returns whether all has happened, and everybody who was to come back has
 */
export function scheduleFaults(
  faults: readonly ScenarioFault[],
  names: readonly string[],
  target: FaultTarget<void>,
  scheduler: Scheduler,
): () => boolean {
  let open = 0
  const begin = ({ begin, lastsMs, end }: ScheduledFault): void => {
    for (const step of begin) performStep(step, target)
    if (lastsMs === null) {
      open--
      return
    }
    scheduler.after(lastsMs, () => {
      for (const step of end) performStep(step, target)
      open--
    })
  }
  for (const fault of scheduledFaults(faults, names)) {
    open++
    const waitUntilMs = scheduler.nowMs + fault.atMs + ACKNOWLEDGED_WAIT_MS
    const beginOnceAcknowledged = (): void => {
      if (!fault.onceAcknowledged || target.acknowledged() || scheduler.nowMs >= waitUntilMs) begin(fault)
      else scheduler.after(POLL_MS, beginOnceAcknowledged)
    }
    scheduler.after(fault.atMs, beginOnceAcknowledged)
  }
  return () => open === 0
}
