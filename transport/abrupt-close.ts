import type { Socket } from 'node:net'

/**
 * Sends a reset at once and drops what waits. Use this, never `resetAndDestroy` itself: between the order to send a FIN
 * and its going out libuv refuses to reset, and node:net then forgets the socket without closing it. It never reports its
 * close, its descriptor leaks, and the process, kept alive by it, may poll it without pause. In that moment, and while a
 * socket connects, it is closed without the reset.
 */
export function resetNow(socket: Socket): void {
  if (socket.destroyed) return
  const finUnderWay = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  if (socket.connecting || finUnderWay) socket.destroy()
  else socket.resetAndDestroy()
}
