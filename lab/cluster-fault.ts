import type { FaultEvent } from './history.js'

/**
 * What befalls the hosts of a balancer, or what lies between them. Of an appliance only `leave` and `join` mean something: it
 * finds out by itself, or not at all, what else has happened to its hosts.
 */
export type ClusterFault =
  /** Out of the cluster at once, or with `drain` as soon as it has no connections left. */
  | { readonly kind: 'leave'; readonly host: string; readonly drain: boolean }
  | { readonly kind: 'join'; readonly host: string }
  /** No power: the host is silent from now on. */
  | { readonly kind: 'crash'; readonly host: string }
  | { readonly kind: 'recover'; readonly host: string }
  /** Hosts hear only their own group; clients still reach all. */
  | { readonly kind: 'partition'; readonly groups: readonly (readonly string[])[] }
  | { readonly kind: 'heal' }
  /** A switch gives all frames for the cluster to this host only; null: to all again. */
  | { readonly kind: 'learn-mac'; readonly host: string | null }

/** What the history says of it; null for those that befall a machine as a whole, which is said of the machine. */
export function faultNoteOf(fault: ClusterFault): FaultEvent['fault'] | null {
  switch (fault.kind) {
    case 'leave':
      return fault.drain ? 'draining' : 'left'
    case 'join':
      return 'joined'
    case 'partition':
      return 'partitioned'
    case 'heal':
      return 'healed'
    case 'learn-mac':
      return fault.host === null ? 'mac-forgotten' : 'mac-learned'
    default:
      return null
  }
}
