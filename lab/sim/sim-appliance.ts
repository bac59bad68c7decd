import { gatewayHosts } from '../../gateway/gateway-hosts.js'
import { createStaticPolicy } from '../../gateway/nlb/policy.js'
import { HostStates } from '../../gateway/planes/host-states.js'
import type { HostState } from '../../gateway/planes/http-options.js'
import { createRandomPolicy, createRoundRobinPolicy } from '../../gateway/planes/http-spread.js'
import type { ProxyFaults } from '../../gateway/planes/proxied-connection.js'
import type { ProxyCounters } from '../../gateway/planes/proxy-counters.js'
import type { ClusterFault } from '../cluster-fault.js'
import type { GatewayReport, GatewaySpec } from '../node-spec.js'
import type { SimGateway, SimGatewayOwner, SimGatewayWorld } from './sim-gateway.js'
import { SimHealthChecker } from './sim-health-check.js'
import { SimHttpBalancer } from './sim-http-balancer.js'
import { SimRoute } from './sim-route.js'

/** What gives connections, or requests, to hosts. */
interface Plane {
  start(): void
  stop(): void
  counters(): ProxyCounters
  hostChanged(host: string, state: HostState): void
}

/**
 * An appliance of the simulated world. HTTP is read only where something hangs on single requests; else a connection for
 * HTTP is one like any other, and no request is told.
 */
export class SimAppliance implements SimGateway {
  readonly #world: SimGatewayWorld
  readonly #spec: GatewaySpec
  readonly #states: HostStates
  readonly #plane: Plane
  readonly #checker: SimHealthChecker | null

  constructor(world: SimGatewayWorld, spec: GatewaySpec, owner: SimGatewayOwner) {
    const { listen, healthCheck } = spec
    const hosts = gatewayHosts(spec.hosts, listen.port)
    this.#world = world
    this.#spec = spec
    this.#states = new HostStates(
      hosts.map(({ name }) => name),
      (host, state) => this.#plane.hostChanged(host, state),
    )
    this.#plane = readsRequests(spec) ? this.#requestPlane(owner) : this.#connectionPlane(owner)
    this.#checker =
      healthCheck === undefined
        ? null
        : new SimHealthChecker(world, healthCheck, hosts, listen.address, (host, well) =>
            this.#states.found(host, well),
          )
  }

  start(): void {
    this.#plane.start()
    this.#checker?.start()
  }

  fault(fault: ClusterFault): void {
    if (fault.kind === 'leave') this.#states.order(fault.host, fault.drain ? 'draining' : 'down')
    else if (fault.kind === 'join') this.#states.order(fault.host, 'up')
  }

  stop(): void {
    this.#checker?.stop()
    this.#plane.stop()
  }

  report(partial: boolean): GatewayReport {
    return {
      kind: 'gateway',
      node: this.#spec.name,
      partial,
      atMs: this.#world.nowWallMs(),
      counters: this.#plane.counters(),
    }
  }

  #connectionPlane(owner: SimGatewayOwner): Plane {
    const { listen, source, affinity, protocol, retryOtherHosts, idleTimeoutMs, idleManner } = this.#spec
    const hosts = gatewayHosts(this.#spec.hosts, listen.port)
    const route = new SimRoute({
      network: this.#world.network,
      scheduler: this.#world.scheduler,
      listen,
      hosts,
      policy: this.#states.within(createStaticPolicy({ hosts, affinity })),
      source,
      retryOtherHosts: retryOtherHosts ?? false,
      idleTimeoutMs: idleTimeoutMs ?? 0,
      idleManner: idleManner ?? 'reset',
      faults: faultsOf(this.#spec),
      countsPackets: protocol !== 'http',
      nowWallMs: () => this.#world.nowWallMs(),
      decided: decision => owner.decided(decision),
      closed: event => owner.closed(event),
    })
    return {
      start: () => route.start(),
      stop: () => route.stop(),
      counters: () => route.counters(),
      hostChanged(host, state) {
        // in the words of the planes on sockets
        if (state === 'down') route.resetConnections(protocol === 'http' ? 'hostDown' : 'stopped', host)
      },
    }
  }

  #requestPlane(owner: SimGatewayOwner): Plane {
    const { listen, source, affinity, balance = 'connection', spread = 'round-robin', seed = 1 } = this.#spec
    const hosts = gatewayHosts(this.#spec.hosts, listen.port)
    const policies = {
      affinity: () => createStaticPolicy({ hosts, affinity }),
      random: () => createRandomPolicy(hosts, seed),
      'round-robin': () => createRoundRobinPolicy(hosts),
    }
    return new SimHttpBalancer(
      this.#world,
      {
        listen,
        hosts,
        policy: policies[balance === 'request' ? spread : 'affinity'](),
        states: this.#states,
        source,
        balance,
        pipelineMax: this.#spec.pipelineMax,
        retryOtherHosts: this.#spec.retryOtherHosts ?? false,
        forwardedFor: this.#spec.forwardedFor ?? false,
        idleTimeoutMs: this.#spec.idleTimeoutMs ?? 0,
        idleManner: this.#spec.idleManner ?? 'reset',
        faults: faultsOf(this.#spec),
        dropAnswers: this.#spec.dropAnswers,
      },
      owner,
    )
  }
}

function readsRequests({ protocol, balance, dropAnswers, forwardedFor }: GatewaySpec): boolean {
  return protocol === 'http' && (balance === 'request' || dropAnswers !== undefined || forwardedFor === true)
}

function faultsOf({ cutAfterBytes, cutConnectionsMax }: GatewaySpec): ProxyFaults {
  return {
    ...(cutAfterBytes !== undefined && { cutAfterBytes }),
    ...(cutConnectionsMax !== undefined && { cutConnectionsMax }),
  }
}
