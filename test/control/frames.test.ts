import { Decoder } from '@msgpack/msgpack'
import fc from 'fast-check'
import t from 'tap'
import { encodeFrame, FrameReader } from '../../control/frames.js'
import { messagePackFault } from '../../control/message-pack-shape.js'

const NO_LIMITS = { depthMax: 1000, itemsMax: Number.POSITIVE_INFINITY }

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
    t.equal(reader.bytesHeld, 0)
  }
})

t.test('a frame that is too large or nonsense is refused before it is waited for', async t => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(1001)
  t.throws(() => new FrameReader(1000).push(length), { code: 'MSMQ_TRANSPORT_FRAME' })
  t.throws(() => new FrameReader(1000).push(Buffer.from('02000000c1c1', 'hex')), { code: 'MSMQ_TRANSPORT_FRAME' })
  t.throws(() => new FrameReader(1000).push(Buffer.from('05000000ddffffffff', 'hex')), { code: 'MSMQ_TRANSPORT_FRAME' })
  t.throws(() => encodeFrame(new Uint8Array(65 * 1024 * 1024)), { code: 'MSMQ_TRANSPORT_FRAME' })
})

t.test('elements that are only claimed take no room', async t => {
  const frameOf = (body: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(body.length)
    return Buffer.concat([length, body])
  }
  const before = process.memoryUsage.rss()
  const claims = Buffer.concat(Array(40).fill(Buffer.from('dd00989680', 'hex')))
  t.throws(() => new FrameReader(1000).push(frameOf(claims)), { message: /more elements than there are bytes/ })
  const nested = Buffer.alloc(1_000_000, 0x91)
  t.throws(() => new FrameReader(2_000_000).push(frameOf(nested)), { message: /levels/ })
  const wide = Buffer.concat([Buffer.from('dd000f4240', 'hex'), Buffer.alloc(1_000_000, 0x90)])
  t.throws(() => new FrameReader(2_000_000, 1000).push(frameOf(wide)), { message: /more than 1000 elements/ })
  t.ok(process.memoryUsage.rss() - before < 60_000_000, 'nothing was built of them')
})

t.test('a shape is found faulty exactly when it cannot be decoded', async t => {
  const decoder = new Decoder()
  const decodes = (bytes: Uint8Array) => {
    try {
      decoder.decode(bytes)
      return true
    } catch {
      return false
    }
  }
  const sound = fc.property(fc.jsonValue({ maxDepth: 5 }), value => {
    const frame = encodeFrame(value)
    return messagePackFault(frame.subarray(4), NO_LIMITS) === null
  })
  t.doesNotThrow(() => fc.assert(sound, { seed: 1 }))
  const leading = fc.integer({ min: 0, max: 255 })
  const any = fc.property(leading, fc.uint8Array({ maxLength: 40 }), (type, rest) => {
    const bytes = new Uint8Array([type, ...rest])
    const fault = messagePackFault(bytes, NO_LIMITS)
    // Some keys and times are of the right shape, and still nothing that a decoder takes.
    return decodes(bytes) ? fault === null : fault !== null || mayHoldWhatIsNotTaken(bytes)
  })
  t.doesNotThrow(() => fc.assert(any, { seed: 2, numRuns: 20_000 }))
})

const mayHoldWhatIsNotTaken = (bytes: Uint8Array) =>
  bytes.some(
    byte => (byte & 0xf0) === 0x80 || byte === 0xde || byte === 0xdf || byte === 0xd6 || byte === 0xd7 || byte === 0xc7,
  )
