import t from 'tap'
import type { Frame } from '../../../capture/frame.js'
import { TcpStreams } from '../../../capture/tcp/tcp-streams.js'
import { CaptureBytes, LINK, linkFrame } from '../../fixtures/capture-bytes.js'
import { hostileCapture } from '../../fixtures/hostile-capture.js'
import { createRandom } from '../../fixtures/mutations.js'
import { StreamNotes } from '../../fixtures/stream-notes.js'

const LINK_TYPES = [...Object.values(LINK), 12, 14, 9999]

/** Notes that object to what no sink may be told. */
class StrictNotes extends StreamNotes {
  readonly objections: string[] = []

  override opened(connection: Parameters<StreamNotes['opened']>[0]): void {
    if (connection.id !== this.connections.length) this.objections.push(`${connection.id} opened out of turn`)
    super.opened(connection)
  }

  override bytes(...args: Parameters<StreamNotes['bytes']>): void {
    const [connection, direction, bytes] = args
    this.mustBeOpen(connection.id, 'bytes')
    if (bytes.length === 0) this.objections.push(`${connection.id}: no bytes in direction ${direction}`)
    super.bytes(...args)
  }

  override hole(...args: Parameters<StreamNotes['hole']>): void {
    const [connection, , size] = args
    this.mustBeOpen(connection.id, 'hole')
    if (size !== null && !(size > 0 && size <= 2 ** 30)) this.objections.push(`${connection.id}: a hole of ${size}`)
    super.hole(...args)
  }

  override trouble(...args: Parameters<StreamNotes['trouble']>): void {
    this.mustBeOpen(args[0].id, 'trouble')
    super.trouble(...args)
  }

  override ended(...args: Parameters<StreamNotes['ended']>): void {
    this.mustBeOpen(args[0].id, 'ended')
    super.ended(...args)
  }

  private mustBeOpen(id: number, what: string): void {
    if (this.connections[id] === undefined || this.endings[id] !== null) this.objections.push(`${id}: ${what}`)
  }
}

/** Objections to what is told of these frames, and how many were counted as something. */
function look(
  frames: readonly Frame[],
  ignoreChecksums = false,
): { objections: string[]; connections: number; uncounted: number } {
  const notes = new StrictNotes()
  const udpPorts = Array.from({ length: 65_536 }, (_, port) => port)
  const streams = new TcpStreams(notes, () => {}, { udpPorts, ignoreChecksums })
  for (const frame of frames) streams.frame(frame)
  streams.finish()
  if (notes.endings.includes(null)) notes.objections.push('a connection without an end')
  const { counts } = streams
  const unknown = [...counts.unknownLinkTypes.values()].reduce((sum, count) => sum + count, 0)
  const { tcp, udp, notIp, otherProtocols, fragments, cutHeaders, malformed, damaged } = counts
  const counted = tcp + udp + notIp + otherProtocols + fragments + cutHeaders + malformed + damaged + unknown
  return { objections: notes.objections, connections: notes.connections.length, uncounted: counts.frames - counted }
}

t.test('random bytes as frames of every link type', async t => {
  for (const linkType of LINK_TYPES) {
    const random = createRandom(linkType)
    const capture = new CaptureBytes({}, { linkType })
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(Array.from({ length: random(120) }, () => random(256)))
      // Half of them say that they are IP, and TCP, and begin with few machines.
      if (random(2) === 0 && bytes.length > 60) {
        const packet = bytes.subarray(0, 60)
        packet[0] = random(2) === 0 ? 0x45 : 0x60
        if (random(2) === 0) packet[packet[0] === 0x45 ? 9 : 6] = 6
        if (random(2) === 0) packet.fill(1, 12, 20)
        capture.frame(linkFrame(packet, { linkType }), random(3) === 0 ? 1500 : undefined)
      } else {
        capture.frame(bytes)
      }
    }
    t.match(look(capture.frames), { objections: [], uncounted: 0 }, `link type ${linkType}`)
  }
})

t.test('captures with bits flipped, frames cut short, left out, in another order', async t => {
  let connections = 0
  for (let seed = 1; seed <= 20; seed++) {
    const random = createRandom(seed)
    const frames = hostileCapture(1000 + seed, 6).capture.frames.flatMap(frame => {
      const bytes = Buffer.from(frame.bytes)
      for (let flips = random(4) === 0 ? 1 + random(3) : 0; flips > 0; flips--) {
        const at = random(Math.min(bytes.length, 60))
        bytes[at] = bytes[at]! ^ (1 << random(8))
      }
      const cut = random(8) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes
      return random(12) === 0 ? [] : [{ ...frame, bytes: cut }]
    })
    for (let swaps = 0; swaps < 40; swaps++) {
      const at = random(frames.length - 1)
      const [one, two] = [frames[at]!, frames[at + 1]!]
      frames[at] = two
      frames[at + 1] = one
    }
    for (const ignoreChecksums of [false, true]) {
      const seen = look(frames, ignoreChecksums)
      connections += seen.connections
      if (seen.objections.length > 0 || seen.uncounted !== 0)
        t.match(
          seen,
          { objections: [], uncounted: 0 },
          `seed ${seed}, checksums ${ignoreChecksums ? 'ignored' : 'judged'}`,
        )
    }
  }
  t.ok(connections > 100, `${connections} connections`)
})

t.test('segments at random places of few streams', async t => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = createRandom(seed)
    const capture = new CaptureBytes()
    const built = [0, 1, 2].map(index =>
      capture.connection({ address: '10.0.0.1', port: 2000 + index }, { address: '10.0.0.2', port: 1801 }),
    )
    for (let round = 0; round < 300; round++) {
      const connection = built[random(3)]!
      const direction = random(2) === 0 ? 0 : 1
      const near = () => (connection.next[direction] + random(200) - 100) >>> 0
      const anywhere = () => Math.floor(random(65_536) * 65_536 + random(65_536))
      const seq = random(5) === 0 ? anywhere() : near()
      const ack = random(5) === 0 ? anywhere() : (connection.next[direction === 0 ? 1 : 0] + random(200) - 100) >>> 0
      // All flags, but mostly none that end it.
      const flags = random(10) === 0 ? random(64) : 0x10
      connection.segment(direction, Buffer.alloc(random(60), random(256)), flags, { seq, ack })
      if (random(10) === 0) connection.lose(direction, random(100))
      capture.wait(random(20) === 0 ? random(10_000_000) : 0)
    }
    const seen = look(capture.frames)
    if (seen.objections.length > 0 || seen.uncounted !== 0)
      t.match(seen, { objections: [], uncounted: 0 }, `seed ${seed}`)
  }
  t.pass('30 seeds')
})
