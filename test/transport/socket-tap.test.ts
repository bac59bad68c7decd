import { once } from 'node:events'
import { createServer as createHttpServer, request } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { resetNow } from '../../transport/abrupt-close.js'
import { SocketTap, tapHttp } from '../../transport/socket-tap.js'
import type { ConnectionTap, WireTap } from '../../transport/wire-tap.js'

/** Told of connections, which it keeps as short lines; bytes of one direction in a row are one. */
class Told implements WireTap {
  readonly lines: string[] = []
  readonly times: number[] = []
  readonly ended: Promise<void>
  #ended: () => void = () => undefined

  constructor() {
    this.ended = new Promise(resolve => {
      this.#ended = resolve
    })
  }

  connection(client: { port: number }, server: { port: number }, atMs: number): ConnectionTap {
    this.#note(`${client.port > 0 ? 'from a port' : 'from none'} to ${server.port}`, atMs)
    return {
      established: atMs => this.#note('established', atMs),
      failed: (atMs, how) => this.#note(how, atMs),
      sent: (by, bytes, atMs) => {
        const last = this.lines.at(-1)
        if (last?.startsWith(`${by}: `)) this.lines[this.lines.length - 1] = last + bytes.toString('latin1')
        else this.#note(`${by}: ${bytes.toString('latin1')}`, atMs)
      },
      ended: (by, how, atMs) => {
        this.#note(`${by} ${how}`, atMs)
        this.#ended()
      },
    }
  }

  datagram(): void {}

  #note(line: string, atMs: number): void {
    this.lines.push(line)
    this.times.push(atMs)
  }
}

async function listening(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

const closed = (socket: Socket) => new Promise(resolve => socket.once('close', resolve))

/** A connection to a server that does `serve`, told of by its client. */
async function tapped(t: Test, serve: (socket: Socket) => void) {
  const port = await listening(
    t,
    createServer(socket => {
      socket.on('error', () => undefined)
      serve(socket)
    }),
  )
  const told = new Told()
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  SocketTap.connecting(told, socket, { address: '127.0.0.1', port })
  return { told, socket, port }
}

t.test('bytes both ways, in pieces and gathered, written before it was connected too, and an end', async t => {
  const { told, socket, port } = await tapped(t, server => server.on('data', bytes => server.end(`got ${bytes}`)))
  socket.cork()
  socket.write('one ')
  socket.write('two ')
  socket.uncork()
  socket.write(Buffer.from('three'))
  socket.resume()
  await closed(socket)
  t.strictSame(told.lines.slice(0, 3), [`from a port to ${port}`, 'established', 'client: one two three'])
  t.match(told.lines.slice(3).join('\n'), /^server: got one two .*\nserver fin\nclient fin$/)
  t.ok(
    told.times.every((atMs, index) => index === 0 || atMs >= told.times[index - 1]!),
    'in the order of time',
  )
  t.ok(Math.abs(told.times[0]! - Date.now()) < 60_000, 'milliseconds since 1970')
})

t.test('resets, of either end', async t => {
  const own = await tapped(t, () => undefined)
  await once(own.socket, 'connect')
  resetNow(own.socket)
  await closed(own.socket)
  t.equal(own.told.lines.at(-1), 'client reset')

  const others = await tapped(t, server => server.on('data', () => resetNow(server)))
  others.socket.resume()
  others.socket.write('x')
  await closed(others.socket)
  t.strictSame(others.told.lines.slice(2), ['client: x', 'server reset'])
})

t.test('a reset of whoever has ended before', async t => {
  const port = await listening(
    t,
    createServer(server => server.on('error', () => undefined).destroy()),
  )
  const told = new Told()
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.on('error', () => undefined).resume()
  SocketTap.connecting(told, socket, { address: '127.0.0.1', port })
  const end = closed(socket)
  await once(socket, 'end')
  const writing = setInterval(() => socket.write('x'), 5)
  await end
  clearInterval(writing)
  t.match(told.lines.slice(2).join('\n'), /^server fin\nclient: x+\nserver reset$/)
})

t.test('nobody listens', async t => {
  const server = createServer()
  const port = await listening(t, server)
  server.close()
  await once(server, 'close')
  const told = new Told()
  const socket = connect({ host: '127.0.0.1', port })
  SocketTap.connecting(told, socket, { address: '127.0.0.1', port })
  await once(socket, 'error')
  t.strictSame(told.lines, [`from a port to ${port}`, 'refused'])
})

t.test('reads that go past the socket’s stream are handed over by their reader', async t => {
  const port = await listening(
    t,
    createServer(socket => socket.end('answer')),
  )
  const told = new Told()
  let tap: SocketTap | null = null
  const callback = (count: number, buffer: Uint8Array) => {
    tap?.received(Buffer.from(buffer.subarray(0, count)))
    return true
  }
  const socket = connect({ host: '127.0.0.1', port, onread: { buffer: Buffer.alloc(100), callback } })
  tap = SocketTap.connecting(told, socket, { address: '127.0.0.1', port })
  await closed(socket)
  t.strictSame(told.lines.slice(2), ['server: answer', 'server fin', 'client fin'])
})

t.test('accepted connections are told where they are wanted; node:http reads on', async t => {
  const told = new Told()
  const server = createHttpServer((incoming, response) => {
    let body = ''
    incoming.on('data', piece => {
      body += piece
    })
    incoming.on('end', () => response.setHeader('Connection', 'close').end(`got ${body.length}`))
  })
  server.on('connection', socket => tapHttp({ wire: told, tellsAccepted: client => client === '127.0.0.1' }, socket))
  const port = await listening(t, server)
  const asked = request({ host: '127.0.0.1', port, method: 'POST', agent: false, headers: { 'Content-Length': 5 } })
  asked.end('hello')
  const [answer] = (await once(asked, 'response')) as [import('node:http').IncomingMessage]
  t.equal((await answer.toArray()).join(''), 'got 5')
  await told.ended
  t.strictSame(told.lines.slice(0, 2), [`from a port to ${port}`, 'established'])
  t.match(told.lines[2], /^client: POST \/ HTTP\/1\.1\r\n[\s\S]*\r\n\r\nhello$/)
  t.match(told.lines[3], /^server: HTTP\/1\.1 200 OK\r\n[\s\S]*got 5/)

  const nothing = new Told()
  const deaf = createServer(socket => {
    t.equal(SocketTap.accepted({ wire: nothing, tellsAccepted: () => false }, socket), null)
    socket.destroy()
  })
  const socket = connect({ host: '127.0.0.1', port: await listening(t, deaf) })
  socket.on('error', () => undefined)
  await closed(socket)
  await sleep(1)
  t.strictSame(nothing.lines, [])
})
