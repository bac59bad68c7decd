import t from 'tap'
import { FrameWalk } from '../../benchmarks/frame-walk.js'

/** Packets as the walk sees them: a PacketSize at offset 8. */
function packets(...sizes: number[]): Buffer {
  return Buffer.concat(
    sizes.map(size => {
      const packet = Buffer.alloc(size, 0xaa)
      packet.writeUInt32LE(size, 8)
      return packet
    }),
  )
}

t.test('counts the same at every cut', async t => {
  const stream = packets(16, 17, 300, 16, 64)
  for (let first = 0; first <= stream.length; first++) {
    for (const second of [first, Math.min(first + 5, stream.length)]) {
      const walk = new FrameWalk()
      walk.push(stream.subarray(0, first))
      walk.push(stream.subarray(first, second))
      walk.push(stream.subarray(second))
      if (walk.count !== 5 || !walk.atBoundary || walk.bytes !== stream.length) t.fail(`cut at ${first} and ${second}`)
    }
  }
  const walk = new FrameWalk()
  for (const byte of stream) walk.push(Buffer.of(byte))
  t.equal(walk.count, 5, 'byte by byte')
  t.ok(walk.atBoundary)
})

t.test('a packet cut short is not counted', async t => {
  for (const missing of [1, 10, 299]) {
    const walk = new FrameWalk()
    walk.push(packets(16, 300).subarray(0, 316 - missing))
    t.equal(walk.count, 1)
    t.equal(walk.atBoundary, false)
  }
})

t.test('only the first `size` bytes of a reused buffer count', async t => {
  const walk = new FrameWalk()
  walk.push(packets(20, 20, 20), 40)
  t.equal(walk.count, 2)
})

t.test('sizes that cannot be', async t => {
  const walk = new FrameWalk()
  t.throws(() => walk.push(Buffer.alloc(32)), /PacketSize 0/)
})
