import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { buildSessionAck, withSessionHeader } from '../../../protocol/binary/build.js'
import { plainMessage } from '../../fixtures/messages.js'
import { createRandom } from '../../fixtures/mutations.js'
import { ToldStreams } from '../../fixtures/seen-log.js'

/* Port 1801: each packet once, whatever the segments; whole packets again behind what is missing or wrong. */

interface Vectors {
  vectors: { name: string; transport: string; hex: string }[]
  malformed: { name: string; transport: string; hex: string }[]
}
const file = JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as Vectors
const vectors = file.vectors.filter(({ transport }) => transport === 'tcp-1801')
const byName = new Map(vectors.map(({ name, hex }) => [name, Buffer.from(hex, 'hex')]))
const all = [...byName.values()]

const SESSION = {
  ackSequenceNumber: 1,
  recoverableMsgAckSeqNumber: 0,
  recoverableMsgAckFlags: 0,
  userMsgSequenceNumber: 3,
  recoverableMsgSeqNumber: 0,
  windowSize: 64,
  reserved: 0,
}
const ACK = buildSessionAck(SESSION)
const message = (messageId: number, body: Buffer | number) =>
  plainMessage({
    source: '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01',
    to: 'DIRECT=TCP:10.0.0.5\\private$\\orders',
    messageId,
    spec: { body: typeof body === 'number' ? Buffer.alloc(body, 0x41 + (messageId % 26)) : body },
  })

/** Packets, and where each begins in the stream that they make. */
function streamOf(packets: readonly Buffer[]) {
  const starts: number[] = []
  let size = 0
  for (const packet of packets) {
    starts.push(size)
    size += packet.length
  }
  return { bytes: Buffer.concat(packets), packets, starts }
}

/** Packets that lie wholly before `from`, or from `to` on. */
function wholeBeside({ packets, starts }: ReturnType<typeof streamOf>, from: number, to: number): Buffer[] {
  return packets.filter((packet, i) => starts[i]! + packet.length <= from || starts[i]! >= to)
}

const hexOf = (packets: readonly Buffer[]) => packets.map(packet => packet.toString('hex'))

t.test('every vector in two segments, cut at every byte', async t => {
  for (const [name, bytes] of byName) {
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const told = new ToldStreams()
      told.open(1801).segment(0, bytes.subarray(0, cut)).segment(0, bytes.subarray(cut)).end()
      const [packet, ...more] = told.log.packets
      if (packet?.bytes.equals(bytes) && packet.first === 2 && packet.last === 3 && more.length === 0) continue
      t.fail(`${name} cut at ${cut}`)
      return
    }
    t.pass(name)
  }
})

t.test('all vectors as one stream, in segments of every small size', async t => {
  const { bytes } = streamOf(all)
  for (const size of [1, 2, 3, 7, 15, 16, 17, 100, 571, 1460, 100_000]) {
    const told = new ToldStreams()
    told.open(1801).send(0, bytes, size).end()
    t.strictSame(hexOf(told.log.packets.map(packet => packet.bytes)), hexOf(all), `${size}`)
    t.strictSame(told.log.faults, [])
  }
})

t.test('frames: that of the first byte, and that of the last', async t => {
  const told = new ToldStreams()
  const [one, two, three] = [message(1, 300), message(2, 300), message(3, 20)]
  const bytes = Buffer.concat([one!, two!, three!])
  // Frame 1 opens the connection; the second message begins in frame 3 and ends in frame 5.
  const cuts = [0, one!.length - 10, one!.length + 40, one!.length + 200, bytes.length]
  const connection = told.open(1801)
  for (let i = 1; i < cuts.length; i += 1) connection.segment(0, bytes.subarray(cuts[i - 1], cuts[i]))
  t.strictSame(
    told.log.packets.map(({ first, last }) => [first, last]),
    [
      [2, 3],
      [3, 5],
      [5, 5],
    ],
  )
})

t.test('a hole of every size at every place, where it is known and where it is not', async t => {
  const stream = streamOf([message(1, 50), ACK, withSessionHeader(message(2, 90), SESSION), message(3, 10), ACK, ACK])
  const { bytes } = stream
  for (const size of [1, 4, 36, 100, 300]) {
    for (const isKnown of [true, false]) {
      for (let from = 0; from + size <= bytes.length; from += 1) {
        const told = new ToldStreams()
        const connection = told.open(1801)
        if (from > 0) connection.segment(0, bytes.subarray(0, from))
        connection.hole(0, isKnown ? size : null)
        if (from + size < bytes.length) connection.segment(0, bytes.subarray(from + size))
        connection.end()
        const expected = hexOf(wholeBeside(stream, from, from + size))
        const found = hexOf(told.log.packets.map(packet => packet.bytes))
        if (found.join() === expected.join() && told.log.faults.length === 0) continue
        t.strictSame(found, expected, `hole of ${size} at ${from}, ${isKnown ? 'known' : 'unknown'}`)
        return
      }
    }
    t.pass(`${size} bytes`)
  }
})

