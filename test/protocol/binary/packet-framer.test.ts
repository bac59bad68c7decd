import t from 'tap'
import {
  buildConnectionParameters,
  buildSessionAck,
  buildUserMessage,
  withSessionHeader,
} from '../../../protocol/binary/build.js'
import { decodePacket, encodePacket, type UserMessagePacket } from '../../../protocol/binary/packet.js'
import { PacketFramer } from '../../../protocol/binary/packet-framer.js'
import { DecodeError } from '../../../protocol/errors.js'
import { NIL_GUID } from '../../../protocol/guid.js'
import { createRandom } from '../../fixtures/mutations.js'

const SESSION = {
  ackSequenceNumber: 1,
  recoverableMsgAckSeqNumber: 2,
  recoverableMsgAckFlags: 3,
  userMsgSequenceNumber: 4,
  recoverableMsgSeqNumber: 5,
  windowSize: 64,
  reserved: 6,
}

function userMessage(bodySize: number): Buffer {
  return buildUserMessage({
    priority: 3,
    timeToReachQueue: 100,
    sourceQueueManager: '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01',
    queueManagerAddress: NIL_GUID,
    timeToBeReceived: 100,
    sentTime: 1,
    messageId: 7,
    delivery: 'express',
    destination: { type: 7, name: 'OS:s\\q' },
    acknowledgements: 0,
    label: '',
    messageClass: 0,
    bodyType: 0,
    applicationTag: 0,
    body: Buffer.alloc(bodySize, 0x11),
  })
}

/** Bytes pushed one at a time until the framer objects; how many it took, and the code. */
function objection(bytes: Buffer): { after: number; code: string } | null {
  const framer = new PacketFramer()
  for (let i = 0; i < bytes.length; i++) {
    try {
      framer.push(bytes.subarray(i, i + 1), () => {})
    } catch (error) {
      if (error instanceof DecodeError) return { after: i + 1, code: error.code }
      throw error
    }
  }
  return null
}

const VALID = buildConnectionParameters({ recoverableAckTimeout: 500, ackTimeout: 20_000, windowSize: 64 })

function changed(offset: number, ...values: number[]): Buffer {
  const bytes = Buffer.from(VALID)
  Buffer.from(values).copy(bytes, offset)
  return bytes
}

t.test('a fault is found with the byte that decides it', async t => {
  const rows: readonly [name: string, bytes: Buffer, after: number, code: string][] = [
    ['version', changed(0, 0x11), 1, 'MSMQ_DECODE_VERSION'],
    ['first byte of the signature', changed(4, 0x52), 5, 'MSMQ_DECODE_SIGNATURE'],
    ['last byte of the signature', changed(7, 0x4c), 8, 'MSMQ_DECODE_SIGNATURE'],
    ['size over 4 MiB', changed(8, 1, 0, 0x40, 0), 12, 'MSMQ_DECODE_PACKET_SIZE'],
    ['size 0', changed(8, 0, 0, 0, 0), 12, 'MSMQ_DECODE_PACKET_SIZE'],
    ['size all ones', changed(8, 0xff, 0xff, 0xff, 0xff), 12, 'MSMQ_DECODE_PACKET_SIZE'],
    ['size of no internal packet', changed(8, 33, 0, 0, 0), 12, 'MSMQ_DECODE_INTERNAL_SIZE'],
    ['user message below its headers', changed(2, 3, 0), 12, 'MSMQ_DECODE_PACKET_SIZE'],
    ['internal type', changed(18, 0), 19, 'MSMQ_DECODE_INTERNAL_TYPE'],
    ['size of another internal type', changed(18, 1), 19, 'MSMQ_DECODE_INTERNAL_SIZE'],
    ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 1, 'MSMQ_DECODE_VERSION'],
  ]
  for (const [name, bytes, after, code] of rows) t.strictSame(objection(bytes), { after, code }, name)
  t.equal(objection(VALID), null)
})

t.test('the first error is the last, and packets before it have come out', async t => {
  const framer = new PacketFramer()
  const packets: Buffer[] = []
  const push = (bytes: Buffer) => framer.push(bytes, packet => packets.push(packet))
  t.throws(() => push(Buffer.concat([VALID, VALID, Buffer.of(0x11)])), { code: 'MSMQ_DECODE_VERSION' })
  t.equal(packets.length, 2)
  t.throws(() => push(VALID), { code: 'MSMQ_DECODE_VERSION' })
  t.equal(packets.length, 2)
  t.equal(framer.bytesHeld, 0)
})

