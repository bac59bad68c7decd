import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { flatFields, flatPing } from '../../../protocol/binary/flat.js'
import { decodePacket, encodePacket, encodePacketInto, wireSizeOf } from '../../../protocol/binary/packet.js'
import { PacketFramer } from '../../../protocol/binary/packet-framer.js'
import { decodePing, encodePing } from '../../../protocol/binary/ping.js'
import { DecodeError } from '../../../protocol/errors.js'

interface Vector {
  name: string
  transport: 'tcp-1801' | 'udp-3527'
  hex: string
  fields: Record<string, number | string>
  warnings: string[]
}

interface Malformed {
  name: string
  transport: 'tcp-1801' | 'udp-3527'
  hex: string
  field: string
}

interface Stream {
  name: string
  packets: string[]
  cuts: number[]
  offsets: number[]
  length: number
}

const file = JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as {
  vectors: Vector[]
  malformed: Malformed[]
  streams: Stream[]
}
const bytesOf = new Map(file.vectors.map(vector => [vector.name, Buffer.from(vector.hex, 'hex')]))

for (const vector of file.vectors) {
  t.test(vector.name, async t => {
    const bytes = Buffer.from(vector.hex, 'hex')
    const isPing = vector.transport === 'udp-3527'
    const flat = isPing ? flatPing(decodePing(bytes)) : flatFields(decodePacket(bytes))
    for (const [name, value] of Object.entries(vector.fields)) t.equal(flat[name], value, name)
    t.strictSame(flat.Warnings ?? [], vector.warnings, 'warnings')
    if (isPing) {
      t.strictSame(encodePing(decodePing(bytes)), bytes, 'encodes to the same bytes')
      return
    }
    const packet = decodePacket(bytes)
    t.equal(wireSizeOf(packet), bytes.length)
    t.strictSame(encodePacket(packet), bytes, 'encodes to the same bytes')
    const rubbish = Buffer.alloc(bytes.length, 0xaa)
    encodePacketInto(packet, rubbish)
    t.strictSame(rubbish, bytes, 'writes every byte')
  })
}

t.test('malformed inputs are rejected, naming the field', async t => {
  for (const input of file.malformed) {
    const bytes = Buffer.from(input.hex, 'hex')
    const decode = input.transport === 'udp-3527' ? decodePing : decodePacket
    try {
      decode(bytes)
      t.fail(`${input.name} was accepted`)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const name = input.transport === 'udp-3527' ? error.field : `${error.structure}.${error.field}`
      t.equal(name, input.field, `${input.name}: ${error.message}`)
    }
  }
})

function framed(chunks: Iterable<Buffer>): Buffer[] {
  const framer = new PacketFramer()
  const packets: Buffer[] = []
  for (const chunk of chunks) framer.push(chunk, packet => packets.push(packet))
  t.equal(framer.bytesHeld, 0)
  return packets
}

function* piecesOf(bytes: Buffer, cuts: readonly number[]): Generator<Buffer> {
  let start = 0
  for (const cut of [...cuts, bytes.length]) {
    yield Buffer.from(bytes.subarray(start, cut))
    start = cut
  }
}

for (const stream of file.streams) {
  t.test(`stream ${stream.name}`, async t => {
    const expected = stream.packets.map(name => bytesOf.get(name)!)
    const bytes = Buffer.concat(expected)
    t.equal(bytes.length, stream.length)
    t.strictSame(framed([bytes]), expected, 'in one chunk')
    t.strictSame(framed(piecesOf(bytes, stream.cuts)), expected, 'in the pieces given')
    t.strictSame(framed(Array.from(bytes, byte => Buffer.of(byte))), expected, 'byte by byte')
    let at = 0
    for (const [index, packet] of expected.entries()) {
      t.equal(at, stream.offsets[index], `offset of packet ${index}`)
      at += packet.length
    }
    let wrong = 0
    for (let cut = 1; cut < bytes.length; cut++) {
      const packets = framed(piecesOf(bytes, [cut]))
      if (packets.length !== expected.length || packets.some((packet, i) => !packet.equals(expected[i]!))) wrong++
    }
    t.equal(wrong, 0, 'cut in two at every place')
  })
}
