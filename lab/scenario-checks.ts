import type { Scenario, ScenarioGateway, ScenarioQueueManager } from './scenario-schema.js'

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
  const problems: Problem[] = keys.map(key => ({ path: [...path, key], what: 'only for a cluster: add kind: nlb' }))
  if (gateway.idleManner !== undefined && gateway.idleTimeoutMs === undefined)
    problems.push({ path: [...path, 'idleManner'], what: 'only with an idle limit: add idleTimeoutMs' })
  return problems
}

const APPLIANCE_KEYS = [
  'cutAfterBytes',
  'cutConnectionsMax',
  'idleTimeoutMs',
  'idleManner',
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
