import { ipBytes } from '../../../protocol/ip-address.js'
import type { ClusterConfig } from '../../nlb/cluster-config.js'
import { clusterMacs } from '../../nlb/mac-address.js'
import type { KernelMode, Machine } from './kernel-options.js'

/** Next hop of every machine behind a router; nobody else hears of it. */
const ROUTER_ADDRESS = '169.254.1.1'
const ROUTER_MAC = '0a:00:00:00:00:01'

/** A machine and its cable to the one in the middle. */
export interface Cable extends Machine {
  /** From 0, unique: name of the cable's end in the middle. */
  readonly index: number
  /** Of a host: its mark. Null: no host of the cluster. */
  readonly mark: number | null
}

export interface Wiring {
  readonly config: ClusterConfig
  readonly mode: KernelMode
  readonly snatAddress: string
}

/** For the shell in the namespace in the middle: a bridge under `nlb`, else a router. */
export function middleScript({ config, mode, snatAddress }: Wiring): string {
  if (mode === 'nlb')
    return [
      ...QUIET,
      // frames for the cluster's multicast address go to all hosts, as on a hub
      'ip link add br0 type bridge mcast_snooping 0',
      'ip link set br0 up',
    ].join('\n')
  const addresses = new Set([ROUTER_ADDRESS, ...(mode === 'dsr' ? [] : [...config.addresses, snatAddress])])
  return [
    ...QUIET,
    ...Array.from(addresses, address => `ip address add ${address}/32 dev lo`),
    'echo 1 > /proc/sys/net/ipv4/ip_forward',
    setting('send_redirects', 0),
  ].join('\n')
}

/** For `ip -batch`: the cable, both ends in their namespaces from the first moment. */
export function cableCommand({ index, address }: Cable, middle: string, namespace: string): string {
  return `link add name m${index} netns ${middle} type veth peer name eth0 address ${macOf(address)} netns ${namespace}`
}

/** For the shell in the middle, when the cable is there. */
export function portScript({ mode }: Wiring, { index, address, mark }: Cable): string {
  const port = `m${index}`
  if (mode === 'nlb')
    return [
      `ip link set ${port} master br0`,
      // only hosts are to get frames for the cluster
      ...(mark === null ? [`ip link set ${port} type bridge_slave flood off mcast_flood off`] : []),
      `ip link set ${port} up`,
    ].join('\n')
  return [
    setting('rp_filter', 0),
    setting('send_redirects', 0),
    `ip link set ${port} address ${ROUTER_MAC} up`,
    `ip neigh replace ${address} lladdr ${macOf(address)} nud permanent dev ${port}`,
    `ip route replace ${address}/32 dev ${port}`,
    ...(mode === 'dsr' && mark !== null
      ? [
          `ip route replace default via ${address} dev ${port} onlink table ${mark}`,
          `ip rule add fwmark ${mark} lookup ${mark}`,
        ]
      : []),
  ].join('\n')
}

/** For the shell in a machine. */
export function machineScript({ config, mode }: Wiring, { address, mark }: Cable): string {
  const isHost = mark !== null
  const holdsClusterAddress = isHost && (mode === 'nlb' || mode === 'dsr')
  return [
    ...QUIET,
    // the cluster address on lo is answered for by nobody
    setting('arp_ignore', 1),
    setting('arp_announce', 2),
    ...(holdsClusterAddress ? config.addresses.map(vip => `ip address add ${vip}/32 dev lo`) : []),
    `ip address add ${address}/32 dev eth0`,
    'ip link set eth0 up',
    ...(mode === 'nlb'
      ? [
          `ip route add default dev eth0 scope link src ${address}`,
          ...(isHost ? [] : config.addresses.map(vip => permanentNeighbour(vip, clusterMac(config)))),
        ]
      : [
          `ip route add ${ROUTER_ADDRESS}/32 dev eth0 scope link src ${address}`,
          permanentNeighbour(ROUTER_ADDRESS, ROUTER_MAC),
          `ip route add default via ${ROUTER_ADDRESS} dev eth0 src ${address}`,
        ]),
  ].join('\n')
}

const QUIET = [
  'if [ -d /proc/sys/net/ipv6/conf/all ]; then echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; fi',
  'ip link set lo up',
  setting('rp_filter', 0),
]

/** For all interfaces, also those to come. */
function setting(name: string, value: number): string {
  return `for file in /proc/sys/net/ipv4/conf/*/${name}; do echo ${value} > $file; done`
}

const permanentNeighbour = (address: string, mac: string) =>
  `ip neigh replace ${address} lladdr ${mac} nud permanent dev eth0`

const clusterMac = ({ addresses, mode }: ClusterConfig) => clusterMacs(addresses[0]!)[mode].replaceAll('-', ':')

/** Locally administered, and readable in a capture. */
const macOf = (address: string) =>
  ['0a', '01', ...Array.from(ipBytes(address), byte => byte.toString(16).padStart(2, '0'))].join(':')
