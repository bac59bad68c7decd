import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { PacketCounter, type PacketCounts, zeroPacketCounts } from '../../../gateway/planes/packet-count.js'
import { SUITE_SEED } from '../../fixtures/suite-seed.js'

interface Vector {
  readonly name: string
  readonly transport: string
  readonly hex: string
  readonly fields: { readonly PacketType: string; readonly WireLength: number }
}

interface Vectors {
  readonly vectors: readonly Vector[]
  readonly streams: readonly { readonly name: string; readonly packets: readonly string[] }[]
}

const file = JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as Vectors
const packets = file.vectors.filter(vector => vector.transport === 'tcp-1801')
const bytesOf = (vector: Vector) => Buffer.from(vector.hex, 'hex')

const KINDS: Record<string, keyof PacketCounts> = {
  EstablishConnection: 'establishConnection',
  ConnectionParameters: 'connectionParameters',
  SessionAck: 'sessionAck',
  UserMessage: 'userMessage',
  OrderAck: 'orderAck',
  FinalAck: 'finalAck',
}

function expectedCounts(vectors: readonly Vector[]): PacketCounts {
  const counts = zeroPacketCounts()
  for (const vector of vectors) counts[KINDS[vector.fields.PacketType] ?? 'userMessage']++
  return counts
}

function countOf(...chunks: Buffer[]): PacketCounts {
  const counter = new PacketCounter()
  for (const chunk of chunks) counter.push(chunk)
  return counter.counts
}

function cutUp(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...[...new Set(cuts.map(cut => cut % bytes.length))].sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

t.test('each published and synthetic packet, whole and byte by byte', async t => {
  t.ok(packets.length > 15)
  for (const vector of packets) {
    const bytes = bytesOf(vector)
    t.same(countOf(bytes), expectedCounts([vector]), vector.name)
    t.same(countOf(...Array.from(bytes, byte => Buffer.of(byte))), expectedCounts([vector]), `${vector.name} by bytes`)
    t.same(countOf(bytes, bytes), expectedCounts([vector, vector]), `${vector.name} twice`)
  }
})

t.test('the vectors’ streams at every cut', async t => {
  for (const stream of file.streams) {
    const parts = stream.packets.map(name => packets.find(vector => vector.name === name)!)
    const bytes = Buffer.concat(parts.map(bytesOf))
    const expected = expectedCounts(parts)
    for (let cut = 1; cut < bytes.length; cut++) {
      const counts = countOf(bytes.subarray(0, cut), bytes.subarray(cut))
      if (JSON.stringify(counts) !== JSON.stringify(expected)) t.same(counts, expected, `${stream.name} cut at ${cut}`)
    }
    t.same(countOf(bytes), expected, stream.name)
  }
})

t.test('any sequence of packets in any chunking', async t => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...packets), { minLength: 1, maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 40 }),
      (vectors, cuts) => {
        const bytes = Buffer.concat(vectors.map(bytesOf))
        const counts = countOf(...cutUp(bytes, cuts))
        return JSON.stringify(counts) === JSON.stringify(expectedCounts(vectors))
      },
    ),
    { seed: SUITE_SEED, numRuns: 1000 },
  )
  t.pass()
})

t.test('what is no packet', async t => {
  const good = bytesOf(packets[0]!)
  const foreign = { ...zeroPacketCounts(), undecodable: 1 }
  t.same(countOf(Buffer.from('GET / HTTP/1.1\r\nHost: example\r\n\r\n'), good), foreign, 'HTTP, then a packet')
  t.same(countOf(Buffer.alloc(100_000)), foreign, 'zeros')
  t.same(countOf(Buffer.alloc(0)), zeroPacketCounts(), 'nothing')
  t.same(countOf(good, Buffer.from('PROXY TCP4')), { ...expectedCounts([packets[0]!]), undecodable: 1 })

  const withSize = (size: number) => {
    const bytes = Buffer.from(good)
    bytes.writeUInt32LE(size, 8)
    return bytes
  }
  for (const size of [0, 1, 15, 19, 0x00400001, 0x7fffffff, 0xffffffff])
    t.same(countOf(withSize(size)), foreign, `PacketSize ${size}`)
  const unknownType = Buffer.from(good)
  unknownType.writeUInt16LE(9, 18)
  t.same(countOf(unknownType), { ...zeroPacketCounts(), other: 1 }, 'an internal packet of type 9')
})

t.test('mutants and noise never throw, in any chunking', async t => {
  const noise = fc.uint8Array({ maxLength: 3000 }).map(bytes => Buffer.from(bytes))
  const mutants = fc
    .tuple(
      fc.constantFrom(...packets),
      fc.array(fc.tuple(fc.nat({ max: 200 }), fc.nat({ max: 255 })), { maxLength: 6 }),
    )
    .map(([vector, changes]) => {
      const bytes = bytesOf(vector)
      for (const [offset, value] of changes) bytes[offset % bytes.length] = value
      return bytes
    })
  fc.assert(
    fc.property(
      fc.array(fc.oneof(noise, mutants), { maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (all, cuts) => {
        const bytes = Buffer.concat(all)
        if (bytes.length === 0) return true
        const whole = countOf(bytes)
        return JSON.stringify(countOf(...cutUp(bytes, cuts))) === JSON.stringify(whole) && whole.undecodable <= 1
      },
    ),
    { seed: SUITE_SEED, numRuns: 3000 },
  )
  t.pass()
})
