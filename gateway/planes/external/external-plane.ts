import type { NlbCluster } from '../../nlb/cluster.js'
import type { RenderOptions } from '../../render/rendering.js'
import type { HostState } from '../http-options.js'
import { findProgram } from '../kernel/programs.js'
import { type ClusterPlane, PlaneError } from '../plane.js'
import type { ConnectionClosed, ProxiedRequest, ProxyDecision, SourceMode } from '../proxy-events.js'

/** `check`: nginx looks at nobody but by its clients' failures. */
export interface ExternalPlaneOptions
  extends Pick<
    RenderOptions,
    'ports' | 'forward' | 'httpPorts' | 'check' | 'checkIntervalMs' | 'idleTimeoutS' | 'connectTimeoutMs'
  > {
  /** Whoever owns it passes its `onChange` on to `changed()` and goes on calling its `advance`. */
  readonly cluster: NlbCluster
  /** `keep` needs root, and on a network of real machines routes for the way back; on loopback it simply works. */
  readonly source: SourceMode
  /** Threads of HAProxy, worker processes of nginx. Default 1. */
  readonly threads?: number
  /** Path of the program. Default: where it is installed. */
  readonly program?: string
  /** False: what the program logs is neither asked for nor read, for measurements. Default true. */
  readonly report?: boolean
  /** Which host got a connection, or over HTTP a request. HAProxy tells it at the end, nginx at once, over HTTP at the end. */
  onDecision?(decision: ProxyDecision): void
  /** Not over HTTP: both programs log requests there, and no ends of connections. */
  onClosed?(event: ConnectionClosed): void
  onRequest?(request: ProxiedRequest): void
  /** What a check found. Of HAProxy. */
  onHostState?(host: string, state: 'up' | 'down'): void
  /** The program ended by itself, or did not take a change. */
  onFailed?(error: PlaneError): void
}

/** A balancer of the system as the plane of a cluster: its configuration is rendered from the model, and it is driven by it. */
export interface ExternalPlane extends ClusterPlane {
  /** Resolves when all changes so far are in effect. Rejects with a `PlaneError` if one was refused. */
  applied(): Promise<void>
  /** An order that goes before what the model says; `up` leaves it to the model. A `RangeError` names a host that is not there. */
  setHostState(host: string, state: HostState): void
  /** Connections that a host has now. A drain of the model ends at once unless it is told of them (`countConnections`). */
  connections(host: string): Promise<number>
}

/** @throws {PlaneError} where the program is not installed, or may not do what it is wanted for. */
export function requireProgram(plane: 'haproxy' | 'nginx', { program, source }: ExternalPlaneOptions): string {
  const path = program ?? findProgram(plane)
  if (path === null) throw new PlaneError('MSMQ_PLANE_PROGRAM', plane, `not installed (Debian: ${PACKAGES[plane]})`)
  if (source === 'keep' && process.getuid?.() !== 0)
    throw new PlaneError(
      'MSMQ_PLANE_PRIVILEGE',
      plane,
      'source keep binds foreign addresses: run it as root, or translate the source',
    )
  return path
}

const PACKAGES = { haproxy: 'apt-get install haproxy', nginx: 'apt-get install nginx libnginx-mod-stream' } as const
