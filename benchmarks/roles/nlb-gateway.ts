import { createNlbGateway } from '../../gateway/nlb-gateway.js'
import type { Address } from './address.js'
import type { ProxyPlaneRoleOptions } from './proxy-plane.js'

const HOSTS = 4
const CLUSTER_PORT = 1801

/** The gateway as it ships, with a cluster of four hosts that has been up for long. Each is asked for every connection;
 *  the first owns all buckets, so that what is measured has one target, as HAProxy has. */
export async function startNlbGateway({ address, port = CLUSTER_PORT, to, connectionsMax }: ProxyPlaneRoleOptions) {
  const gateway = createNlbGateway({
    cluster: {
      addresses: [address],
      rules: [{ startPort: port, endPort: port, affinity: 'none' }],
      hosts: Array.from({ length: HOSTS }, (_, index) => ({
        name: `R${index + 1}`,
        address: to.address,
        weight: index === 0 ? 50 : 0,
      })),
    },
    ports: { tcp: [port], udp: [] },
    forward: { [port]: to.port },
    source: 'translate',
    settled: true,
    ...(connectionsMax !== undefined && { limits: { connectionsMax } }),
  })
  await gateway.start()
  return {
    listening: (): Address => ({ address, port }),
    close: (): Promise<void> => gateway.stop(),
  }
}
