import { lookup } from 'node:dns/promises'
import type { Guid } from '../protocol/guid.js'
import type { ResolveQuery } from '../queue-manager/actions.js'

/** Finds IP addresses; an empty list when there are none. */
export type Resolver = (query: ResolveQuery) => Promise<readonly string[]> | readonly string[]

export interface ResolverTable {
  /** By machine name; case does not matter. */
  readonly names?: Readonly<Record<string, readonly string[]>>
  /** By GUID of the queue manager, or of a public queue; what a directory service would answer. */
  readonly queueManagers?: Readonly<Record<Guid, readonly string[]>>
  /** Ask the operating system for names that the table does not have. Default false. */
  readonly system?: boolean
}

export function createResolver(table: ResolverTable): Resolver {
  const names = lowerCased(table.names ?? {})
  const queueManagers = lowerCased(table.queueManagers ?? {})
  return query => {
    if (query.kind !== 'name') return queueManagers.get(query.guid.toLowerCase()) ?? []
    const found = names.get(query.name.toLowerCase())
    if (found !== undefined) return found
    return table.system ? systemAddresses(query.name) : []
  }
}

async function systemAddresses(name: string): Promise<readonly string[]> {
  try {
    const found = await lookup(name, { all: true, verbatim: false })
    return found.map(({ address }) => address)
  } catch {
    return []
  }
}

function lowerCased(record: Readonly<Record<string, readonly string[]>>): Map<string, readonly string[]> {
  return new Map(Object.entries(record).map(([key, addresses]) => [key.toLowerCase(), addresses]))
}