t.test('bodies that hold packets, and a hole before them: none of theirs is told', async t => {
  const inner = Buffer.concat([message(101, 40), ACK, message(102, 30), ACK, ACK, ACK])
  const bodies = [
    Buffer.concat([Buffer.alloc(700, 0x20), inner, Buffer.alloc(64, 0x20)]),
    Buffer.concat([Buffer.from('LIOR LIOR'), inner, inner, Buffer.from('….LIOR'), inner, Buffer.alloc(3)]),
    Buffer.concat([Buffer.alloc(5_000, 0x10), inner, Buffer.from('\x10abcLIOR')]),
  ]
  const stream = streamOf([message(1, 80), ...bodies.map((body, i) => message(i + 2, body)), message(9, 900), ACK])
  const { bytes } = stream
  const own = new Set(hexOf(stream.packets))
  for (const isKnown of [true, false]) {
    for (let from = 0; from < bytes.length - 1460; from += 7) {
      const told = new ToldStreams()
      const connection = told.open(1801)
      connection.send(0, bytes.subarray(0, from), 1460)
      connection.hole(0, isKnown ? 1460 : null)
      connection.send(0, bytes.subarray(from + 1460), 1460).end()
      const found = hexOf(told.log.packets.map(packet => packet.bytes))
      const expected = hexOf(wholeBeside(stream, from, from + 1460))
      if (found.join() === expected.join()) continue
      const foreign = found.filter(packet => !own.has(packet)).length
      t.strictSame(found, expected, `hole at ${from}: ${foreign} packets out of bodies`)
      return
    }
  }
  t.pass('every place')
})

t.test('many holes in a long stream of bulk segments', async t => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = createRandom(seed)
    const stream = streamOf(
      Array.from({ length: 300 }, (_, i) =>
        random(4) === 0 ? ACK : message(i, random(random(8) === 0 ? 9_000 : 900)),
      ),
    )
    const { bytes } = stream
    const own = new Set(hexOf(stream.packets))
    const told = new ToldStreams()
    const connection = told.open(1801)
    let holes: [number, number][] = []
    for (let at = 0; at < bytes.length; at += 1460) {
      const end = Math.min(bytes.length, at + 1460)
      if (random(12) === 0) {
        connection.hole(0, random(4) === 0 ? null : end - at)
        holes.push([at, end])
      } else connection.segment(0, bytes.subarray(at, end))
    }
    connection.end()
    holes = holes.filter(([from]) => from > 0)
    const found = hexOf(told.log.packets.map(packet => packet.bytes))
    const whole = stream.packets.filter((packet, i) => {
      const start = stream.starts[i]!
      return !holes.some(([from, to]) => start < to && start + packet.length > from)
    })
    t.ok(
      found.every(packet => own.has(packet)),
      `seed ${seed}: nothing that was not sent`,
    )
    t.ok(found.length >= whole.length * 0.9, `seed ${seed}: ${found.length} of ${whole.length} whole packets`)
    t.strictSame(told.log.faults, [], `seed ${seed}`)
  }
})

t.test('a start in the middle', async t => {
  const messages = Array.from({ length: 12 }, (_, i) => message(i, 400))
  const { bytes, starts, packets } = streamOf(messages)
  for (let from = 0; from < starts[3]!; from += 1) {
    const told = new ToldStreams()
    told.open(1801, 'none').hole(0, null).send(0, bytes.subarray(from), 1460).end('capture-ended')
    const expected = hexOf(packets.filter((_, i) => starts[i]! >= from))
    const found = hexOf(told.log.packets.map(packet => packet.bytes))
    if (found.join() !== expected.join()) {
      t.strictSame(found, expected, `from ${from}`)
      return
    }
    const skipped = starts.find(start => start >= from)! - from
    if (told.log.skipped.join() !== String(skipped)) t.strictSame(told.log.skipped, [skipped], `skipped from ${from}`)
  }
  t.pass()
})

t.test('a start in the middle is told at once where a segment is a packet', async t => {
  const told = new ToldStreams()
  const connection = told.open(1801, 'none').hole(1, null)
  connection.segment(1, ACK)
  t.equal(told.log.packets.length, 1)
  connection.segment(0, message(1, 300))
  t.equal(told.log.packets.length, 2)
  t.strictSame(told.log.told, ['connection', 'hole', 'resynchronised', 'packet', 'resynchronised', 'packet'])
})

