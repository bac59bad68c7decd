import type { HostState } from '../gateway/planes/http-options.js'
import type { Endpoint } from '../queue-manager/actions.js'
import type { NodeMessage, NodeSample } from './channel-messages.js'
import type { NodeReport } from './node-spec.js'

/** What runs inside a node's process or thread, whatever its kind. */
export interface LabNode {
  /** Opens queues and listens. */
  open(): Promise<Endpoint>
  /** Begins the workload, if there is one. */
  start(): void
  /** Ends the workload; what is queued goes on flowing. */
  drain(): void
  /** Of a gateway: a host leaves the cluster, or joins it. */
  setHost?(host: string, state: HostState): void
  /** An orderly end. */
  close(): Promise<void>
  report(partial: boolean): NodeReport
  sample(): NodeSample | null
  /** Notes or decisions since the last call, as a message to the lab. */
  takeNews(): NodeMessage | null
}
