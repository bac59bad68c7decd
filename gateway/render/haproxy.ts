import { MSMQ_PORT } from '../../protocol/ports.js'
import type { ClusterConfig } from '../nlb/cluster-config.js'
import type { SourceMode } from '../planes/proxy-events.js'
import { bracketed, comment } from './comments.js'
import { commonLimits, extendedRules, extendedText, OTHER_HASH, portText } from './common-limits.js'
import { header } from './header.js'
import { MSMQ_ANSWER, MSMQ_PROBE } from './msmq-probe.js'
import { kindOfProxy } from './proxy-kind.js'
import {
  CHECK_INTERVAL_MS,
  CONNECT_TIMEOUT_MS,
  IDLE_TIMEOUT_S,
  type Rendering,
  type RenderOptions,
} from './rendering.js'
import { isHttp, type Member, type Service, servicesOf } from './services.js'

export interface HaproxyOptions extends RenderOptions {
  /** Path of the admin socket. Default `/run/haproxy/admin.sock`. */
  readonly adminSocket?: string
  /** Default: as many as the machine has processors. */
  readonly threads?: number
  /** Started in the foreground by another program, which reads log lines of these formats on stdout; null: no log. */
  readonly driven?: { readonly formats: { readonly tcp: string; readonly http: string } | null }
}

/** Configuration for HAProxy 2.6 and later: a full proxy, by TCP connection or by request over HTTP. */
export function renderHaproxy(cluster: ClusterConfig, options: HaproxyOptions = {}): Rendering {
  const services = servicesOf(cluster, options)
  const source = options.source ?? 'translate'
  const limits = haproxyLimits(cluster, services, options)
  const served = services.filter(({ protocol }) => protocol === 'tcp')
  const lines = [
    ...header(
      cluster,
      'HAProxy',
      [source === 'keep' ? TRANSPARENT : 'A full proxy: hosts see the cluster address as the source of everything.'],
      kindOfProxy(services, source, options),
      limits,
    ),
    ...globalSection(options),
    ...defaultsSection(options),
    ...served.flatMap(service => serviceSections(service, source, options)),
  ]
  return { text: `${lines.join('\n')}\n`, limits }
}

const TRANSPARENT =
  'A transparent proxy: hosts see the clients’ addresses. Hosts must send their answers back through this machine (it is their default gateway), and it must take them up: `iptables -t mangle -A PREROUTING -p tcp -m socket --transparent -j MARK --set-mark 1`, `ip rule add fwmark 1 lookup 100`, `ip route add local default dev lo table 100`. HAProxy needs CAP_NET_ADMIN or CAP_NET_RAW.'

function globalSection({ adminSocket = '/run/haproxy/admin.sock', threads, driven }: HaproxyOptions): string[] {
  return [
    'global',
    ...(driven === undefined
      ? ['    log /dev/log local0']
      : driven.formats === null
        ? []
        : ['    log stdout format raw local0']),
    // else two that share a port would share its clients too
    ...(driven === undefined ? [] : ['    noreuseport']),
    `    stats socket ${quoted(adminSocket)} mode 600 level admin`,
    ...(threads === undefined ? [] : [`    nbthread ${threads}`]),
    '',
  ]
}

function defaultsSection(options: HaproxyOptions): string[] {
  const { idleTimeoutS = IDLE_TIMEOUT_S, connectTimeoutMs = CONNECT_TIMEOUT_MS, driven } = options
  return [
    'defaults',
    '    mode tcp',
    ...(driven?.formats === null
      ? []
      : [
          '    log global',
          `    ${driven === undefined ? 'option tcplog' : `log-format ${quoted(driven.formats.tcp)}`}`,
        ]),
    '    option contstats',
    `    timeout connect ${connectTimeoutMs}ms`,
    ...comment(['above MSMQ’s own idle close: CleanupInterval, 2 or 5 minutes, checked once in each'], '    '),
    `    timeout client ${idleTimeoutS}s`,
    `    timeout server ${idleTimeoutS}s`,
    ...comment(['an idle session sends nothing: without these a firewall between forgets it'], '    '),
    '    option clitcpka',
    '    option srvtcpka',
    '',
  ]
}

function serviceSections(service: Service, source: SourceMode, options: HaproxyOptions): string[] {
  const { name, address, port, ruleText, sharing } = service
  const http = isHttp(service, options)
  const front = [
    `frontend ${name}`,
    ...comment([ruleText], '    '),
    `    bind ${bracketed(address)}:${port}`,
    ...(http ? httpLines(options) : []),
    ...(drawnByPort(service, http) ? ['    tcp-request connection set-var(sess.port) src_port'] : []),
  ]
  if (sharing === 'refuse')
    return [
      ...front,
      ...comment(['mode disabled: NLB says nothing, this closes at once'], '    '),
      '    tcp-request connection reject',
      '',
    ]
  return [
    ...front,
    `    default_backend ${name}_hosts`,
    '',
    `backend ${name}_hosts`,
    ...(http ? ['    mode http'] : []),
    ...balanceLines(service, http),
    ...sourceLines(service, source),
    ...checkLines(service, http, options),
    ...service.members.map((member, place) => serverLine(service, member, place, options)),
    '',
  ]
}