t.test('a start in the middle of a quiet session is told with the next packet at the latest', async t => {
  const told = new ToldStreams()
  const connection = told.open(1801, 'none').hole(0, null)
  connection.segment(0, Buffer.concat([message(1, 20).subarray(100), message(2, 20)]))
  t.equal(told.log.packets.length, 0)
  connection.segment(0, message(3, 400))
  t.strictSame(
    told.log.packets.map(({ first, last }) => [first, last]),
    [
      [3, 3],
      [4, 4],
    ],
  )
})

t.test('malformed packets: told with their frames, and the next ones go on', async t => {
  const good = message(1, 100)
  for (const { name, transport, hex } of file.malformed) {
    // That one is cut short: what follows is taken for the rest of it.
    if (transport !== 'tcp-1801' || name === 'spec_user_dump_as_printed') continue
    const told = new ToldStreams()
    const connection = told.open(1801)
    const segments = [good, Buffer.from(hex, 'hex'), good, good, good, good]
    for (const segment of segments) connection.segment(0, segment)
    connection.end()
    const goods = told.log.packets.filter(packet => packet.bytes.equals(good)).length
    t.ok(goods >= 4, `${name}: ${goods} of 5 good ones`)
    t.ok(told.log.faults.length > 0, `${name} is told`)
  }
})

t.test('bytes that were made to cost time: the stream is found again where a segment begins', async t => {
  const head = ACK.subarray(0, 20)
  const soup = Buffer.concat(Array.from({ length: 60 }, () => head))
  const told = new ToldStreams()
  const connection = told.open(1801).segment(0, Buffer.from('nothing of MSMQ'))
  for (let i = 0; i < 100; i++) connection.segment(0, soup)
  connection.segment(0, Buffer.concat([ACK, ACK, ACK])).end()
  t.equal(told.log.packets.filter(({ type }) => type === 'SessionAck').length, 3)
})

t.test('a packet of 4 MiB, and one that only claims to be', async t => {
  const large = message(1, 0x400000 - 200)
  const told = new ToldStreams()
  told.open(1801).send(0, Buffer.concat([large, ACK]), 60_000)
  t.equal(told.log.packets.length, 2)
  t.ok(told.log.packets[0]!.bytes.equals(large))

  const lying = message(1, 100)
  lying.writeUInt32LE(0x400001, 8)
  const other = new ToldStreams()
  other.open(1801).segment(0, lying).segment(0, ACK).end()
  t.strictSame(other.log.told.slice(1), ['malformed', 'resynchronised', 'packet', 'ended'])
})

t.test('what waits is bounded over all connections: the longest waiting gives way', async t => {
  const told = new ToldStreams({ heldSizeMax: 1024 * 1024 })
  const packet = message(1, 300_000)
  const connections = Array.from({ length: 8 }, () => told.open(1801))
  for (const connection of connections) connection.segment(0, packet.subarray(0, 200_000))
  t.ok(told.log.holes.length >= 4, `${told.log.holes.length} gave way`)
  t.ok(told.log.holes.every(({ cause, size }) => cause === 'let-go' && size === 200_000))
  for (const connection of connections) connection.segment(0, packet.subarray(200_000))
  for (const connection of connections) connection.segment(0, ACK)
  const types = told.log.packets.map(({ type }) => type)
  t.equal(types.filter(type => type === 'SessionAck').length, 8, 'each stream goes on exactly behind its packet')
  t.equal(types.filter(type => type === 'UserMessage').length, 8 - told.log.holes.length)
})

t.test('random bytes and random damage: no crash, and few packets that were not sent', async t => {
  const sent = streamOf([...all, ...all, ...all])
  const own = new Set(hexOf(sent.packets))
  let found = 0
  let foreign = 0
  for (let seed = 1; seed <= 150; seed += 1) {
    const random = createRandom(seed)
    const bytes = Buffer.from(sent.bytes)
    for (let hit = random(20); hit >= 0; hit -= 1) bytes[random(bytes.length)] = random(256)
    const told = new ToldStreams()
    const connection = told.open(seed % 2 === 0 ? 1801 : 4242)
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + random(1500)
      if (random(10) === 0) connection.hole(0, random(2) === 0 ? null : random(5_000))
      else connection.segment(0, bytes.subarray(at, end))
      at = end
    }
    connection.end()
    found += told.log.packets.length
    // A damaged body is a packet all the same: it decodes.
    foreign += told.log.packets.filter(packet => !own.has(packet.bytes.toString('hex'))).length
  }
  t.ok(found > 1_000, `${found} packets`)
  t.ok(foreign < found / 4, `${foreign} of them damaged`)
})
