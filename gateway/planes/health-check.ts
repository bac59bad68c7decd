import { get } from 'node:http'
import { connect, Socket } from 'node:net'
import { SocketTap } from '../../transport/socket-tap.js'
import type { WireTap } from '../../transport/wire-tap.js'
import { type CompleteHealthCheck, completeHealthCheck, HealthJudgement } from './health-judgement.js'
import { hostLink } from './host-link.js'
import type { HealthCheck } from './http-options.js'
import type { ProxyHost } from './proxied-connection.js'

/** Asks each host again and again whether it is well. */
export class HealthChecker {
  readonly #check: CompleteHealthCheck
  readonly #hosts: readonly ProxyHost[]
  readonly #localAddress: string | undefined
  readonly #found: (host: string, well: boolean) => void
  readonly #wire: WireTap | undefined
  #round: AbortController | undefined

  /** Asks from `localAddress`, or wherever the system likes. `found` is told when a host falls ill or is well again, `wire` of what is asked. */
  constructor(
    check: HealthCheck,
    hosts: readonly ProxyHost[],
    localAddress: string | undefined,
    found: (host: string, well: boolean) => void,
    wire?: WireTap,
  ) {
    this.#check = completeHealthCheck(check)
    this.#hosts = hosts
    this.#localAddress = localAddress
    this.#found = found
    this.#wire = wire
  }

  start(): void {
    if (this.#round !== undefined) return
    this.#round = new AbortController()
    for (const host of this.#hosts) this.#watch(host, this.#round.signal)
  }

  stop(): void {
    this.#round?.abort()
    this.#round = undefined
  }

  #watch(host: ProxyHost, signal: AbortSignal): void {
    const judgement = new HealthJudgement(this.#check)
    let timer: NodeJS.Timeout
    const next = async () => {
      const good = await this.#ask(host, signal)
      if (signal.aborted) return
      const well = judgement.checked(good)
      if (well !== null) this.#found(host.name, well)
      timer = setTimeout(next, this.#check.intervalMs)
    }
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
    void next()
  }

  #ask({ address, port }: ProxyHost, stopped: AbortSignal): Promise<boolean> {
    const { path, badStatusMin, timeoutMs } = this.#check
    const target = {
      host: address,
      port,
      ...(this.#localAddress !== undefined && { localAddress: this.#localAddress }),
    }
    return new Promise(resolve => {
      const done = (good: boolean) => {
        clearTimeout(timer)
        stopped.removeEventListener('abort', giveUp)
        asked.destroy()
        resolve(good)
      }
      const giveUp = () => done(false)
      const timer = setTimeout(giveUp, timeoutMs)
      stopped.addEventListener('abort', giveUp, { once: true })
      const asked =
        path === undefined
          ? connect(target, () => done(true))
          : get({ ...target, path, agent: false }, answer => done((answer.statusCode ?? 500) < badStatusMin))
      asked.on('error', giveUp)
      const link = this.#localAddress === undefined ? undefined : hostLink(this.#localAddress, { address })
      const tapped = (socket: Socket) => SocketTap.connecting(this.#wire, socket, { address, port }, link)
      if (asked instanceof Socket) tapped(asked)
      else asked.on('socket', tapped)
    })
  }
}
