import { createGateway, createHttpGateway, type Gateway, type HttpGateway } from '../gateway/gateway.js'
import type { ConnectionClosed, ProxiedRequest, ProxyDecision } from '../gateway/planes/proxy-events.js'
import type { Endpoint } from '../queue-manager/actions.js'
import { systemCode, TransportError } from '../transport/errors.js'
import type { SocketsTap } from '../transport/wire-tap.js'
import type { NodeMessage } from './channel-messages.js'
import type { ClusterFault } from './cluster-fault.js'
import type { LabNode } from './lab-node.js'
import type { GatewayReport, GatewaySpec } from './node-spec.js'

/** An appliance in user space as a node of the lab. */
export class GatewayNode implements LabNode {
  readonly #spec: GatewaySpec
  readonly #gateway: Gateway | HttpGateway
  #decisions: ProxyDecision[] = []
  #closed: ConnectionClosed[] = []
  #requests: ProxiedRequest[] = []

  constructor(spec: GatewaySpec, tap?: SocketsTap) {
    this.#spec = spec
    const { listen, hosts, affinity, source, cutAfterBytes, cutConnectionsMax, idleTimeoutMs, retryOtherHosts } = spec
    const common = {
      listen,
      hosts,
      affinity,
      source,
      ...(tap !== undefined && { tap }),
      ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
      ...(retryOtherHosts !== undefined && { retryOtherHosts }),
      ...(spec.healthCheck !== undefined && { healthCheck: spec.healthCheck }),
      onDecision: (decision: ProxyDecision) => this.#decisions.push(decision),
      onClosed: (event: ConnectionClosed) => this.#closed.push(event),
    }
    const faults = {
      ...(cutAfterBytes !== undefined && { cutAfterBytes }),
      ...(cutConnectionsMax !== undefined && { cutConnectionsMax }),
    }
    if (spec.protocol !== 'http') {
      this.#gateway = createGateway({ ...common, faults })
      return
    }
    const { balance, spread, seed, pipelineMax, forwardedFor, dropAnswers } = spec
    this.#gateway = createHttpGateway({
      ...common,
      ...(balance !== undefined && { balance }),
      ...(spread !== undefined && { spread }),
      ...(seed !== undefined && { seed }),
      ...(pipelineMax !== undefined && { pipelineMax }),
      ...(forwardedFor !== undefined && { forwardedFor }),
      faults: { ...faults, ...(dropAnswers !== undefined && { dropAnswers }) },
      onRequest: request => this.#requests.push(request),
    })
  }

  async open(): Promise<Endpoint> {
    try {
      return await this.#gateway.start()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
      const { address, port } = this.#spec.listen
      const where = `${address}:${port}`
      throw new TransportError('MSMQ_TRANSPORT_LISTEN', 'listen', where, systemCode(error), { cause: error })
    }
  }

  start(): void {}

  drain(): void {}

  fault(fault: ClusterFault): void {
    if (fault.kind === 'leave') this.#gateway.setHostState(fault.host, fault.drain ? 'draining' : 'down')
    else if (fault.kind === 'join') this.#gateway.setHostState(fault.host, 'up')
  }

  close(): Promise<void> {
    return this.#gateway.stop()
  }

  report(partial: boolean): GatewayReport {
    return { kind: 'gateway', node: this.#spec.name, partial, atMs: Date.now(), counters: this.#gateway.counters() }
  }

  sample(): null {
    return null
  }

  takeNews(): NodeMessage | null {
    const news = {
      type: 'decisions',
      decisions: this.#decisions,
      closed: this.#closed,
      requests: this.#requests,
    } as const
    if (news.decisions.length + news.closed.length + news.requests.length === 0) return null
    this.#decisions = []
    this.#closed = []
    this.#requests = []
    return news
  }
}
