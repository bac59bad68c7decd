import type { HostView } from '../../nlb/host-view.js'
import type { Service } from '../../render/services.js'
import type { HostState } from '../http-options.js'

/** What one host is to do in one service. */
export interface MemberOrder {
  readonly service: string
  /** The member's id there. */
  readonly id: string
  readonly host: string
  readonly state: HostState
  readonly weight: number
}

/**
 * What follows for a balancer from the model. `down`: clients do not reach the host, it is stopped, or the rule is disabled
 * there. `draining`: it takes nothing new, as while it drains or has not converged yet. Who merely waits for its turn under
 * mode single is `up`. `ordered` goes before all of it.
 */
export function memberOrders(
  services: readonly Service[],
  views: readonly HostView[],
  ordered: ReadonlyMap<string, HostState>,
): MemberOrder[] {
  const byName = new Map(views.map(view => [view.name, view]))
  return services.flatMap(({ name, sharing, rule, members }) =>
    sharing === 'refuse'
      ? []
      : members.map(
          ({ id, host, weight }): MemberOrder => ({
            service: name,
            id,
            host,
            state: ordered.get(host) ?? stateOf(byName.get(host), rule, sharing),
            weight: sharing === 'spread' ? weight : 100,
          }),
        ),
  )
}

function stateOf(view: HostView | undefined, rule: number, sharing: Service['sharing']): HostState {
  if (view === undefined || !view.reached || OUT.has(view.state)) return 'down'
  const own = view.rules[rule]
  if (own?.state === 'disabled') return 'down'
  if (own?.state === 'draining' || view.state === 'draining') return 'draining'
  const owned = own?.buckets ?? view.defaultBuckets
  const waits = owned === 0 && (sharing === 'first' ? view.state === 'converging' : own?.weight !== 0)
  return waits ? 'draining' : 'up'
}

const OUT: ReadonlySet<string> = new Set(['down', 'stopped', 'suspended'])
