import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { readCapture } from '../../capture/read-capture.js'
import { buildConnectionParameters, buildSessionAck } from '../../protocol/binary/build.js'
import { encodePing } from '../../protocol/binary/ping.js'
import { CaptureBytes } from '../fixtures/capture-bytes.js'
import { plainMessage } from '../fixtures/messages.js'
import { createRandom } from '../fixtures/mutations.js'
import { SeenLog } from '../fixtures/seen-log.js'
import { srmpVector, vectorBytes } from '../fixtures/srmp-vectors.js'

/* From files to packets: every layer together. */

const folder = mkdtempSync(join(tmpdir(), 'mqlab-read-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const QM = '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01'
const PARAMETERS = buildConnectionParameters({ recoverableAckTimeout: 500, ackTimeout: 20_000, windowSize: 64 })
const ACK = buildSessionAck({
  ackSequenceNumber: 1,
  recoverableMsgAckSeqNumber: 0,
  recoverableMsgAckFlags: 0,
  userMsgSequenceNumber: 0,
  recoverableMsgSeqNumber: 0,
  windowSize: 64,
  reserved: 0,
})
const message = (messageId: number, body = 'x'.repeat(3_000)) =>
  plainMessage({ source: QM, messageId, to: 'DIRECT=TCP:10.0.0.5\\private$\\orders', body })

const sender = { address: '10.0.0.7', port: 49_152 }
const receiver = { address: '10.0.0.5', port: 1801 }

/** A session, a request with its answer, a ping, and somebody else's bytes. */
function traffic(): CaptureBytes {
  const capture = new CaptureBytes()
  const session = capture.connection(sender, receiver).open()
  session.send(0, PARAMETERS).send(1, PARAMETERS).send(0, message(1)).send(0, message(2)).send(1, ACK)
  const web = capture.connection({ ...sender, port: 49_153 }, { ...receiver, port: 80 }).open()
  web
    .send(0, vectorBytes(srmpVector('d-stream-first')), 1_000)
    .send(1, vectorBytes(srmpVector('4.3-response-to-message')))
  capture.udp({ ...sender, port: 50_000 }, { ...receiver, port: 3527 }, encodePing({ flags: 0, cookie: 7, qmGuid: QM }))
  capture.connection({ ...sender, port: 49_154 }, { ...receiver, port: 443 }).send(0, Buffer.alloc(500, 0x17))
  return capture
}

function fileOf(name: string, bytes: Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

const TYPES = ['ConnectionParameters', 'ConnectionParameters', 'UserMessage', 'UserMessage', 'SessionAck']

t.test('a file, compressed or not, and standard input', async t => {
  const capture = traffic()
  const bytes = capture.pcap()
  const inputs: [string, string, Readable?][] = [
    ['plain', fileOf('plain.pcap', bytes)],
    ['gzip', fileOf('packed.pcap.gz', gzipSync(bytes))],
    ['stdin', '-', Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)])],
  ]
  for (const [name, input, stdin] of inputs) {
    const log = new SeenLog()
    const told: [number, number | null][] = []
    const reading = await readCapture([input], log, { ...(stdin && { stdin }), onProgress: (...of) => told.push(of) })
    t.strictSame(
      log.packets.map(({ type }) => type),
      TYPES,
      name,
    )
    t.ok(log.packets[2]!.bytes.equals(message(1)))
    t.strictSame([log.packets[2]!.first, log.packets[2]!.last], [6, 8], 'frames as Wireshark counts them')
    t.strictSame(
      log.responses.map(({ request }) => request?.kind),
      ['user'],
    )
    t.strictSame(
      log.pings.map(({ ping }) => ping.cookie),
      [7],
    )
    t.match(reading, {
      files: [{ file: input, frames: capture.frames.length, troubles: [] }],
      period: { firstUs: capture.frames[0]!.ref.timeUs, lastUs: capture.frames.at(-1)!.ref.timeUs },
      packets: { frames: capture.frames.length, udp: 1 },
      connections: 3,
      messages: { msmqConnections: 1, httpConnections: 1, requests: 1, responses: 1, pings: 1 },
    })
    t.equal(log.told.filter(word => word === 'connection').length, 2, 'the others are nobody of ours')
    t.ok(told.every(([read, total]) => read <= (total ?? Number.POSITIVE_INFINITY)))
  }
})

