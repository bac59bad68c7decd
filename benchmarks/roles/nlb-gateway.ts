import { LiveCluster } from '../../gateway/live-cluster.js'
import { clusterConfig } from '../../gateway/nlb/cluster-config.js'
import { clusterPolicy } from '../../gateway/nlb/cluster-policy.js'
import { createProxyPlane } from '../../gateway/planes/proxy.js'
import type { Address } from './address.js'
import type { ProxyPlaneRoleOptions } from './proxy-plane.js'

const HOSTS = 4
const CLUSTER_PORT = 1801

/** A settled cluster of four hosts, each of which is asked for every connection; the first owns all buckets, so that what
 *  is measured has one target as HAProxy has. */
export async function startNlbGateway({ address, to, connectionsMax }: ProxyPlaneRoleOptions) {
  const hosts = Array.from({ length: HOSTS }, (_, index) => ({
    name: `R${index + 1}`,
    address: to.address,
    weight: index === 0 ? 50 : 0,
  }))
  const live = new LiveCluster({
    config: clusterConfig({ addresses: [address], rules: [{ affinity: 'none' }], hosts }),
  })
  live.start(true)
  const plane = createProxyPlane({
    listen: { address, port: CLUSTER_PORT },
    hosts: [{ name: 'R1', address: to.address, port: to.port }],
    policy: clusterPolicy(live.cluster, { protocol: 'tcp', address, port: CLUSTER_PORT }),
    source: 'translate',
    ...(connectionsMax !== undefined && { limits: { connectionsMax } }),
  })
  const listening = await plane.start()
  return {
    listening: (): Address => listening,
    close: async (): Promise<void> => {
      await plane.stop()
      live.stop()
    },
  }
}
