import t from 'tap'
import type { SeenConnection } from '../../../capture/tcp/seen-connection.js'
import { CaptureBytes } from '../../fixtures/capture-bytes.js'
import { hostileCapture } from '../../fixtures/hostile-capture.js'
import { notesOf, type StreamNotes, type StreamPart } from '../../fixtures/stream-notes.js'
import { runTshark, tsharkSkip } from '../../fixtures/tshark.js'

/* Wireshark's "Follow TCP Stream" against our streams. It writes holes into them as text with a zero, which is done here with
 * ours to compare. It tells a hole only when bytes behind it were acknowledged: one at the very end is ours alone. */

/** Of each stream, in Wireshark's numbers: its ends, how many frames it has, and the bytes of both directions. */
interface Followed {
  readonly nodes: [string, string]
  readonly bytes: [Buffer, Buffer]
  frames: number
}

function follow(capture: CaptureBytes, streams: number): Followed[] {
  const taps = Array.from({ length: streams }, (_, id) => ['-z', `follow,tcp,raw,${id}`]).flat()
  const { stdout } = runTshark('', capture.pcap(), ['-T', 'fields', '-e', 'tcp.stream', ...taps])
  const [fields = '', ...texts] = stdout.split(/^=+\n(?=Follow: )/m)
  const followed: Followed[] = []
  for (const text of texts) {
    const [, filter = '', node0 = '', node1 = '', ...lines] = text.split('\n').filter(line => !line.startsWith('==='))
    const bytesOf = (isIndented: boolean) =>
      Buffer.from(lines.flatMap(line => (line.startsWith('\t') === isIndented ? [line.trim()] : [])).join(''), 'hex')
    followed[Number(filter.split(' ').at(-1))] = {
      nodes: [node0.replace('Node 0: ', ''), node1.replace('Node 1: ', '')],
      bytes: [bytesOf(false), bytesOf(true)],
      frames: 0,
    }
  }
  for (const line of fields.split('\n')) {
    if (line !== '') followed[Number(line)]!.frames++
  }
  return followed
}

/** Our stream as Wireshark would write it. */
function written(parts: readonly StreamPart[]): Buffer {
  const last = parts.at(-1)
  const told = Buffer.isBuffer(last) ? parts : parts.slice(0, -1)
  return Buffer.concat(
    told.map(part => {
      if (Buffer.isBuffer(part)) return part
      return Buffer.from(part.hole === null ? '' : `[${part.hole} bytes missing in capture file]\0`)
    }),
  )
}

/** Wireshark's node 0 is whoever sent the first frame. */
function asFollowed(notes: StreamNotes, connection: SeenConnection): Followed {
  const [toServer, toClient] = notes.parts[connection.id]!
  return {
    nodes: [nameOf(connection.client), nameOf(connection.server)],
    bytes: [written(toServer), written(toClient)],
    frames: connection.frames[0] + connection.frames[1],
  }
}

const nameOf = ({ address, port }: SeenConnection['client']) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

const turned = ({ nodes, bytes, frames }: Followed): Followed => ({
  nodes: [nodes[1], nodes[0]],
  bytes: [bytes[1], bytes[0]],
  frames,
})

t.test('hostile captures, connection by connection', { skip: tsharkSkip }, async t => {
  for (const seed of [101, 102, 103]) {
    const { capture } = hostileCapture(seed, 16)
    const notes = notesOf(capture.frames)
    const theirs = follow(capture, notes.connections.length)
    t.equal(theirs.length, notes.connections.length, `seed ${seed}: streams`)
    for (const connection of notes.connections) {
      const ours = asFollowed(notes, connection)
      const wireshark = theirs[connection.id]!
      const seen = wireshark.nodes[0] === ours.nodes[0] ? wireshark : turned(wireshark)
      t.strictSame(seen, ours, `seed ${seed}: stream ${connection.id}`)
    }
  }
})

t.test('where we decide otherwise than Wireshark', { skip: tsharkSkip }, async t => {
  const build = (fill: (capture: CaptureBytes, built: ReturnType<CaptureBytes['connection']>) => void) => {
    const capture = new CaptureBytes()
    const built = capture.connection({ address: '10.0.0.1', port: 49_152 }, { address: '10.0.0.2', port: 1801 }).open()
    built.send(0, Buffer.from('hello'))
    fill(capture, built)
    return capture
  }
  const rows: [why: string, capture: CaptureBytes, ours: (string | number)[], wireshark: string][] = [
    [
      'nobody takes what is sent after an RST',
      build((_, built) => built.acknowledge(1).reset(1).send(0, Buffer.from('late'))),
      ['hello'],
      'hellolate',
    ],
    [
      'what was acknowledged was sent, even if nothing comes after it',
      build((_, built) => built.lose(0, 100).acknowledge(1)),
      ['hello', 100],
      'hello',
    ],
    [
      'what nobody acknowledged is told at the end, behind its hole',
      build((_, built) => built.lose(0, 100).send(0, Buffer.from('world'))),
      ['hello', 100, 'world'],
      'hello',
    ],
  ]
  for (const [why, capture, ours, wireshark] of rows) {
    const parts = notesOf(capture.frames).parts[0]![0]
    const told = parts.map(part => (Buffer.isBuffer(part) ? part.toString() : part.hole))
    t.strictSame(told, ours, why)
    t.equal(follow(capture, 1)[0]!.bytes[0].toString(), wireshark, `Wireshark: ${why}`)
  }
})
