import { gatewayHosts } from '../../gateway/gateway-hosts.js'
import { createStaticPolicy } from '../../gateway/nlb/policy.js'
import { HostStates } from '../../gateway/planes/host-states.js'
import type { ProxyFaults } from '../../gateway/planes/proxied-connection.js'
import type { ClusterFault } from '../cluster-fault.js'
import type { GatewayReport, GatewaySpec } from '../node-spec.js'
import type { SimGateway, SimGatewayOwner, SimGatewayWorld } from './sim-gateway.js'
import { SimHealthChecker } from './sim-health-check.js'
import { SimRoute } from './sim-route.js'

/** An appliance of the simulated world. */
export class SimAppliance implements SimGateway {
  readonly #world: SimGatewayWorld
  readonly #spec: GatewaySpec
  readonly #states: HostStates
  readonly #route: SimRoute
  readonly #checker: SimHealthChecker | null

  constructor(world: SimGatewayWorld, spec: GatewaySpec, owner: SimGatewayOwner) {
    const { listen, affinity, source, protocol, healthCheck } = spec
    const hosts = gatewayHosts(spec.hosts, listen.port)
    this.#world = world
    this.#spec = spec
    this.#states = new HostStates(
      hosts.map(({ name }) => name),
      (host, state) => {
        if (state === 'down') this.#route.resetConnections(host)
      },
    )
    this.#route = new SimRoute({
      network: world.network,
      scheduler: world.scheduler,
      listen,
      hosts,
      policy: this.#states.within(createStaticPolicy({ hosts, affinity })),
      source,
      retryOtherHosts: spec.retryOtherHosts ?? false,
      idleTimeoutMs: spec.idleTimeoutMs ?? 0,
      idleManner: spec.idleManner ?? 'reset',
      faults: faultsOf(spec),
      countsPackets: protocol !== 'http',
      nowWallMs: () => world.nowWallMs(),
      decided: decision => owner.decided(decision),
      closed: event => owner.closed(event),
    })
    this.#checker =
      healthCheck === undefined
        ? null
        : new SimHealthChecker(world, healthCheck, hosts, listen.address, (host, well) =>
            this.#states.found(host, well),
          )
  }

  start(): void {
    this.#route.start()
    this.#checker?.start()
  }

  fault(fault: ClusterFault): void {
    if (fault.kind === 'leave') this.#states.order(fault.host, fault.drain ? 'draining' : 'down')
    else if (fault.kind === 'join') this.#states.order(fault.host, 'up')
  }

  stop(): void {
    this.#checker?.stop()
    this.#route.stop()
  }

  report(partial: boolean): GatewayReport {
    return {
      kind: 'gateway',
      node: this.#spec.name,
      partial,
      atMs: this.#world.nowWallMs(),
      counters: this.#route.counters(),
    }
  }
}

function faultsOf({ cutAfterBytes, cutConnectionsMax }: GatewaySpec): ProxyFaults {
  return {
    ...(cutAfterBytes !== undefined && { cutAfterBytes }),
    ...(cutConnectionsMax !== undefined && { cutConnectionsMax }),
  }
}
