import type { Explanation } from '../gateway/nlb/explain.js'
import { BUCKET_COUNT } from '../gateway/nlb/hash.js'
import type { HostState, HostView } from '../gateway/nlb/host-view.js'
import { type PortRule, portRuleText } from '../gateway/nlb/port-rule.js'
import { age } from './client-message-text.js'
import type { OrderResult } from './nlb-service.js'
import type { LoggedEvent, NlbView } from './nlb-view.js'
import { type Cell, type Style, styled, table } from './output.js'

/* What the verbs of `mqlab nlb` print for people. */

const STATES: Readonly<Record<HostState, string>> = {
  down: 'is down: the machine has no power',
  stopped: 'is stopped: it takes no part in the cluster',
  suspended: 'is suspended: it is stopped, and obeys nothing but resume',
  converging: 'is converging',
  draining: 'is draining: it takes nothing new, and stops when its last connection ends',
  converged: 'has converged',
  default: 'has converged as DEFAULT',
}

const STYLES: Partial<Record<HostState, Style>> = {
  down: 'red',
  stopped: 'yellow',
  converged: 'green',
  default: 'green',
}

/** `query`: a line for each host, and a table. */
export function queryText(view: NlbView, hosts: readonly HostView[]): string {
  const lines = hosts.map(host => {
    const { name, priority, state, phase, members, reached } = host
    const told = styled(STYLES[state] ?? 'bold', STATES[state])
    const inPhase = state === 'converging' && phase !== null ? ` (${phase})` : ''
    const with_ = members.length > 0 ? `; it counts ${members.join(', ')} as members` : ''
    const cut = reached || state === 'down' ? '' : '; clients’ packets do not reach it'
    return `Host ${priority} (${name}) ${told}${inPhase}${with_}${cut}.\n`
  })
  const rows = hosts.map(({ name, priority, address, state, sinceMs, connections, members }): Cell[] => [
    name,
    priority,
    address,
    state,
    state === 'down' ? null : age(view.nowMs - sinceMs),
    connections,
    members.length,
  ])
  const header = ['host', 'priority', 'address', 'state', 'since', 'connections', 'members']
  return `${headline(view)}${lines.join('')}\n${table(rows, header)}`
}

function headline({ name, cluster, converged }: NlbView): string {
  const state = converged ? styled('green', 'whole and converged') : styled('yellow', 'not converged, or not whole')
  return `Cluster ${name} (${cluster.addresses.join(', ')}): ${state}\n`
}

/** `params`, by the names of the registry (HKLM\SYSTEM\CurrentControlSet\Services\WLBS\Parameters). */
export function parameterRows({ name, cluster, hosts }: NlbView): [name: string, value: string, host: string | null][] {
  const { parameters, mode, addresses } = cluster
  const common: [string, string | number][] = [
    ['ClusterName', name],
    ['ClusterIPAddress', addresses.join(', ')],
    ['AliveMsgPeriod', parameters.heartbeatPeriodMs],
    ['AliveMsgTolerance', parameters.heartbeatsMissedMax],
    ['MulticastSupportEnable', mode === 'unicast' ? 0 : 1],
    ['IGMPSupport', mode === 'igmp' ? 1 : 0],
    ['FilterIcmp', parameters.filterIcmp ? 1 : 0],
    ['MaxConnectionDescriptors', parameters.connectionsMax],
  ]
  return [
    ...common.map(([parameter, value]): [string, string, null] => [parameter, String(value), null]),
    ...hosts.flatMap(({ name: host, priority, address }): [string, string, string][] => [
      ['HostPriority', String(priority), host],
      ['DedicatedIPAddress', address, host],
    ]),
  ]
}

export function paramsText(view: NlbView): string {
  const { hash, hashIsSubstitute, plane, mode, file, cluster } = view
  const rows = parameterRows(view).map(([parameter, value, host]) => [parameter, value, host ?? 'all hosts'])
  const own: [string, string][] = [
    ['convergence profile', cluster.parameters.profile],
    ['hash', hashIsSubstitute ? `${hash}, a substitute: that of Windows is not public` : hash],
    ['plane', `${plane}, ${mode}`],
    ['file', file],
  ]
  return `${table(rows, ['parameter', 'value', 'of'])}\n${table(own, ['of mqlab', 'value'])}`
}

