import { readFileSync } from 'node:fs'
import { scenarioNodes } from './scenario-nodes.js'
import { type Scenario, scenarioSchema } from './scenario-schema.js'
import { type PathProblem, parseYaml, settingProblems } from './yaml-file.js'

/** @throws {FileError} naming each problem; errors of the file system pass through. */
export function readScenarioFile(file: string): Scenario {
  return parseScenario(readFileSync(file, 'utf8'), file)
}

/** @throws {FileError} */
export function parseScenario(text: string, file: string): Scenario {
  return parseYaml(text, file, scenarioSchema, scenario => [
    ...allSettingProblems(scenario),
    ...scenarioNodes(scenario).problems.map(problem => ({ ...problem, onKey: false })),
  ])
}

function allSettingProblems({ topology }: Scenario): PathProblem[] {
  return [
    ...settingProblems(['topology', 'settings'], topology.settings),
    ...(['receivers', 'senders'] as const).flatMap(role =>
      topology[role].flatMap(({ settings }, index) => settingProblems(['topology', role, index, 'settings'], settings)),
    ),
  ]
}
