import type { HostConfig } from './cluster-config.js'
import type { ConvergencePhase } from './heartbeat.js'
import type { NlbHost } from './host.js'
import type { PortState } from './port-rule.js'

/** What `query` shows. `default`: converged, and the default host. `down`: the machine has no power. */
export type HostState = 'down' | 'stopped' | 'suspended' | 'converging' | 'draining' | 'converged' | 'default'

export interface HostView {
  readonly name: string
  readonly priority: number
  readonly address: string
  readonly state: HostState
  /** Of a host that runs. */
  readonly phase: ConvergencePhase | null
  /** When its phase began. */
  readonly sinceMs: number
  /** Names of all that it counts as members, itself included. */
  readonly members: readonly string[]
  /** Whether clients' packets for the cluster reach it. */
  readonly reached: boolean
  readonly connections: number
  readonly rules: readonly HostRuleView[]
  /** Buckets of what no rule covers: 60 at the default host, 0 at others. */
  readonly defaultBuckets: number
}

export interface HostRuleView {
  readonly state: PortState
  readonly weight: number
  readonly handlingPriority: number
  /** How many of the 60 are its own. */
  readonly buckets: number
}

export function hostView(
  host: NlbHost,
  config: HostConfig,
  nameOf: (slot: number) => string,
  reached: boolean,
): HostView {
  return {
    name: config.name,
    priority: config.priority,
    address: config.address,
    state: stateOf(host),
    phase: host.running ? host.phase : null,
    sinceMs: host.sinceMs,
    members: host.running ? host.members.map(nameOf) : [],
    reached,
    connections: host.connectionCount,
    rules: host.rules.map((_, rule) => ({
      state: host.portStates[rule]!,
      ...host.perRule[rule]!,
      buckets: countOwned(host.owned[rule]!),
    })),
    defaultBuckets: countOwned(host.owned[host.rules.length]!),
  }
}

function countOwned(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0)
}

function stateOf(host: NlbHost): HostState {
  if (host.crashed) return 'down'
  if (host.suspended) return 'suspended'
  if (!host.running) return 'stopped'
  if (host.draining) return 'draining'
  if (host.phase !== 'converged') return 'converging'
  return host.isDefault ? 'default' : 'converged'
}
