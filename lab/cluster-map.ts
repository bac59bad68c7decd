import type { NlbCluster } from '../gateway/nlb/cluster.js'
import { findRule } from '../gateway/nlb/port-rule.js'

/** Who owns each of the 60 buckets: no name where packets are dropped by all, several after a partition. */
export type ClusterMap = readonly (readonly string[])[]

/** The map of one served port of a cluster, told whenever it is another than before. */
export class ClusterMapWatch {
  readonly #port: number
  #last = ''

  constructor(port: number) {
    this.#port = port
  }

  /** Null when nothing has changed since the last call. */
  take(cluster: NlbCluster): ClusterMap | null {
    const { rules, addresses } = cluster.config
    const owners = cluster.owners(findRule(rules, 'tcp', addresses[0]!, this.#port))
    const text = JSON.stringify(owners)
    if (text === this.#last) return null
    this.#last = text
    return owners
  }
}
