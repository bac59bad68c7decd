import { readFileSync } from 'node:fs'
import { scenarioNodes } from './scenario-nodes.js'
import { type Scenario, scenarioSchema } from './scenario-schema.js'
import { inSimulation, simulationIssues } from './scenario-worlds.js'
import { type PathProblem, parseYaml, settingProblems } from './yaml-file.js'

/** @throws {FileError} naming each problem; errors of the file system pass through. */
export function readScenarioFile(file: string): Scenario {
  return parseScenario(readFileSync(file, 'utf8'), file)
}

/** @throws {FileError} */
export function parseScenario(text: string, file: string): Scenario {
  return parseYaml(text, file, scenarioSchema, scenario => {
    const problems = scenarioProblems(scenario)
    return problems.length > 0 ? problems : simulationProblems(scenario)
  })
}

function scenarioProblems(scenario: Scenario, ledgersOutlive = false): PathProblem[] {
  return [
    ...allSettingProblems(scenario),
    ...scenarioNodes(scenario, ledgersOutlive).problems.map(problem => ({ ...problem, onKey: false })),
  ]
}

/** Of a scenario that is right by itself: what is wrong once its patch for the simulated world is applied. */
function simulationProblems(scenario: Scenario): PathProblem[] {
  const issues = simulationIssues(scenario)
  const problems =
    issues.length > 0
      ? issues.map(({ path, message }) => ({ path, what: message, onKey: false }))
      : scenarioProblems(inSimulation(scenario), true)
  return problems.map(problem => ({ ...problem, path: ['simulated', ...problem.path] }))
}

function allSettingProblems({ topology }: Scenario): PathProblem[] {
  return [
    ...settingProblems(['topology', 'settings'], topology.settings),
    ...(['receivers', 'frontEnds', 'senders'] as const).flatMap(role =>
      topology[role].flatMap(({ settings }, index) => settingProblems(['topology', role, index, 'settings'], settings)),
    ),
    ...settingProblems(['topology', 'backEnd', 'settings'], topology.backEnd?.settings ?? {}),
  ]
}