function httpLines({ driven }: HaproxyOptions): string[] {
  return [
    '    mode http',
    ...(driven?.formats === null
      ? []
      : [`    ${driven === undefined ? 'option httplog' : `log-format ${quoted(driven.formats.http)}`}`]),
    '    option http-no-delay',
    '    timeout http-request 60s',
  ]
}

/** Affinity none: each connection is drawn by the client's address and port, as NLB does it. */
function drawnByPort({ sharing, affinity }: Service, http: boolean): boolean {
  return sharing === 'spread' && affinity === 'none' && !http
}

function balanceLines(service: Service, http: boolean): string[] {
  const { sharing, affinity, timeoutMinutes, address } = service
  if (sharing === 'first') return []
  const table = `stick-table type ${address.includes(':') ? 'ipv6' : 'ip'} size 1m expire ${timeoutMinutes}m`
  const key = affinity === 'network' ? 'src,ipmask(24,64)' : 'src'
  const stick = timeoutMinutes > 0 ? [`    ${table}`, `    stick on ${key}`] : []
  switch (affinity) {
    case 'none':
      if (!drawnByPort(service, http)) return ['    balance roundrobin']
      return ['    balance hash src,concat(:,sess.port)', '    hash-type consistent']
    case 'single':
      return ['    balance source', '    hash-type consistent', ...stick]
    case 'network':
      return [`    balance hash ${key}`, '    hash-type consistent', ...stick]
  }
}

function sourceLines({ address }: Service, source: SourceMode): string[] {
  if (source === 'translate') return [`    source ${address}`]
  return [`    source ${address.includes(':') ? '::' : '0.0.0.0'} usesrc clientip`]
}

function checkLines(service: Service, http: boolean, options: HaproxyOptions): string[] {
  const { check = 'msmq', checkIntervalMs = CHECK_INTERVAL_MS } = options
  if (check === 'none') return []
  const server = `    default-server check inter ${checkIntervalMs}ms fall 3 rise 2 on-marked-down shutdown-sessions`
  if (check === 'connect' || http || service.port !== MSMQ_PORT) return [server]
  return [
    ...comment(['the first packet of an MSMQ session; any queue manager answers it with a packet of its own'], '    '),
    '    option tcp-check',
    '    tcp-check connect',
    `    tcp-check send-binary ${MSMQ_PROBE.toString('hex')}`,
    `    tcp-check expect binary ${MSMQ_ANSWER.toString('hex')}`,
    server,
  ]
}

function serverLine(service: Service, member: Member, place: number, { stateOf }: RenderOptions): string {
  const { host, id, address, port, weight } = member
  const { sharing, rule } = service
  const state = stateOf?.(host, rule) ?? 'up'
  const backup = sharing === 'first' && place > 0 ? ' backup' : ''
  // drained: weight 0 keeps what is open and takes nothing new
  const share = state === 'draining' ? 0 : sharing === 'spread' ? weight : 100
  return `    server ${id} ${bracketed(address)}:${port} weight ${share}${backup}${state === 'down' ? ' disabled' : ''}`
}

function haproxyLimits(cluster: ClusterConfig, services: readonly Service[], options: HaproxyOptions): string[] {
  const limits = commonLimits(cluster, services, options)
  const spread = services.filter(({ sharing, protocol }) => sharing === 'spread' && protocol === 'tcp')
  if (spread.some(service => service.affinity !== 'none' || drawnByPort(service, isHttp(service, options))))
    limits.push(OTHER_HASH)
  if (spread.some(service => service.affinity === 'none' && isHttp(service, options)))
    limits.push('requests go round robin: evener than NLB, which draws connections')
  const extended = extendedRules(cluster)
  if (extended.length > 0)
    limits.push(
      `extended affinity (${extendedText(extended)}) becomes a stick table: its time runs from the last connection’s beginning and not from its end, and a restart forgets it`,
    )
  const udp = services.filter(({ protocol }) => protocol === 'udp').map(portText)
  if (udp.length > 0) limits.push(`HAProxy balances no UDP, so not ${udp.join(', ')}`)
  if (services.some(({ sharing }) => sharing === 'refuse'))
    limits.push('a disabled rule closes connections where NLB leaves them unanswered')
  return limits
}

/** In double quotes; what HAProxy reads in them is made plain. */
function quoted(text: string): string {
  return `"${text.replace(/["\\$]/g, character => `\\${character}`)}"`
}
