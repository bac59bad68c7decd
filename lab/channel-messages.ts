import type { ConnectionClosed, ProxiedRequest, ProxyDecision } from '../gateway/planes/proxy-events.js'
import type { Note } from '../queue-manager/notes.js'
import type { ClusterFault } from './cluster-fault.js'
import type { ClusterMap } from './cluster-map.js'
import type { Injection } from './faults/rule-book.js'
import type { Opened } from './lab-node.js'
import type { NodeReport, NodeSpec } from './node-spec.js'

/**
 * Lab to node. `configure` comes first and once; the node then opens its queues, listens, and says `ready`. `start`
 * begins the workload of a load that began `elapsedMs` ago, `drain` ends it (what is queued goes on flowing), `fault` tells
 * a gateway what befalls its hosts, `stop` asks for an orderly end: the node closes its sessions, sends its final ledger
 * and exits.
 */
export type LabMessage =
  | { readonly type: 'configure'; readonly spec: NodeSpec }
  | { readonly type: 'start'; readonly elapsedMs: number }
  | { readonly type: 'drain' }
  | { readonly type: 'fault'; readonly fault: ClusterFault }
  | { readonly type: 'stop' }

/**
 * Node to lab, in order: `hello` proves the token; `ready`; then, as they come, `notes` and what faults by meaning
 * `injected`, or `decisions` and each new `cluster-map`, a `sample` every 100 ms, a `ledger` checkpoint every second or so;
 * `done` when the workload has offered all it will and each offer is answered; a last `ledger` with `partial` false. `failed` says why the node ends without having done its part.
 */
export type NodeMessage =
  | { readonly type: 'hello'; readonly token: string }
  | ({ readonly type: 'ready' } & Opened)
  | { readonly type: 'notes'; readonly notes: readonly Note[] }
  | {
      readonly type: 'decisions'
      readonly decisions: readonly ProxyDecision[]
      readonly closed: readonly ConnectionClosed[]
      /** Requests over HTTP that are over. */
      readonly requests?: readonly ProxiedRequest[]
    }
  | { readonly type: 'injected'; readonly injections: readonly Injection[] }
  | { readonly type: 'cluster-map'; readonly atMs: number; readonly owners: ClusterMap }
  | { readonly type: 'sample'; readonly sample: NodeSample }
  | { readonly type: 'ledger'; readonly report: NodeReport }
  | { readonly type: 'done'; readonly offered: number }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }

/** A node's depths at one moment. */
export interface NodeSample {
  /** Wall clock. */
  readonly atMs: number
  /** Messages in each outgoing queue that is not empty, acknowledgements on their way included. */
  readonly outgoing: readonly { readonly formatName: string; readonly messages: number }[]
  readonly outgoingMessages: number
  /** Messages waiting in local queues, dead-letter queues not counted. */
  readonly localMessages: number
  readonly offered: number
  readonly consumed: number
}
