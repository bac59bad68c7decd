import type { ClusterConfig } from '../nlb/cluster-config.js'
import { comment } from './comments.js'
import { type BalancerKind, kbLines } from './kb-rows.js'

/** What every rendering begins with: what it is, what it satisfies, and what it cannot do. */
export function header(
  cluster: ClusterConfig,
  product: string,
  how: readonly string[],
  kind: BalancerKind,
  limits: readonly string[],
): string[] {
  const { name, addresses, hosts } = cluster
  return comment([
    `${product} in place of the Windows NLB cluster ${name} (${addresses.join(', ')}; ${hosts.length} host${hosts.length === 1 ? '' : 's'}).`,
    ...how,
    '',
    ...kbLines(kind),
    '',
    'What it cannot do of what NLB does:',
    ...limits.map(limit => `  - ${limit}`),
    '',
  ])
}
