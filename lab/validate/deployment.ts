import { SETTINGS, type SettingName } from '../../queue-manager/settings.js'
import { BALANCERS, type BalancerDefaults } from './balancer-kinds.js'
import { type Destination, readDestination } from './destination.js'
import type {
  Topology,
  TopologyBalancer,
  TopologyMachine,
  TopologyNode,
  TopologyQueue,
  TopologySend,
} from './topology-schema.js'

export type MachineRole = 'sender' | 'node' | 'back-end'

/** One machine of a topology, with its name. */
export interface Machine {
  readonly name: string
  readonly role: MachineRole
  readonly path: readonly PropertyKey[]
  readonly definition: TopologyMachine
  /** Queues that messages can be put into. */
  readonly queues: readonly TopologyQueue[]
  /** Machine whose QMId it has; its own name when it is no copy, or has made a new one. */
  readonly identity: string
  /** It passes on what comes for queues of others. */
  readonly isFrontEnd: boolean
}

/** The balancer with everything that its kind decides filled in. */
export interface Balancer
  extends Omit<TopologyBalancer, 'source' | 'destination' | 'affinity' | 'idleTimeoutS' | 'check'> {
  readonly title: string
  readonly isNlb: boolean
  /** null: the file does not say, and the kind leaves it open. */
  readonly source: 'keep' | 'snat' | 'proxy-protocol' | null
  readonly destination: 'cluster' | 'host'
  readonly affinity: 'none' | 'single' | 'network'
  readonly idleTimeoutS: number
  readonly check: 'none' | 'tcp' | 'msmq' | 'http'
}

/** Messages of one kind. */
export interface Send extends TopologySend {
  readonly path: readonly PropertyKey[]
  readonly senders: readonly Machine[]
  readonly destinations: readonly Destination[]
  readonly isTransactional: boolean
}

/** A topology with its machines named, its destinations read, and all that goes without saying said. */
export interface Deployment {
  readonly topology: Topology
  readonly machines: readonly Machine[]
  readonly senders: readonly Machine[]
  /** The balanced machines, or those that receive where there is no balancer. */
  readonly nodes: readonly Machine[]
  readonly backEnds: readonly Machine[]
  readonly balancer: Balancer | null
  readonly sends: readonly Send[]
}

/** What in a topology does not fit together, and where. */
export interface TopologyProblem {
  readonly path: readonly PropertyKey[]
  readonly what: string
}

const ROLES = [
  { role: 'sender', key: 'senders' },
  { role: 'node', key: 'nodes' },
  { role: 'back-end', key: 'backEnds' },
] as const

/** All balanced machines, as who sends. */
const ALL_NODES = 'nodes'

export function deploymentOf(topology: Topology): { deployment: Deployment; problems: readonly TopologyProblem[] } {
  const problems: TopologyProblem[] = []
  const machines = machinesOf(topology, problems)
  const byRole = (role: MachineRole) => machines.filter(machine => machine.role === role)
  const [senders, nodes, backEnds] = [byRole('sender'), byRole('node'), byRole('back-end')]
  const balancer = topology.balancer === undefined ? null : balancerOf(topology.balancer)
  if (topology.balancer !== undefined) problems.push(...balancerProblems(topology.balancer))
  for (const { name, path, definition } of nodes) {
    const { forwardTo } = definition as TopologyNode
    if (forwardTo === undefined || backEnds.some(other => other.name === forwardTo)) continue
    const allowed = backEnds.length === 0 ? 'there are no backEnds' : `one of ${namesOf(backEnds)}`
    problems.push({ path: [...path, 'forwardTo'], what: `${name} cannot forward to ${forwardTo}: ${allowed}` })
  }
  const sends = topology.sends.map((send, index): Send => {
    const path = ['sends', index]
    const from = send.from ?? senders.map(({ name }) => name)
    if (from.length === 0)
      problems.push({ path, what: 'there are no senders: add senders, or name who sends with from' })
    for (const name of from)
      if (name !== ALL_NODES && !machines.some(machine => machine.name === name))
        problems.push({ path: [...path, 'from'], what: `there is no machine ${name}: nodes, or ${namesOf(machines)}` })
    if (send.perTransaction > 1 && send.delivery !== 'transactional')
      problems.push({ path: [...path, 'perTransaction'], what: 'only transactional messages have transactions' })
    const destinations = send.to.flatMap((text, place): Destination[] => {
      const read = readDestination(text, { machines, balancer: topology.balancer ?? null })
      if (typeof read !== 'string') return [read]
      problems.push({ path: [...path, 'to', place], what: read })
      return []
    })
    return {
      ...send,
      path,
      senders: machines.filter(
        ({ name, role }) => from.includes(name) || (role === 'node' && from.includes(ALL_NODES)),
      ),
      destinations,
      isTransactional: send.delivery === 'transactional',
    }
  })
  return { deployment: { topology, machines, senders, nodes, backEnds, balancer, sends }, problems }
}

/** The value that a machine's queue manager works with. */
export function settingOf({ definition }: Machine, name: SettingName): number {
  const entry = Object.entries(definition.registry).find(([key]) => key.toLowerCase() === name.toLowerCase())
  return typeof entry?.[1] === 'number' ? entry[1] : SETTINGS[name].default
}

