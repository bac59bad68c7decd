import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { DatagramSocket } from '../../transport/datagram-socket.js'
import type { SocketsTap } from '../../transport/wire-tap.js'

/** Of all addresses, for one of the sockets is to have them all. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0)
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

/** Datagrams that a tap is told of, while one goes to a socket that is bound to `address`, and one back. */
async function toldOf(address: string): Promise<string[]> {
  const told: string[] = []
  const tap: SocketsTap = {
    wire: {
      connection: () => {
        throw new Error('there is none')
      },
      datagram: (from, to, bytes) => told.push(`${from.address} ${to.address} ${bytes}`),
    },
    tellsAccepted: () => true,
  }
  const client = createSocket('udp4')
  client.bind(0, '127.0.0.1')
  await once(client, 'listening')
  const port = await freePort()
  const asked = new Promise<void>(resolve => {
    const socket = new DatagramSocket(address, tap, (from, bytes) => {
      socket.send(Buffer.from(`${bytes}!`), from.port, from.address)
      client.once('message', () => {
        socket.close()
        client.close()
        resolve()
      })
    })
    void socket.bind(address, port).then(() => client.send('ping', port, '127.0.0.1'))
  })
  await asked
  return told
}

t.test('a tap is told of datagrams both ways', async t => {
  t.strictSame(await toldOf('127.0.0.1'), ['127.0.0.1 127.0.0.1 ping', '127.0.0.1 127.0.0.1 ping!'])
})

t.test('but of none to an address that nobody knows', async t => {
  t.strictSame(await toldOf('0.0.0.0'), [])
})
