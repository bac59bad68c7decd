import type { ClusterInput } from '../gateway/nlb/cluster-config.js'
import type { Affinity } from '../gateway/nlb/hash.js'
import type { Balance, DropAnswers, HealthCheck, Spread } from '../gateway/planes/http-options.js'
import type { PlaneCounters } from '../gateway/planes/plane.js'
import type { ProxyCounters } from '../gateway/planes/proxy-counters.js'
import type { SourceMode } from '../gateway/planes/proxy-events.js'
import type { Guid } from '../protocol/guid.js'
import type { Counters } from '../queue-manager/counters.js'
import type { Redirections } from '../queue-manager/http/redirections.js'
import type { LocalQueueView, OutgoingQueueView } from '../queue-manager/queue-manager.js'
import type { ReceiverLedgerData } from '../receivers/receiver-ledger.js'
import type { SenderLedgerData } from '../senders/sender-ledger.js'
import type { WorkloadSpec } from '../senders/workload-spec.js'
import type { CrashNodeReport, CrashNodeSpec } from './crash/crash-node-spec.js'
import type { NodeFaults } from './faults/fault-rules.js'
import type { Plane, RealisationDetails } from './planes.js'
import type { IdleManner } from './sim/sim-route.js'

/** What one process or thread of the lab is to be. Plain data: it travels over the lab channel. */
export type NodeSpec = (QueueManagerSpec | GatewaySpec | ClusterSpec | CrashNodeSpec) & {
  /** Absent: nothing is recorded. */
  readonly capture?: CaptureSpec
}

export interface QueueManagerSpec {
  readonly kind: 'queue-manager'
  /** Computer name, and the node's name in the lab. Unique in a run even among clones. */
  readonly name: string
  /** Computer name that the queue manager takes for its own, when it is not `name`: clones share it. */
  readonly computerName?: string
  readonly dnsName?: string
  readonly guid: Guid
  /** Own address: the source of outgoing connections, and where it listens if `listenAddress` does not say otherwise. */
  readonly address: string
  readonly listenAddress?: string
  readonly port: number
  /** Further addresses that the queue manager takes for its own, such as the cluster's. */
  readonly moreAddresses?: readonly string[]
  readonly sequenceTimeStamp: number
  /** Changes to the defaults, by MSMQ's registry names. */
  readonly settings: Readonly<Record<string, number>>
  readonly queues: readonly QueueSpec[]
  readonly resolver: ResolverSpec
  readonly consumer?: ConsumerSpec
  readonly workload?: WorkloadSpec
  /** Whether the engine's notes flow to the lab. Off for speed. */
  readonly notes: boolean
  /** Directory of a durable store; absent: everything is forgotten when the node ends. */
  readonly data?: string
  /** Absent: requests over HTTP are not listened for. */
  readonly http?: HttpSpec
  /** What goes wrong here by the meaning of packets. */
  readonly faults?: NodeFaults
  /** Of machines that a fault by meaning may end on sockets: file that says which did, for nobody hears its last word. */
  readonly lastWord?: string
}

/** What a machine writes of what it sends and receives. */
export interface CaptureSpec {
  /** There, in files of its own. */
  readonly folder: string
  /** Of machines by address, in the order in which links are named. */
  readonly names: readonly (readonly [address: string, names: readonly string[]])[]
  /** Clients that do not tell of their connections themselves. */
  readonly acceptedFrom: readonly string[]
  /** Program and version. */
  readonly application: string
  readonly seed: number
  /** Of the run: what is recorded on both sides of a machine has to be in order. See `agreeOnWallTime`. */
  readonly wallAheadMs: number
}

export interface HttpSpec {
  /** On the node's own address. */
  readonly port: number
  /** Further names and addresses that stand for this machine in URLs. */
  readonly aliases: readonly string[]
  readonly redirections: Redirections
}

export interface QueueSpec {
  /** Path name without the machine, such as `private$\orders`. */
  readonly name: string
  readonly transactional: boolean
  /** Of the private queue; absent: the next free one. */
  readonly number?: number
  readonly quotaKB?: number
}

/** Addresses by machine name (any case) and by queue manager GUID. */
export interface ResolverSpec {
  readonly names: Readonly<Record<string, readonly string[]>>
  readonly queueManagers: Readonly<Record<Guid, readonly string[]>>
}

