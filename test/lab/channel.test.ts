import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Channel, encodeFrame, FrameReader } from '../../lab/channel.js'

t.test('frames come out whole, however the bytes are cut', async t => {
  const messages = [
    { type: 'start' },
    { type: 'ledger', states: new Uint8Array([0, 1, 2]), missing: undefined, list: [1, -1, 0.5, null, 'text'] },
    { type: 'large', bytes: new Uint8Array(50_000).fill(7) },
  ]
  const stream = Buffer.concat(messages.map(encodeFrame))
  for (const size of [1, 3, 4, 5, 1000, 65_536, stream.length]) {
    const reader = new FrameReader(1_000_000)
    const got: unknown[] = []
    for (let at = 0; at < stream.length; at += size) got.push(...reader.push(stream.subarray(at, at + size)))
    t.strictSame(got.slice(0, 2), [
      { type: 'start' },
      { type: 'ledger', states: new Uint8Array([0, 1, 2]), list: [1, -1, 0.5, null, 'text'] },
    ])
    const { bytes } = got[2] as { bytes: Uint8Array }
    t.equal(bytes.length, 50_000)
    t.ok(bytes.every(byte => byte === 7))
  }
})

t.test('a frame that is too large or nonsense is refused before it is waited for', async t => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(1001)
  t.throws(() => new FrameReader(1000).push(length), { code: 'MSMQ_TRANSPORT_FRAME' })
  t.throws(() => new FrameReader(1000).push(Buffer.from('02000000c1c1', 'hex')), { code: 'MSMQ_TRANSPORT_FRAME' })
  t.throws(() => new FrameReader(1000).push(Buffer.from('05000000ddffffffff', 'hex')), { code: 'MSMQ_TRANSPORT_FRAME' })
  const nested = Buffer.concat([Buffer.from('c8000000', 'hex'), ...Array(40).fill(Buffer.from('dd00989680', 'hex'))])
  const before = process.memoryUsage.rss()
  t.throws(() => new FrameReader(1000).push(nested), { code: 'MSMQ_TRANSPORT_FRAME' })
  t.ok(process.memoryUsage.rss() - before < 50_000_000, 'arrays in arrays of ten million items each take no room')
  t.throws(() => encodeFrame(new Uint8Array(65 * 1024 * 1024)), { code: 'MSMQ_TRANSPORT_FRAME' })
})

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
