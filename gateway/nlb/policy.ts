import { type BucketMap, EMPTY_BUCKET_MAP, NOBODY, nextBucketMap, type WeightedHost } from './bucket-map.js'
import { type Affinity, type BucketHash, nlbSub1 } from './hash.js'
import type { ClusterVerdict } from './packet.js'

/** What a balancer decided for one new connection. */
export interface Decision {
  /** Name of the chosen host, or null when nobody takes the connection. */
  readonly host: string | null
  /** One line for people: why this host. */
  readonly reason: string
  /** Bucket the client hashed to, where the policy works with buckets. */
  readonly bucket?: number
  /**
   * Of a cluster of hosts that each decide for themselves: what each said. With `host` null nobody took it, and nobody
   * will answer either: the client hears nothing.
   */
  readonly verdict?: ClusterVerdict
}

export interface Client {
  readonly address: string
  readonly port: number
}

/** Chooses the host for a new connection. Pure: no I/O, no clock; a live cluster answers from its present state. */
export interface Policy {
  /** `except` names hosts found dead for this connection; a balancer without health checks never passes it. */
  pick(client: Client, except?: ReadonlySet<string>): Decision
  /** The connection that was picked for has ended; for policies that keep account of connections. */
  released?(client: Client): void
}

export interface StaticHost extends WeightedHost {
  readonly name: string
}

export interface StaticPolicyOptions {
  readonly hosts: readonly StaticHost[]
  readonly affinity: Affinity
  /** Default `nlb-sub-1`, a substitute for the unpublished hash of Windows NLB. */
  readonly hash?: BucketHash
}

/**
 * A port rule in multiple-hosts mode over hosts that never come or go: the client's bucket decides. Never round robin:
 * the same client gets the same host, after a restart too.
 */
export function createStaticPolicy(options: StaticPolicyOptions): Policy {
  const { hosts, affinity, hash = nlbSub1 } = options
  const names = new Map(hosts.map(({ id, name }) => [id, name]))
  const map = nextBucketMap(EMPTY_BUCKET_MAP, hosts)

  return {
    pick(client, except) {
      const bucket = hash.bucket(affinity, client.address, client.port)
      const draw = `${hash.name} affinity ${affinity}: bucket ${bucket}`
      const owner = map[bucket] ?? NOBODY
      const name = names.get(owner)
      if (name === undefined) return { host: null, bucket, reason: `${draw} has no owner` }
      if (!except?.has(name)) return { host: name, bucket, reason: `${draw} belongs to host ${owner}` }
      const heir = healthyMap(except)[bucket] ?? NOBODY
      const heirName = names.get(heir)
      return heirName === undefined
        ? { host: null, bucket, reason: `${draw} belongs to host ${owner}, no host is left` }
        : { host: heirName, bucket, reason: `${draw} belongs to host ${owner}, taken over by host ${heir}` }
    },
  }

  function healthyMap(except: ReadonlySet<string>): BucketMap {
    return nextBucketMap(
      map,
      hosts.filter(({ name }) => !except.has(name)),
    )
  }
}
