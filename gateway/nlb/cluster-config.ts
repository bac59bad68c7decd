import { ipBytes } from '../../protocol/ip-address.js'
import { HOST_ID_MAX } from './bucket-map.js'
import type { Affinity } from './hash.js'
import {
  ALL_ADDRESSES,
  type HostRule,
  isWeight,
  type PortRule,
  ruleProblems,
  rulesCode,
  WEIGHT_DEFAULT,
} from './port-rule.js'

/** How the cluster's MAC address is made. `unicast` is Windows' default. */
export type ClusterMode = 'unicast' | 'multicast' | 'igmp'

/**
 * How convergence goes. `2003` (and NT 4): done after three beats in agreement. `2008r2`: two phases, 3 + 6 + 1 beats, the
 * one history that is documented. [D]
 */
export type ConvergenceProfile = '2003' | '2008r2'

export interface ClusterParameters {
  /** `AliveMsgPeriod`, 100 to 10,000 ms, default 1,000. */
  readonly heartbeatPeriodMs: number
  /** `AliveMsgTolerance`: so many missed heartbeats and a host counts as dead. 5 to 100, default 5. */
  readonly heartbeatsMissedMax: number
  /** Default `2008r2`. */
  readonly profile: ConvergenceProfile
  /** `FilterIcmp`: one host answers pings, and not all. Default false. */
  readonly filterIcmp: boolean
  /** `MaxConnectionDescriptors` of each host, default 262,144. */
  readonly connectionsMax: number
}

export const CLUSTER_PARAMETERS: ClusterParameters = {
  heartbeatPeriodMs: 1000,
  heartbeatsMissedMax: 5,
  profile: '2008r2',
  filterIcmp: false,
  connectionsMax: 262_144,
}

/** `ClusterModeOnStart` and its kin: what a host is when the cluster comes up. */
export type InitialState = 'started' | 'stopped' | 'suspended'

export interface HostConfig {
  /** Unique; what views, events and decisions call it. */
  readonly name: string
  /** `HostPriority`, 1 to 32; the lowest present is the default host. Two with the same do not converge. */
  readonly priority: number
  /** Dedicated address: the host's own. */
  readonly address: string
  /** What it believes the rules to be: the cluster's, or others, and then it is not admitted. */
  readonly rules: readonly PortRule[]
  /** Its own part of each rule, by the rules' index. */
  readonly perRule: readonly HostRule[]
  readonly initial: InitialState
  /** When in each period it sends its heartbeat. Default: evenly spread over the hosts. */
  readonly beatOffsetMs: number
}

export interface ClusterConfig {
  /** Full internet name. */
  readonly name: string
  /** The first is the primary: the cluster's MAC address comes from it. */
  readonly addresses: readonly string[]
  readonly mode: ClusterMode
  readonly parameters: ClusterParameters
  readonly rules: readonly PortRule[]
  /** 1 to 32. */
  readonly hosts: readonly HostConfig[]
}

/** A rule as people give it: what is absent is the default of MicrosoftNLB_PortRuleEx. */
export type PortRuleInput = Partial<PortRule>

export interface HostInput {
  readonly name: string
  /** Default: the place in the list, from 1. */
  readonly priority?: number
  readonly address: string
  /** For all rules; default 50. */
  readonly weight?: number
  /** Under mode `single`; default: the host's priority. */
  readonly handlingPriority?: number
  /** What differs in single rules, by the rule's index. */
  readonly perRule?: readonly (Partial<HostRule> | undefined)[]
  /** Only for a host that was set up wrongly: rules of its own. */
  readonly rules?: readonly PortRuleInput[]
  readonly initial?: InitialState
  readonly beatOffsetMs?: number
}

export interface ClusterInput {
  /** Default `CLUSTER`. */
  readonly name?: string
  readonly addresses: readonly string[]
  /** Default `unicast`. */
  readonly mode?: ClusterMode
  readonly parameters?: Partial<ClusterParameters>
  /** Absent: Windows' default, one rule for everything. An empty list: no rule, and the default host takes all. */
  readonly rules?: readonly PortRuleInput[]
  readonly hosts: readonly HostInput[]
}

/** What is wrong with a cluster, and where: a path such as `['hosts', 2, 'priority']`. */
export interface ClusterProblem {
  readonly path: readonly (string | number)[]
  readonly what: string
}

/** A configuration that no cluster can have. `message` is the first problem, in one line. */
export class ClusterConfigError extends RangeError {
  override readonly name = 'ClusterConfigError'
  readonly problems: readonly ClusterProblem[]

  constructor(problems: readonly ClusterProblem[]) {
    const [first] = problems
    super(first === undefined ? 'not a cluster' : `${first.path.join('.')}: ${first.what}`)
    this.problems = problems
  }
}

/**
 * A cluster with all defaults filled in. What only fails to converge (two hosts of one priority, a host with other rules)
 * is allowed: that can be run, and seen.
 * @throws {ClusterConfigError}
 */