t.test('an error of the callback is not the stream’s', async t => {
  const framer = new PacketFramer()
  t.throws(
    () =>
      framer.push(VALID, () => {
        throw new TypeError('ours')
      }),
    TypeError,
  )
  let count = 0
  framer.push(VALID, () => count++)
  t.equal(count, 1, 'the stream goes on')
})

t.test('stopped from within, nothing more comes out', async t => {
  const framer = new PacketFramer()
  let count = 0
  const stop = () => {
    count++
    framer.stop()
  }
  framer.push(Buffer.concat([VALID, VALID]), stop)
  framer.push(VALID, stop)
  t.equal(count, 1)
  t.equal(framer.bytesHeld, 0)
})

t.test('packets inside a chunk share its memory', async t => {
  const chunk = Buffer.concat([VALID, VALID])
  new PacketFramer().push(chunk, packet => t.equal(packet.buffer, chunk.buffer))
})

t.test('a promised size allocates nothing; what is held follows what came', async t => {
  const head = userMessage(1000).subarray(0, 16)
  head.writeUInt32LE(0x400000, 8)
  const framer = new PacketFramer()
  const before = process.memoryUsage().arrayBuffers
  framer.push(head, () => t.fail('no packet yet'))
  t.equal(framer.bytesHeld, 16)
  t.ok(process.memoryUsage().arrayBuffers - before < 0x100000, 'far less than 4 MiB')
})

t.test('the largest packet, in pieces of every kind', async t => {
  const size = 0x400000 - userMessage(0).length
  const packet = withSessionHeader(userMessage(size), SESSION)
  t.equal(packet.length, 0x400000 + 16)
  const random = createRandom(5)
  const framer = new PacketFramer()
  const packets: Buffer[] = []
  let heldMax = 0
  const stream = Buffer.concat([VALID, packet, VALID])
  for (let start = 0; start < stream.length; ) {
    const end = Math.min(stream.length, start + 1 + random(100_000))
    framer.push(stream.subarray(start, end), whole => packets.push(whole))
    heldMax = Math.max(heldMax, framer.bytesHeld)
    start = end
  }
  t.strictSame(
    packets.map(whole => whole.length),
    [VALID.length, packet.length, VALID.length],
  )
  t.ok(packets[1]!.equals(packet))
  t.ok(heldMax <= packet.length)
})

t.test('the SessionHeader behind PacketSize, or inside it', async t => {
  const plain = userMessage(9)
  const outside = withSessionHeader(plain, SESSION)
  t.equal(outside.length, plain.length + 16)
  t.equal(outside.readUInt32LE(8), plain.length, 'PacketSize leaves it out')
  const inside = Buffer.from(outside)
  inside.writeUInt32LE(inside.length, 8)
  for (const [name, bytes, sessionInside] of [
    ['outside', outside, false],
    ['inside', inside, true],
  ] as const) {
    const framer = new PacketFramer()
    const packets: Buffer[] = []
    for (const byte of Buffer.concat([bytes, VALID])) framer.push(Buffer.of(byte), packet => packets.push(packet))
    t.equal(packets.length, 2, name)
    const packet = decodePacket(packets[0]!) as UserMessagePacket
    t.strictSame(packet.session, SESSION, name)
    t.equal(packet.sessionInside, sessionInside, name)
    t.strictSame(encodePacket(packet), bytes, name)
  }
})

t.test('sizes that lie do not make us wait for a SessionHeader', async t => {
  const bytes = withSessionHeader(userMessage(9), SESSION)
  const packetSize = bytes.readUInt32LE(8)
  bytes.writeUInt32LE(0xffffffff, 80 + 36)
  t.match(objection(bytes), { after: packetSize, code: 'MSMQ_DECODE_BODY_SIZE' })
})

t.test('a SessionAck is 36 bytes with its SessionHeader', async t => {
  const packets: Buffer[] = []
  new PacketFramer().push(Buffer.concat([buildSessionAck(SESSION), VALID]), packet => packets.push(packet))
  t.strictSame(
    packets.map(packet => packet.length),
    [36, 32],
  )
})
