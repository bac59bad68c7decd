import t from 'tap'
import {
  ACK,
  type BuiltConnection,
  CaptureBytes,
  FIN,
  PSH,
  type SegmentChanges,
  SYN,
} from '../../fixtures/capture-bytes.js'
import { notesOf, type StreamNotes } from '../../fixtures/stream-notes.js'

const CLIENT = { address: '10.0.0.1', port: 49_152 }
const SERVER = { address: '10.0.0.2', port: 1801 }
const LETTERS = Buffer.from('abcdefghijklmnopqrstuvwxyz')
const DATA = PSH | ACK

/** A connection of one machine pair, opened, whose client's stream is letters. */
class Letters {
  readonly capture: CaptureBytes
  readonly built: BuiltConnection
  private readonly start: number

  constructor(isn = 1000, capture = new CaptureBytes()) {
    this.capture = capture
    this.built = capture.connection({ ...CLIENT, isn }, SERVER).open()
    this.start = isn + 1
  }

  /** The letters from one to another, at their place in the stream. */
  part(from: number, to: number, changes: SegmentChanges = {}): this {
    this.built.segment(0, LETTERS.subarray(from, to), DATA, { seq: (this.start + from) >>> 0, ...changes })
    return this
  }

  /** The server acknowledges up to a letter. */
  ack(to: number): this {
    this.built.segment(1, Buffer.alloc(0), ACK, { ack: (this.start + to) >>> 0 })
    return this
  }

  fin(at: number): this {
    this.built.segment(0, Buffer.alloc(0), FIN | ACK, { seq: (this.start + at) >>> 0 })
    return this
  }

  /** What the client's stream was told to be: text and holes. */
  stream(notes = this.notes()): (string | number | null)[] {
    return notes.parts[0]![0].map(part => (Buffer.isBuffer(part) ? part.toString() : part.hole))
  }

  notes(): StreamNotes {
    return notesOf(this.capture.frames)
  }

  troubles(): string[] {
    return this.notes().troubles.map(({ what, frame }) => `${what} #${frame}`)
  }
}

t.test('out of order', async t => {
  t.strictSame(new Letters().part(0, 5).part(10, 15).part(5, 10).part(15, 26).stream(), [LETTERS.toString()])
  const swapped = new Letters().part(5, 10).part(0, 5)
  t.strictSame(swapped.stream(), ['abcdefghij'])
  t.strictSame(swapped.troubles(), [], 'places swapped within moments are no retransmission')
})

t.test('bytes name the frame that they lay in', async t => {
  const { lines } = new Letters().part(5, 10).part(0, 5).notes()
  t.strictSame(lines.slice(1, 3), ['0> bytes 5 #5', '0> bytes 5 #4'])
})

t.test('sent again', async t => {
  const again = new Letters().part(0, 10).part(0, 10).part(10, 26)
  t.strictSame(again.stream(), [LETTERS.toString()])
  t.strictSame(again.troubles(), ['retransmission #5'])
  const waiting = new Letters().part(5, 10).part(5, 10).part(0, 5)
  t.strictSame(waiting.stream(), ['abcdefghij'])
  t.strictSame(waiting.troubles(), ['retransmission #5'], 'also while it waits')
})

t.test('sent again in other pieces', async t => {
  const rows: [number, number][][] = [
    [
      [0, 10],
      [5, 15],
      [0, 26],
    ],
    [
      [0, 4],
      [10, 14],
      [8, 20],
      [2, 12],
      [18, 26],
    ],
    [
      [20, 26],
      [10, 22],
      [0, 12],
    ],
    [
      [3, 6],
      [1, 8],
      [0, 26],
    ],
  ]
  for (const parts of rows) {
    const letters = new Letters()
    for (const [from, to] of parts) letters.part(from, to)
    t.strictSame(letters.stream(), [LETTERS.toString()], JSON.stringify(parts))
  }
})

t.test('bytes that were told stand, whatever comes for their place later', async t => {
  const letters = new Letters().part(0, 5)
  const { built } = letters
  built.segment(0, Buffer.from('XXXXXXX'), DATA, { seq: built.next[0] + 3 })
  t.strictSame(letters.stream(), ['abcdeXXXXX'])
})

t.test('lost in the network and sent again', async t => {
  const letters = new Letters().part(0, 5).part(10, 15).ack(5)
  letters.capture.wait(300_000)
  letters.part(5, 10).ack(15)
  t.strictSame(letters.stream(), ['abcdefghijklmno'])
  t.strictSame(letters.troubles(), ['retransmission #7'], 'what comes so late was sent again')
  t.strictSame(letters.notes().connections[0]!.missing, [0, 0])
})

