import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { expertName } from '../../../capture/wireshark/filter-names.js'
import { dissectorLua } from '../../../capture/wireshark/generate.js'
import { decodePacket } from '../../../protocol/binary/packet.js'
import { DecodeError } from '../../../protocol/errors.js'
import { CaptureBytes } from '../../fixtures/capture-bytes.js'
import { createRandom, mutate } from '../../fixtures/mutations.js'
import { pdmlFields, runTshark, tsharkSkip } from '../../fixtures/tshark.js'

/* What tshark makes of streams: packets in pieces, several at once, other ports, captures that begin or end anywhere, and
 * damage. */

const lua = dissectorLua()
const file = JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as {
  vectors: { name: string; transport: string; hex: string; fields: Record<string, unknown> }[]
  streams: { packets: string[]; cuts: number[] }[]
}
const vectors = file.vectors.filter(({ transport }) => transport !== 'udp-3527')
const bytesOf = new Map(vectors.map(({ name, hex }) => [name, Buffer.from(hex, 'hex')]))
const stream = file.streams[0]!.packets.map(name => bytesOf.get(name)!)
const types = file.streams[0]!.packets.map(
  name => vectors.find(vector => vector.name === name)!.fields.PacketType as string,
)
const SERVER = { address: '10.0.0.2', port: 1801 }

/** Of each frame the packets that end in it: `[type, length]`; frames without any are left out. */
function packetsShown(capture: Buffer): { packets: string[]; text: string } {
  const { stdout, stderr } = runTshark(lua, capture, ['-Y', 'mqqb', '-T', 'pdml'])
  const packets = pdmlFields(stdout, 'mqqb.').flatMap(fields => {
    const lengths = fields.filter(({ name }) => name === 'mqqb.length').map(({ show }) => show)
    return fields.filter(({ name }) => name === 'mqqb.type').map(({ show }, index) => `${show} ${lengths[index]}`)
  })
  return { packets, text: stdout + stderr }
}

const expected = stream.map((bytes, index) => `${types[index]} ${bytes.length}`)

t.test('packets in segments of any size, on any port', { skip: tsharkSkip }, async t => {
  const capture = new CaptureBytes()
  const sizes = [1, 7, 13, 16, 100, 571, 1460, 60_000]
  sizes.forEach((size, index) => {
    const port = index % 2 === 0 ? 1801 : 20_000 + index
    const connection = capture.connection({ address: `10.0.1.${index}`, port: 40_000 }, { ...SERVER, port }).open()
    // On another port, a stream is recognised by the first segment that holds a BaseHeader.
    connection.send(0, Buffer.concat(stream), port === 1801 ? size : Math.max(size, 16))
  })
  const { packets, text } = packetsShown(capture.pcap())
  t.notOk(/Lua Error/.test(text), 'no Lua error')
  t.strictSame(
    packets,
    sizes.flatMap(() => expected),
  )
  t.notOk(/mqqb\.(?:malformed|note\.skipped|note\.cut)/.test(text), 'nothing was missed')
})

t.test('both directions of a connection, cut where it hurts', { skip: tsharkSkip }, async t => {
  const capture = new CaptureBytes()
  const connection = capture.connection({ address: '10.0.1.1', port: 40_000 }, SERVER).open()
  const bytes = Buffer.concat(stream)
  let from = 0
  for (const cut of [...file.streams[0]!.cuts, bytes.length]) {
    connection.send(0, bytes.subarray(from, cut))
    connection.send(1, bytes.subarray(from, cut))
    from = cut
  }
  const { packets, text } = packetsShown(capture.pcap())
  t.notOk(/Lua Error/.test(text), 'no Lua error')
  t.strictSame([...packets].sort(), [...expected, ...expected].sort())
})

t.test('a capture that begins inside a packet, and one with frames cut short', { skip: tsharkSkip }, async t => {
  const capture = new CaptureBytes()
  const late = capture.connection({ address: '10.0.1.1', port: 40_000 }, SERVER)
  late.send(0, Buffer.concat(stream).subarray(100), 60_000)
  const cut = capture.connection({ address: '10.0.1.2', port: 40_000 }, SERVER)
  cut.segment(0, stream[0]!, 0x18, { snapLength: 120 })
  cut.segment(0, stream[1]!, 0x18)
  const { packets, text } = packetsShown(capture.pcap())
  t.notOk(/Lua Error/.test(text), 'no Lua error')
  t.strictSame(packets, [...expected.slice(1), expected[1]])
  t.ok(/472 bytes of no packet/.test(text), 'says so')
  t.ok(/cut short by the capture/.test(text), 'says so')
})

