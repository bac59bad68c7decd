import t from 'tap'
import { PacketMemory } from '../../queue-manager/packet-memory.js'

t.test('packets keep their bytes, whatever comes after them', async t => {
  const memory = new PacketMemory()
  const packets = Array.from({ length: 500 }, (_, index) =>
    memory.copyOf(Buffer.alloc(1 + ((index * 97) % 9000), index)),
  )
  t.ok(packets.every((packet, index) => packet.every(byte => byte === (index & 0xff))))
})

t.test('only the last packet can be given back', async t => {
  const memory = new PacketMemory()
  const first = memory.take(100)
  const second = memory.take(100)
  memory.giveBack(first)
  t.not(memory.take(100).byteOffset, first.byteOffset, 'the place of an earlier one stays taken')
  const last = memory.take(100)
  memory.giveBack(last)
  t.equal(memory.take(10).byteOffset, last.byteOffset, 'that of the last is free')
  t.not(second.byteOffset, last.byteOffset)
})

t.test('what others allocated is left alone', async t => {
  const memory = new PacketMemory()
  const own = memory.take(8)
  memory.giveBack(Buffer.alloc(8))
  memory.giveBack(Buffer.allocUnsafeSlow(5000))
  t.not(memory.take(8).byteOffset, own.byteOffset)
})
