import type { ClusterConfig } from '../nlb/cluster-config.js'
import type { SourceMode } from '../planes/proxy-events.js'
import { bracketed, comment } from './comments.js'
import { commonLimits, extendedRules, extendedText, OTHER_HASH } from './common-limits.js'
import { header } from './header.js'
import { kindOfProxy } from './proxy-kind.js'
import { CONNECT_TIMEOUT_MS, IDLE_TIMEOUT_S, type Rendering, type RenderOptions } from './rendering.js'
import { isHttp, type Member, type Service, servicesOf } from './services.js'

export interface NginxOptions extends RenderOptions {
  /** Worker processes. Default: as many as the machine has processors. */
  readonly workers?: number
  /** Started in the foreground by another program, with a folder of its own. */
  readonly driven?: {
    /** Full path of the module `stream` where it is not built in. */
    readonly streamModule: string | null
    /** Of the worker processes; null: nginx' own, or whoever starts it. */
    readonly user: string | null
    /** Where opening connections (level info), their ends and requests are told, a line each; null: nowhere. */
    readonly log: { readonly path: string; readonly tcpFormat: string; readonly httpFormat: string } | null
  }
}

/** Configuration for nginx 1.22 and later, the open-source edition: stream for connections and datagrams, http for requests. */
export function renderNginx(cluster: ClusterConfig, options: NginxOptions = {}): Rendering {
  const services = servicesOf(cluster, options)
  const source = options.source ?? 'translate'
  const limits = nginxLimits(cluster, services, options)
  const streamed = services.filter(service => !isHttp(service, options))
  const requested = services.filter(service => isHttp(service, options))
  const lines = [
    ...header(
      cluster,
      'nginx',
      [source === 'keep' ? TRANSPARENT : 'A full proxy: hosts see the cluster address as the source of everything.'],
      kindOfProxy(services, source, options),
      limits,
    ),
    ...mainSection(options),
    ...section('stream', streamed, options, [
      `    proxy_connect_timeout ${options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS}ms;`,
      ...comment(['an idle session sends nothing: without this a firewall between forgets it'], '    '),
      '    proxy_socket_keepalive on;',
      '    proxy_half_close on;',
      '',
      ...streamed.flatMap(service => streamLines(service, source, options)),
    ]),
    ...section('http', requested, options, [
      ...comment(['the largest message has 4 MB'], '    '),
      '    client_max_body_size 8m;',
      '',
      ...requested.flatMap(service => httpLines(service, source, options)),
    ]),
  ]
  return { text: `${lines.join('\n')}\n`, limits }
}

const TRANSPARENT =
  'A transparent proxy: hosts see the clients’ addresses. Hosts must send their answers back through this machine (it is their default gateway), and it must take them up: `iptables -t mangle -A PREROUTING -p tcp -m socket --transparent -j MARK --set-mark 1`, `ip rule add fwmark 1 lookup 100`, `ip route add local default dev lo table 100`. The master process runs as root; it leaves its workers CAP_NET_RAW.'

function mainSection({ workers, driven }: NginxOptions): string[] {
  const modules =
    driven === undefined
      ? [
          ...comment(['where stream is a module of its own (Debian: libnginx-mod-stream)']),
          'include /etc/nginx/modules-enabled/*.conf;',
        ]
      : driven.streamModule === null
        ? []
        : [`load_module ${driven.streamModule};`]
  const own =
    driven === undefined
      ? []
      : [
          'daemon off;',
          'pid nginx.pid;',
          `error_log ${driven.log === null ? 'stderr notice' : `${driven.log.path} info`};`,
          ...(driven.user === null ? [] : [`user ${driven.user};`]),
        ]
  return [...modules, ...own, `worker_processes ${workers ?? 'auto'};`, 'events { worker_connections 16384; }', '']
}

function section(
  name: 'stream' | 'http',
  services: readonly Service[],
  { driven }: NginxOptions,
  body: readonly string[],
): string[] {
  if (services.length === 0) return []
  const networks = services.some(({ sharing, affinity }) => sharing === 'spread' && affinity === 'network')
  return [
    `${name} {`,
    ...(driven === undefined ? [] : logLines(name, driven.log)),
    ...(driven === undefined || name === 'stream' ? [] : BODIES.map(body => `    ${body}_temp_path ${body};`)),
    ...(networks ? ['    map $remote_addr $client_network {', ...NETWORK.map(line => `        ${line}`), '    }'] : []),
    ...body,
    '}',
    '',
  ]
}

function logLines(name: 'stream' | 'http', log: NonNullable<NginxOptions['driven']>['log']): string[] {
  if (log === null) return ['    access_log off;']
  const format = name === 'stream' ? log.tcpFormat : log.httpFormat
  return [`    log_format driven '${format}';`, `    access_log ${log.path} driven;`]
}

const BODIES = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

/** The /24 of IPv4; an IPv6 client stays for itself. */
const NETWORK = ['default $remote_addr;', String.raw`"~^(?<client_24>\d+\.\d+\.\d+)\." $client_24;`]