t.test('lines in the list of packets, and filters', { skip: tsharkSkip }, async t => {
  const capture = new CaptureBytes()
  const connection = capture.connection({ address: '10.0.1.1', port: 40_000 }, SERVER)
  for (const name of ['user_transactional_second', 'orderack_direct', 'finalack_not_transactional_queue'])
    connection.send(0, bytesOf.get(name)!)
  connection.send(0, Buffer.concat([bytesOf.get('spec_sessionack')!, bytesOf.get('user_recoverable_direct_tcp')!]))
  const lines = (filter: string): string[] =>
    runTshark(lua, capture.pcap(), ['-Y', filter, '-T', 'fields', '-e', '_ws.col.Info']).stdout.trim().split('\n')
  t.strictSame(lines('mqqb'), [
    'UserMessage 102 seq 65930000:00000001 #2 (prev 1) → TCP:192.0.2.10\\private$\\txorders, 4 bytes',
    'OrderAck seq 65930000:00000001 up to #2 → TCP:192.0.2.20\\PRIVATE$\\order_queue$',
    'FinalAck NACK_NOT_TRANSACTIONAL_Q seq 65930000:00000001 #2 of 5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01\\102' +
      ' → TCP:192.0.2.20\\PRIVATE$\\order_queue$',
    'SessionAck ack 1, window 64; UserMessage 100 recoverable → TCP:192.0.2.10\\private$\\orders, 11 bytes',
  ])
  t.equal(lines('mqqb.txseq == "65930000:00000001"').length, 3)
  t.equal(lines('mqqb.user.txseq == "65930000:00000001" && mqqb.transaction.txsequencenumber == 2').length, 1)
  t.match(lines('mqqb.note.nack').join(), /^FinalAck/)
  t.match(lines('mqqb.user.sourcequeuemanager == 5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01').join(), /UserMessage 10/)
})

t.test('damaged packets never break the dissector', { skip: tsharkSkip }, async t => {
  const random = createRandom(41)
  const capture = new CaptureBytes()
  const reasons: (string | null)[] = []
  for (let index = 0; index < 800; index++) {
    const bytes = mutate(stream[random(stream.length)]!, random)
    if (bytes.length === 0) continue // takes no frame
    const from = { address: `10.2.${index >> 8}.${index & 255}`, port: 40_000 }
    capture.connection(from, SERVER).send(0, bytes, 60_000)
    reasons.push(reasonOf(bytes))
  }
  // what a hostile peer sends in pieces, among good packets
  for (let index = 0; index < 100; index++) {
    const parts = Array.from({ length: 4 }, () => {
      const packet = stream[random(stream.length)]!
      return random(2) === 0 ? packet : mutate(packet, random)
    })
    const from = { address: `10.3.0.${index}`, port: 40_000 }
    capture.connection(from, SERVER).send(0, Buffer.concat(parts), 1 + random(700))
  }
  const { stdout, stderr } = runTshark(lua, capture.pcap(), ['-T', 'pdml'])
  t.notOk(/Lua Error/.test(stdout + stderr), 'no Lua error')
  const frames = pdmlFields(stdout, 'mqqb.')
  let compared = 0
  for (const [index, reason] of reasons.entries()) {
    if (reason === null) continue
    const shown = frames[index]!.filter(({ name }) => name.startsWith('mqqb.malformed.')).map(({ name }) => name)
    compared++
    if (shown[0] !== reason) t.fail(`frame ${index + 1}: ${shown} instead of ${reason}`)
  }
  t.ok(compared > 60, `${compared} were refused for the decoder's reason`)
})

/** The expert info of a damaged packet that fills its segment as its PacketSize says; null of others. */
function reasonOf(bytes: Buffer): string | null {
  if (bytes.length < 120 || bytes[0] !== 0x10 || bytes.toString('latin1', 4, 8) !== 'LIOR') return null
  if (bytes.readUInt32LE(8) !== bytes.length || (bytes[2]! & 0x18) !== 0 || bytes.includes('LIOR', 8)) return null
  try {
    decodePacket(bytes)
    return null
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return expertName(error)
  }
}
