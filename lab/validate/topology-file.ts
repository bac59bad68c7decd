import { readFileSync } from 'node:fs'
import { type PathProblem, parseYaml, settingProblems } from '../yaml-file.js'
import { type Deployment, deploymentOf } from './deployment.js'
import { type Topology, topologySchema } from './topology-schema.js'

/** Registry values that rules know and that are no setting of an engine. */
const OTHER_VALUES = ['BindInterfaceIP'] as const

/** @throws {FileError} naming each problem; errors of the file system pass through. */
export function readTopologyFile(file: string): Deployment {
  return parseTopology(readFileSync(file, 'utf8'), file)
}

/** @throws {FileError} */
export function parseTopology(text: string, file: string): Deployment {
  const topology = parseYaml(text, file, topologySchema, value => [
    ...registryProblems(value),
    ...deploymentOf(value).problems.map(problem => ({ ...problem, onKey: false })),
  ])
  return deploymentOf(topology).deployment
}

function registryProblems(topology: Topology): PathProblem[] {
  return (['senders', 'nodes', 'backEnds'] as const).flatMap(key =>
    topology[key].flatMap(({ registry }, index) =>
      Object.entries(registry).flatMap(([name, value]): readonly PathProblem[] => {
        const path = [key, index, 'registry']
        if (OTHER_VALUES.some(other => other.toLowerCase() === name.toLowerCase())) return []
        if (typeof value === 'number') return settingProblems(path, { [name]: value })
        const problems = settingProblems(path, { [name]: 0 })
        const unknown = problems.some(({ onKey }) => onKey)
        return unknown
          ? problems
          : [{ path: [...path, name], what: `${JSON.stringify(value)} is not a number`, onKey: false }]
      }),
    ),
  )
}
