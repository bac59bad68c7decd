import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { encodeFrame } from '../../control/frames.js'
import { Channel } from '../../lab/channel.js'

t.test('both ends talk in order; the end is noticed, and why', async t => {
  const [here, there] = await pair(t)
  const a = new Channel<number, string>(here)
  const b = new Channel<string, number>(there, 100)
  const heard: unknown[] = []
  const closed = new Promise<Error | null>(resolve => b.listen({ onMessage: n => heard.push(n), onClosed: resolve }))
  const answered = new Promise<string>(resolve => a.listen({ onMessage: resolve, onClosed: () => undefined }))
  for (let n = 0; n < 50; n++) a.send(n)
  b.send('x'.repeat(500))
  t.equal((await answered).length, 500)
  a.end()
  t.equal(await closed, null)
  t.strictSame(
    heard,
    Array.from({ length: 50 }, (_, n) => n),
  )
  a.send(51)
})

t.test('a stranger that sends too much is cut off', async t => {
  const [here, there] = await pair(t)
  const channel = new Channel<string, unknown>(there, 100)
  const closed = new Promise<Error | null>(resolve =>
    channel.listen({ onMessage: () => t.fail('nothing to be heard'), onClosed: resolve }),
  )
  here.write(encodeFrame('y'.repeat(200)))
  t.match(await closed, { code: 'MSMQ_TRANSPORT_FRAME' })
})

async function pair(t: Test): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const here = createConnection({ host: '127.0.0.1', port })
  const [there] = (await once(server, 'connection')) as [Socket]
  server.close()
  for (const socket of [here, there]) {
    socket.on('error', () => undefined)
    t.teardown(() => socket.destroy())
  }
  return [here, there]
}
