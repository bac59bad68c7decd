import {
  type CompleteHealthCheck,
  completeHealthCheck,
  HealthJudgement,
} from '../../gateway/planes/health-judgement.js'
import type { HealthCheck } from '../../gateway/planes/http-options.js'
import type { ProxyHost } from '../../gateway/planes/proxied-connection.js'
import type { ScheduledEvent } from './scheduler.js'
import type { SimGatewayWorld } from './sim-gateway.js'

/** Asks each host again and again whether it is well: what `gateway/planes/health-check.ts` is on sockets. */
export class SimHealthChecker {
  readonly #world: SimGatewayWorld
  readonly #check: CompleteHealthCheck
  readonly #hosts: readonly ProxyHost[]
  readonly #address: string
  readonly #found: (host: string, well: boolean) => void
  readonly #next = new Map<string, ScheduledEvent>()
  #running = false

  /** Asks from `address`. `found` is told when a host falls ill or is well again. */
  constructor(
    world: SimGatewayWorld,
    check: HealthCheck,
    hosts: readonly ProxyHost[],
    address: string,
    found: (host: string, well: boolean) => void,
  ) {
    this.#world = world
    this.#check = completeHealthCheck(check)
    this.#hosts = hosts
    this.#address = address
    this.#found = found
  }

  start(): void {
    this.#running = true
    for (const host of this.#hosts) this.#ask(host, new HealthJudgement(this.#check))
  }

  stop(): void {
    this.#running = false
    for (const event of this.#next.values()) event.cancel()
  }

  #ask(host: ProxyHost, judgement: HealthJudgement): void {
    const { scheduler, network } = this.#world
    const { path, badStatusMin, timeoutMs, intervalMs } = this.#check
    let over = false
    const done = (good: boolean): void => {
      if (over) return
      over = true
      timeout.cancel()
      socket.abort()
      if (!this.#running) return
      const well = judgement.checked(good)
      if (well !== null) this.#found(host.name, well)
      this.#next.set(
        host.name,
        scheduler.after(intervalMs, () => this.#ask(host, judgement)),
      )
    }
    const timeout = scheduler.after(timeoutMs, () => done(false))
    let head = ''
    const socket = network.connect(
      this.#address,
      { address: host.address, port: host.port },
      {
        connected: () => {
          if (path === undefined) done(true)
          else socket.write([Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host.address}\r\nConnection: close\r\n\r\n`)])
        },
        failed: () => done(false),
        data: bytes => {
          head += bytes.toString('latin1')
          const status = STATUS_LINE.exec(head)?.[1]
          if (status !== undefined) done(Number(status) < badStatusMin)
        },
        writable: () => undefined,
        closed: () => done(false),
      },
    )
  }
}

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/
