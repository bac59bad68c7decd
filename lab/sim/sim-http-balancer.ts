import type { Policy } from '../../gateway/nlb/policy.js'
import { DroppedAnswers } from '../../gateway/planes/dropped-answers.js'
import type { HostStates } from '../../gateway/planes/host-states.js'
import { type Balance, type DropAnswers, type HostState, PIPELINE_MAX } from '../../gateway/planes/http-options.js'
import type { ProxyFaults, ProxyHost } from '../../gateway/planes/proxied-connection.js'
import {
  addTraffic,
  countClose,
  countHostFailure,
  countRequest,
  type HttpCounters,
  type ProxyCounters,
  zeroCounters,
  zeroHttpCounters,
} from '../../gateway/planes/proxy-counters.js'
import type { SourceMode } from '../../gateway/planes/proxy-events.js'
import type { Endpoint } from '../../queue-manager/actions.js'
import { type BalancedClientContext, SimBalancedClient } from './sim-balanced-client.js'
import type { SimGatewayOwner, SimGatewayWorld } from './sim-gateway.js'
import type { IdleManner } from './sim-route.js'
import { SimUpstreams } from './sim-upstreams.js'

export interface SimHttpBalancerOptions {
  readonly listen: Endpoint
  readonly hosts: readonly ProxyHost[]
  /** Over the hosts that `states` lets take new work. */
  readonly policy: Policy
  readonly states: HostStates
  readonly source: SourceMode
  readonly balance: Balance
  readonly pipelineMax: number | undefined
  readonly retryOtherHosts: boolean
  readonly forwardedFor: boolean
  readonly idleTimeoutMs: number
  readonly idleManner: IdleManner
  readonly faults: ProxyFaults
  readonly dropAnswers: DropAnswers | undefined
}

/**
 * An appliance of the simulated world that reads HTTP: it takes each request whole, gives it to a host, and answers the
 * client with what the host answered, or in its place. What `gateway/planes/http-proxy.ts` is on sockets, without its
 * limits on clients that are slow or send what is not HTTP.
 */
export class SimHttpBalancer {
  readonly #world: SimGatewayWorld
  readonly #options: SimHttpBalancerOptions
  readonly #upstreams: SimUpstreams
  readonly #context: BalancedClientContext
  readonly #open = new Set<SimBalancedClient>()
  readonly #counts: ProxyCounters
  readonly #http: HttpCounters
  #cutsLeft: number
  #unlisten: () => void = () => undefined

  constructor(world: SimGatewayWorld, options: SimHttpBalancerOptions, owner: SimGatewayOwner) {
    this.#world = world
    this.#options = options
    this.#upstreams = new SimUpstreams(world)
    this.#cutsLeft = options.faults.cutConnectionsMax ?? Number.POSITIVE_INFINITY
    const dropped = new DroppedAnswers(options.dropAnswers)
    const counts = zeroCounters(options.hosts)
    const http = zeroHttpCounters(this.#upstreams.counters())
    this.#counts = counts
    this.#http = http
    const { policy, states, source, balance, retryOtherHosts, forwardedFor, idleTimeoutMs, idleManner } = options
    this.#context = {
      scheduler: world.scheduler,
      policy,
      hosts: new Map(options.hosts.map(host => [host.name, host])),
      states,
      upstreams: this.#upstreams,
      balance,
      source,
      translatedAddress: source === 'translate' ? options.listen.address : null,
      retryOtherHosts,
      forwardedFor,
      pipelineMax: options.pipelineMax ?? PIPELINE_MAX[balance],
      idleTimeoutMs,
      idleManner,
      nowWallMs: () => world.nowWallMs(),
      decided(decision) {
        if (decision.host !== null) counts.hosts[decision.host]!.chosen++
        owner.decided(decision)
      },
      hostFailed: (host, code) => countHostFailure(counts, host, code),
      requested: () => http.requests++,
      dropsAnswer: target => dropped.manner(target),
      requestOver(request) {
        countRequest(http, request)
        owner.request(request)
      },
      closed: (client, event) => {
        this.#open.delete(client)
        addTraffic(counts, event)
        countClose(counts, event)
        if (event.manner === 'dropped') http.dropped++
        owner.closed(event)
      },
    }
  }

  start(): void {
    const { listen, faults } = this.#options
    this.#unlisten = this.#world.network.listen(listen, socket => {
      this.#counts.accepted++
      if (faults.cutAfterBytes !== undefined && this.#cutsLeft > 0) {
        this.#cutsLeft--
        // Sooner than on sockets by what a request holds that has not all arrived: nothing of it was handed on.
        socket.connection.initiator.cutAfterBytes = faults.cutAfterBytes
      }
      this.#open.add(new SimBalancedClient(this.#counts.accepted, socket, this.#context))
    })
  }

  stop(): void {
    this.#unlisten()
    for (const client of [...this.#open]) client.breakOff('gateway', 'stopped', null)
    this.#upstreams.reset()
  }

  counters(): ProxyCounters {
    const sum: ProxyCounters = structuredClone(this.#counts)
    sum.active = this.#open.size
    for (const client of this.#open) addTraffic(sum, client)
    return { ...sum, http: { ...structuredClone(this.#http), upstreams: this.#upstreams.counters() } }
  }

  /** To be told when a host's state changes; breaks off what a host that is down was busy with. */
  hostChanged(host: string, state: HostState): void {
    if (state === 'up') return
    this.#upstreams.closeIdle(host)
    if (state === 'down') for (const client of [...this.#open]) client.hostDown(host)
  }
}
