import type { Translation } from '../balancer-sides.js'
import { addressedTo } from './format-names.js'
import type { ScenarioFacts } from './scenario-facts.js'
import { endKey, type SeenEnd } from './seen-end.js'
import type { SeenRoute } from './seen-routes.js'

/** A balancer as a capture shows it. */
export interface SeenBalancer {
  /** Addresses of the cluster, and those that it shows to hosts in place of its clients': no machine's own. */
  readonly addresses: ReadonlySet<string>
  readonly source: 'keep' | 'translate'
  readonly isHttp: boolean
  readonly perRequest: boolean
  readonly affinity: 'none' | 'single'
  /** Some client came more than once, so that the affinity is what was seen, and not a guess. */
  readonly isAffinitySeen: boolean
  readonly hosts: readonly SeenEnd[]
  /** Whether an end is the balancer itself: where both sides of it were captured, and no QMId tells of a host behind. */
  isItself(end: SeenEnd): boolean
  /** Why its being there, or the way it treats addresses, is inferred and not seen. */
  readonly doubt: string | null
}

/**
 * The balancer of a capture, or null. It shows itself by connections captured on both sides, by an address at which several
 * machines answer, by messages to an address that is not the one their connection goes to, or by several machines that come
 * from one address.
 */
export function balancerIn(facts: ScenarioFacts, translations: readonly Translation[]): SeenBalancer | null {
  const routes = facts.routes.list()
  const virtual = new Set(translations.map(each => each.virtual))
  const sources = new Set(translations.filter(each => each.client !== each.seenAs).map(each => each.seenAs))
  const pairedHosts = new Set(translations.map(({ host }) => host))
  let doubt: string | null = null
  for (const [server, hosts] of hostsByServer(routes)) if (hosts.size > 1) virtual.add(server)
  if (virtual.size === 0) {
    for (const { destinations } of facts.loads.list())
      for (const { name, server } of destinations.values()) {
        const address = addressedTo(name)
        if (address !== null && address !== server) {
          virtual.add(address)
          doubt = `messages are addressed to ${address}, and their connections go to ${server}`
        }
      }
  }
  if (sources.size === 0) {
    for (const [address, clients] of clientsByAddress(routes))
      if (clients > 1) {
        sources.add(address)
        doubt = `several queue managers open sessions from ${address}`
        if (virtual.size === 0) virtual.add(address)
      }
  }
  if (virtual.size === 0) return null
  const balanced = routes.filter(
    ({ server, hosts }) =>
      virtual.has(server) || [...hosts.values()].some(({ end }) => doubt !== null && !virtual.has(end.address)),
  )
  const isHttp = balanced.some(route => route.isHttp)
  const perClient = hostsPerClient(balanced, translations, virtual)
  const repeated = perClient.filter(({ sessions, hosts }) => sessions > 1 || hosts > 1)
  const perRequest = isHttp && perClient.some(({ sessions, hosts }) => hosts > sessions)
  const own = new Set(
    translations.flatMap(each => [each.virtual, ...(each.client === each.seenAs ? [] : [each.seenAs])]),
  )
  const isItself = ({ qmId, address }: SeenEnd) => qmId === null && own.has(address)
  const hosts = new Map<string, SeenEnd>()
  for (const route of balanced)
    for (const { end } of route.hosts.values()) if (!isItself(end)) hosts.set(endKey(end), end)
  for (const address of pairedHosts)
    if (![...hosts.values()].some(end => end.address === address))
      hosts.set(address, { qmId: null, address, mac: null })
  return {
    addresses: new Set([...virtual, ...sources]),
    source: sources.size > 0 ? 'translate' : 'keep',
    isHttp,
    perRequest,
    affinity: repeated.some(client => client.hosts > 1) ? 'none' : 'single',
    isAffinitySeen: repeated.length > 0,
    isItself,
    hosts: [...hosts.values()].filter(
      ({ address, qmId, mac }) => !virtual.has(address) || qmId !== null || mac !== null,
    ),
    doubt,
  }
}

/** Distinct machines that answer at an address: by QMId, or over HTTP, where there is none, by link address. */
function hostsByServer(routes: readonly SeenRoute[]): Map<string, Set<string>> {
  const servers = new Map<string, Set<string>>()
  for (const { server, hosts } of routes) {
    const known = servers.get(server) ?? new Set<string>()
    servers.set(server, known)
    for (const { end } of hosts.values()) {
      const who = end.qmId ?? end.mac
      if (end.address === server && who !== null) known.add(who)
    }
  }
  return servers
}

function clientsByAddress(routes: readonly SeenRoute[]): Map<string, number> {
  const addresses = new Map<string, Set<string>>()
  for (const { client } of routes) {
    if (client.qmId === null) continue
    const known = addresses.get(client.address) ?? new Set<string>()
    addresses.set(client.address, known.add(client.qmId))
  }
  return new Map([...addresses].map(([address, clients]) => [address, clients.size]))
}

function hostsPerClient(
  routes: readonly SeenRoute[],
  translations: readonly Translation[],
  virtual: ReadonlySet<string>,
): { readonly sessions: number; readonly hosts: number }[] {
  return routes
    .filter(({ server }) => virtual.has(server))
    .map(({ client, server, hosts, sessions }) => {
      const paired = translations.filter(each => each.client === client.address && each.virtual === server)
      return { sessions, hosts: Math.max(hosts.size, new Set(paired.map(({ host }) => host)).size) }
    })
}
