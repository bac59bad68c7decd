import type { Scenario, ScenarioFault, ScenarioGateway, ScenarioQueueManager } from './scenario-schema.js'

/** What in a scenario does not fit together, and where. */
export interface Problem {
  readonly path: readonly PropertyKey[]
  readonly what: string
}

/** Port of every HTTP listener in a scenario, gateway and machines alike: 80 would need root. */
export const HTTP_PORT = 8080

const PLACEHOLDER = /\{([^{}]*)\}/g
const FORMAT_NAME =
  /^(DIRECT=(TCP|OS):[^\\]+\\PRIVATE\$\\.+|DIRECT=HTTP:\/\/[^/\\]+[/\\]msmq[/\\]private\$[/\\].+|PRIVATE=[^\\]+\\[0-9a-f]{1,8})$/i

type Exists = (name: string) => boolean

export const isHttp = (formatName: string) => /^DIRECT=HTTP:/i.test(formatName)

/** What is wrong with a destination; null for one that names a machine of the scenario. */
export function destinationProblem(to: string, exists: Exists, gateway: boolean, oneOf: string): string | null {
  if (!FORMAT_NAME.test(to)) {
    return `${to} is no format name for this: DIRECT=TCP:{vip}\\private$\\orders, DIRECT=OS:{cluster}\\private$\\orders, DIRECT=HTTP://{vip}:${HTTP_PORT}/msmq/private$/orders or PRIVATE={R1.guid}\\64`
  }
  return (isHttp(to) ? portProblem(to) : null) ?? placeholderProblem(to, exists, gateway, oneOf)
}

/** What is wrong with the URLs and names that a machine is given for itself. */
export function ownHttpProblems(
  { mapping, aliases, sendReceiptsTo }: ScenarioQueueManager,
  path: readonly PropertyKey[],
  exists: Exists,
  gateway: boolean,
  oneOf: string,
): Problem[] {
  const given: readonly (readonly [readonly PropertyKey[], string])[] = [
    ...mapping.flatMap(({ from, to }, index) => [
      [['mapping', index, 'from'], from] as const,
      [['mapping', index, 'to'], to] as const,
    ]),
    ...aliases.map((alias, index) => [['aliases', index], alias] as const),
    ...(sendReceiptsTo === undefined ? [] : [[['sendReceiptsTo'], sendReceiptsTo] as const]),
  ]
  return given.flatMap(([place, text]) => {
    const what = (place[0] === 'aliases' ? null : portProblem(text)) ?? placeholderProblem(text, exists, gateway, oneOf)
    return what === null ? [] : [{ path: [...path, ...place], what }]
  })
}

/** What only a gateway that reads HTTP can do. */
export function gatewayProblems({ topology: { gateway } }: Scenario, hosts: readonly string[]): Problem[] {
  if (gateway === undefined) return []
  return [...kindProblems(gateway, hosts), ...(gateway.protocol === 'http' ? [] : httpProblems(gateway))]
}

/** What Windows NLB does not have, what only it has, and names that are no host's. */
function kindProblems(gateway: ScenarioGateway, hosts: readonly string[]): Problem[] {
  const path = ['topology', 'gateway']
  if (gateway.kind === 'nlb') {
    const foreign = APPLIANCE_KEYS.filter(key => gateway[key] !== undefined)
    return [
      ...(gateway.source === 'keep' ? [] : [{ path: [...path, 'source'], what: 'Windows NLB keeps it: source: keep' }]),
      ...(gateway.balance === 'connection'
        ? []
        : [{ path: [...path, 'balance'], what: 'Windows NLB sees no requests' }]),
      ...foreign.map(key => ({ path: [...path, key], what: 'not of Windows NLB: only for kind: appliance' })),
      ...(['weights', 'priorities'] as const).flatMap(key =>
        Object.keys(gateway[key] ?? {}).flatMap(name =>
          hosts.includes(name) ? [] : [{ path: [...path, key, name], what: `no host: one of ${hosts.join(', ')}` }],
        ),
      ),
    ]
  }
  const keys = NLB_KEYS.filter(key => gateway[key] !== undefined)
  return keys.map(key => ({ path: [...path, key], what: 'only for a cluster: add kind: nlb' }))
}

const APPLIANCE_KEYS = [
  'cutAfterBytes',
  'cutConnectionsMax',
  'idleTimeoutMs',
  'forwardedFor',
  'healthCheck',
  'dropAnswers',
] as const
const NLB_KEYS = ['heartbeatPeriodMs', 'profile', 'weights', 'priorities'] as const

