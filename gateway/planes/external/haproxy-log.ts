import type { Service } from '../../render/services.js'
import { zeroPacketCounts } from '../packet-count.js'
import type { ConnectionClosed, ProxiedRequest, ProxyDecision, SourceMode } from '../proxy-events.js'

/* HAProxy writes one line at the end of each connection, or over HTTP of each request. The variables are explained in its
 * configuration manual, section 8.2.4. */

const COMMON = '%Ts.%ms %ci %cp %fp %b %s %U %B %ts %Tt'
export const HAPROXY_TCP_FORMAT = `mqlab-tcp ${COMMON}`
export const HAPROXY_HTTP_FORMAT = `mqlab-http ${COMMON} %ST %HM %HU`

/** Of one line. Of a connection `closed` is there, of a request `request`. */
export interface HaproxyReport {
  readonly decision: ProxyDecision
  readonly closed?: ConnectionClosed
  readonly request?: ProxiedRequest
}

/** Clients' connections over HTTP that are remembered, so that their requests are counted. */
const CLIENTS_MAX = 10_000

/** Reads log lines in these formats, of one HAProxy and of those that follow it. */
export class HaproxyLog {
  readonly #source: SourceMode
  /** Over HTTP, by client: number of its connection, and of its last request. */
  readonly #clients = new Map<string, { connection: number; request: number }>()
  #connections = 0

  constructor(source: SourceMode) {
    this.#source = source
  }

  /** Null for a line that is none of these, or of none of these services. */
  read(line: string, services: readonly Service[]): HaproxyReport | null {
    const [
      kind,
      opened,
      clientAddress = '',
      clientPort,
      ,
      backend = '',
      server,
      up,
      down,
      state = '--',
      lasted,
      ...http
    ] = line.split(' ')
    if (kind !== 'mqlab-tcp' && kind !== 'mqlab-http') return null
    const service = services.find(({ name }) => `${name}_hosts` === backend)
    if (service === undefined) return null
    const member = service.members.find(({ id }) => id === server)
    const openedMs = Math.round(Number(opened) * 1000)
    const base = {
      clientAddress,
      clientPort: Number(clientPort),
      host: member?.host ?? null,
      upstreamLocalAddress: member === undefined ? null : this.#source === 'keep' ? clientAddress : service.address,
    }
    const { connection, request } = this.#number(`${clientAddress} ${clientPort}`, kind === 'mqlab-http')
    const decision: ProxyDecision = {
      ...base,
      timeMs: openedMs,
      connection,
      hostAddress: member?.address ?? null,
      hostPort: member?.port ?? null,
      source: this.#source,
      bucket: null,
      reason: member === undefined ? 'HAProxy has no host for it' : `HAProxy chose it for ${service.ruleText}`,
      ...(request > 0 && { request }),
    }
    const timeMs = openedMs + Number(lasted)
    const bytesToHost = Number(up)
    const bytesToClient = Number(down)
    if (request === 0) {
      const closed: ConnectionClosed = {
        ...base,
        timeMs,
        connection,
        upstreamLocalPort: null,
        openedMs,
        toHost: { bytes: bytesToHost, packets: zeroPacketCounts() },
        toClient: { bytes: bytesToClient, packets: zeroPacketCounts() },
        ...endOf(state, member !== undefined),
      }
      return { decision, closed }
    }
    const [status = '-1', method = '', ...target] = http
    const { manner, code } = endOf(state, member !== undefined)
    const answered = manner === 'end' && member !== undefined
    return {
      decision,
      request: {
        ...base,
        timeMs,
        startedMs: openedMs,
        connection,
        request,
        method,
        target: target.join(' '),
        sent: answered,
        outcome: answered ? 'answered' : Number(status) > 0 ? 'refused' : 'cut',
        status: Number(status) > 0 ? Number(status) : null,
        bytesToHost,
        bytesToClient,
        reason: answered ? null : (code ?? `${manner}, termination state ${state}`),
      },
    }
  }

  #number(client: string, isRequest: boolean): { connection: number; request: number } {
    if (!isRequest) return { connection: ++this.#connections, request: 0 }
    const known = this.#clients.get(client) ?? { connection: ++this.#connections, request: 0 }
    known.request++
    this.#clients.delete(client)
    this.#clients.set(client, known)
    const [oldest] = this.#clients.keys()
    if (this.#clients.size > CLIENTS_MAX && oldest !== undefined) this.#clients.delete(oldest)
    return known
  }
}

/**
 * The two letters of HAProxy's termination state, section 8.5: who ended it, and in which phase. Of an orderly end it does
 * not say who was first; the client is taken to have been.
 */
function endOf(state: string, hasHost: boolean): Pick<ConnectionClosed, 'closedBy' | 'manner' | 'code'> {
  const [who = '-', phase = '-'] = state
  if (!hasHost) return { closedBy: 'gateway', manner: 'noHost', code: null }
  if (who === '-') return { closedBy: 'client', manner: 'end', code: null }
  if (phase === 'C' && (who === 'S' || who === 's'))
    return { closedBy: 'gateway', manner: 'hostDown', code: who === 's' ? 'ETIMEDOUT' : 'ECONNREFUSED' }
  if (who === 'C') return { closedBy: 'client', manner: 'reset', code: 'ECONNRESET' }
  if (who === 'S') return { closedBy: 'host', manner: 'reset', code: 'ECONNRESET' }
  if (who === 'c' || who === 's') return { closedBy: 'gateway', manner: 'idle', code: null }
  return { closedBy: 'gateway', manner: 'stopped', code: null }
}
