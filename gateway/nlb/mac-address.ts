import { ipBytes } from '../../protocol/ip-address.js'
import type { ClusterMode } from './cluster-config.js'

/**
 * The cluster's MAC address in each mode, from its primary IPv4 address w.x.y.z: 02-bf-w-x-y-z, 03-bf-w-x-y-z [D] and,
 * for the group 239.255.y.z, 01-00-5e-7f-y-z [I]. How Windows makes one from an IPv6 address is not public: a `RangeError`.
 */
export function clusterMacs(address: string): Record<ClusterMode, string> {
  const bytes = ipBytes(address)
  if (bytes.length !== 4) throw new RangeError(`${address}: the MAC address of an IPv6 cluster address is not public`)
  const mac = (...parts: number[]) => parts.map(part => part.toString(16).padStart(2, '0')).join('-')
  return {
    unicast: mac(0x02, 0xbf, ...bytes),
    multicast: mac(0x03, 0xbf, ...bytes),
    igmp: mac(0x01, 0x00, 0x5e, 0x7f, bytes[2]!, bytes[3]!),
  }
}
