import type { ConnectionView } from './proxy-events.js'

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
