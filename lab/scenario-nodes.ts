import type { Scenario, ScenarioGateway, ScenarioLoad, ScenarioQueueManager } from './scenario-schema.js'

/** Name that the balanced nodes are known by, as in `DIRECT=OS:CLUSTER\private$\orders`. It resolves to the gateway. */
export const CLUSTER_NAME = 'CLUSTER'
export const GATEWAY_NAME = 'gateway'

/** One queue manager of a scenario, with its name. A receiver that has a load sends too. */
export interface ScenarioNode {
  readonly name: string
  readonly role: 'receiver' | 'sender'
  readonly definition: ScenarioQueueManager
  /** Node whose QMId it has; its own name when it is no clone. */
  readonly identity: string
  readonly sequenceTimeStamp: number
  readonly load: ScenarioLoad | null
}

export interface ScenarioNodes {
  readonly nodes: readonly ScenarioNode[]
  readonly gateway: ScenarioGateway | null
  readonly gatewayHosts: readonly string[]
  readonly problems: readonly { readonly path: readonly PropertyKey[]; readonly what: string }[]
}

/** 2020-09-13, a plausible moment of installation; later nodes are a day younger, so that sequence ids differ. */
const FIRST_INSTALLATION_S = 1_600_000_000
const DAY_S = 86_400
const PLACEHOLDER = /\{([^{}]*)\}/g

/** Names every node of a scenario, gives each its load, and says what does not fit together. */
export function scenarioNodes(scenario: Scenario): ScenarioNodes {
  const { topology } = scenario
  const problems: { path: readonly PropertyKey[]; what: string }[] = []
  const named: {
    name: string
    role: 'receiver' | 'sender'
    definition: ScenarioQueueManager
    path: readonly PropertyKey[]
  }[] = []

  for (const [role, key, letter] of [
    ['receiver', 'receivers', 'R'],
    ['sender', 'senders', 'S'],
  ] as const) {
    let next = 1
    for (const [index, definition] of topology[key].entries()) {
      const path = ['topology', key, index]
      if (definition.name !== undefined && definition.count > 1) {
        problems.push({ path: [...path, 'name'], what: 'a name and a count of more than 1 exclude each other' })
      }
      for (let n = 0; n < definition.count; n++) {
        named.push({ name: definition.name ?? `${letter}${next}`, role, definition, path })
        next++
      }
    }
  }
  const names = named.map(({ name }) => name)
  const exists = (name: string) => names.includes(name)
  const oneOf = `one of ${names.join(', ')}`
  const senders = named.filter(({ role }) => role === 'sender').map(({ name }) => name)

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
    if (load.perTransaction !== undefined && load.delivery !== 'transactional') {
      problems.push({ path: [...path, 'perTransaction'], what: 'only transactional messages have transactions' })
    }
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
    const { cloneOf } = definition
    if (cloneOf === undefined) continue
    const original = named.find(node => node.name === cloneOf)
    if (original === undefined)
      problems.push({ path: [...path, 'cloneOf'], what: `there is no node ${cloneOf}: ${oneOf}` })
    else if (cloneOf === name || original.definition.cloneOf !== undefined) {
      problems.push({ path: [...path, 'cloneOf'], what: `${cloneOf} is a clone itself: name the original` })
    }
  }

  const gatewayHosts =
    topology.gateway?.hosts ?? named.filter(({ role }) => role === 'receiver').map(({ name }) => name)
  for (const name of gatewayHosts) {
    if (!exists(name))
      problems.push({ path: ['topology', 'gateway', 'hosts'], what: `there is no node ${name}: ${oneOf}` })
  }

  return {
    nodes: named.map(({ name, role, definition }, index) => ({
      name,
      role,
      definition,
      identity: definition.cloneOf ?? name,
      sequenceTimeStamp: definition.sequenceTimeStamp ?? FIRST_INSTALLATION_S + index * DAY_S,
      load: loads.get(name) ?? null,
    })),
    gateway: topology.gateway ?? null,
    gatewayHosts,
    problems,
  }
}

function destinationProblem(
  to: string,
  exists: (name: string) => boolean,
  gateway: boolean,
  oneOf: string,
): string | null {
  if (!/^(DIRECT=(TCP|OS):[^\\]+\\PRIVATE\$\\.+|PRIVATE=[^\\]+\\[0-9a-f]{1,8})$/i.test(to)) {
    return `${to} is no format name for this: DIRECT=TCP:{vip}\\private$\\orders, DIRECT=OS:{cluster}\\private$\\orders or PRIVATE={R1.guid}\\64`
  }
  for (const [whole, inside] of to.matchAll(PLACEHOLDER)) {
    if (inside === 'vip' || inside === 'cluster') {
      if (!gateway) return `${whole} needs a gateway in the topology`
    } else if (!exists((inside ?? '').replace(/\.guid$/, ''))) {
      return `${whole} names nothing: {vip}, {cluster}, or {NAME} and {NAME.guid} with ${oneOf}`
    }
  }
  return null
}

/** `text` with its placeholders replaced; `lookUp` gets what stands between the braces. */
export function substitute(text: string, lookUp: (name: string) => string): string {
  return text.replace(PLACEHOLDER, (_, inside: string) => lookUp(inside))
}