export function rulesText({ cluster }: NlbView): string {
  if (cluster.rules.length === 0) return 'No port rules: the default host takes everything.\n'
  const rows = cluster.rules.map((rule, index): Cell[] => {
    const { mode, affinity, timeoutMinutes } = rule
    return [
      index,
      portRuleText(rule),
      mode,
      mode === 'multiple' ? affinity : null,
      timeoutMinutes > 0 ? `${timeoutMinutes} min` : null,
    ]
  })
  return table(rows, ['rule', 'ports', 'mode', 'affinity', 'extended'])
}

/** `queryport`: each rule on each host. `rule` -1 is what no rule covers. */
export interface PortRow {
  readonly rule: number
  readonly ports: string
  readonly host: string
  readonly state: string
  readonly weight: number | null
  readonly handlingPriority: number | null
  /** Of the 60. */
  readonly buckets: number
  readonly share: number
}

export function portRows(
  { cluster }: NlbView,
  hosts: readonly HostView[],
  chosen: (rule: PortRule, index: number) => boolean,
): PortRow[] {
  return cluster.rules.flatMap((rule, index) =>
    chosen(rule, index)
      ? hosts.flatMap(({ name, rules }): PortRow[] => {
          const own = rules[index]
          if (own === undefined) return []
          const { state, weight, handlingPriority, buckets } = own
          return [
            {
              rule: index,
              ports: portRuleText(rule),
              host: name,
              state,
              weight: rule.mode === 'multiple' ? weight : null,
              handlingPriority: rule.mode === 'single' ? handlingPriority : null,
              buckets,
              share: buckets / BUCKET_COUNT,
            },
          ]
        })
      : [],
  )
}

export function portText({ counters }: NlbView, rows: readonly PortRow[]): string {
  const cells = rows.map(({ ports, host, state, weight, handlingPriority, buckets, share }): Cell[] => [
    ports,
    host,
    state,
    weight,
    handlingPriority,
    buckets,
    `${Math.round(share * 1000) / 10} %`,
  ])
  const rules = table(cells, ['rule', 'host', 'state', 'weight', 'handling', 'buckets', 'share'])
  const hosts = [...new Set(rows.map(({ host }) => host))].flatMap((host): Cell[][] => {
    const counted = counters.hosts[host]
    return counted === undefined ? [] : [[host, counted.connections, counted.active, counted.datagrams]]
  })
  return `${rules}\nOver all rules, since the start:\n${table(hosts, ['host', 'connections', 'open', 'datagrams'])}`
}

export function eventsText(events: readonly LoggedEvent[]): string {
  if (events.length === 0) return 'No events.\n'
  return table(
    events.map(({ timeMs, host, id, text }): Cell[] => [
      new Date(timeMs).toISOString().slice('2000-01-01T'.length, -1),
      host,
      // A number of an event is a name: no thousands.
      id === null ? null : `event ${id}`,
      text,
    ]),
  )
}

export function ordersText(results: readonly OrderResult[]): string {
  return table(
    results.map(({ host, rule, code, text }): Cell[] => [
      host,
      ...(rule === null ? [] : [rule]),
      String(code ?? '-'),
      text,
    ]),
  )
}

export function explanationText(explanation: Explanation & { readonly note?: string }): string {
  const { note, packet, ruleText, key, hash, bucket, owners, hosts, summary, whatWouldChangeIt } = explanation
  const { protocol, sourceAddress, sourcePort, destinationAddress, destinationPort, sentBy } = packet
  const ports = (address: string, port: number) => (protocol === 'icmp' ? address : `${address}:${port}`)
  const rows: [string, string][] = [
    [
      'packet',
      `${protocol.toUpperCase()} ${ports(sourceAddress, sourcePort)} -> ${ports(destinationAddress, destinationPort)}${
        sentBy === undefined ? '' : `, sent by ${sentBy}`
      }`,
    ],
    ['rule', ruleText],
    ...(key === null || hash === null
      ? []
      : ([
          ['hashed', key],
          ['hash', isMeasured(hash) ? hash : `${hash}, a substitute: Windows may draw another bucket`],
          [
            'bucket',
            `${bucket} of ${BUCKET_COUNT}, ${owners.length === 0 ? 'of nobody' : `of ${owners.join(' and ')}`}`,
          ],
        ] satisfies [string, string][])),
  ]
  const lines = [
    table(rows),
    `\n${styled('bold', summary)}\n\n`,
    table(hosts.map(({ host, why }) => [`  ${host}`, why])),
  ]
  if (whatWouldChangeIt.length > 0)
    lines.push('\nWhat would change it:\n', ...whatWouldChangeIt.map(change => `  - ${change}\n`))
  if (note !== undefined) lines.push(`\n${note}\n`)
  return lines.join('')
}

const isMeasured = (hash: string) => hash.startsWith('measured')