export interface ConsumerSpec {
  /** Names of the node's queues to consume from. */
  readonly queues: readonly string[]
  /** Rest after each message: a slow consumer. */
  readonly pauseMs?: number
  /** Keep a histogram of intended send time to consumption. */
  readonly latency?: boolean
  /** Check the filling of each body too, not only its identity. */
  readonly verifyBodies?: boolean
}

/** An appliance in user space. */
export interface GatewaySpec {
  readonly kind: 'gateway'
  readonly name: string
  readonly listen: { readonly address: string; readonly port: number }
  readonly hosts: readonly {
    readonly name: string
    readonly address: string
    readonly port: number
    readonly weight?: number
  }[]
  readonly affinity: Affinity
  readonly source: SourceMode
  /** Fault: resets a connection after so many bytes from its client. */
  readonly cutAfterBytes?: number
  /** How many connections the fault befalls; absent: each. */
  readonly cutConnectionsMax?: number
  readonly idleTimeoutMs?: number
  /** Simulated world only; absent: `reset`. */
  readonly idleManner?: IdleManner
  readonly retryOtherHosts?: boolean
  /** Default `tcp`: bytes of any protocol are carried. The fields below are for `http` alone. */
  readonly protocol?: 'tcp' | 'http'
  /** Default `connection`. */
  readonly balance?: Balance
  /** Under balance `request`; default `round-robin`. */
  readonly spread?: Spread
  /** Of the spread `random`; default 1. */
  readonly seed?: number
  /** Requests of one connection that may be with hosts at a time. Default 64; 1 under balance `request`, as appliances do. */
  readonly pipelineMax?: number
  /** Adds the client's address to `X-Forwarded-For`. */
  readonly forwardedFor?: boolean
  readonly healthCheck?: HealthCheck
  readonly dropAnswers?: DropAnswers
}

/** A cluster on any plane: Windows NLB, or an appliance that does by its own means what the cluster describes. */
export interface ClusterSpec {
  readonly kind: 'cluster'
  readonly name: string
  readonly plane: Plane
  readonly source: SourceMode
  readonly cluster: ClusterInput
  /** TCP ports that are balanced. */
  readonly ports: readonly number[]
  /** That of them on which HTTP is spoken. */
  readonly httpPort?: number
  /** What a host is chosen for; `request` only on `httpPort`. */
  readonly balance: Balance
  readonly healthCheck?: HealthCheck
  /** Machines beside the hosts, for planes that make their networks. */
  readonly machines: readonly { readonly name: string; readonly address: string }[]
  readonly seed: number
  readonly details: RealisationDetails
}

/** What a node has to say for itself. `partial`: the node had not been stopped in order; this was its last word. */
export type NodeReport = QueueManagerReport | GatewayReport | ClusterReport | CrashNodeReport

export interface QueueManagerReport {
  readonly kind: 'queue-manager'
  readonly node: string
  readonly partial: boolean
  readonly atMs: number
  readonly sender?: SenderLedgerData
  readonly receiver?: ReceiverLedgerData
  readonly outgoing: readonly OutgoingQueueView[]
  readonly local: readonly LocalQueueView[]
  /** Tracked messages still in outgoing queues, not yet known to have arrived. */
  readonly remaining: readonly RemainingMessages[]
  readonly counters: Counters
}

export interface GatewayReport {
  readonly kind: 'gateway'
  readonly node: string
  readonly partial: boolean
  readonly atMs: number
  readonly counters: ProxyCounters
}

export interface ClusterReport {
  readonly kind: 'cluster'
  readonly node: string
  readonly partial: boolean
  readonly atMs: number
  /** Null before the end where the plane cannot be asked in passing. */
  readonly counters: PlaneCounters | null
}

/** Of one sender: bit `(n - 1) & 7` of byte `(n - 1) >> 3` is set while message n is in an outgoing queue. */
export interface RemainingMessages {
  readonly sender: number
  readonly numbers: Uint8Array
}

export function isRemaining(remaining: RemainingMessages, number: number): boolean {
  return ((remaining.numbers[(number - 1) >> 3] ?? 0) & (1 << ((number - 1) & 7))) !== 0
}
