import type { NlbCluster } from './cluster.js'
import { explainVerdict } from './explain.js'
import type { Packet } from './packet.js'
import type { Client, Policy } from './policy.js'

/** What a plane serves: one port of one cluster address. */
export interface ServedPort {
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
}

/**
 * A live cluster as a policy for connections (TCP) or datagrams (UDP) to one port. Every pick is put to all hosts'
 * filters; who takes a TCP connection has it until `released`. Where several take it, the first by priority is named.
 * A client at a host's own address is that host, whose packets for the cluster never leave it. [D]
 * Health found by others (`except`) does not count: Windows NLB does not look at services. [F]
 */
export function clusterPolicy(cluster: NlbCluster, served: ServedPort): Policy {
  const packet = (client: Client): Packet => {
    const sentBy = cluster.config.hosts.find(({ address }) => address === client.address)?.name
    return {
      protocol: served.protocol,
      sourceAddress: client.address,
      sourcePort: client.port,
      destinationAddress: served.address,
      destinationPort: served.port,
      ...(sentBy === undefined ? {} : { sentBy }),
    }
  }
  return {
    pick(client) {
      const asked = packet(client)
      const verdict = cluster.open(asked)
      const { acceptors, bucket } = verdict
      return {
        host: acceptors[0] ?? null,
        reason: explainVerdict(cluster, asked, verdict),
        verdict,
        ...(bucket === null ? {} : { bucket }),
      }
    },
    released: client => cluster.close(packet(client)),
  }
}

/**
 * Whether packets of a connection pass between its client and the host that has it, as the cluster stands now: ask anew
 * when it has changed.
 */
export function establishedPasses(cluster: NlbCluster, served: ServedPort): (client: Client, host: string) => boolean {
  const names = cluster.config.hosts.map(({ name }) => name)
  const reached = new Set(names.filter(host => cluster.reach(host) === 'reachable'))
  return ({ address, port }, host) =>
    reached.has(host) &&
    cluster
      .verdict({
        protocol: 'tcp',
        stage: 'established',
        sourceAddress: address,
        sourcePort: port,
        destinationAddress: served.address,
        destinationPort: served.port,
      })
      .acceptors.includes(host)
}