t.test('never captured: the other end acknowledges it', async t => {
  const letters = new Letters().part(0, 5).part(10, 15).ack(5).ack(15).part(15, 20)
  t.strictSame(letters.stream(), ['abcde', 5, 'klmnopqrst'])
  const { lines, connections } = letters.notes()
  t.strictSame(lines.slice(1, 5), ['0> bytes 5 #4', '0> hole 5 never-captured #5', '0> bytes 5 #5', '0> bytes 5 #8'])
  t.strictSame(connections[0]!.missing, [5, 0])
  t.strictSame(connections[0]!.bytes, [15, 0])
})

t.test('an acknowledgement of what waits, and no more, leaves it waiting', async t => {
  const letters = new Letters().part(10, 15).ack(0).ack(0).part(0, 10)
  t.strictSame(letters.stream(), ['abcdefghijklmno'])
})

t.test('two holes, one after the other', async t => {
  t.strictSame(new Letters().part(5, 10).part(15, 20).ack(20).stream(), [5, 'fghij', 5, 'pqrst'])
  t.strictSame(new Letters().part(5, 10).part(15, 20).ack(10).part(10, 15).stream(), [5, 'fghijklmnopqrst'])
})

t.test('the end of a stream was never captured', async t => {
  t.strictSame(new Letters().part(0, 5).ack(20).stream(), ['abcde', 15])
  t.strictSame(new Letters().part(0, 5).ack(6).stream(), ['abcde'], 'one more is a FIN that was not captured')
  t.strictSame(new Letters().part(0, 5).fin(10).stream(), ['abcde', 5])
  t.strictSame(new Letters().part(0, 5).fin(10).ack(11).stream(), ['abcde', 5])
  t.strictSame(new Letters().part(0, 5).fin(5).ack(6).stream(), ['abcde'])
})

t.test('one direction only: later bytes wait some seconds, then they are told', async t => {
  const capture = new CaptureBytes()
  const built = capture.connection(CLIENT, SERVER)
  built.segment(0, Buffer.alloc(0), SYN)
  built.send(0, LETTERS.subarray(0, 5)).lose(0, 5).send(0, LETTERS.subarray(10, 15))
  capture.wait(5_100_000)
  built.send(0, LETTERS.subarray(15, 20))
  capture.wait(60e6)
  built.send(0, LETTERS.subarray(20, 26))
  const { lines, connections } = notesOf(capture.frames)
  t.strictSame(lines, [
    '0 opened syn',
    '0> bytes 5 #2',
    '0> hole 5 never-captured #3',
    '0> bytes 5 #3',
    '0> bytes 5 #4',
    '0> bytes 6 #5',
    '0 ended capture-ended #5',
  ])
  t.strictSame(connections[0]!.frames, [5, 0])
})

t.test('the other end is heard of: bytes wait for a retransmission, however long it takes', async t => {
  const letters = new Letters().part(0, 5).part(10, 15).ack(5)
  letters.capture.wait(60e6)
  letters.part(15, 20).ack(5)
  letters.capture.wait(3600e6)
  letters.part(5, 10)
  t.strictSame(letters.stream(), ['abcdefghijklmnopqrst'])
})

t.test('one direction only: a mebibyte waits, no more', async t => {
  const lines = (segments: number, heldBytesMax?: number) => {
    const capture = new CaptureBytes()
    const built = capture.connection(CLIENT, SERVER)
    built.segment(0, Buffer.alloc(0), SYN)
    built.lose(0, 1460)
    for (let i = 0; i < segments; i++) built.send(0, Buffer.alloc(4000, 'x'), 4000)
    capture.connection({ ...CLIENT, port: 50_000 }, SERVER).open()
    return notesOf(capture.frames, heldBytesMax === undefined ? {} : { heldBytesMax }).lines
  }
  const hole = '0> hole 1460 never-captured #2'
  t.strictSame(lines(240).slice(1, 3), ['1 opened syn', hole], 'it waits')
  t.strictSame(lines(250).slice(1, 3), [hole, '0> bytes 4000 #2'], 'it does not')
  t.strictSame(lines(2, 8000).slice(1, 3), [hole, '0> bytes 4000 #2'])
  t.strictSame(lines(2, 9000).slice(1, 3), ['1 opened syn', hole])
})

t.test('over all connections the one that waits longest gives up', async t => {
  const capture = new CaptureBytes()
  const connections = [1, 2, 3].map(port => capture.connection({ ...CLIENT, port: 50_000 + port }, SERVER).open())
  for (const built of connections) built.lose(0, 10).send(0, Buffer.alloc(1000, 'x'))
  const { lines } = notesOf(capture.frames, { heldBytesOfAllMax: 3000 })
  t.match(lines.slice(3, 5), ['0> hole 10 never-captured #10', '0> bytes 1000 #10'])
  t.match(lines.slice(5), [/^0 ended/, /^1> hole/, /^1> bytes/, /^1 ended/, /^2> hole/, /^2> bytes/, /^2 ended/])
})

