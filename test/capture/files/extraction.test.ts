import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { extractFrames } from '../../../capture/files/extraction.js'
import {
  BYTE_ORDERS,
  block,
  enhanced,
  interfaceBlock,
  packed,
  pcapHeader,
  pcapPacket,
  readBytes,
  section,
} from '../../fixtures/capture-file-bytes.js'

const folder = mkdtempSync(join(tmpdir(), 'mqlab-extraction-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

async function extract(files: Buffer[], wanted: (file: number, number: number) => readonly string[] | null) {
  const inputs = files.map((bytes, at) => {
    const path = join(folder, `${at}.capture`)
    writeFileSync(path, bytes)
    return path
  })
  const pieces: Buffer[] = []
  const report = await extractFrames(
    inputs,
    frame => wanted(frame.fileIndex, frame.number),
    bytes => pieces.push(Buffer.from(bytes)),
    { application: 'mqlab test' },
  )
  return { reading: report, written: Buffer.concat(pieces), ...(await readBytes(Buffer.concat(pieces))) }
}

for (const order of BYTE_ORDERS) {
  t.test(`frames stay as they were, ${order}-endian`, async t => {
    // 2^-20 of a second, and an offset: nothing that could be kept by way of microseconds.
    const resolution = 0x80 | 20
    const list = [
      [2, 'eth7'],
      [9, Buffer.of(resolution)],
      [14, packed(order, [8, -7200])],
    ] as const
    const ticks = 1_782_579_200_123_457n
    const options = [
      [1, 'from before'],
      [2, packed(order, [4, 0x10002])],
      [3, Buffer.of(2, 1, 2, 3, 4)],
      [5, packed(order, [8, 0x123456789abcdefn])],
      [6, packed(order, [4, 9])],
    ] as const
    const source = Buffer.concat([
      section(order),
      interfaceBlock(order, 113, 0, list),
      enhanced(order, 0, ticks, Buffer.alloc(60), []),
      enhanced(order, 0, ticks + 1n, Buffer.alloc(61, 1), options, 1500),
      enhanced(order, 0, ticks + 2n, Buffer.alloc(62), []),
    ])
    const { frames, written } = await extract([source], (_, number) => (number === 2 ? ['added'] : null))
    t.match(frames, [{ ref: { number: 1 }, originalLength: 1500, comments: ['from before', 'added'] }])
    t.match(frames[0]?.on, { name: 'eth7', linkType: 113, resolution, offsetSeconds: -7200 })
    t.equal(frames.length, 1)
    const expected = enhanced(
      'little',
      0,
      ticks + 1n,
      Buffer.alloc(61, 1),
      [
        [1, 'from before'],
        [2, packed('little', [4, 0x10002])],
        [3, Buffer.of(2, 1, 2, 3, 4)],
        [5, packed('little', [8, 0x123456789abcdefn])],
        [6, packed('little', [4, 9])],
        [1, 'added'],
      ],
      1500,
    )
    t.ok(written.includes(expected), 'every option in its place')
  })
}

t.test('several files, a classic one among them, with interfaces of their own', async t => {
  const packet = (fraction: number) => pcapPacket('big', { seconds: 1_700_000_000, fraction, data: Buffer.alloc(60) })
  const classic = Buffer.concat([pcapHeader('big', 0xa1b23c4d, 0, 101), packet(999_999_998), packet(999_999_999)])
  const modern = Buffer.concat([
    section('little'),
    interfaceBlock('little'),
    enhanced('little', 0, 1_700_000_000_999_999n, Buffer.alloc(61)),
  ])
  const { frames, reading } = await extract([classic, modern], (file, number) =>
    file === 1 || number === 2 ? [] : null,
  )
  t.strictSame(
    frames.map(({ on, ref }) => [on.index, on.linkType, on.ticksPerSecond, ref.timeUs]),
    [
      [0, 1, 1e6, 1_700_000_000_999_999],
      [1, 101, 1e9, 1_700_000_001_000_000],
    ],
  )
  t.strictSame([frames[1]?.stampUpper, frames[1]?.stampLower], [0x17979cfe, 0x71c4c9ff])
  t.strictSame(
    reading.files.map(({ frames }) => frames),
    [2, 1],
  )
})

t.test('names that fit into no record are left out', async t => {
  // Each byte that is no UTF-8 is read as a character of three.
  const record = (names: Buffer) =>
    packed('little', [2, 1], [2, 4 + names.length], Buffer.of(10, 0, 0, 7), names, Buffer.alloc(-names.length & 3))
  const list = [record(Buffer.alloc(40_000, 0xff)), record(Buffer.alloc(65_531, 0x61)), record(Buffer.from('R1\0'))]
  const source = Buffer.concat([
    section('little'),
    interfaceBlock('little'),
    ...list.map(bytes => block('little', 4, Buffer.concat([bytes, Buffer.alloc(4)]))),
    enhanced('little', 0, 1n, Buffer.alloc(60)),
  ])
  const { frames, names } = await extract([source], () => [])
  t.equal(frames.length, 1)
  t.strictSame(names, [['10.0.0.7', ['R1']]])
})
