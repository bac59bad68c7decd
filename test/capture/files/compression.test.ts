import { spawnSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { findProgram } from '../../../gateway/planes/kernel/programs.js'
import { pcapHeader, pcapPacket, readBytes } from '../../fixtures/capture-file-bytes.js'
import { createRandom } from '../../fixtures/mutations.js'

const ZSTD = findProgram('zstd')
const skip = ZSTD === null ? 'zstd not found: install it (Debian: apt-get install zstd)' : false

const random = createRandom(38)
const PACKETS = Array.from({ length: 2000 }, (_, at) =>
  Buffer.from(`${'the same in each packet '.repeat(random(20))}${random(2 ** 32)}${random(2 ** 32)}${at}`),
)
const CAPTURE = Buffer.concat([
  pcapHeader('little'),
  ...PACKETS.map((data, at) => pcapPacket('little', { seconds: 1_700_000_000 + at, fraction: 0, data })),
])

/** A frame of zstd whose blocks hold the bytes as they are; `last` may be wrong, to damage it. */
function storedFrame(bytes: Buffer, { checksum = false, blockBytes = 1000 } = {}): Buffer {
  // The window is 1 MB; no size, no dictionary.
  const parts: Buffer[] = [Buffer.from('28b52ffd', 'hex'), Buffer.of(checksum ? 4 : 0, 80)]
  for (let at = 0; at < bytes.length || at === 0; at += blockBytes) {
    const block = bytes.subarray(at, at + blockBytes)
    const head = Buffer.alloc(3)
    head.writeUIntLE((block.length << 3) | (at + blockBytes >= bytes.length ? 1 : 0), 0, 3)
    parts.push(head, block)
  }
  return Buffer.concat([...parts, Buffer.alloc(checksum ? 4 : 0)])
}

const SKIPPABLE = Buffer.concat([Buffer.from('5a2a4d18', 'hex'), Buffer.of(5, 0, 0, 0), Buffer.from('hello')])

function zstd(bytes: Buffer, ...args: string[]): Buffer {
  const { stdout, status } = spawnSync(ZSTD!, ['-q', '-c', ...args], { input: bytes, maxBuffer: 2 ** 28 })
  if (status !== 0) throw new Error(`zstd ended with ${status}`)
  return stdout
}

async function sees(t: Test, bytes: Buffer, compression: string, pieceBytes = 50_000) {
  const { frames, report } = await readBytes(bytes, { pieceBytes })
  t.strictSame(
    frames.map(frame => frame.bytes),
    PACKETS,
  )
  t.match(report, { compression, format: 'pcap', bytes: CAPTURE.length, troubles: [] })
}

t.test('gzip of one member and of several', async t => {
  await sees(t, gzipSync(CAPTURE), 'gzip')
  const half = CAPTURE.length >> 1
  const two = Buffer.concat([gzipSync(CAPTURE.subarray(0, half)), gzipSync(CAPTURE.subarray(half), { level: 0 })])
  await sees(t, two, 'gzip', 777)
  await sees(t, Buffer.concat([two, Buffer.alloc(600)]), 'gzip')
})

t.test('zstd of one frame and of several, and what may be skipped', async t => {
  await sees(t, storedFrame(CAPTURE), 'zstd')
  const half = CAPTURE.length >> 1
  const frames = [
    SKIPPABLE,
    storedFrame(CAPTURE.subarray(0, half), { checksum: true }),
    storedFrame(Buffer.alloc(0)),
    SKIPPABLE,
    storedFrame(CAPTURE.subarray(half), { blockBytes: 100_000 }),
  ]
  await sees(t, Buffer.concat(frames), 'zstd', 99)
})

t.test('what zstd itself makes', { skip }, async t => {
  for (const args of [['-1'], ['-3', '--check'], ['-19'], ['-3', '--long=24']]) {
    await sees(t, zstd(CAPTURE, ...args), 'zstd')
  }
  const half = CAPTURE.length >> 1
  await sees(t, Buffer.concat([zstd(CAPTURE.subarray(0, half)), zstd(CAPTURE.subarray(half))]), 'zstd', 1000)
})

/** What of a cut stream came out, and what is said about it. */
async function whenCut(t: Test, compressed: Buffer, steps: number): Promise<void> {
  let before = 0
  for (let step = 1; step <= steps; step++) {
    const size = Math.floor((compressed.length * step) / (steps + 1))
    const { frames, report } = await readBytes(compressed.subarray(0, size))
    t.ok(frames.length >= before, `${size} of ${compressed.length} bytes: ${frames.length} packets`)
    before = frames.length
    t.strictSame(
      frames.map(frame => frame.bytes),
      PACKETS.slice(0, frames.length),
    )
    const cut = report.troubles.find(({ what }) => what === 'the compressed data ends too soon')
    t.match(cut, { kind: 'truncated', offset: report.bytes })
    const place = cut?.compressedOffset ?? 0
    t.ok(place > 0 && place <= size, 'where in the compressed file')
  }
  t.ok(before > PACKETS.length / 2, 'what was there was read')
}

t.test('compressed data that is cut', async t => {
  await whenCut(t, gzipSync(CAPTURE), 6)
  await whenCut(t, storedFrame(CAPTURE), 6)
})

t.test('compressed data that zstd made and somebody cut', { skip }, async t => {
  await whenCut(t, zstd(CAPTURE), 6)
})

t.test('a wrong checksum of gzip costs nothing but a word', async t => {
  const bytes = gzipSync(CAPTURE)
  bytes[bytes.length - 6]! ^= 1
  const { frames, report } = await readBytes(bytes)
  t.equal(frames.length, PACKETS.length)
  t.match(report.troubles, [{ kind: 'damaged', offset: CAPTURE.length, what: /compressed data is damaged/ }])
})

t.test('zeros behind gzip are padding, what comes after them is not', async t => {
  const whole = gzipSync(CAPTURE)
  for (const zeros of [1, 512, 300_000]) {
    const padded = Buffer.concat([whole, Buffer.alloc(zeros)])
    await sees(t, padded, 'gzip')
    const { frames, report } = await readBytes(Buffer.concat([padded, whole]))
    t.equal(frames.length, PACKETS.length)
    t.match(report.troubles, [{ kind: 'damaged', offset: CAPTURE.length, compressedOffset: padded.length }])
  }
})

t.test('damage in compressed data', async t => {
  for (const compressed of [gzipSync(CAPTURE), storedFrame(CAPTURE)]) {
    const bytes = Buffer.from(compressed)
    // In the stored frame: a block of the kind that does not exist.
    const at = compressed[0] === 0x1f ? bytes.length >> 1 : 6 + 1003 * 200
    if (compressed[0] === 0x1f) bytes.fill(0xee, at, at + 64)
    else bytes[at]! |= 6
    const { frames, report } = await readBytes(bytes)
    t.ok(frames.length > PACKETS.length / 8, `${frames.length} packets before it`)
    t.ok(frames.length < PACKETS.length)
    t.strictSame(
      frames.slice(0, PACKETS.length / 8).map(frame => frame.bytes),
      PACKETS.slice(0, PACKETS.length / 8),
    )
    t.ok(report.troubles.some(({ kind, what }) => kind === 'damaged' && /compressed data is damaged/.test(what)))
  }
})

t.test('a frame that wants more memory than there is', async t => {
  const bytes = storedFrame(CAPTURE)
  bytes[5] = 0xff
  const { frames, report } = await readBytes(bytes)
  t.equal(frames.length, 0)
  t.match(report.troubles, [{ kind: 'damaged', what: /wants \d+ bytes of memory/ }])
})

t.test('bytes that become very many are read in bounded pieces', async t => {
  const zeros = gzipSync(Buffer.concat([CAPTURE, Buffer.alloc(5_000_000)]))
  const { frames, report } = await readBytes(zeros)
  t.equal(frames.length, PACKETS.length)
  t.match(report.troubles, [{ kind: 'damaged', offset: CAPTURE.length }])
  t.equal(report.bytes, CAPTURE.length + 5_000_000)
})

t.test('compressed twice, or nothing within', async t => {
  t.match((await readBytes(gzipSync(gzipSync(CAPTURE)))).report.troubles, [
    { kind: 'foreign', what: /compressed by gzip more than once/ },
  ])
  t.match((await readBytes(gzipSync(Buffer.alloc(0)))).report, { compression: 'gzip', troubles: [{ kind: 'empty' }] })
  t.match((await readBytes(Buffer.from('1f8b', 'hex'))).report.troubles, [{ kind: 'truncated' }])
})
