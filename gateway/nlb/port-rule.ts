import { WEIGHT_MAX } from './bucket-map.js'
import type { Affinity } from './hash.js'

/** `VirtualIpAddress` of a rule that is for all cluster addresses. */
export const ALL_ADDRESSES = '255.255.255.255'

/** Most port rules of one cluster; with the default rule that fills the 33 places of a heartbeat. [D] */
export const RULES_MAX = 32

/** `single`: one host takes all. `multiple`: spread by weight. `disabled`: all hosts drop, as a firewall would. */
export type FilteringMode = 'single' | 'multiple' | 'disabled'

export type RuleProtocol = 'tcp' | 'udp' | 'both'

/** Longest extended affinity, minutes. [D] */
export const AFFINITY_TIMEOUT_MAX_MINUTES = 240

/**
 * What must be the same on all hosts: fields, values and defaults of MicrosoftNLB_PortRuleEx. [D] Under `single` the
 * affinity does not count, under `disabled` neither it nor the timeout.
 */
export interface PortRule {
  /** A cluster address, or `255.255.255.255` for all (default). */
  readonly address: string
  /** 0 to 65535, both included. Default 0 to 65535. */
  readonly startPort: number
  readonly endPort: number
  /** Default `both`. */
  readonly protocol: RuleProtocol
  /** Default `multiple`. */
  readonly mode: FilteringMode
  /** Default `single`. */
  readonly affinity: Affinity
  /**
   * Extended affinity (2008 R2 and later): how long a client stays with its host after its last connection ended, 0 to
   * 240 minutes; 0 = off. WMI lists 20 as the default, the cmdlets 0; ours is 0. Only for `multiple` with affinity
   * `single` or `network`.
   */
  readonly timeoutMinutes: number
}

/** What of a rule each host has for itself. [D] */
export interface HostRule {
  /** `LoadWeight`, 0 to 100, default 50; 0 takes nothing. Hosts with `EqualLoad` have 50. */
  readonly weight: number
  /** Under `single`: 1 is the highest, unique. Default: the host's priority. */
  readonly handlingPriority: number
}

/** `LoadWeight` of a host that states none. [D] */
export const WEIGHT_DEFAULT = 50

/** What an administrator sees as a rule's `PortState` on one host. [D] */
export type PortState = 'enabled' | 'disabled' | 'draining'

/** As people write it: `TCP 1801`, `both 0-65535 at 10.0.0.100`. */
export function portRuleText({ address, startPort, endPort, protocol }: PortRule): string {
  const ports = startPort === endPort ? `${startPort}` : `${startPort}-${endPort}`
  const at = address === ALL_ADDRESSES ? '' : ` at ${address}`
  return `${protocol === 'both' ? 'TCP+UDP' : protocol.toUpperCase()} ${ports}${at}`
}

/**
 * Index of the rule for a packet, or -1: then the default host takes it. Rules do not overlap, but that one for a single
 * address goes before one for all.
 */
export function findRule(rules: readonly PortRule[], protocol: 'tcp' | 'udp', address: string, port: number): number {
  let general = -1
  for (let index = 0; index < rules.length; index++) {
    const rule = rules[index]!
    if (port < rule.startPort || port > rule.endPort) continue
    if (rule.protocol !== 'both' && rule.protocol !== protocol) continue
    if (rule.address === address) return index
    if (rule.address === ALL_ADDRESSES && general < 0) general = index
  }
  return general
}

/** What hosts compare with each other: rules that differ in number, range, protocol, mode or affinity do not converge. [D] */
export function rulesCode(rules: readonly PortRule[]): string {
  return rules
    .map(rule => `${portRuleText(rule)} ${rule.mode} ${rule.mode === 'multiple' ? rule.affinity : ''}`)
    .sort()
    .join('; ')
}

/** Whether they are the same in all, their order included. */
export function sameRules(a: readonly PortRule[], b: readonly PortRule[]): boolean {
  const same = (one: PortRule, other: PortRule) =>
    (Object.keys(one) as (keyof PortRule)[]).every(field => one[field] === other[field])
  return a === b || (a.length === b.length && a.every((rule, index) => same(rule, b[index]!)))
}

/**
 * What is wrong with the rules, one line each, and where: `index` of the rule and the field. Hard errors only; what is
 * allowed and unwise is {@link ruleAdvice}.
 */
export interface RuleProblem {
  readonly index: number
  readonly field: keyof PortRule
  readonly what: string
}

export function ruleProblems(rules: readonly PortRule[], addresses: readonly string[]): RuleProblem[] {
  const problems: RuleProblem[] = []
  for (const [index, rule] of rules.entries()) {
    const wrong = (field: keyof PortRule, what: string) => problems.push({ index, field, what })
    if (index === RULES_MAX) wrong('startPort', `more than ${RULES_MAX} rules`)
    if (rule.address !== ALL_ADDRESSES && !addresses.includes(rule.address))
      wrong('address', `${rule.address} is no cluster address: one of ${[...addresses, ALL_ADDRESSES].join(', ')}`)
    for (const field of ['startPort', 'endPort'] as const) {
      const port = rule[field]
      if (!Number.isInteger(port) || port < 0 || port > 65_535) wrong(field, `${port}: 0 to 65535 allowed`)
    }
    if (rule.startPort > rule.endPort) wrong('endPort', `${rule.endPort} is below the start port ${rule.startPort}`)
    const { timeoutMinutes } = rule
    if (!Number.isInteger(timeoutMinutes) || timeoutMinutes < 0 || timeoutMinutes > AFFINITY_TIMEOUT_MAX_MINUTES)
      wrong('timeoutMinutes', `${timeoutMinutes}: 0 to ${AFFINITY_TIMEOUT_MAX_MINUTES} allowed`)
    else if (timeoutMinutes > 0 && (rule.mode !== 'multiple' || rule.affinity === 'none'))
      wrong('timeoutMinutes', 'extended affinity needs mode multiple and affinity single or network')
    const overlapped = rules.findIndex((other, place) => place < index && overlap(rule, other))
    if (overlapped >= 0) wrong('startPort', `${portRuleText(rule)} overlaps ${portRuleText(rules[overlapped]!)}`)
  }
  return problems
}

/** Allowed, and unwise: affinity `none` with UDP, since fragments carry no ports. [D] */
export function ruleAdvice(rules: readonly PortRule[]): RuleProblem[] {
  return rules.flatMap((rule, index) =>
    rule.mode === 'multiple' && rule.affinity === 'none' && rule.protocol !== 'tcp'
      ? [
          {
            index,
            field: 'affinity' as const,
            what: 'affinity none with UDP: IP fragments carry no ports and go astray',
          },
        ]
      : [],
  )
}

/** Whether a weight is one. */
export function isWeight(weight: number): boolean {
  return Number.isInteger(weight) && weight >= 0 && weight <= WEIGHT_MAX
}

function overlap(a: PortRule, b: PortRule): boolean {
  return (
    a.address === b.address &&
    a.startPort <= b.endPort &&
    b.startPort <= a.endPort &&
    (a.protocol === 'both' || b.protocol === 'both' || a.protocol === b.protocol)
  )
}
