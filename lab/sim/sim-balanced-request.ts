import type { ConnectionView, ProxiedRequest, RequestOutcome } from '../../gateway/planes/proxy-events.js'
import type { HttpRequest } from '../../queue-manager/actions.js'

/** One request over HTTP, from its arrival to the end of its answer. */
export class SimBalancedRequest {
  readonly number: number
  readonly http: HttpRequest
  /** Hosts that could not be reached for it. */
  readonly failedHosts = new Set<string>()
  host: string | null = null
  /** Of the host's answer, or of the balancer's own. */
  status: number | null = null
  /** Why it was refused or cut. */
  reason: string | null = null
  /** The fault: its answer is thrown away, and what comes in its place. Undefined: not yet decided. */
  dropManner: 'reset' | 'silence' | null | undefined
  /** The host has answered, and the fault has thrown that away. */
  isDropped = false
  readonly #answer: (status: number) => void
  readonly #startedMs: number
  /** From where it was sent; null: it was not. */
  #sentFrom: string | null = null
  #over = false

  constructor(number: number, http: HttpRequest, answer: (status: number) => void, startedMs: number) {
    this.number = number
    this.http = http
    this.#answer = answer
    this.#startedMs = startedMs
  }

  get wasSent(): boolean {
    return this.#sentFrom !== null
  }

  get isOver(): boolean {
    return this.#over
  }

  sent(from: string): void {
    this.#sentFrom = from
  }

  answer(status: number): void {
    this.#answer(status)
  }

  /** What is told of it, now that it is over. */
  end(
    { connection, clientAddress, clientPort }: ConnectionView,
    outcome: RequestOutcome,
    timeMs: number,
  ): ProxiedRequest {
    this.#over = true
    const { method, target, body } = this.http
    return {
      timeMs,
      startedMs: this.#startedMs,
      connection,
      request: this.number,
      clientAddress,
      clientPort,
      method,
      target,
      host: this.host,
      upstreamLocalAddress: this.#sentFrom,
      sent: this.wasSent,
      outcome,
      status: this.status,
      bytesToHost: this.wasSent ? body.reduce((sum, { length }) => sum + length, 0) : 0,
      bytesToClient: 0,
      reason: this.reason,
    }
  }
}
