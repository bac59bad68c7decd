import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readScenarioFile } from './scenario-file.js'
import type { Scenario } from './scenario-schema.js'

const SUFFIX = '.yaml'

export interface ShippedScenario {
  readonly file: string
  readonly scenario: Scenario
}

/** The demo's configurations: what works, what does not, what is repaired, and what is supported for transactions. */
export const DEMO_PARTS = ['supported', 'broken', 'repaired', 'front-ends'] as const
export type DemoPart = (typeof DEMO_PARTS)[number]

export function demoScenario(part: DemoPart): Scenario {
  return readScenarioFile(fileOf(join('demo', part)))
}

/** Every scenario that comes with mqlab, by name; those of the demo aside. */
export function shippedScenarios(): ShippedScenario[] {
  return scenarioNames().map(name => ({ file: fileOf(name), scenario: readScenarioFile(fileOf(name)) }))
}

/** Names of the shipped scenarios: behaviours in the order of their numbers. */
export function scenarioNames(): string[] {
  return readdirSync(scenariosFolder())
    .filter(file => file.endsWith(SUFFIX))
    .map(file => file.slice(0, -SUFFIX.length))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

export function findScenario(name: string): Scenario | null {
  return scenarioNames().includes(name) ? readScenarioFile(fileOf(name)) : null
}

const fileOf = (name: string) => join(scenariosFolder(), name + SUFFIX)

/** The compiled code lives in a folder below the project's; the scenarios stay where they are written. */
function scenariosFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'lab', 'scenarios')
    if (existsSync(candidate)) return candidate
  }
  throw new Error('lab/scenarios is missing beside the compiled code')
}