t.test('a snap length leaves a hole behind each segment', async t => {
  const letters = new Letters()
  letters.part(0, 10, { snapLength: 58 }).part(10, 20, { snapLength: 54 }).part(20, 26)
  t.strictSame(letters.stream(), ['abcd', 6, 10, 'uvwxyz'])
  const { lines, connections } = letters.notes()
  t.equal(lines[2], '0> hole 6 snap-length #4')
  t.strictSame(connections[0]!.missing, [16, 0])
  t.strictSame(
    new Letters().part(10, 20, { snapLength: 58 }).part(0, 10).stream(),
    ['abcdefghijklmn', 6],
    'also if it waits',
  )
  t.strictSame(
    new Letters().part(0, 10, { snapLength: 58 }).part(5, 15).stream(),
    ['abcd', 6, 'klmno'],
    'what was told as missing stays so',
  )
})

t.test('a start in mid-stream', async t => {
  const letters = new Letters().part(0, 5).ack(5).part(5, 10)
  const notes = notesOf(letters.capture.frames.slice(4))
  t.strictSame(letters.stream(notes), [null, 'fghij'])
  t.match(notes.connections[0], { opening: 'none', client: CLIENT, server: SERVER })
  t.equal(notes.lines[1], '0> hole ? never-captured #6')
})

t.test('who is who in mid-stream', async t => {
  const rows: [number, number, 'from' | 'to'][] = [
    [49_152, 1801, 'to'],
    [1801, 1024, 'from'],
    [1801, 49_152, 'from'],
    [80, 49_152, 'from'],
    [49_152, 80, 'to'],
    [50_000, 49_999, 'to'],
  ]
  for (const [fromPort, toPort, server] of rows) {
    const capture = new CaptureBytes()
    capture.connection({ address: '10.0.0.1', port: fromPort }, { address: '10.0.0.2', port: toPort }).acknowledge(0)
    const { connections } = notesOf(capture.frames)
    t.equal(connections[0]!.server.port, server === 'from' ? fromPort : toPort, `${fromPort} to ${toPort}`)
    t.strictSame(connections[0]!.frames, server === 'from' ? [0, 1] : [1, 0])
  }
})

t.test('sequence numbers wrap', async t => {
  for (const isn of [0xfffffff0, 0xffffffff, 0x7ffffff0, 0x7fffffff]) {
    t.strictSame(new Letters(isn).part(0, 10).part(20, 26).part(5, 22).stream(), [LETTERS.toString()], `${isn}`)
    t.strictSame(new Letters(isn).part(0, 5).part(20, 26).ack(26).stream(), ['abcde', 15, 'uvwxyz'], `${isn}`)
  }
})

t.test('hours of gap: a stream that goes on gigabytes further is found again', async t => {
  for (const further of [2 ** 31, 2 ** 31 + 5e8, 3e9, 4e9]) {
    const capture = new CaptureBytes()
    const built = capture.connection(CLIENT, SERVER).open().send(0, Buffer.from('before')).acknowledge(1)
    capture.wait(3 * 3600e6)
    built.lose(0, further).send(0, Buffer.from('first ')).send(0, Buffer.from('second ')).send(0, Buffer.from('third'))
    const parts = notesOf(capture.frames).parts[0]![0]
    t.match(parts, [Buffer.from('before'), { hole: null }, Buffer.from('second third')], `${further} bytes`)
  }
})

t.test('a single segment from elsewhere is nothing', async t => {
  const letters = new Letters().part(0, 5)
  letters.built.segment(0, Buffer.from('stray'), DATA, { seq: 0x80000000 })
  letters.part(5, 10)
  letters.built.segment(0, Buffer.from('stray'), DATA, { seq: 0x80000005 })
  t.strictSame(letters.part(10, 15).stream(), ['abcdefghijklmno'])
})

t.test('a payload of a SYN', async t => {
  const capture = new CaptureBytes()
  const built = capture.connection(CLIENT, SERVER)
  built.segment(0, Buffer.from('early '), SYN)
  built.segment(1, Buffer.alloc(0), SYN | ACK)
  built.send(0, Buffer.from('later'))
  t.strictSame(notesOf(capture.frames).stream(0, 0), Buffer.from('early later'))
})

t.test('bytes in their turn are views of the frame', async t => {
  const letters = new Letters().part(0, 10).part(20, 26).part(10, 20)
  const { frames } = letters.capture
  const views: boolean[] = []
  const { TcpStreams } = await import('../../../capture/tcp/tcp-streams.js')
  const nothing = () => {}
  const bytes = (_connection: unknown, _direction: unknown, told: Buffer) => {
    views.push(frames.some(frame => frame.bytes.buffer === told.buffer && told.byteOffset > frame.bytes.byteOffset))
  }
  const streams = new TcpStreams({ opened: nothing, bytes, hole: nothing, trouble: nothing, ended: nothing }, nothing)
  for (const frame of frames) streams.frame(frame)
  t.strictSame(views, [true, true, false], 'what had to wait was copied')
})
