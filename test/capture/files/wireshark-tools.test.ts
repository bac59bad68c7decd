import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { extractFrames } from '../../../capture/files/extraction.js'
import { FrameReading } from '../../../capture/files/frame-reading.js'
import { PcapngWriter } from '../../../capture/files/pcapng-writer.js'
import { NANOSECONDS } from '../../../capture/files/time-resolution.js'
import { findProgram } from '../../../gateway/planes/kernel/programs.js'
import { block, packed, pcapHeader, pcapPacket, readAll, readBytes } from '../../fixtures/capture-file-bytes.js'

const programs = ['editcap', 'mergecap', 'tshark'].map(findProgram)
const skip = programs.includes(null)
  ? 'editcap, mergecap or tshark not found: install them (Debian: apt-get install tshark)'
  : false

const folder = mkdtempSync(join(tmpdir(), 'mqlab-tools-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

function run(program: 'editcap' | 'mergecap' | 'tshark', ...args: string[]): string {
  const path = findProgram(program)!
  const { stdout, stderr, status } = spawnSync(path, args, { encoding: 'utf8', env: { ...process.env, HOME: folder } })
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`)
  return stdout
}

const place = (name: string) => join(folder, name)

/** Nanoseconds, so that nothing is lost that any format keeps. */
const PACKETS = Array.from({ length: 50 }, (_, at) => ({
  seconds: 1_700_000_000 + Math.floor(at / 10),
  fraction: (at % 10) * 99_000_750,
  data: Buffer.alloc(60 + 13 * at, `packet ${at}. `),
}))
const SOURCE = place('source.pcap')
writeFileSync(SOURCE, Buffer.concat([pcapHeader('big', 0xa1b23c4d), ...PACKETS.map(each => pcapPacket('big', each))]))

async function read(...inputs: string[]) {
  const reading = new FrameReading(inputs)
  const frames = await readAll(reading)
  t.strictSame(
    reading.report.files.flatMap(({ troubles }) => troubles),
    [],
  )
  return frames
}

t.test('what editcap makes of a capture, in each format that is read', { skip }, async t => {
  for (const format of ['pcap', 'nsecpcap', 'pcapng']) {
    for (const snapLength of [0, 100]) {
      const file = place(`${format}-${snapLength}`)
      run('editcap', '-F', format, ...(snapLength > 0 ? ['-s', `${snapLength}`] : []), SOURCE, file)
      const frames = await read(file)
      t.strictSame(
        frames.map(({ ref, bytes, originalLength }) => [ref.timeUs, bytes, originalLength]),
        PACKETS.map(({ seconds, fraction, data }) => {
          const us = format === 'pcap' ? Math.floor(fraction / 1000) : fraction / 1000
          return [seconds * 1e6 + us, snapLength > 0 ? data.subarray(0, snapLength) : data, data.length]
        }),
        `${format}, ${snapLength} bytes of each`,
      )
    }
  }
})

t.test('comments that editcap put in', { skip }, async t => {
  const file = place('comments')
  run('editcap', '-F', 'pcapng', '-a', '3:a comment', SOURCE, place('one-comment'))
  run('editcap', '-F', 'pcapng', '-a', '3:and änother', '-a', '50:the last', place('one-comment'), file)
  const commented = (await read(file)).filter(({ comments }) => comments !== null)
  t.strictSame(
    commented.map(({ ref, comments }) => [ref.number, comments]),
    [
      [3, ['a comment', 'and änother']],
      [50, ['the last']],
    ],
  )
})

t.test('files that mergecap put together or behind each other', { skip }, async t => {
  run('editcap', '-F', 'pcapng', '-c', '20', SOURCE, place('part.pcapng'))
  const parts = readdirSync(folder)
    .filter(name => name.startsWith('part_'))
    .sort()
    .map(place)
  t.equal(parts.length, 3)
  const merged = place('merged.pcapng')
  run('mergecap', '-F', 'pcapng', '-I', 'none', '-w', merged, ...parts.toReversed())
  const frames = await read(merged)
  t.strictSame(
    frames.map(({ bytes }) => bytes),
    PACKETS.map(({ data }) => data),
  )
  t.strictSame(new Set(frames.map(({ on }) => on.index)).size, 3, 'an interface of each')
  t.strictSame(
    (await read(...parts.toReversed())).map(({ bytes, ref }) => [bytes, ref.timeUs]),
    frames.map(({ bytes, ref }) => [bytes, ref.timeUs]),
    'the same that is read from the parts',
  )
})

t.test('tshark reads what is written, and what is extracted, without a word', { skip }, async t => {
  const pieces: Buffer[] = []
  const writer = new PcapngWriter(bytes => pieces.push(Buffer.from(bytes)), { application: 'mqlab 0.1.0' })
  const first = writer.addInterface({ linkType: 1, name: 'S1 – R1', resolution: NANOSECONDS })
  const second = writer.addInterface({ linkType: 101, name: 'raw' })
  writer.names('10.0.0.1', ['sender-1.lab'])
  writer.packet(first, 1_700_000_000_000_000 + 0.25, Buffer.alloc(60), {
    comments: ['here', 'and hére'],
    direction: 'outbound',
  })
  writer.packet(
    second,
    1_700_000_000_000_001,
    Buffer.from('45000014000000004006000000000000000000'.padEnd(40, '0'), 'hex'),
  )
  writer.end()
  const written = place('written.pcapng')
  writeFileSync(written, Buffer.concat(pieces))
  const fields = [
    'frame.number',
    'frame.time_epoch',
    'frame.interface_name',
    'frame.comment',
    'frame.packet_flags',
    'frame.len',
  ]
  const shown = (file: string) =>
    run('tshark', '-n', '-r', file, '-T', 'fields', ...fields.flatMap(field => ['-e', field]))
      .trimEnd()
      .split('\n')
  const expected = [
    '1\t1700000000.000000250\tS1 – R1\there,and hére\t0x00000002\t60',
    '2\t1700000000.000001000\traw\t\t\t20',
  ]
  t.strictSame(shown(written), expected)

  const extracted: Buffer[] = []
  await extractFrames(
    [written, SOURCE],
    ({ number }) => (number === 1 ? ['found'] : null),
    bytes => extracted.push(Buffer.from(bytes)),
    {
      application: 'mqlab 0.1.0',
    },
  )
  const file = place('extracted.pcapng')
  writeFileSync(file, Buffer.concat(extracted))
  t.strictSame(shown(file), [
    '1\t1700000000.000000000\tunknown\tfound\t\t60',
    '2\t1700000000.000000250\tS1 – R1\there,and hére,found\t0x00000002\t60',
  ])
})

t.test('frames have the numbers that tshark gives them, entries of a journal between them', { skip }, async t => {
  const pieces: Buffer[] = []
  const writer = new PcapngWriter(bytes => pieces.push(Buffer.from(bytes)), { application: 'x' })
  const on = writer.addInterface({ linkType: 1 })
  for (let at = 1; at <= 3; at++) {
    writer.packet(on, at, Buffer.alloc(60 + at))
    writer.flush()
    pieces.push(
      block('little', 9, packed('little', Buffer.from('MESSAGE=hello\n__REALTIME_TIMESTAMP=1\n'.padEnd(40, '\n')))),
    )
  }
  const bytes = Buffer.concat(pieces)
  const file = place('journal.pcapng')
  writeFileSync(file, bytes)
  const shown = run('tshark', '-n', '-r', file, '-T', 'fields', '-e', 'frame.number', '-e', 'frame.len')
    .trim()
    .split('\n')
  const { frames } = await readBytes(bytes)
  for (const { ref, bytes } of frames) t.ok(shown.includes(`${ref.number}\t${bytes.length}`), `frame ${ref.number}`)
  t.strictSame(
    frames.map(({ ref }) => ref.number),
    [1, 3, 5],
  )
})
