import { type Service, servicesOf } from '../../render/services.js'
import type { HostState } from '../http-options.js'
import type { PlaneCounters } from '../plane.js'
import { ChangeQueue } from './change-queue.js'
import type { ExternalPlane, ExternalPlaneOptions } from './external-plane.js'
import { type MemberOrder, memberOrders } from './member-orders.js'

/** What every product has in common: orders that go before the model, and changes that are carried out one after the other. */
export abstract class DrivenPlane implements ExternalPlane {
  protected readonly options: ExternalPlaneOptions
  protected readonly queue: ChangeQueue
  readonly #ordered = new Map<string, HostState>()

  constructor(product: 'haproxy' | 'nginx', options: ExternalPlaneOptions) {
    this.options = options
    this.queue = new ChangeQueue(
      product,
      () => this.apply(),
      error => options.onFailed?.(error),
    )
  }

  protected abstract get runs(): boolean

  /** Brings the program to what is wanted at this moment. */
  protected abstract apply(): Promise<void>

  abstract start(): Promise<void>
  abstract stop(): Promise<void>
  abstract counters(): PlaneCounters | Promise<PlaneCounters>

  changed(): void {
    if (this.runs) this.queue.changed()
  }

  applied(): Promise<void> {
    return this.queue.applied()
  }

  setHostState(host: string, state: HostState): void {
    if (!this.options.cluster.config.hosts.some(({ name }) => name === host))
      throw new RangeError(`there is no host ${JSON.stringify(host)}`)
    if (state === 'up') this.#ordered.delete(host)
    else this.#ordered.set(host, state)
    this.changed()
  }

  async connections(host: string): Promise<number> {
    return (await this.counters()).hosts[host]?.active ?? 0
  }

  protected services(): Service[] {
    const { cluster, ports, forward } = this.options
    return servicesOf(cluster.config, { ...(ports && { ports }), ...(forward && { forward }) })
  }

  protected orders(services: readonly Service[]): MemberOrder[] {
    return memberOrders(services, this.options.cluster.hosts(), this.#ordered)
  }
}
