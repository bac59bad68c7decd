import type { Endpoint } from '../queue-manager/actions.js'
import type { NodeMessage, NodeSample } from './channel-messages.js'
import type { ClusterFault } from './cluster-fault.js'
import type { NodeReport } from './node-spec.js'

/** Where a node listens. */
export interface Opened extends Endpoint {
  /**
   * Of a gateway that has made networks for the machines: the words that a command begins with to run inside one, by
   * machine.
   */
  readonly inside?: Readonly<Record<string, readonly string[]>>
}

/** What runs inside a node's process or thread, whatever its kind. */
export interface LabNode {
  /** Opens queues and listens. */
  open(): Promise<Opened>
  /** Begins the workload, if there is one. The load as a whole has begun `elapsedMs` ago. */
  start(elapsedMs?: number): void
  /** Ends the workload; what is queued goes on flowing. */
  drain(): void
  /** Of a gateway: something befalls its hosts. */
  fault?(fault: ClusterFault): void
  /** Of a gateway that keeps something outside its process: the lab has died, and that must go. */
  abandon?(): Promise<void>
  /** An orderly end. */
  close(): Promise<void>
  report(partial: boolean): NodeReport
  sample(): NodeSample | null
  /** Notes, decisions or the like since the last call, as a message to the lab; to be called until there is none. */
  takeNews(): NodeMessage | null
}
