import type { ClusterConfig } from '../nlb/cluster-config.js'
import { comment, oneLine } from './comments.js'
import { header } from './header.js'
import { IPVS_HOW, ipvsKind, ipvsLimits, ipvsMembers, ipvsPort, ipvsScheduling } from './ipvs-scheduling.js'
import { CHECK_INTERVAL_MS, CONNECT_TIMEOUT_MS, type Rendering, type RenderOptions } from './rendering.js'
import { type Member, type Service, servicesOf } from './services.js'

const KINDS = { nat: 'NAT', direct: 'DR', tunnel: 'TUN' } as const

/** Configuration for keepalived 2.2 and later: IPVS with checks, and the cluster addresses on one of two machines. */
export function renderKeepalived(cluster: ClusterConfig, options: RenderOptions = {}): Rendering {
  const services = servicesOf(cluster, options)
  const limits = [
    ...ipvsLimits(cluster, services, options),
    ...(options.source === 'translate' && (options.forwarding ?? 'nat') === 'nat'
      ? ['IPVS does not translate the source: add the nftables rules that `--for ipvs` prints']
      : []),
    ...(options.check === undefined || options.check === 'msmq'
      ? ['its TCP check connects and sends nothing: a queue manager that accepts and does not answer counts as well']
      : []),
  ]
  const lines = [
    ...header(
      cluster,
      'keepalived',
      [IPVS_HOW[options.forwarding ?? 'nat']],
      { ...ipvsKind(services, options), source: 'keep' },
      limits,
    ),
    'global_defs {',
    `    router_id ${routerId(cluster.name)}`,
    '}',
    '',
    ...comment(['the cluster address lives on one of two balancers: the other one has a lower priority here']),
    'vrrp_instance cluster {',
    '    state BACKUP',
    '    interface eth0',
    '    virtual_router_id 51',
    '    priority 100',
    '    advert_int 1',
    '    virtual_ipaddress {',
    ...cluster.addresses.map(address => `        ${address}`),
    '    }',
    '}',
    '',
    ...services.flatMap(service => (service.sharing === 'refuse' ? [] : serviceLines(service, options))),
  ]
  return { text: `${lines.join('\n').trimEnd()}\n`, limits }
}

function serviceLines(service: Service, options: RenderOptions): string[] {
  const { scheduler, byPort, persistenceS, netmask, onePacket } = ipvsScheduling(service)
  const { address, port, protocol, ruleText, sharing, members } = service
  const present = ipvsMembers(service, options)
  const reserve =
    sharing === 'first'
      ? members.find(
          ({ host }) => host !== present[0]?.host && (options.stateOf?.(host, service.rule) ?? 'up') === 'up',
        )
      : undefined
  return [
    ...comment([ruleText]),
    `virtual_server ${address} ${port} {`,
    `    delay_loop ${Math.max(1, Math.round((options.checkIntervalMs ?? CHECK_INTERVAL_MS) / 1000))}`,
    `    lb_algo ${scheduler}`,
    ...(byPort ? ['    sh-port'] : []),
    `    lb_kind ${KINDS[options.forwarding ?? 'nat']}`,
    ...(persistenceS > 0 ? [`    persistence_timeout ${persistenceS}`] : []),
    ...(netmask === null ? [] : [`    persistence_granularity ${address.includes(':') ? '64' : netmask}`]),
    `    protocol ${protocol.toUpperCase()}`,
    ...(onePacket && persistenceS === 0 ? ['    ops'] : []),
    ...(reserve === undefined ? [] : [`    sorry_server ${reserve.address} ${ipvsPort(service, reserve, options)}`]),
    ...present.flatMap(member => realServer(service, member, options)),
    '}',
    '',
  ]
}

function realServer(service: Service, member: Member, options: RenderOptions): string[] {
  const { check = 'msmq', connectTimeoutMs = CONNECT_TIMEOUT_MS } = options
  const checked = check !== 'none' && service.protocol === 'tcp'
  return [
    ...comment([oneLine(member.host)], '    '),
    `    real_server ${member.address} ${ipvsPort(service, member, options)} {`,
    `        weight ${member.weight}`,
    ...(checked
      ? [
          '        TCP_CHECK {',
          `            connect_timeout ${Math.max(1, Math.round(connectTimeoutMs / 1000))}`,
          '            retry 3',
          '            delay_before_retry 1',
          '        }',
        ]
      : []),
    '    }',
  ]
}

function routerId(name: string): string {
  return name.replace(/[^A-Za-z0-9_.-]/g, '_')
}
