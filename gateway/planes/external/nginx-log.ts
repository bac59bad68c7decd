import type { Service } from '../../render/services.js'
import { zeroPacketCounts } from '../packet-count.js'
import type { ConnectionClosed, ProxiedRequest, ProxyDecision, SourceMode } from '../proxy-events.js'

/* nginx tells of a connection when it opens (error log, level info) and when it has ended (access log); both come here in
 * their order. */

export const NGINX_TCP_FORMAT =
  'mqlab-stream $connection $protocol $remote_addr $remote_port $server_addr $server_port $status $bytes_received $bytes_sent'
export const NGINX_HTTP_FORMAT =
  'mqlab-http $connection $connection_requests $remote_addr $remote_port $server_addr $server_port $status $request_time $request_length $body_bytes_sent $request_method $request_uri $upstream_addr'

export interface NginxEvents {
  onDecision(decision: ProxyDecision): void
  onClosed(event: ConnectionClosed): void
  onRequest(request: ProxiedRequest): void
  /** A datagram went to a host, as the first of its client; those that follow at once are not told. */
  onDatagram(host: string): void
  /** A host refused or did not answer; the system's word. */
  onFailure(host: string, code: string): void
}

interface OpenConnection {
  readonly connection: number
  readonly clientAddress: string
  readonly clientPort: number
  readonly openedMs: number
  readonly service: Service | undefined
  readonly isUdp: boolean
  host: string | null
  upstreamLocalAddress: string | null
  upstreamLocalPort: number | null
  closedBy: ConnectionClosed['closedBy']
  manner: ConnectionClosed['manner']
  code: string | null
}

const LINE = /^\S+ \S+ \[\w+\] \d+#\d+: \*(\d+) (.*)$/
const CLIENT = /^(udp )?client (\S+):(\d+) connected to (\S+):(\d+)$/
const CONNECTED = /^(?:udp )?proxy (\S+):(\d+) connected to (\S+):(\d+)$/
const NOT_CONNECTED = /^(.*) while connecting to upstream.* upstream: "(?:http:\/\/)?([^"/]+):(\d+)/
const NO_HOST = /^no live upstreams while connecting to upstream/
const BROKEN = /^(?:recv|send)\w*\(\) failed .* while proxying and \w+ (?:from|to) (client|upstream)/
const ENDED = /^(client|upstream) disconnected, /
const IDLE = /^(?:connection timed out|udp timed out)/

const CODES: Readonly<Record<string, string>> = {
  '104': 'ECONNRESET',
  '110': 'ETIMEDOUT',
  '111': 'ECONNREFUSED',
  '113': 'EHOSTUNREACH',
}

export class NginxLog {
  readonly #source: SourceMode
  readonly #events: NginxEvents
  /** Those that nginx has told of and whose end it has not. */
  readonly #open = new Map<string, OpenConnection>()
  #services: readonly Service[] = []

  constructor(source: SourceMode, events: NginxEvents) {
    this.#source = source
    this.#events = events
  }

  /** What it serves from now on. */
  serve(services: readonly Service[]): void {
    this.#services = services
  }

