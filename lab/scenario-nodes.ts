import { faultProblems } from './faults/fault-checks.js'
import { destinationProblem, gatewayProblems, isHttp, ownHttpProblems, type Problem } from './scenario-checks.js'
import type { Scenario, ScenarioGateway, ScenarioLoad, ScenarioQueueManager } from './scenario-schema.js'

/** Name that the balanced nodes are known by, as in `DIRECT=OS:CLUSTER\private$\orders`. It resolves to the gateway. */
export const CLUSTER_NAME = 'CLUSTER'
export const GATEWAY_NAME = 'gateway'

/** What a machine is there for. Receivers have queues that are delivered to, a back end among them. */
export type NodeRole = 'receiver' | 'front-end' | 'sender'

/** One queue manager of a scenario, with its name. A receiver that has a load sends too. */
export interface ScenarioNode {
  readonly name: string
  readonly role: NodeRole
  readonly definition: ScenarioQueueManager
  readonly computerName: string
  /** Node whose QMId it has; its own name when it is no clone. */
  readonly identity: string
  readonly sequenceTimeStamp: number
  readonly load: ScenarioLoad | null
  readonly http: boolean
  /** A fault ends it, and it comes back with what is on its disk. */
  readonly restarts: boolean
}

export interface ScenarioNodes {
  readonly nodes: readonly ScenarioNode[]
  readonly gateway: ScenarioGateway | null
  readonly gatewayHosts: readonly string[]
  readonly problems: readonly Problem[]
}

interface NamedMachine {
  readonly name: string
  readonly role: NodeRole
  readonly definition: ScenarioQueueManager
  readonly path: readonly PropertyKey[]
}

/** 2020-09-13, a plausible moment of installation; later nodes are a day younger, so that sequence ids differ. */
const FIRST_INSTALLATION_S = 1_600_000_000
const DAY_S = 86_400
const PLACEHOLDER = /\{([^{}]*)\}/g

/**
 * Names every node of a scenario, gives each its load, and says what does not fit together. `ledgersOutlive`: in the
 * simulated world, where a machine with a load may end too.
 */
