import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import {
  type CaptureTraffic,
  type CaptureTruth,
  DEFAULT_TRAFFIC,
  generateCapture,
} from '../../benchmarks/capture-generator.js'
import { decodeOrderAckBody } from '../../protocol/binary/order-ack.js'
import { decodePacket, type Packet } from '../../protocol/binary/packet.js'
import { PacketFramer } from '../../protocol/binary/packet-framer.js'
import { sequenceIdText } from '../../protocol/sequence-id.js'

const folder = mkdtempSync(join(tmpdir(), 'mqlab-generator-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const hasTshark = spawnSync('tshark', ['--version']).status === 0
const skip = hasTshark ? false : 'no tshark here: what it says of generated captures is not looked at'

function generate(
  name: string,
  changes: Partial<CaptureTraffic>,
): { path: string; bytes: Buffer; truth: CaptureTruth } {
  const path = join(folder, name)
  const format = name.endsWith('.pcap') ? 'pcap' : 'pcapng'
  const truth = generateCapture(path, { ...DEFAULT_TRAFFIC, bytes: 2e6, format, ...changes })
  return { path, bytes: readFileSync(path), truth }
}

interface SeenFrame {
  readonly timeUs: number
  readonly frame: Buffer
}

function framesOf(file: Buffer): SeenFrame[] {
  const frames: SeenFrame[] = []
  if (file.readUInt32LE(0) === 0xa1b2c3d4) {
    for (let at = 24; at < file.length; ) {
      const size = file.readUInt32LE(at + 8)
      const timeUs = file.readUInt32LE(at) * 1e6 + file.readUInt32LE(at + 4)
      frames.push({ timeUs, frame: file.subarray(at + 16, at + 16 + size) })
      at += 16 + size
    }
    return frames
  }
  for (let at = 0; at < file.length; ) {
    const size = file.readUInt32LE(at + 4)
    if (file.readUInt32LE(at + size - 4) !== size) t.fail('a block says its size twice')
    if (file.readUInt32LE(at) === 6) {
      const timeUs = file.readUInt32LE(at + 12) * 2 ** 32 + file.readUInt32LE(at + 16)
      frames.push({ timeUs, frame: file.subarray(at + 28, at + 28 + file.readUInt32LE(at + 20)) })
    }
    at += size
  }
  return frames
}

const onesComplement = (bytes: Buffer, start = 0) => {
  let sum = start
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}

interface Stream {
  readonly from: string
  readonly to: string
  readonly fromMac: string
  readonly packets: Packet[]
  readonly framer: PacketFramer
  next: number | null
  gaps: number
}

/** Streams by the addresses and ports of their two ends: as long as ports do not come again, one each. */
function streamsOf(frames: readonly SeenFrame[]): Map<string, Stream> {
  const streams = new Map<string, Stream>()
  for (const { frame } of frames) {
    const end = (address: number, port: number) =>
      `${[...frame.subarray(address, address + 4)].join('.')}:${frame.readUInt16BE(port)}`
    const [from, to] = [end(26, 34), end(30, 36)]
    const key = `${from} ${to}`
    const stream: Stream = streams.get(key) ?? {
      from,
      to,
      fromMac: frame.toString('hex', 6, 12),
      packets: [],
      framer: new PacketFramer(),
      next: null,
      gaps: 0,
    }
    streams.set(key, stream)
    const sequence = frame.readUInt32BE(38)
    const payload = Buffer.from(frame.subarray(54))
    if (stream.next !== null && sequence !== stream.next) stream.gaps += 1
    if (stream.gaps === 0 && payload.length > 0)
      stream.framer.push(payload, packet => stream.packets.push(decodePacket(packet)))
    stream.next = (sequence + payload.length + ((frame[47]! & 3) === 0 ? 0 : 1)) >>> 0
  }
  return streams
}

for (const [name, source] of [
  ['kept.pcapng', 'keep'],
  ['translated.pcap', 'translate'],
] as const) {
  t.test(`${name}: what is said to be in it is in it`, async t => {
    const { bytes, truth } = generate(name, { source, misroutedShare: 0.3, duplicateShare: 0.05 })
    const frames = framesOf(bytes)
    t.equal(bytes.length, truth.bytes)
    t.equal(frames.length, truth.frames)
    for (const [index, { frame, timeUs }] of frames.entries()) {
      const tcp = frame.subarray(34)
      const pseudo = onesComplement(frame.subarray(26, 34), 6 + tcp.length)
      if (index > 0 && timeUs <= frames[index - 1]!.timeUs) t.fail(`frame ${index} is before the one before it`)
      if (onesComplement(frame.subarray(14, 34)) !== 0xffff) t.fail(`checksum of IP in frame ${index}`)
      if (onesComplement(tcp, pseudo) !== 0xffff) t.fail(`checksum of TCP in frame ${index}`)
    }
    // of translated connections the side of the clients
    const streams = [...streamsOf(frames).values()].filter(
      ({ from }) => source === 'keep' || !from.startsWith('10.0.0.5:2'),
    )
    const fromClients = streams.filter(({ to }) => to.endsWith(':1801'))
    t.equal(fromClients.length, truth.connections)
    const owners = new Map<string, string>()
    const copies = new Map<string, number>()
    for (const { packets } of fromClients) {
      for (const packet of packets) {
        if (packet.packetType !== 'UserMessage') continue
        const { sourceQueueManager, messageId } = packet.user
        const id = `${sourceQueueManager} ${messageId}`
        copies.set(id, (copies.get(id) ?? 0) + 1)
        if (packet.transaction !== null) owners.set(sequenceIdText(packet.transaction.sequenceId), sourceQueueManager)
      }
    }
    t.equal(copies.size, truth.messages)
    t.equal(
      [...copies.values()].reduce((sum, count) => sum + count - 1, 0),
      truth.duplicates,
    )
    const acks = fromClients.flatMap(stream =>
      stream.packets.flatMap(packet => (packet.packetType === 'OrderAck' ? [{ stream, packet }] : [])),
    )
    t.equal(acks.length, truth.orderAcks)
    const misrouted = acks.filter(({ stream, packet }) => {
      const answer = streams.find(({ from, to }) => from === stream.to && to === stream.from)?.packets[0]
      const { sequenceId } = decodeOrderAckBody(packet.properties.body)
      return (
        answer?.packetType !== 'EstablishConnection' || answer.serverGuid !== owners.get(sequenceIdText(sequenceId))
      )
    })
    t.equal(misrouted.length, truth.misroutedAcks)
    for (const count of [truth.misroutedAcks, truth.duplicates]) t.ok(count > 4, 'there is something to find')
    t.equal(truth.holes, 0)
  })
}

t.test('holes are where frames were left out, and nowhere else', async t => {
  const { bytes, truth } = generate('holes.pcapng', { holeShare: 0.02 })
  const gaps = [...streamsOf(framesOf(bytes)).values()].reduce((sum, stream) => sum + stream.gaps, 0)
  t.ok(truth.holes > 4)
  t.equal(gaps, truth.holes)
  t.ok(truth.missingBytes > truth.holes * 100 && truth.missingBytes <= truth.holes * 1460)
})

t.test('a seed gives the same bytes, another one others', async t => {
  const [first, again, other] = [7, 7, 8].map(seed => generate(`seed-${seed}.pcapng`, { seed }))
  t.ok(first!.bytes.equals(again!.bytes))
  t.same(first!.truth, again!.truth)
  t.notOk(first!.bytes.equals(other!.bytes))
})

t.test('tshark has nothing to complain of but the holes', { skip }, async t => {
  for (const [name, changes] of [
    ['whole.pcapng', { source: 'translate' }],
    ['holes.pcap', { holeShare: 0.02 }],
  ] as const) {
    const { path, truth } = generate(name, changes)
    const checks = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE']
    const { stdout } = spawnSync('tshark', ['-r', path, ...checks, '-q', '-z', 'expert,warn'], { encoding: 'utf8' })
    t.notMatch(stdout, /Errors \(|Malformed|checksum/i)
    const warnings = [...stdout.matchAll(/^ +(\d+) +\w+ +\w+ +(.*)$/gm)].map(
      ([, count, what]) => `${count} ${what!.trim()}`,
    )
    t.equal(warnings.length > 0, truth.holes > 0, warnings.join(', '))
    if (truth.holes > 0)
      t.match(stdout, `${truth.holes}   Sequence                TCP  Previous segment(s) not captured`)
  }
})
