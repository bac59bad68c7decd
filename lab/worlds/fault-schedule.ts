import type { ScenarioFault } from '../faults/fault-schema.js'
import {
  ACKNOWLEDGED_WAIT_MS,
  type FaultStep,
  type MachineTarget,
  performOnMachine,
  scheduledFaults,
} from './fault-steps.js'

const POLL_MS = 20

/**
 * Has each fault happen at its time, counted from this call. One that befalls a machine which is slow to come back from
 * the one before waits for it. Resolves when the last has happened and everybody who was to come back is there again.
 * @throws NodeError for a machine that does not come up again
 */
export async function performFaults(
  faults: readonly ScenarioFault[],
  target: MachineTarget,
  pause: (ms: number) => Promise<unknown>,
): Promise<void> {
  const turns = new Map<string, Promise<void>>()
  const inTurn = (name: string, act: () => void | Promise<void>): Promise<void> => {
    const turn = (turns.get(name) ?? Promise.resolve()).then(act)
    turns.set(name, turn)
    return turn
  }
  const perform = (steps: readonly FaultStep[]): Promise<unknown> =>
    Promise.all(
      steps.map(step =>
        step.do === 'kill' || step.do === 'end' || step.do === 'restart'
          ? inTurn(step.name, () => performOnMachine(step, target))
          : performOnMachine(step, target),
      ),
    )
  await Promise.all(
    scheduledFaults(faults, []).map(async ({ atMs, onceAcknowledged, begin, lastsMs, end }) => {
      await pause(atMs)
      for (let waitedMs = 0; onceAcknowledged && waitedMs < ACKNOWLEDGED_WAIT_MS; waitedMs += POLL_MS) {
        if (target.acknowledged()) break
        await pause(POLL_MS)
      }
      await perform(begin)
      if (lastsMs === null) return
      await pause(lastsMs)
      await perform(end)
    }),
  )
}
