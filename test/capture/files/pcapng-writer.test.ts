import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { descriptorSink, PcapngWriter } from '../../../capture/files/pcapng-writer.js'
import { MICROSECONDS, NANOSECONDS } from '../../../capture/files/time-resolution.js'
import { readBytes } from '../../fixtures/capture-file-bytes.js'

function collect(write: (writer: PcapngWriter) => void): { bytes: Buffer; pieces: number[] } {
  const pieces: Buffer[] = []
  const writer = new PcapngWriter(bytes => pieces.push(Buffer.from(bytes)), { application: 'mqlab 0.1.0' })
  write(writer)
  writer.end()
  return { bytes: Buffer.concat(pieces), pieces: pieces.map(piece => piece.length) }
}

t.test('what is written is read again, whatever it is', async t => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  const packet = fc.record({
    on: fc.nat(2),
    // Quarters of microseconds, which is what a time of these years can be.
    quarters: fc.integer({ min: 0, max: 8_000_000_000_000_000 }),
    bytes: fc.uint8Array({ maxLength: 300 }),
    cut: fc.nat(3),
    comments: fc.array(text, { maxLength: 2 }),
    direction: fc.constantFrom('inbound' as const, 'outbound' as const, undefined),
  })
  const interfaces = [
    { linkType: 1, name: 'S1 → R1', description: 'a link', snapLength: 0, resolution: NANOSECONDS, comments: ['one'] },
    { linkType: 101, resolution: MICROSECONDS, filter: 'tcp', system: 'an OS', offsetSeconds: -5 },
    { linkType: 276, name: 'any', snapLength: 400 },
  ]
  await fc.assert(
    fc.asyncProperty(fc.array(packet, { maxLength: 30 }), async packets => {
      const { bytes } = collect(writer => {
        for (const description of interfaces) writer.addInterface(description)
        for (const { on, quarters, bytes, cut, comments, direction } of packets) {
          const extras = {
            originalLength: bytes.length + cut,
            comments,
            ...(direction === undefined ? {} : { direction }),
          }
          writer.packet(on, quarters / 4, Buffer.from(bytes), extras)
        }
      })
      const { frames, report } = await readBytes(bytes, { windowBytes: 4096 })
      t.strictSame(
        report.troubles.filter(({ kind }) => kind !== 'empty'),
        [],
      )
      t.strictSame(
        frames.map(({ ref, on, bytes, originalLength, comments }) => [
          ref,
          on.index,
          bytes,
          originalLength,
          comments ?? [],
        ]),
        packets.map(({ on, quarters, bytes, cut, comments }, at) => {
          const timeUs = on === 0 ? quarters / 4 : Math.round(quarters / 4)
          const ref = { number: at + 1, fileIndex: 0, timeUs: on === 1 ? timeUs - 5e6 : timeUs }
          return [ref, on, Buffer.from(bytes), bytes.length + cut, comments]
        }),
      )
      for (const { on } of frames) t.match(on, { ...interfaces[on.index], file: '-' })
    }),
    { numRuns: 60, seed: 38 },
  )
})

t.test('names, and many packets in bounded pieces', async t => {
  const { bytes, pieces } = collect(writer => {
    const on = writer.addInterface({ linkType: 1 })
    writer.names('10.0.0.7', ['R1', 'r1.lab'])
    writer.names('fe80::7', ['R1'])
    for (let at = 0; at < 1000; at++) writer.packet(on, at, Buffer.alloc(at, at))
    writer.packet(on, 5, Buffer.alloc(300_000, 5))
    for (let at = 0; at < 1000; at++) writer.packet(on, at, Buffer.alloc(at, at))
  })
  const { frames, names, report } = await readBytes(bytes)
  t.strictSame(names, [
    ['10.0.0.7', ['R1', 'r1.lab']],
    ['fe80::7', ['R1']],
  ])
  t.equal(frames.length, 2001)
  t.ok(frames.every(({ bytes }) => bytes.every(byte => byte === bytes[0])))
  t.strictSame(report.troubles, [])
  t.equal(Math.max(...pieces.slice(0, 5)) <= 65_536, true)
})

t.test('the same calls make the same bytes, which are these', async t => {
  const { bytes } = collect(writer => {
    const on = writer.addInterface({ linkType: 1, name: 'x' })
    writer.packet(on, 2 ** 32 + 1, Buffer.of(1, 2, 3), { comments: ['c'], direction: 'outbound' })
  })
  const hex = [
    '0a0d0d0a 30000000 4d3c2b1a 0100 0000 ffffffffffffffff',
    '0400 0b00 6d716c616220302e312e3000 00000000 30000000',
    '01000000 28000000 0100 0000 00000000 0200 0100 78000000 0900 0100 06000000 00000000 28000000',
    '06000000 38000000 00000000 01000000 01000000 03000000 03000000 01020300',
    '0100 0100 63000000 0200 0400 02000000 00000000 38000000',
    '05000000 28000000 00000000 01000000 01000000 0400 0800 0100000000000000 00000000 28000000',
  ]
  t.equal(bytes.toString('hex'), hex.join('').replaceAll(' ', ''))
})

t.test('comments that are too long are cut between characters', async t => {
  const { bytes } = collect(writer => {
    const on = writer.addInterface({ linkType: 1 })
    writer.packet(on, 1, Buffer.alloc(60), { comments: [`a${'é'.repeat(40_000)}`, 'next'] })
  })
  const { frames } = await readBytes(bytes)
  t.strictSame(frames[0]?.comments, [`a${'é'.repeat(32_767)}`, 'next'])
})

t.test('an interface that was not added', async t => {
  const writer = new PcapngWriter(() => undefined, { application: 'x' })
  t.throws(() => writer.packet(0, 0, Buffer.alloc(1)), RangeError)
})

t.test('what the sink throws comes out', async t => {
  const writer = new PcapngWriter(
    () => {
      throw new Error('the disk is full')
    },
    { application: 'x' },
  )
  t.throws(() => writer.end(), /the disk is full/)
})

t.test(
  'a pipe that is full is waited for',
  { skip: process.platform === 'win32' && 'no pipes with names' },
  async t => {
    const folder = mkdtempSync(join(tmpdir(), 'mqlab-pipe-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const [pipe, copy] = [join(folder, 'pipe'), join(folder, 'copy')]
    t.equal(spawnSync('mkfifo', [pipe]).status, 0)
    const reader = spawn('sh', ['-c', 'exec 3<"$0"; sleep 0.1; cat <&3 >"$1"', pipe, copy])
    const ended = once(reader, 'exit')
    const descriptor = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
    const bytes = Buffer.from(Array.from({ length: 500_000 }, (_, at) => at % 251))
    descriptorSink(descriptor)(bytes)
    closeSync(descriptor)
    await ended
    t.ok(readFileSync(copy).equals(bytes))
  },
)
