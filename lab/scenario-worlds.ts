import type { z } from 'zod'
import { SETTINGS, type SettingName } from '../queue-manager/settings.js'
import { type Scenario, scenarioSchema } from './scenario-schema.js'

/** Longest time for the load, and for the drain, where the scenario says nothing about the simulated world: a day. */
const SIMULATED_SECONDS = 86_400

/**
 * The scenario as the simulated world runs it: no setting that is a time, so that every timer is MSMQ's own, and then what
 * `simulated` says, as a merge patch (RFC 7396): objects merge, null takes away, everything else replaces.
 * @throws ZodError for a patch that makes no scenario; a scenario from a file has none
 */
export function inSimulation(scenario: Scenario): Scenario {
  return scenarioSchema.parse(simulatedInput(scenario))
}

/** What is wrong with the scenario as the simulated world would run it. */
export function simulationIssues(scenario: Scenario): readonly z.core.$ZodIssue[] {
  const parsed = scenarioSchema.safeParse(simulatedInput(scenario))
  return parsed.success ? [] : parsed.error.issues
}

function simulatedInput({ simulated, ...scenario }: Scenario): unknown {
  const { topology } = scenario
  const timeless = <Machine extends { settings: Scenario['topology']['settings'] }>(machine: Machine): Machine => ({
    ...machine,
    settings: withoutTimes(machine.settings),
  })
  const base = {
    ...scenario,
    topology: {
      ...timeless(topology),
      receivers: topology.receivers.map(timeless),
      frontEnds: topology.frontEnds.map(timeless),
      senders: topology.senders.map(timeless),
      ...(topology.backEnd === undefined ? {} : { backEnd: timeless(topology.backEnd) }),
    },
    time: { loadS: SIMULATED_SECONDS, drainS: SIMULATED_SECONDS },
  }
  return merged(withoutEmptyLists(base), simulated)
}

/** An empty list of a parsed scenario is one that its author left out, and may not write. */
function withoutEmptyLists(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmptyLists)
  if (!isObject(value)) return value
  const kept = Object.entries(value).filter(([, each]) => !Array.isArray(each) || each.length > 0)
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutEmptyLists(each)]))
}

function withoutTimes(settings: Scenario['topology']['settings']): Scenario['topology']['settings'] {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !isTime(name)))
}

function isTime(name: string): boolean {
  const known = (Object.keys(SETTINGS) as SettingName[]).find(each => each.toLowerCase() === name.toLowerCase())
  return known !== undefined && (SETTINGS[known].unit === 'ms' || SETTINGS[known].unit === 's')
}

function merged(value: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result: Record<string, unknown> = isObject(value) ? { ...value } : {}
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) delete result[key]
    else result[key] = merged(result[key], change)
  }
  return result
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
