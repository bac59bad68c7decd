import type { NlbCluster } from '../../nlb/cluster.js'
import type { ClusterPlane, PlaneError } from '../plane.js'

/**
 * What stands in for the balancer.
 *
 * | mode | between clients and hosts | a host sees as source | as destination |
 * | --- | --- | --- | --- |
 * | `nlb` | a bridge that floods; each host filters for itself, nothing is rewritten | the client | the cluster address |
 * | `dnat` | a router that rewrites the destination; answers pass it again | the client | its own address |
 * | `snat` | a router that rewrites both | the balancer | its own address |
 * | `dsr` | a router that chooses the next hop, nothing is rewritten | the client | the cluster address |
 */
export type KernelMode = 'nlb' | 'dnat' | 'snat' | 'dsr'

export const KERNEL_MODES: readonly KernelMode[] = ['nlb', 'dnat', 'snat', 'dsr']

/** A machine with a network stack of its own. */
export interface Machine {
  /** Unique among machines and hosts. */
  readonly name: string
  /** IPv4; any: the machines need no common network. */
  readonly address: string
}

export interface KernelPlaneOptions {
  /** Its hash must be `jhash`: the kernel knows no other. Its hosts become machines, at their dedicated addresses. */
  readonly cluster: NlbCluster
  readonly mode: KernelMode
  /** Machines beside the cluster's hosts: senders, back ends. */
  readonly machines?: readonly Machine[]
  /** Under `snat`: whom hosts take for the client. Default: the first cluster address, so that what they send there is balanced. */
  readonly snatAddress?: string
  /** A change could not be applied; what was in force before still is. */
  onError?(error: PlaneError): void
}

/**
 * A cluster on the Linux kernel. Every host and every machine is a network namespace with one interface `eth0`; programs
 * are started inside with `command()`:
 *
 * ```ts
 * const cluster = new NlbCluster({ config, hash: jhash(5), onChange: () => plane.changed() })
 * const plane = createKernelPlane({ cluster, mode: 'nlb', machines: [{ name: 'S1', address: '10.7.1.51' }] })
 * await plane.start()
 * const [program, ...rest] = plane.command('R1', ['node', 'receiver.js'])
 * spawn(program!, rest)
 * ```
 *
 * Whoever owns the cluster goes on calling its `advance`; the plane only applies what the model says. Path sockets and
 * files are common to all namespaces, loopback addresses are not.
 */
export interface KernelPlane extends ClusterPlane {
  readonly mode: KernelMode
  /** Name as `ip netns` knows it. Throws a `RangeError` for a machine that does not exist. */
  namespaceOf(machine: string): string
  addressOf(machine: string): string
  /** The command line that runs `commandLine` inside a machine. */
  command(machine: string, commandLine: readonly string[]): string[]
  /**
   * Resolves when all changes reported so far are in the kernel. Rejects with a `PlaneError` if one could not be applied.
   */
  applied(): Promise<void>
  /** Connections that a host has now, as the kernel sees it. A drain may wait for 0. */
  connections(host: string): Promise<number>
}