export function clusterConfig(input: ClusterInput): ClusterConfig {
  const parameters = { ...CLUSTER_PARAMETERS, ...input.parameters }
  const rules = (input.rules ?? [{}]).map(portRule)
  const hosts = input.hosts.map((host, index): HostConfig => {
    const priority = host.priority ?? index + 1
    const given = host.rules?.map(portRule) ?? rules
    // the order of rules means nothing
    const same = rulesCode(given) === rulesCode(rules)
    const ownRules = same ? rules : given
    const placeGiven = (rule: PortRule) => given.findIndex(other => rulesCode([other]) === rulesCode([rule]))
    const { weight = WEIGHT_DEFAULT, handlingPriority = priority, initial = 'started' } = host
    return {
      name: host.name,
      priority,
      address: host.address,
      rules: ownRules,
      perRule: ownRules.map(rule => ({ weight, handlingPriority, ...host.perRule?.[placeGiven(rule)] })),
      initial,
      beatOffsetMs:
        host.beatOffsetMs ?? Math.floor((parameters.heartbeatPeriodMs * index) / Math.max(1, input.hosts.length)),
    }
  })
  const { name = 'CLUSTER', mode = 'unicast', addresses } = input
  const config: ClusterConfig = { name, addresses, mode, parameters, rules, hosts }
  const problems = clusterProblems(config)
  if (problems.length > 0) throw new ClusterConfigError(problems)
  return config
}

function portRule(rule: PortRuleInput): PortRule {
  return {
    address: ALL_ADDRESSES,
    startPort: 0,
    endPort: 65_535,
    protocol: 'both',
    mode: 'multiple',
    affinity: 'single' satisfies Affinity,
    timeoutMinutes: 0,
    ...rule,
  }
}

const RANGES = [
  ['heartbeatPeriodMs', 100, 10_000],
  ['heartbeatsMissedMax', 5, 100],
  ['connectionsMax', 16, 1_048_576],
] as const

function clusterProblems(config: ClusterConfig): ClusterProblem[] {
  const { addresses, parameters, rules, hosts } = config
  const problems: ClusterProblem[] = []
  const wrong = (path: ClusterProblem['path'], what: string) => problems.push({ path, what })
  if (addresses.length === 0) wrong(['addresses'], 'a cluster needs an address')
  for (const [index, address] of addresses.entries())
    if (!isIpAddress(address)) wrong(['addresses', index], `${address} is no IP address`)
  for (const [field, min, max] of RANGES) {
    const value = parameters[field]
    if (!Number.isInteger(value) || value < min || value > max)
      wrong(['parameters', field], `${value}: ${min} to ${max} allowed`)
  }
  for (const { index, field, what } of ruleProblems(rules, addresses)) wrong(['rules', index, field], what)
  if (hosts.length === 0) wrong(['hosts'], 'a cluster needs a host')
  if (hosts.length > HOST_ID_MAX) wrong(['hosts'], `${hosts.length} hosts: at most ${HOST_ID_MAX}`)
  for (const [index, host] of hosts.entries()) {
    const { name, priority, address, perRule, beatOffsetMs } = host
    const at = (...rest: (string | number)[]) => ['hosts', index, ...rest]
    if (hosts.findIndex(other => other.name === name) !== index) wrong(at('name'), `two hosts are named ${name}`)
    if (!Number.isInteger(priority) || priority < 1 || priority > HOST_ID_MAX)
      wrong(at('priority'), `${priority}: 1 to ${HOST_ID_MAX} allowed`)
    if (!isIpAddress(address)) wrong(at('address'), `${address} is no IP address`)
    else if (addresses.includes(address)) wrong(at('address'), `${address} is the cluster's: a host needs its own`)
    if (!(beatOffsetMs >= 0 && beatOffsetMs < parameters.heartbeatPeriodMs))
      wrong(at('beatOffsetMs'), `${beatOffsetMs}: 0 to below the period of ${parameters.heartbeatPeriodMs} ms allowed`)
    if (host.rules !== rules)
      for (const problem of ruleProblems(host.rules, addresses))
        wrong(at('rules', problem.index, problem.field), problem.what)
    for (const [rule, { weight, handlingPriority }] of perRule.entries()) {
      if (!isWeight(weight)) wrong(at('perRule', rule, 'weight'), `${weight}: whole numbers 0 to 100 allowed`)
      if (!Number.isInteger(handlingPriority) || handlingPriority < 1 || handlingPriority > HOST_ID_MAX)
        wrong(at('perRule', rule, 'handlingPriority'), `${handlingPriority}: 1 to ${HOST_ID_MAX} allowed`)
    }
  }
  return problems
}

function isIpAddress(text: string): boolean {
  try {
    ipBytes(text)
    return true
  } catch {
    return false
  }
}
