import { type OnReadOpts, type Server, Socket, type SocketConstructorOpts } from 'node:net'

/** What the system has accepted, before it is a socket. */
export interface AcceptedHandle {
  close(): void
  setNoDelay(on: boolean): void
}

interface ListeningHandle {
  onconnection: (error: number, handle: AcceptedHandle | undefined) => void
}

/**
 * Has a server that listens give out what it accepts as it is, and not as sockets: node:net offers `onread` only for
 * sockets that connect, and one socket made to be thrown away costs a tenth of a short connection. This rests on
 * `_handle`, as node's own passing of sockets between processes does. The server counts no connections any more.
 */
export function acceptHandles(server: Server, accepted: (handle: AcceptedHandle) => void, failed: () => void): void {
  const { _handle: handle } = server as unknown as { _handle: ListeningHandle | null }
  if (typeof handle?.onconnection !== 'function')
    throw new Error('this version of Node accepts connections in another way')
  handle.onconnection = (error, client) => {
    if (error !== 0 || client === undefined) failed()
    else accepted(client)
  }
}

/** A socket on it that reads through `onread`, once it is resumed. A FIN does not end the other direction. */
export function socketOn(handle: AcceptedHandle, onread: OnReadOpts): Socket {
  handle.setNoDelay(true)
  const options: SocketConstructorOpts & { handle: AcceptedHandle; onread: OnReadOpts; manualStart: boolean } = {
    handle,
    onread,
    allowHalfOpen: true,
    manualStart: true,
  }
  return new Socket(options)
}