function httpProblems(gateway: ScenarioGateway): Problem[] {
  const keys = [
    ...(gateway.balance === 'request' ? ['balance'] : []),
    ...(['forwardedFor', 'healthCheck', 'dropAnswers'] as const).filter(key => gateway[key] !== undefined),
  ]
  return keys.map(key => ({
    path: ['topology', 'gateway', key],
    what: 'only for a gateway that reads HTTP: add protocol: http',
  }))
}

/** Faults that befall nobody, or somebody whose ledger would go with it. */
export function faultProblems(
  { faults, topology }: Scenario,
  names: readonly string[],
  loaded: ReadonlySet<string>,
  gatewayHosts: readonly string[],
): Problem[] {
  return faults.flatMap((fault, index): Problem[] => {
    const path = ['faults', index]
    const given = FAULT_KEYS.filter(key => fault[key] !== undefined)
    const [key] = given
    if (key === undefined || given.length > 1) {
      return [{ path, what: 'a fault is one of kill, stop, leave, partition and learnMac, with the names of machines' }]
    }
    const problems: Problem[] = []
    if (key === 'partition' || key === 'learnMac') {
      if (topology.gateway?.kind !== 'nlb')
        problems.push({ path: [...path, key], what: 'only for a gateway of kind: nlb' })
      const named = key === 'partition' ? (fault.partition ?? []).flat() : [fault.learnMac!]
      for (const name of named.filter(one => !gatewayHosts.includes(one)))
        problems.push({ path: [...path, key], what: `${name} is no host: one of ${gatewayHosts.join(', ')}` })
      if (key === 'partition' && (new Set(named).size < named.length || named.length < gatewayHosts.length))
        problems.push({ path: [...path, key], what: `each host is in one group: ${gatewayHosts.join(', ')}` })
      return problems
    }
    const who = key === 'leave' ? gatewayHosts : names
    for (const name of fault[key] ?? []) {
      const at = [...path, key]
      if (!who.includes(name)) {
        const allowed = who.length === 0 ? 'there is no gateway' : `one of ${who.join(', ')}`
        problems.push({ path: at, what: `${name} is nobody that can ${key === 'leave' ? 'leave' : 'end'}: ${allowed}` })
      } else if (isOutAlready(faults, index, name)) {
        problems.push({ path: at, what: `another fault has ${name} out at that time` })
      } else if (key !== 'leave' && loaded.has(name)) {
        problems.push({ path: at, what: `${name} has a load, and what became of that only it knows: name another` })
      }
    }
    if (fault.drain !== undefined && key !== 'leave') {
      problems.push({ path: [...path, 'drain'], what: 'only who leaves can drain' })
    }
    return problems
  })
}

const FAULT_KEYS = ['kill', 'stop', 'leave', 'partition', 'learnMac'] as const

/** Whether an earlier fault, or one before it in the list at the same time, keeps `name` out when fault `index` begins. */
function isOutAlready(faults: readonly ScenarioFault[], index: number, name: string): boolean {
  const { atS } = faults[index]!
  return faults.some(({ kill = [], stop = [], leave = [], ...other }, place) => {
    if (place === index || ![...kill, ...stop, ...leave].includes(name)) return false
    const begins = other.atS < atS || (other.atS === atS && place < index)
    return begins && atS < other.atS + (other.backAfterS ?? Number.POSITIVE_INFINITY)
  })
}

function portProblem(url: string): string | null {
  const port = /^(?:DIRECT=)?http:\/\/[^/\\:]+(?::(\d+))?[/\\]/i.exec(url)?.[1]
  return port === String(HTTP_PORT) ? null : `${url} is listened for by nobody: the port is ${HTTP_PORT}`
}

function placeholderProblem(text: string, exists: Exists, gateway: boolean, oneOf: string): string | null {
  for (const [whole, inside] of text.matchAll(PLACEHOLDER)) {
    if (inside === 'vip' || inside === 'cluster' || inside === 'cluster.guid') {
      if (!gateway) return `${whole} needs a gateway in the topology`
    } else if (!exists((inside ?? '').replace(/\.guid$/, ''))) {
      return `${whole} names nothing: {vip}, {cluster}, {cluster.guid}, or {NAME} and {NAME.guid} with ${oneOf}`
    }
  }
  return null
}