  /** Open TCP connections by host. */
  active(): Map<string, number> {
    const active = new Map<string, number>()
    for (const { host, isUdp } of this.#open.values())
      if (host !== null && !isUdp) active.set(host, (active.get(host) ?? 0) + 1)
    return active
  }

  read(line: string): void {
    if (line.startsWith('mqlab-stream ')) this.#streamEnded(line.split(' '))
    else if (line.startsWith('mqlab-http ')) this.#requestEnded(line.split(' '))
    else {
      const [, connection, what] = LINE.exec(line) ?? []
      if (connection !== undefined && what !== undefined) this.#progress(connection, what)
    }
  }

  /** nginx has ended: what was open is not any more. */
  ended(): void {
    for (const [number, open] of this.#open) {
      open.closedBy = 'gateway'
      open.manner = 'stopped'
      this.#close(number, open, 0, 0)
    }
  }

  #progress(number: string, what: string): void {
    const client = CLIENT.exec(what)
    if (client !== null) {
      const [, udp, clientAddress = '', clientPort, address, port] = client
      this.#open.set(number, {
        connection: Number(number),
        clientAddress,
        clientPort: Number(clientPort),
        openedMs: Date.now(),
        service: this.#service(address, port, udp === undefined ? 'tcp' : 'udp'),
        isUdp: udp !== undefined,
        host: null,
        upstreamLocalAddress: null,
        upstreamLocalPort: null,
        closedBy: 'client',
        manner: 'end',
        code: null,
      })
      return
    }
    const open = this.#open.get(number)
    if (open !== undefined) this.#happened(open, what)
  }

  #happened(open: OpenConnection, what: string): void {
    const connected = CONNECTED.exec(what)
    const failed = NOT_CONNECTED.exec(what)
    const broken = BROKEN.exec(what)
    const ended = ENDED.exec(what)
    if (connected !== null) {
      const [, localAddress = '', localPort, address, port] = connected
      open.upstreamLocalAddress = localAddress
      open.upstreamLocalPort = Number(localPort)
      this.#decide(open, address, port)
    } else if (NO_HOST.test(what)) {
      open.host = null
      open.closedBy = 'gateway'
      open.manner = 'noHost'
      this.#decide(open, undefined, undefined)
    } else if (failed !== null) {
      const [, why = '', address, port] = failed
      const code = codeOf(why)
      this.#decide(open, address, port)
      if (open.host !== null) this.#events.onFailure(open.host, code)
      open.closedBy = 'gateway'
      open.manner = 'hostDown'
      open.code = code
    } else if (broken !== null) {
      open.closedBy = broken[1] === 'client' ? 'client' : 'host'
      open.manner = 'reset'
      open.code = codeOf(what)
    } else if (ended !== null) {
      // half-closed until both have ended: who is named was the second
      if (open.manner === 'end') open.closedBy = ended[1] === 'client' ? 'host' : 'client'
    } else if (IDLE.test(what)) {
      open.closedBy = 'gateway'
      open.manner = 'idle'
    }
  }

  #decide(open: OpenConnection, address: string | undefined, port: string | undefined): void {
    const { service, connection, clientAddress, clientPort, isUdp } = open
    const member = service?.members.find(one => one.address === address && one.port === Number(port))
    open.host = member?.host ?? null
    open.manner = 'end'
    open.code = null
    if (isUdp) {
      if (open.host !== null) this.#events.onDatagram(open.host)
      return
    }
    this.#events.onDecision({
      timeMs: Date.now(),
      connection,
      clientAddress,
      clientPort,
      host: open.host,
      hostAddress: member?.address ?? null,
      hostPort: member?.port ?? null,
      upstreamLocalAddress: member === undefined ? null : this.#localAddress(clientAddress, service),
      source: this.#source,
      bucket: null,
      reason: reasonOf(service, member !== undefined),
    })
  }

  #streamEnded([, number = '', protocol, , , , , , up, down]: string[]): void {
    const open = this.#open.get(number)
    if (open === undefined) return
    if (protocol === 'UDP') this.#open.delete(number)
    else this.#close(number, open, Number(up), Number(down))
  }

  #close(number: string, open: OpenConnection, bytesToHost: number, bytesToClient: number): void {
    this.#open.delete(number)
    if (open.isUdp) return
    const { service, isUdp, ...view } = open
    this.#events.onClosed({
      ...view,
      timeMs: Date.now(),
      toHost: { bytes: bytesToHost, packets: zeroPacketCounts() },
      toClient: { bytes: bytesToClient, packets: zeroPacketCounts() },
    })
  }

  #requestEnded(fields: string[]): void {
    const [, connection, request, clientAddress = '', clientPort, address, port, status, lastedS, up, down, ...rest] =
      fields
    const [method = '', target = '', ...tried] = rest
    const service = this.#service(address, port, 'tcp')
    // the last of "A:80, B:80"; the upstream's own name where none could be tried
    const last = tried.at(-1) ?? '-'
    const member = service?.members.find(one => `${one.address}:${one.port}` === last)
    const timeMs = Date.now()
    const startedMs = timeMs - Math.round(Number(lastedS) * 1000)
    const common = {
      connection: Number(connection),
      request: Number(request),
      clientAddress,
      clientPort: Number(clientPort),
      host: member?.host ?? null,
      upstreamLocalAddress: member === undefined ? null : this.#localAddress(clientAddress, service),
    }
    this.#events.onDecision({
      ...common,
      timeMs: startedMs,
      hostAddress: member?.address ?? null,
      hostPort: member?.port ?? null,
      source: this.#source,
      bucket: null,
      reason: reasonOf(service, member !== undefined),
    })
    const code = Number(status)
    const refused = member === undefined || OWN_ANSWERS.has(code)
    this.#events.onRequest({
      ...common,
      timeMs,
      startedMs,
      method,
      target,
      sent: member !== undefined && !refused,
      outcome: code === CLIENT_GONE ? 'cut' : refused ? 'refused' : 'answered',
      status: code,
      bytesToHost: Number(up),
      bytesToClient: Number(down),
      reason: refused ? `nginx answered ${code}` : null,
    })
  }

  #service(address: string | undefined, port: string | undefined, protocol: 'tcp' | 'udp'): Service | undefined {
    return this.#services.find(one => one.protocol === protocol && one.address === address && one.port === Number(port))
  }

  #localAddress(clientAddress: string, service: Service | undefined): string | null {
    return this.#source === 'keep' ? clientAddress : (service?.address ?? null)
  }
}

/** Statuses with which nginx answers in a host's place. */
const OWN_ANSWERS: ReadonlySet<number> = new Set([499, 502, 504])
/** nginx' own status for a client that went away. */
const CLIENT_GONE = 499

function reasonOf(service: Service | undefined, hasHost: boolean): string {
  return hasHost ? `nginx chose it for ${service?.ruleText ?? 'a port'}` : 'nginx has no host for it'
}

function codeOf(text: string): string {
  const number = /\((\d+): /.exec(text)?.[1] ?? ''
  return CODES[number] ?? (/timed out/.test(text) ? 'ETIMEDOUT' : `errno ${number}`)
}
