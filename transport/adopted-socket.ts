import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'

/**
 * Takes an accepted connection over into a socket that reads through `onread`, which node:net offers only for sockets
 * that connect. This rests on `_handle` and the `handle` option, as node's own passing of sockets between processes does.
 * `accepted` must be paused; it remains as an empty shell and must be destroyed when the returned socket closes, for its
 * server counts it. Undefined when the connection is gone already.
 */
export function adoptSocket(
  accepted: Socket,
  { onread, allowHalfOpen }: { readonly onread: OnReadOpts; readonly allowHalfOpen: boolean },
): Socket | undefined {
  const shell: { _handle?: unknown } = accepted as unknown as { _handle?: unknown }
  const handle = shell._handle
  if (handle === null || handle === undefined) return undefined
  shell._handle = null
  const options: SocketConstructorOpts & { handle: unknown; onread: OnReadOpts } = { handle, onread, allowHalfOpen }
  return new Socket(options).pause()
}
