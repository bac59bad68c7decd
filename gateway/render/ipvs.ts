import type { ClusterConfig } from '../nlb/cluster-config.js'
import { bracketed, comment } from './comments.js'
import { header } from './header.js'
import { IPVS_HOW, ipvsKind, ipvsLimits, ipvsMembers, ipvsPort, ipvsScheduling } from './ipvs-scheduling.js'
import { IDLE_TIMEOUT_S, type Rendering, type RenderOptions } from './rendering.js'
import { type Service, servicesOf } from './services.js'

const FLAGS = { nat: '-m', direct: '-g', tunnel: '-i' } as const

/** A shell script for ipvsadm 1.31 and later. */
export function renderIpvs(cluster: ClusterConfig, options: RenderOptions = {}): Rendering {
  const services = servicesOf(cluster, options)
  const { forwarding = 'nat', idleTimeoutS = IDLE_TIMEOUT_S } = options
  const limits = [
    ...ipvsLimits(cluster, services, options),
    'nobody checks the hosts: who dies keeps its share, as with NLB, until somebody takes it out (keepalived does)',
    ...(services.some(({ sharing }) => sharing === 'first')
      ? ['no host in reserve: where one takes all, nobody follows it by itself']
      : []),
  ]
  const lines = [
    '#!/bin/sh',
    ...header(cluster, 'IPVS', [IPVS_HOW[forwarding]], ipvsKind(services, options), limits),
    'set -e',
    ...comment([
      'seconds: TCP, TCP after FIN, UDP; the first above MSMQ’s own idle close (2 or 5 minutes, checked once in each)',
    ]),
    `ipvsadm --set ${idleTimeoutS} 120 300`,
    '',
    ...services.flatMap(service => serviceLines(service, options)),
    ...sourceLines(services, options),
  ]
  return { text: `${lines.join('\n').trimEnd()}\n`, limits }
}

function serviceLines(service: Service, options: RenderOptions): string[] {
  const { address, port, protocol, ruleText, sharing } = service
  if (sharing === 'refuse') return []
  const { scheduler, byPort, persistenceS, netmask, onePacket } = ipvsScheduling(service)
  const at = `${protocol === 'tcp' ? '-t' : '-u'} ${bracketed(address)}:${port}`
  const flags = [
    `-s ${scheduler}`,
    ...(byPort ? ['-b sh-port'] : []),
    ...(persistenceS > 0 ? [`-p ${persistenceS}`] : []),
    ...(netmask === null ? [] : [`-M ${address.includes(':') ? '64' : netmask}`]),
    ...(onePacket && persistenceS === 0 ? ['-o'] : []),
  ]
  return [
    ...comment([ruleText]),
    `ipvsadm -D ${at} 2>/dev/null || true`,
    `ipvsadm -A ${at} ${flags.join(' ')}`,
    ...ipvsMembers(service, options).map(
      member =>
        `ipvsadm -a ${at} -r ${bracketed(member.address)}:${ipvsPort(service, member, options)} ${FLAGS[options.forwarding ?? 'nat']} -w ${member.weight}`,
    ),
    '',
  ]
}

/** IPVS itself never rewrites the source; nftables does it behind it. */
function sourceLines(services: readonly Service[], options: RenderOptions): string[] {
  const { source = 'keep', forwarding = 'nat' } = options
  if (source === 'keep' || forwarding !== 'nat') return []
  return [
    ...comment(['hosts see the cluster address as the source']),
    'sysctl -w net.ipv4.vs.conntrack=1',
    'nft add table ip ipvs_source',
    'nft flush table ip ipvs_source',
    "nft 'add chain ip ipvs_source source { type nat hook postrouting priority srcnat; }'",
    ...services.flatMap(service =>
      service.sharing === 'refuse'
        ? []
        : ipvsMembers(service, options).map(
            ({ address, port }) =>
              `nft add rule ip ipvs_source source ip daddr ${address} ${service.protocol} dport ${port} ct original ip daddr ${service.address} snat to ${service.address}`,
          ),
    ),
  ]
}
