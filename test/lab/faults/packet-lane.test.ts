import fc from 'fast-check'
import t from 'tap'
import { PacketLane } from '../../../lab/faults/packet-lane.js'
import { plainMessage } from '../../fixtures/messages.js'

const NOW = { monotonicMs: 0, wallMs: 0 }
const SOURCE = '00000000-0000-0000-0000-000000000001'
const message = (messageId: number) =>
  plainMessage({ source: SOURCE, to: 'DIRECT=TCP:10.0.0.1\\private$\\orders', messageId })
/** Nothing, another protocol, and a packet that only its sixth byte gives away. */
const ENDS = ['', 'GET / HTTP/1.1', '\x10Z\x0b\x00LXOR']

t.test('packets come out whole, however the stream is cut; nothing is lost of one that ends in nonsense', async t => {
  const packets = [message(1), message(2), message(3)]
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 12 }),
      fc.constantFrom(...ENDS),
      (cuts, nonsense) => {
        const stream = Buffer.concat([...packets, Buffer.from(nonsense, 'latin1')])
        const lane = new PacketLane()
        const whole: Buffer[] = []
        const passed: Buffer[] = []
        let at = 0
        for (const size of [...cuts, stream.length]) {
          // the read buffer is used again after each read
          const chunk = Buffer.from(stream.subarray(at, at + size))
          at += chunk.length
          if (chunk.length > 0)
            lane.cut(chunk, (bytes, isPacket) => {
              passed.push(Buffer.from(bytes))
              if (isPacket) whole.push(Buffer.from(bytes))
            })
          chunk.fill(0xdd)
        }
        return (
          Buffer.concat(passed).equals(stream) &&
          whole.length === 3 &&
          whole.every((each, n) => each.equals(packets[n]!))
        )
      },
    ),
  )
  t.pass('always')
})

t.test('what is held comes in order, each in its time or with what was before it', async t => {
  const lane = new PacketLane()
  const log: string[] = []
  t.equal(lane.dueMs, null)
  lane.hold(() => log.push('a'), 100)
  lane.hold(() => log.push('b'), 50)
  lane.hold(() => log.push('c'), 200)
  t.equal(lane.dueMs, 100)
  lane.release({ ...NOW, monotonicMs: 99 })
  t.same(log, [])
  lane.release({ ...NOW, monotonicMs: 100 })
  t.same(log, ['a', 'b'])
  t.equal(lane.dueMs, 200)
  lane.clear()
  t.notOk(lane.isHolding)
})
