import { isWildcard } from '../../transport/plain-address.js'
import type { Link } from '../../transport/wire-tap.js'

/** Between a balancer and one of its hosts; undefined where the balancer has no address of its own. */
export function hostLink(balancer: string, { address }: { readonly address: string }): Link | undefined {
  return isWildcard(balancer) ? undefined : [balancer, address]
}
