import type { Logger } from 'pino'
import type { ServedPort } from '../gateway/nlb/cluster-policy.js'
import type { NlbEventKind } from '../gateway/nlb/events.js'
import type { ConnectionClosed, ProxyDecision } from '../gateway/planes/proxy-events.js'
import type { RelayedDatagram } from '../gateway/planes/udp-relay.js'
import { type BudgetedLine, LineBudget, type LogLine } from './line-budget.js'
import type { LoggedEvent } from './nlb-view.js'
import { writeJson } from './output.js'

const WARNINGS: ReadonlySet<NlbEventKind> = new Set([
  'duplicate-subnets',
  'duplicate-priority',
  'rules-differ',
  'host-lost',
])

/** Tells what happens: every thing as JSON on stdout if wanted, and on the log as much as people can read. */
export class NlbLog {
  readonly #logger: Logger
  readonly #budget: LineBudget
  readonly #json: boolean

  constructor(logger: Logger, json: boolean) {
    this.#logger = logger
    this.#budget = new LineBudget(logger)
    this.#json = json
  }

  event(event: LoggedEvent): void {
    const { kind, ...rest } = event
    const { host, id, text } = rest
    if (this.#json) void writeJson({ kind: 'event', event: kind, ...rest })
    this.#line(WARNINGS.has(kind) ? 'warn' : 'info', kind, { host, id }, text)
  }

  decision(decision: ProxyDecision, at: ServedPort | null): void {
    const { host, clientAddress, clientPort, reason, bucket } = decision
    if (this.#json) void writeJson({ kind: 'decision', at, ...decision })
    const client = `${clientAddress}:${clientPort}`
    const fields = { client, to: at === null ? null : `${at.address}:${at.port}`, host, bucket, reason }
    if (host === null) this.#line('warn', 'black-hole', fields, 'nobody takes the connection: its client hears nothing')
    else this.#line('debug', 'decision', fields, 'connection')
  }

  closed(closed: ConnectionClosed, at: ServedPort | null): void {
    if (this.#json) void writeJson({ kind: 'closed', at, ...closed })
    const { connection, host, manner, closedBy, code } = closed
    const failed = manner === 'hostDown'
    const fields = { connection, host, manner, closedBy, code }
    this.#line(
      failed ? 'warn' : 'debug',
      `closed-${manner}`,
      fields,
      failed ? 'a host did not answer' : 'connection closed',
    )
  }

  datagram(datagram: RelayedDatagram, at: ServedPort): void {
    if (this.#json) void writeJson({ kind: 'datagram', at, ...datagram })
    const { hosts, clientAddress, clientPort, bucket, reason } = datagram
    const client = `${clientAddress}:${clientPort}`
    this.#line('debug', 'datagram', { client, hosts: hosts.join(' '), bucket, reason }, 'datagram')
  }

  checked(host: string, state: 'up' | 'down'): void {
    if (this.#json) void writeJson({ kind: 'check', host, state })
    this.#line(state === 'up' ? 'info' : 'warn', `check-${state}`, { host }, `the check finds the host ${state}`)
  }

  failed(error: Error): void {
    this.#line('error', 'plane-failed', { error: error.message }, 'the plane is behind the model')
  }

  /** Call it every few seconds, with Infinity at the end. */
  settle(nowMs: number): void {
    this.#budget.settle(nowMs)
  }

  #line(level: LogLine, subject: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    if (!this.#logger.isLevelEnabled(level)) return
    const line: BudgetedLine = { subject, level }
    if (this.#budget.allows(line, Date.now())) this.#logger[level]({ event: subject, ...fields }, message)
  }
}
