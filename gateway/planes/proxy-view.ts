import type { Decision } from '../nlb/policy.js'
import type { ConnectionView, ProxyDecision, SourceMode } from './proxy-events.js'

/** A copy of what is to be seen of a connection, as it stands now. */
export function connectionView(of: ConnectionView): ConnectionView {
  const { connection, clientAddress, clientPort, host, upstreamLocalAddress, upstreamLocalPort, openedMs } = of
  const { toHost, toClient } = of
  return {
    connection,
    clientAddress,
    clientPort,
    host,
    upstreamLocalAddress,
    upstreamLocalPort,
    openedMs,
    toHost,
    toClient,
  }
}

/** What is told of a decision of the policy's. `host`: the one that it names, if that exists. */
export function proxyDecision(
  { connection, clientAddress, clientPort }: ConnectionView,
  { host: name, bucket, reason, verdict }: Decision,
  seen: {
    readonly timeMs: number
    readonly host: { readonly address: string; readonly port: number } | undefined
    /** What the host takes for the client's address; null when the system chooses it. */
    readonly localAddress: string | null
    readonly source: SourceMode
  },
): ProxyDecision {
  const { timeMs, host, localAddress, source } = seen
  return {
    timeMs,
    connection,
    clientAddress,
    clientPort,
    host: name,
    hostAddress: host?.address ?? null,
    hostPort: host?.port ?? null,
    upstreamLocalAddress: host === undefined ? null : localAddress,
    source,
    bucket: bucket ?? null,
    reason,
    ...(verdict !== undefined && { verdict }),
  }
}
