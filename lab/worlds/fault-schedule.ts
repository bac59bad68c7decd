import type { ClusterFault } from '../cluster-fault.js'
import type { ScenarioFault } from '../scenario-schema.js'

/** What a schedule of faults can do to machines. */
export interface FaultTarget {
  kill(name: string): Promise<void>
  end(name: string): Promise<void>
  restart(name: string): Promise<void>
  cluster(fault: ClusterFault): void
  /** Whether each sender of transactions has had an order ack. */
  acknowledged(): boolean
}

const POLL_MS = 20
/** Longest wait for order acks. What does not happen then is seen by what the scenario expects. */
const ACKNOWLEDGED_WAIT_MS = 20_000

/**
 * Has each fault happen at its time, counted from this call. One that befalls a machine which is slow to come back from
 * the one before waits for it. Resolves when the last has happened and everybody who was to come back is there again.
 * @throws NodeError for a machine that does not come up again
 */
export async function performFaults(
  faults: readonly ScenarioFault[],
  target: FaultTarget,
  pause: (ms: number) => Promise<unknown>,
): Promise<void> {
  const turns = new Map<string, Promise<void>>()
  const inTurn = (name: string, act: () => Promise<void>): Promise<void> => {
    const turn = (turns.get(name) ?? Promise.resolve()).then(act)
    turns.set(name, turn)
    return turn
  }
  await Promise.all(
    faults.map(async fault => {
      const { atS, onceAcknowledged, backAfterS, kill = [], stop = [], leave = [], drain = false } = fault
      await pause(atS * 1000)
      for (let waitedMs = 0; onceAcknowledged && waitedMs < ACKNOWLEDGED_WAIT_MS; waitedMs += POLL_MS) {
        if (target.acknowledged()) break
        await pause(POLL_MS)
      }
      for (const host of leave) target.cluster({ kind: 'leave', host, drain })
      if (fault.partition !== undefined) target.cluster({ kind: 'partition', groups: fault.partition })
      if (fault.learnMac !== undefined) target.cluster({ kind: 'learn-mac', host: fault.learnMac })
      await Promise.all([
        ...kill.map(name => inTurn(name, () => target.kill(name))),
        ...stop.map(name => inTurn(name, () => target.end(name))),
      ])
      if (backAfterS === undefined) return
      await pause(backAfterS * 1000)
      for (const host of leave) target.cluster({ kind: 'join', host })
      if (fault.partition !== undefined) target.cluster({ kind: 'heal' })
      if (fault.learnMac !== undefined) target.cluster({ kind: 'learn-mac', host: null })
      await Promise.all([...kill, ...stop].map(name => inTurn(name, () => target.restart(name))))
    }),
  )
}