t.test('a capture in two files, given in the wrong order', async t => {
  const capture = traffic()
  const [early, late] = [new CaptureBytes(), new CaptureBytes()]
  for (const { ref, bytes } of capture.frames) {
    const half = ref.number <= 7 ? early : late
    half.timeUs = ref.timeUs
    half.frame(bytes)
  }
  const inputs = [fileOf('late.pcap', late.pcap()), fileOf('early.pcap', early.pcap())]
  const log = new SeenLog()
  const reading = await readCapture(inputs, log)
  t.strictSame(
    log.packets.map(({ type }) => type),
    TYPES,
  )
  t.strictSame(
    reading.files.map(({ frames }) => frames),
    [capture.frames.length - 7, 7],
  )
})

t.test('frames that were not captured: what is whole is read, and the hole is told', async t => {
  const capture = new CaptureBytes()
  const session = capture.connection(sender, receiver).open().send(0, PARAMETERS).send(0, message(1))
  session.lose(0, 1460).send(0, message(2).subarray(1460)).send(0, message(3)).send(1, ACK)
  const log = new SeenLog()
  await readCapture([fileOf('holes.pcap', capture.pcap())], log)
  t.strictSame(
    log.packets.map(({ type, bytes }) => [type, bytes.length]),
    [
      ['ConnectionParameters', 32],
      ['UserMessage', message(1).length],
      ['UserMessage', message(3).length],
      ['SessionAck', 36],
    ],
  )
  t.strictSame(log.holes, [{ direction: 0, size: 1460, cause: 'never-captured' }])
})

t.test('segments out of order, repeated and of any size: every packet once, in the order of its stream', async t => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = createRandom(seed)
    const built = new CaptureBytes()
    const session = built.connection(sender, receiver).open()
    const sent = Array.from({ length: 30 }, (_, i) => message(i, 'y'.repeat(random(2_000))))
    const bytes = Buffer.concat(sent)
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random(1460)
      session.send(0, bytes.subarray(at, at + size))
      at += size
    }
    // Before anything is acknowledged: what is acknowledged and was not captured is a hole.
    const frames = [...built.frames]
    for (let i = 3; i + 1 < frames.length; i += 1) {
      if (random(4) === 0) [frames[i], frames[i + 1]] = [frames[i + 1]!, frames[i]!]
      if (random(8) === 0) frames.splice(i + 1, 0, frames[i]!)
    }
    const shuffled = new CaptureBytes()
    for (const frame of frames) shuffled.frame(frame.bytes)
    const log = new SeenLog()
    await readCapture([fileOf('shuffled.pcap', shuffled.pcap())], log)
    const found = log.packets.map(packet => packet.bytes.toString('hex'))
    t.ok(found.join() === sent.map(packet => packet.toString('hex')).join(), `seed ${seed}: ${found.length} packets`)
    t.strictSame([log.holes, log.faults, log.skipped], [[], [], []])
  }
})

t.test('what cannot be read is in the result; nothing is thrown', async t => {
  const bytes = traffic().pcap()
  mkdirSync(join(folder, 'a-folder'))
  const inputs: [string, string][] = [
    [fileOf('cut.pcap', bytes.subarray(0, bytes.length - 10)), 'truncated'],
    [fileOf('empty.pcap', Buffer.alloc(0)), 'empty'],
    [fileOf('other.txt', Buffer.from('not a capture\n'.repeat(100))), 'foreign'],
    [join(folder, 'missing.pcap'), 'unreadable'],
    [join(folder, 'a-folder'), 'unreadable'],
  ]
  for (const [input, kind] of inputs) {
    const { files, period } = await readCapture([input], new SeenLog())
    t.match(files[0]!.troubles, [{ kind }], kind)
    t.equal(period === null, kind !== 'truncated')
  }
})
