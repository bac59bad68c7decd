import { createServer, type Socket } from 'node:net'
import { type Address, closeServer, listen } from './address.js'

/** Sends every byte back at once. */
export async function startEchoServer({ address }: { readonly address: string }) {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  const listening = await listen(server, { address, port: 0 })
  return {
    listening: (): Address => listening,
    close: (): Promise<void> => {
      for (const socket of sockets) socket.destroy()
      return closeServer(server)
    },
  }
}