/** Whether what is sent can reach a node by way of the balancer. */
export const goesThroughBalancer = ({ destinations }: Send) => destinations.some(({ at }) => at === 'balancer')

/** Where messages for `queue` end that a balancer brings to `node`: itself, the machine it forwards to, or nowhere. */
export function holderOf(node: Machine, queue: string, { backEnds }: Deployment): Machine | null {
  const { forwardTo, mapping } = node.definition as TopologyNode
  const path = `/msmq/${queue.replaceAll('\\', '/')}`.toLowerCase()
  const rule = mapping.find(({ from }) => from.toLowerCase().replaceAll('\\', '/').endsWith(path))
  if (rule !== undefined) {
    const [, host = ''] = /^https?:\/\/([^/\\:]+)/i.exec(rule.to) ?? []
    return backEnds.find(({ name, definition }) => [`{${name}}`, name, definition.address].includes(host)) ?? null
  }
  const backEnd = backEnds.find(({ name }) => name === forwardTo)
  if (backEnd !== undefined && queueOf(backEnd, queue) !== undefined) return backEnd
  return queueOf(node, queue) !== undefined ? node : null
}

/** Machines whose queues a message to `destination` can come to; null stands for one that has no such queue. */
export function targetsOf({ at, queue }: Destination, deployment: Deployment): readonly (Machine | null)[] {
  if (at === null || queue === null) return []
  return [...new Set((at === 'balancer' ? deployment.nodes : [at]).map(node => holderOf(node, queue, deployment)))]
}

/** The queue of a machine by its name, without regard to case. */
export const queueOf = (machine: Machine, name: string | null) =>
  machine.queues.find(queue => queue.name.toLowerCase() === name?.toLowerCase())

/** Whether each message finds its queue, wherever it comes, and the queue takes messages of its kind. */
export function lands({ destinations, isTransactional }: Send, deployment: Deployment): boolean {
  return destinations.every(destination =>
    targetsOf(destination, deployment).every(
      machine => machine !== null && queueOf(machine, destination.queue)?.transactional === isTransactional,
    ),
  )
}

export const namesOf = (machines: readonly Machine[]) => machines.map(({ name }) => name).join(', ')

/** `S1`, `S1 and S2`, `S1, S2 and 7 more`. */
export function fewNames(machines: readonly Machine[]): string {
  const names = machines.map(({ name }) => name)
  if (names.length > 3) return `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function machinesOf(topology: Topology, problems: TopologyProblem[]): Machine[] {
  const machines: Machine[] = []
  for (const { role, key } of ROLES) {
    const counts: Record<string, number> = {}
    const firstCopy: { name?: string } = {}
    for (const [index, definition] of topology[key].entries()) {
      const path = [key, index]
      if (definition.name !== undefined && definition.count > 1)
        problems.push({ path: [...path, 'name'], what: 'a name and a count of more than 1 exclude each other' })
      const { queues = [], forwardTo, mapping = [] } = definition as Partial<TopologyNode>
      const isFrontEnd = forwardTo !== undefined || mapping.length > 0
      const letter = role === 'sender' ? 'S' : role === 'back-end' ? 'B' : isFrontEnd ? 'F' : 'R'
      for (let n = 0; n < definition.count; n++) {
        counts[letter] = (counts[letter] ?? 0) + 1
        const name = definition.name ?? `${letter}${counts[letter]}`
        if (machines.some(machine => machine.name.toLowerCase() === name.toLowerCase()))
          problems.push({ path, what: `two machines are named ${name}: names must differ` })
        if (definition.identity === 'cloned') firstCopy.name ??= name
        const identity = definition.identity === 'cloned' ? firstCopy.name! : name
        machines.push({ name, role, path, definition, queues, identity, isFrontEnd })
      }
    }
  }
  return machines
}

function balancerOf(balancer: TopologyBalancer): Balancer {
  const defaults: BalancerDefaults = BALANCERS[balancer.kind]
  const isNlb = balancer.kind === 'windows-nlb'
  return {
    ...balancer,
    title: defaults.title,
    isNlb,
    source: balancer.source ?? defaults.source,
    destination: balancer.destination ?? defaults.destination,
    affinity: balancer.affinity ?? defaults.affinity,
    idleTimeoutS: balancer.idleTimeoutS ?? defaults.idleTimeoutS,
    check: balancer.check ?? defaults.check,
  }
}

function balancerProblems(balancer: TopologyBalancer): TopologyProblem[] {
  const at = (key: keyof TopologyBalancer, what: string): TopologyProblem => ({ path: ['balancer', key], what })
  if (balancer.kind !== 'windows-nlb')
    return balancer.portRules === undefined ? [] : [at('portRules', 'only Windows NLB has them: kind: windows-nlb')]
  return [
    ...(balancer.source === undefined || balancer.source === 'keep'
      ? []
      : [at('source', 'Windows NLB rewrites no address: source: keep, or another kind')]),
    ...(balancer.balance === 'request' ? [at('balance', 'Windows NLB sees no requests: balance: connection')] : []),
    ...(balancer.check === undefined || balancer.check === 'none'
      ? []
      : [at('check', 'Windows NLB looks after hosts, not after services: check: none')]),
  ]
}
