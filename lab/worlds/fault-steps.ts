import type { ClusterFault } from '../cluster-fault.js'
import type { DiskCondition, LinkChange, ScenarioFault } from '../faults/fault-schema.js'

/**
 * What can be done to the machines of a run in any world. `Done`: how the end of what takes its time is told. Faults by
 * meaning are not among it: they happen where packets pass, see lab/faults/faulty-engine.ts.
 */
export interface MachineTarget<Done = void | Promise<void>> {
  kill(name: string): Done
  /** In order, as a service is stopped. */
  end(name: string): Done
  restart(name: string): Done
  cluster(fault: ClusterFault): void
  /** Whether each sender of transactions has had an order ack. */
  acknowledged(): boolean
}

/** What only a simulated world can do to machines, and to what lies between them. */
export interface FaultTarget<Done = void | Promise<void>> extends MachineTarget<Done> {
  /** Nothing of the machine runs while `on`. */
  pause(name: string, on: boolean): void
  /** Its wall clock is set forward, or back. */
  clock(name: string, jumpMs: number): void
  /** Between two machines, or one and the gateway; null: as it was. */
  link(one: string, other: string, change: LinkChange | null): void
  /** Null: well again. */
  disk(name: string, condition: DiskCondition | null): void
}

/** One thing done at one instant. */
export type FaultStep =
  | { readonly do: 'kill' | 'end' | 'restart'; readonly name: string }
  | { readonly do: 'cluster'; readonly fault: ClusterFault }
  | { readonly do: 'pause'; readonly name: string; readonly on: boolean }
  | { readonly do: 'clock'; readonly name: string; readonly jumpMs: number }
  | { readonly do: 'link'; readonly one: string; readonly other: string; readonly change: LinkChange | null }
  | { readonly do: 'disk'; readonly name: string; readonly condition: DiskCondition | null }

/** A fault as it happens: `begin` at its time, and `end` so long after that has come about, or never. */
export interface ScheduledFault {
  /** From the beginning of the load. */
  readonly atMs: number
  /** Not before each sender of transactions has had an order ack; nobody waits longer for that than `ACKNOWLEDGED_WAIT_MS`. */
  readonly onceAcknowledged: boolean
  readonly begin: readonly FaultStep[]
  readonly lastsMs: number | null
  readonly end: readonly FaultStep[]
}

/** Longest wait for order acks. What does not happen then is seen by what the scenario expects. */
export const ACKNOWLEDGED_WAIT_MS = 20_000

/**
 * What happens when, in order of time. Nothing is done for a fault by meaning, but its time passes all the same. `names`: all
 * machines, and the gateway where there is one.
 */
export function scheduledFaults(faults: readonly ScenarioFault[], names: readonly string[]): ScheduledFault[] {
  return faults
    .map(fault => {
      const { begin, end } = stepsOf(fault, names)
      const lastsS = (begin.length > 0 ? fault.backAfterS : undefined) ?? fault.forS
      return {
        atMs: (fault.atS ?? fault.fromS ?? 0) * 1000,
        onceAcknowledged: fault.onceAcknowledged,
        begin,
        lastsMs: lastsS === undefined || (begin.length > 0 && end.length === 0) ? null : lastsS * 1000,
        end,
      }
    })
    .sort((a, b) => a.atMs - b.atMs)
}

/** @returns what `target` answers for that which takes its time, undefined for the rest */
export function performStep<Done>(step: FaultStep, target: FaultTarget<Done>): Done | undefined {
  switch (step.do) {
    case 'pause':
      target.pause(step.name, step.on)
      return undefined
    case 'clock':
      target.clock(step.name, step.jumpMs)
      return undefined
    case 'link':
      target.link(step.one, step.other, step.change)
      return undefined
    case 'disk':
      target.disk(step.name, step.condition)
      return undefined
    default:
      return performOnMachine(step, target)
  }
}

/** @throws RangeError for what only a simulated world can do */
export function performOnMachine<Done>(step: FaultStep, target: MachineTarget<Done>): Done | undefined {
  switch (step.do) {
    case 'kill':
      return target.kill(step.name)
    case 'end':
      return target.end(step.name)
    case 'restart':
      return target.restart(step.name)
    case 'cluster':
      target.cluster(step.fault)
      return undefined
    default:
      throw new RangeError(`${step.do} is only in the simulated world`)
  }
}

interface Steps {
  readonly begin: readonly FaultStep[]
  readonly end: readonly FaultStep[]
}

/** None for a fault by meaning. */
function stepsOf(fault: ScenarioFault, names: readonly string[]): Steps {
  const { kill, stop, leave, pause, partition, learnMac, clock, disk, link } = fault
  if (kill !== undefined)
    return forEach(kill, name => [
      { do: 'kill', name },
      { do: 'restart', name },
    ])
  if (stop !== undefined)
    return forEach(stop, name => [
      { do: 'end', name },
      { do: 'restart', name },
    ])
  if (leave !== undefined) {
    const drain = fault.drain ?? false
    return forEach(leave, host => [onCluster({ kind: 'leave', host, drain }), onCluster({ kind: 'join', host })])
  }
  if (pause !== undefined) {
    return forEach(pause, name => [
      { do: 'pause', name, on: true },
      { do: 'pause', name, on: false },
    ])
  }
  if (partition !== undefined)
    return forEach([partition], groups => [onCluster({ kind: 'partition', groups }), onCluster({ kind: 'heal' })])
  if (learnMac !== undefined)
    return forEach([learnMac], host => [
      onCluster({ kind: 'learn-mac', host }),
      onCluster({ kind: 'learn-mac', host: null }),
    ])
  if (clock !== undefined) return { begin: [{ do: 'clock', name: clock.of, jumpMs: clock.jumpS * 1000 }], end: [] }
  if (disk !== undefined) {
    const { of: name, ...condition } = disk
    return forEach([name], name => [
      { do: 'disk', name, condition },
      { do: 'disk', name, condition: null },
    ])
  }
  if (link !== undefined) {
    const { between, at, ...change } = link
    const pairs = between === undefined ? names.filter(name => name !== at).map(name => [at ?? '', name]) : [between]
    return forEach(pairs, ([one = '', other = '']) => [
      { do: 'link', one, other, change },
      { do: 'link', one, other, change: null },
    ])
  }
  return { begin: [], end: [] }
}

function forEach<Item>(items: readonly Item[], both: (item: Item) => readonly [FaultStep, FaultStep]): Steps {
  const steps = items.map(both)
  return { begin: steps.map(([begin]) => begin), end: steps.map(([, end]) => end) }
}

function onCluster(fault: ClusterFault): FaultStep {
  return { do: 'cluster', fault }
}
