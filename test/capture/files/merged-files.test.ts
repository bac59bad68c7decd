import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { FrameReading } from '../../../capture/files/frame-reading.js'
import {
  enhanced,
  interfaceBlock,
  pcapHeader,
  pcapPacket,
  readAll,
  section,
} from '../../fixtures/capture-file-bytes.js'
import { createRandom } from '../../fixtures/mutations.js'

const folder = mkdtempSync(join(tmpdir(), 'mqlab-merged-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
function file(bytes: Buffer): string {
  const path = join(folder, `${files++}.capture`)
  writeFileSync(path, bytes)
  return path
}

/** Each packet says its file and its number in its bytes. */
function capture(index: number, timesUs: readonly number[], size = 60): Buffer {
  const data = (at: number) => Buffer.alloc(size, `${index}:${at + 1} `)
  if (index % 2 === 0) {
    const packets = timesUs.map((timeUs, at) =>
      pcapPacket('little', { seconds: Math.floor(timeUs / 1e6), fraction: timeUs % 1e6, data: data(at) }),
    )
    return Buffer.concat([pcapHeader('little'), ...packets])
  }
  const packets = timesUs.map((timeUs, at) => enhanced('big', 0, BigInt(timeUs), data(at)))
  return Buffer.concat([section('big'), interfaceBlock('big'), ...packets])
}

t.test('frames of all files in the order of time, of each in its own', async t => {
  const random = createRandom(38)
  for (let round = 0; round < 15; round++) {
    const times = Array.from({ length: 1 + random(6) }, () => {
      let timeUs = 1_700_000_000_000_000 + random(3_000_000)
      return Array.from({ length: random(80) }, () => {
        timeUs += random(4) === 0 ? 0 : random(100_000)
        return timeUs
      })
    })
    const bytes = times.map((list, index) => capture(index, list, 60 + random(1000)))
    const inputs = bytes.map((each, index) => file(index % 3 === 2 ? gzipSync(each) : each))
    const reading = new FrameReading(inputs, { windowBytes: 4096 })
    const frames = await readAll(reading)
    const expected = times
      .flatMap((list, fileIndex) => list.map((timeUs, at) => ({ number: at + 1, fileIndex, timeUs })))
      .sort((one, other) => one.timeUs - other.timeUs || one.fileIndex - other.fileIndex || one.number - other.number)
    t.strictSame(
      frames.map(frame => frame.ref),
      expected,
      `round ${round}: ${inputs.length} files, ${frames.length} frames`,
    )
    t.ok(frames.every(({ ref, bytes }) => bytes.toString().startsWith(`${ref.fileIndex}:${ref.number} `)))
    t.strictSame(
      reading.report.files.map(report => [report.frames, report.troubles.map(({ kind }) => kind)]),
      times.map(list => [list.length, list.length === 0 ? ['empty'] : []]),
    )
    t.equal(await reading.bytesTotal(), reading.bytesRead)
  }
})

t.test('a file that goes back in time keeps its order', async t => {
  const base = 1_700_000_000_000_000
  const inputs = [capture(0, [base + 5, base + 1, base + 9]), capture(1, [base, base + 3, base + 7])].map(file)
  const frames = await readAll(new FrameReading(inputs))
  t.strictSame(
    frames.map(({ ref }) => `${ref.fileIndex}:${ref.number}`),
    ['1:1', '1:2', '0:1', '0:2', '1:3', '0:3'],
  )
})

t.test('standard input among files, and what cannot be read', async t => {
  const base = 1_700_000_000_000_000
  const sub = join(folder, 'sub')
  mkdirSync(sub)
  const [first, second] = [capture(0, [base, base + 4]), capture(1, [base + 1, base + 5])]
  const inputs = [file(first), '-', join(folder, 'nothing.pcap'), sub, file(Buffer.from('<html><body>404'))]
  const reading = new FrameReading(inputs, { stdin: Readable.from([second]) })
  const frames = await readAll(reading)
  t.strictSame(
    frames.map(({ ref }) => `${ref.fileIndex}:${ref.number}`),
    ['0:1', '1:1', '0:2', '1:2'],
  )
  t.match(
    reading.report.files.map(({ troubles }) => troubles),
    [
      [],
      [],
      [{ kind: 'unreadable', what: 'there is no such file' }],
      [{ kind: 'unreadable', what: 'it is a folder' }],
      [{ kind: 'foreign', what: /an HTML page/ }],
    ],
  )
  t.equal(await reading.bytesTotal(), null)
})

t.test('a batch is left alone until the next is asked for, and the reading can be left', async t => {
  const base = 1_700_000_000_000_000
  const times = Array.from({ length: 200 }, (_, at) => base + at)
  const inputs = [capture(0, times, 900), capture(1, times, 900)].map(file)
  let seen = 0
  for await (const batch of new FrameReading(inputs, { windowBytes: 4096 })) {
    await new Promise(resolve => setImmediate(resolve))
    for (const { ref, bytes } of batch)
      t.equal(bytes.toString('latin1', 0, 9), `${ref.fileIndex}:${ref.number} `.repeat(9).slice(0, 9))
    seen += batch.length
    if (seen > 100) break
  }
  t.ok(seen > 100 && seen < 400)
})

t.test('a thousand files that a capturing program made in turn', async t => {
  const base = 1_700_000_000_000_000
  const inputs = Array.from({ length: 1000 }, (_, index) =>
    file(capture(index, [base + 2 * index, base + 2 * index + 1])),
  )
  const frames = await readAll(new FrameReading(inputs.toReversed()))
  t.strictSame(
    frames.map(({ ref }) => ref.timeUs),
    Array.from({ length: 2000 }, (_, at) => base + at),
  )
})
