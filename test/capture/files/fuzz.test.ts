import { gzipSync } from 'node:zlib'
import t from 'tap'
import {
  block,
  enhanced,
  interfaceBlock,
  packed,
  pcapHeader,
  pcapPacket,
  readBytes,
  section,
} from '../../fixtures/capture-file-bytes.js'
import { createRandom } from '../../fixtures/mutations.js'

type Random = (below: number) => number

const SECONDS = 1_700_000_000
const COUNT = 40

function packetData(at: number): Buffer {
  return Buffer.alloc(30 + ((at * 37) % 200), `packet ${at} `)
}

function classic(order: 'little' | 'big', magic: number): Buffer {
  const packets = Array.from({ length: COUNT }, (_, at) =>
    pcapPacket(order, { seconds: SECONDS + at, fraction: at, data: packetData(at) }),
  )
  return Buffer.concat([pcapHeader(order, magic), ...packets])
}

function modern(order: 'little' | 'big'): Buffer {
  const packets = Array.from({ length: COUNT }, (_, at) =>
    enhanced(
      order,
      at % 2,
      BigInt(SECONDS + at) * 1_000_000n,
      packetData(at),
      at % 5 === 0 ? [[1, `comment ${at}`]] : [],
    ),
  )
  return Buffer.concat([
    section(order, [[4, 'a test']]),
    interfaceBlock(order, 1, 0, [[2, 'eth0']]),
    interfaceBlock(order, 101, 65_535, [[9, Buffer.of(6)]]),
    ...packets.slice(0, 20),
    block(order, 4, packed(order, [2, 1], [2, 9], Buffer.from('0a0000077800000000000000', 'hex'))),
    block(order, 5, packed(order, [4, 0], [4, 0], [4, 0], [2, 5], [2, 8], [8, 3], [4, 0])),
    section(order),
    interfaceBlock(order),
    interfaceBlock(order),
    ...packets.slice(20),
  ])
}

/** zstd with two kinds of blocks: as they are, and one byte for many. */
function zstdFrame(bytes: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from('28b52ffd0050', 'hex')]
  for (let at = 0; at < bytes.length; at += 300) {
    const part = bytes.subarray(at, at + 300)
    const head = Buffer.alloc(3)
    head.writeUIntLE(part.length << 3, 0, 3)
    parts.push(head, part)
  }
  return Buffer.concat([...parts, Buffer.of((0 << 3) | 2 | 1, 0, 0, 0)])
}

const WORDS = [
  0, 1, 4, 11, 12, 13, 16, 0xff, 0xffff, 0x10000, 0x40000, 0x40001, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff,
]

/** @returns the damaged bytes, and where damage begins */
function damage(source: Buffer, random: Random): { bytes: Buffer; from: number } {
  let bytes: Buffer = Buffer.from(source)
  let from = bytes.length
  for (let rounds = 1 + random(3); rounds > 0 && bytes.length > 8; rounds--) {
    const at = random(bytes.length - 4)
    from = Math.min(from, at)
    switch (random(6)) {
      case 0:
        bytes[at]! ^= 1 << random(8)
        break
      case 1:
        if (random(2) === 0) bytes.writeUInt32LE(WORDS[random(WORDS.length)]!, at)
        else bytes.writeUInt32BE(WORDS[random(WORDS.length)]!, at)
        break
      case 2:
        bytes = bytes.subarray(0, at)
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + random(40), random(256)), bytes.subarray(at)])
        break
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(40))])
        break
      default: {
        const other = random(bytes.length)
        bytes.copyWithin(at, other, other + random(100))
      }
    }
  }
  return { bytes, from }
}

const FORMATS: readonly [string, Buffer][] = [
  ['pcap, little-endian', classic('little', 0xa1b2c3d4)],
  ['pcap, big-endian, nanoseconds', classic('big', 0xa1b23c4d)],
  ['pcapng, little-endian', modern('little')],
  ['pcapng, big-endian', modern('big')],
]

/** Where a packet's bytes end in the file, by its first characters. */
function endOf(file: Buffer, at: number): number {
  const data = packetData(at)
  return file.indexOf(data) + data.length
}

for (const [name, file] of FORMATS) {
  t.test(`damaged captures are read as far as they go: ${name}`, async t => {
    const random = createRandom(38)
    const ends = Array.from({ length: COUNT }, (_, at) => endOf(file, at))
    let troubled = 0
    for (let run = 0; run < 400; run++) {
      const { bytes, from } = damage(file, random)
      const { frames, report } = await readBytes(bytes, { windowBytes: 4096, pieceBytes: 1000 })
      // The block's end behind the packet may be damaged, too, and options are behind it.
      const sound = ends.filter(end => end + 32 <= from).length
      const kept = frames.slice(0, sound).every((frame, at) => frame.bytes.equals(packetData(at)))
      if (frames.length < sound || !kept)
        t.fail(`run ${run}: ${frames.length} frames, ${sound} were sound before byte ${from}`)
      if (frames.length === 0 && report.troubles.length === 0) t.fail(`run ${run}: silence`)
      if (report.bytes > bytes.length) t.fail(`run ${run}: more bytes than there are`)
      if (frames.some(frame => !Number.isFinite(frame.ref.timeUs))) t.fail(`run ${run}: a time that is none`)
      if (report.troubles.length > 0) troubled++
    }
    t.ok(troubled > 150, `${troubled} of 400 runs tell of damage`)
  })
}

// gzip has a checksum of what comes out; the frame of zstd here has none, as a pcapng file has none.
for (const [name, packed, least] of [
  ['gzip', gzipSync(modern('little')), COUNT],
  ['zstd', zstdFrame(modern('little')), 1],
] as const) {
  t.test(`damaged compressed captures end with a word: ${name}`, async t => {
    t.equal((await readBytes(packed)).frames.length, COUNT, 'whole it is read')
    const random = createRandom(1801)
    let troubled = 0
    for (let run = 0; run < 300; run++) {
      const { bytes } = damage(packed, random)
      const { frames, report } = await readBytes(bytes, { windowBytes: 4096 })
      if (frames.length < least && report.troubles.length === 0) t.fail(`run ${run}: packets are missing in silence`)
      if (report.troubles.length > 0) troubled++
    }
    t.ok(troubled > 150, `${troubled} of 300 runs tell of damage`)
  })
}

t.test('any bytes behind any magic number', async t => {
  const random = createRandom(7)
  const magics = [
    'a1b2c3d4',
    'd4c3b2a1',
    'a1b23c4d',
    '4d3cb2a1',
    '0a0d0d0a',
    '1f8b0800',
    '28b52ffd',
    '5a2a4d18',
    '00000000',
  ]
  for (let run = 0; run < 400; run++) {
    const noise = Buffer.from(Array.from({ length: random(400) }, () => (random(3) === 0 ? random(256) : random(8))))
    const bytes = Buffer.concat([Buffer.from(magics[run % magics.length]!, 'hex'), noise])
    const { frames, report } = await readBytes(bytes, { windowBytes: 4096 })
    if (frames.length === 0 && report.troubles.length === 0) t.fail(`run ${run}: silence`)
  }
  t.pass('400 runs')
})
