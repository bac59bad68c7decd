import { createGateway, type Gateway } from '../gateway/gateway.js'
import type { ConnectionClosed, ProxyDecision } from '../gateway/planes/proxy-events.js'
import type { Endpoint } from '../queue-manager/actions.js'
import { systemCode, TransportError } from '../transport/errors.js'
import type { NodeMessage } from './channel-messages.js'
import type { LabNode } from './lab-node.js'
import type { GatewayReport, GatewaySpec } from './node-spec.js'

/** A balancer as a node of the lab. */
export class GatewayNode implements LabNode {
  readonly #spec: GatewaySpec
  readonly #gateway: Gateway
  #decisions: ProxyDecision[] = []
  #closed: ConnectionClosed[] = []

  constructor(spec: GatewaySpec) {
    this.#spec = spec
    const { listen, hosts, affinity, source, cutAfterBytes, cutConnectionsMax, idleTimeoutMs, retryOtherHosts } = spec
    this.#gateway = createGateway({
      listen,
      hosts,
      affinity,
      source,
      ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
      ...(retryOtherHosts !== undefined && { retryOtherHosts }),
      faults: {
        ...(cutAfterBytes !== undefined && { cutAfterBytes }),
        ...(cutConnectionsMax !== undefined && { cutConnectionsMax }),
      },
      onDecision: decision => this.#decisions.push(decision),
      onClosed: event => this.#closed.push(event),
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
    if (this.#decisions.length === 0 && this.#closed.length === 0) return null
    const news = { type: 'decisions', decisions: this.#decisions, closed: this.#closed } as const
    this.#decisions = []
    this.#closed = []
    return news
  }
}