function streamLines(service: Service, source: SourceMode, options: NginxOptions): string[] {
  const { name, address, port, protocol, ruleText, sharing } = service
  const udp = protocol === 'udp'
  const listen = `        listen ${bracketed(address)}:${port}${udp ? ' udp' : ' so_keepalive=on'};`
  if (sharing === 'refuse')
    return [
      '    server {',
      ...comment([ruleText, 'NLB says nothing, this closes at once'], '        '),
      listen,
      '        return "";',
      '    }',
      '',
    ]
  return [
    ...upstreamLines(service, options),
    '    server {',
    ...comment([ruleText], '        '),
    listen,
    `        proxy_pass ${name}_hosts;`,
    ...(udp
      ? []
      : comment(['above MSMQ’s own idle close: CleanupInterval, 2 or 5 minutes, checked once in each'], '        ')),
    `        proxy_timeout ${udp ? UDP_TIMEOUT_S : (options.idleTimeoutS ?? IDLE_TIMEOUT_S)}s;`,
    `        ${bindLine(service, source)}`,
    '    }',
    '',
  ]
}

/** How long an answer to a datagram is awaited. MSMQ waits one second for the answer to its ping. */
const UDP_TIMEOUT_S = 10

function httpLines(service: Service, source: SourceMode, options: NginxOptions): string[] {
  const { name, address, port, ruleText, sharing } = service
  const { idleTimeoutS = IDLE_TIMEOUT_S, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options
  const server = [
    '    server {',
    ...comment([ruleText], '        '),
    `        listen ${bracketed(address)}:${port} so_keepalive=on;`,
  ]
  if (sharing === 'refuse') return [...server, '        return 444;', '    }', '']
  return [
    ...upstreamLines(service, options, source === 'translate' ? ['keepalive 32;'] : []),
    ...server,
    `        keepalive_timeout ${idleTimeoutS}s;`,
    '        location / {',
    `            proxy_pass http://${name}_hosts;`,
    '            proxy_http_version 1.1;',
    '            proxy_set_header Host $http_host;',
    '            proxy_set_header Connection "";',
    '            proxy_request_buffering off;',
    `            proxy_connect_timeout ${connectTimeoutMs}ms;`,
    `            proxy_read_timeout ${idleTimeoutS}s;`,
    `            ${bindLine(service, source)}`,
    '        }',
    '    }',
    '',
  ]
}

function upstreamLines(service: Service, options: NginxOptions, more: readonly string[] = []): string[] {
  const { name, sharing, members } = service
  const hash = sharing === 'spread' ? hashKey(service, options) : null
  const out = ({ host, weight }: Member) =>
    (options.stateOf?.(host, service.rule) ?? 'up') !== 'up' || (sharing === 'spread' && weight === 0)
  const main = members.find(member => !out(member))
  return [
    `    upstream ${name}_hosts {`,
    ...(hash === null ? [] : [`        hash ${hash} consistent;`]),
    ...members.map(member => {
      const share = sharing === 'spread' ? ` weight=${Math.max(1, member.weight)}` : ''
      const backup = sharing === 'first' && main !== undefined && member !== main && !out(member) ? ' backup' : ''
      const fails = options.check === 'none' ? ' max_fails=0' : ' max_fails=3 fail_timeout=10s'
      return `        server ${bracketed(member.address)}:${member.port}${share}${fails}${out(member) ? ' down' : backup};`
    }),
    ...more.map(line => `        ${line}`),
    '    }',
  ]
}

/** Null: round robin. */
function hashKey(service: Service, options: NginxOptions): string | null {
  switch (service.affinity) {
    case 'none':
      // each connection is drawn by the client's address and port, as NLB does it; requests are not
      return isHttp(service, options) ? null : '$remote_addr:$remote_port'
    case 'single':
      return '$remote_addr'
    case 'network':
      return '$client_network'
  }
}

function bindLine({ address }: Service, source: SourceMode): string {
  return source === 'keep' ? 'proxy_bind $remote_addr transparent;' : `proxy_bind ${address};`
}

function nginxLimits(cluster: ClusterConfig, services: readonly Service[], options: RenderOptions): string[] {
  const limits = commonLimits(cluster, services, options)
  const spread = services.filter(({ sharing }) => sharing === 'spread')
  if (spread.some(service => hashKey(service, options) !== null)) limits.push(OTHER_HASH)
  if (spread.some(service => hashKey(service, options) === null))
    limits.push('requests go round robin: evener than NLB, which draws connections')
  if (options.check !== 'none')
    limits.push(
      'the open-source edition checks nobody: a host counts as ill for 10 s after 3 connections that it refused or left unanswered, each of which went on to another host',
    )
  limits.push('a host that is taken out keeps the connections that it has; nginx cannot end those of one host alone')
  const extended = extendedRules(cluster)
  if (extended.length > 0)
    limits.push(`no extended affinity (${extendedText(extended)}): the hash alone decides, also when hosts change`)
  if (services.some(({ sharing, members }) => sharing === 'first' && members.length > 2))
    limits.push('of several hosts in reserve nginx takes turns; NLB takes the next in priority')
  if (services.some(({ sharing }) => sharing === 'refuse'))
    limits.push('a disabled rule closes connections where NLB leaves them unanswered')
  return limits
}