export function scenarioNodes(scenario: Scenario, ledgersOutlive = false): ScenarioNodes {
  const { topology } = scenario
  const problems: Problem[] = []
  const named = namedMachines(topology, problems)
  const names = named.map(({ name }) => name)
  const exists = (name: string) => names.includes(name)
  const oneOf = `one of ${names.join(', ')}`
  const namesOf = (role: NodeRole) => named.filter(node => node.role === role).map(({ name }) => name)
  const [senders, receivers, frontEnds] = [namesOf('sender'), namesOf('receiver'), namesOf('front-end')]
  if (receivers.length === 0) {
    problems.push({ path: ['topology'], what: 'nobody receives: add receivers, or frontEnds with a backEnd' })
  }

  for (const [index, { name, path }] of named.entries()) {
    if (names.indexOf(name) !== index) problems.push({ path, what: `two nodes are named ${name}: names must differ` })
    if (name.toUpperCase() === CLUSTER_NAME || name === GATEWAY_NAME) {
      problems.push({ path: [...path, 'name'], what: `${name} is taken: choose another name` })
    }
  }

  const loads = new Map<string, ScenarioLoad>()
  for (const [index, load] of scenario.load.entries()) {
    const path = ['load', index]
    const from = load.from ?? senders
    if (from.length === 0) problems.push({ path, what: 'there are no senders: name the sending nodes with from' })
    for (const name of from) {
      if (!exists(name)) problems.push({ path: [...path, 'from'], what: `there is no node ${name}: ${oneOf}` })
      else if (loads.has(name)) problems.push({ path, what: `${name} has a load already: one load a node` })
      else loads.set(name, load)
    }
    for (const key of ['perTransaction', 'abortEvery'] as const)
      if (load[key] !== undefined && load.delivery !== 'transactional')
        problems.push({ path: [...path, key], what: 'only transactional messages have transactions' })
    for (const [place, to] of load.to.entries()) {
      const problem = destinationProblem(to, exists, topology.gateway !== undefined, oneOf)
      if (problem !== null) problems.push({ path: [...path, 'to', place], what: problem })
    }
    const { negativeAcksTo } = load
    if (negativeAcksTo === undefined) continue
    for (const node of named.filter(({ name }) => from.includes(name))) {
      const has = node.role === 'sender' && node.definition.queues.some(({ name }) => name === negativeAcksTo)
      if (has) continue
      problems.push({
        path: [...path, 'negativeAcksTo'],
        what: `${node.name} is no sender with a queue ${negativeAcksTo}: add it to the queues of a sender`,
      })
    }
  }

  for (const { definition, path, name } of named) {
    problems.push(...ownHttpProblems(definition, path, exists, topology.gateway !== undefined, oneOf))
    const { cloneOf } = definition
    if (cloneOf === undefined) continue
    const original = named.find(node => node.name === cloneOf)
    if (original === undefined)
      problems.push({ path: [...path, 'cloneOf'], what: `there is no node ${cloneOf}: ${oneOf}` })
    else if (cloneOf === name || original.definition.cloneOf !== undefined) {
      problems.push({ path: [...path, 'cloneOf'], what: `${cloneOf} is a clone itself: name the original` })
    }
  }

  const gatewayHosts = topology.gateway?.hosts ?? (frontEnds.length > 0 ? frontEnds : receivers)
  for (const name of gatewayHosts) {
    if (!exists(name))
      problems.push({ path: ['topology', 'gateway', 'hosts'], what: `there is no node ${name}: ${oneOf}` })
  }
  problems.push(...gatewayProblems(scenario, gatewayHosts))
  problems.push(
    ...faultProblems(scenario, {
      names,
      loaded: new Set(loads.keys()),
      gatewayHosts: topology.gateway === undefined ? [] : gatewayHosts,
      gatewayName: topology.gateway === undefined ? null : GATEWAY_NAME,
      isCluster: topology.gateway?.kind === 'nlb',
      ledgersOutlive,
    }),
  )

  const overHttp = topology.gateway?.protocol === 'http' || scenario.load.some(({ to }) => to.some(isHttp))
  const restarting = new Set(
    scenario.faults.flatMap(({ kill = [], stop = [], crash, backAfterS }) =>
      backAfterS === undefined ? [] : [...kill, ...stop, ...(crash === undefined ? [] : [crash])],
    ),
  )
  return {
    nodes: named.map(({ name, role, definition }, index) => ({
      name,
      role,
      definition,
      computerName: definition.computerName ?? definition.cloneOf ?? name,
      identity: definition.cloneOf ?? name,
      sequenceTimeStamp: definition.sequenceTimeStamp ?? FIRST_INSTALLATION_S + index * DAY_S,
      load: loads.get(name) ?? null,
      http: definition.http ?? overHttp,
      restarts: restarting.has(name),
    })),
    gateway: topology.gateway ?? null,
    gatewayHosts,
    problems,
  }
}

function namedMachines(topology: Scenario['topology'], problems: Problem[]): NamedMachine[] {
  const named: NamedMachine[] = []
  for (const [role, key, letter] of [
    ['receiver', 'receivers', 'R'],
    ['front-end', 'frontEnds', 'F'],
    ['sender', 'senders', 'S'],
  ] as const) {
    let next = 1
    for (const [index, definition] of topology[key].entries()) {
      const path = ['topology', key, index]
      if (definition.name !== undefined && definition.count > 1) {
        problems.push({ path: [...path, 'name'], what: 'a name and a count of more than 1 exclude each other' })
      }
      if (role === 'front-end' && definition.mapping.length === 0 && topology.backEnd === undefined) {
        problems.push({ path, what: 'front ends forward to a backEnd, or by a mapping of their own: neither is there' })
      }
      for (let n = 0; n < definition.count; n++) {
        named.push({ name: definition.name ?? `${letter}${next}`, role, definition, path })
        next++
      }
    }
    const { backEnd } = topology
    if (role === 'receiver' && backEnd !== undefined) {
      named.push({ name: backEnd.name ?? 'B1', role, definition: backEnd, path: ['topology', 'backEnd'] })
    }
  }
  return named
}

/** `text` with its placeholders replaced; `lookUp` gets what stands between the braces. */
export function substitute(text: string, lookUp: (name: string) => string): string {
  return text.replace(PLACEHOLDER, (_, inside: string) => lookUp(inside))
}
