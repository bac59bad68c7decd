import { BEHAVIOUR_IDS, BEHAVIOURS, type BehaviourId, NOT_SHOWN } from './behaviours.js'
import { simulatedOnly } from './faults/fault-checks.js'
import type { Scenario } from './scenario-schema.js'
import { inSimulation } from './scenario-worlds.js'

/** As `mqlab run --world` has them: on virtual time with MSMQ's own timers, and on sockets with shortened ones. */
export type CatalogueWorld = 'sim' | 'loopback'

/** A behaviour and what proves it. */
export interface BehaviourEntry {
  readonly behaviour: BehaviourId
  readonly statement: string
  /** In the order of the list that was given. */
  readonly scenarios: readonly { readonly scenario: string; readonly worlds: readonly CatalogueWorld[] }[]
  /** Why no scenario can show it; null for those that one can. */
  readonly notShown: string | null
}

/** Worlds in which a scenario runs. */
export function worldsOf(scenario: Scenario): readonly CatalogueWorld[] {
  return simulatedOnly(scenario) === null ? ['sim', 'loopback'] : ['sim']
}

/** Every behaviour, with the scenarios that claim it and the worlds in which they do. */
export function behaviourIndex(scenarios: readonly Scenario[]): BehaviourEntry[] {
  return BEHAVIOUR_IDS.map(behaviour => ({
    behaviour,
    statement: BEHAVIOURS[behaviour],
    scenarios: scenarios
      .map(scenario => ({ scenario: scenario.scenario, worlds: worldsThatClaim(scenario, behaviour) }))
      .filter(({ worlds }) => worlds.length > 0),
    notShown: NOT_SHOWN[behaviour] ?? null,
  }))
}

/** What a scenario claims may be different in the simulated world. */
function worldsThatClaim(scenario: Scenario, behaviour: BehaviourId): readonly CatalogueWorld[] {
  return worldsOf(scenario).filter(world =>
    (world === 'sim' ? inSimulation(scenario) : scenario).behaviours.includes(behaviour),
  )
}
