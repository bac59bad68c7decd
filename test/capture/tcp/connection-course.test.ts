import t from 'tap'
import type { SeenEnding } from '../../../capture/tcp/seen-connection.js'
import { ACK, CaptureBytes, FIN, PSH, RST, SYN } from '../../fixtures/capture-bytes.js'
import { notesOf } from '../../fixtures/stream-notes.js'

const CLIENT = { address: '10.0.0.1', port: 49_152 }
const SERVER = { address: '10.0.0.2', port: 1801 }
const NONE = Buffer.alloc(0)
const HELLO = Buffer.from('hello')

function opened(capture = new CaptureBytes()) {
  return { capture, built: capture.connection(CLIENT, SERVER).open() }
}

/** How each connection ended: how, by whom, in which frame. */
const endings = (capture: CaptureBytes) =>
  notesOf(capture.frames).endings.map(ending => `${ending!.how} ${ending!.by} #${ending!.at.number}`)

const lastEnding = (capture: CaptureBytes): SeenEnding => notesOf(capture.frames).endings.at(-1)!

t.test('what of the handshake was seen', async t => {
  const opening = (...frames: number[]) => {
    const { capture } = opened()
    return notesOf(frames.map(index => capture.frames[index]!)).connections.map(({ opening }) => opening)
  }
  t.strictSame(opening(0, 1, 2), ['whole'])
  t.strictSame(opening(0, 1), ['syn-synack'])
  t.strictSame(opening(1, 0), ['syn-synack'], 'captured in the wrong order')
  t.strictSame(opening(0), ['syn'])
  t.strictSame(opening(0, 2), ['syn'])
  t.strictSame(opening(1), ['synack'])
  t.strictSame(opening(1, 2), ['synack'])
  t.strictSame(opening(2), ['none'])
})

t.test('the SYN was not captured, its answer tells where the stream begins', async t => {
  const { capture, built } = opened()
  built.send(0, HELLO)
  const notes = notesOf(capture.frames.slice(1))
  t.strictSame(notes.parts[0]![0], [HELLO])
  t.match(notes.connections[0], { client: CLIENT, server: SERVER })
})

t.test('a SYN that nobody answers', async t => {
  const capture = new CaptureBytes()
  const built = capture.connection(CLIENT, SERVER)
  built.segment(0, NONE, SYN)
  t.strictSame(endings(capture), ['capture-ended null #1'], 'there was no time to answer')
  capture.wait(3e6)
  built.segment(0, NONE, SYN, { seq: 1000 })
  t.strictSame(endings(capture), ['unanswered null #2'])
  t.strictSame(notesOf(capture.frames).troubles, [{ id: 0, direction: 0, what: 'retransmission', frame: 2 }])
  const other = new CaptureBytes()
  other.connection(CLIENT, SERVER).segment(0, NONE, SYN)
  other
    .wait(2e6)
    .connection({ ...CLIENT, port: 50_000 }, SERVER)
    .open()
  t.strictSame(endings(other), ['unanswered null #1', 'capture-ended null #4'], 'the capture went on')
  const oneSided = new CaptureBytes()
  const half = oneSided.connection(CLIENT, SERVER)
  half.segment(0, NONE, SYN)
  half.acknowledge(0)
  oneSided.wait(5e6)
  half.send(0, HELLO)
  t.strictSame(endings(oneSided), ['capture-ended null #3'], 'answered, where nobody captured')
})

t.test('refused', async t => {
  const capture = new CaptureBytes()
  for (let round = 0; round < 3; round++) {
    const built = capture.connection(CLIENT, SERVER)
    built.segment(0, NONE, SYN)
    built.segment(1, NONE, RST | ACK, { seq: 0 })
    capture.wait(500_000)
  }
  t.strictSame(endings(capture), ['refused 1 #2', 'refused 1 #4', 'refused 1 #6'], 'each attempt is one')
})

t.test('reset', async t => {
  const { capture, built } = opened()
  built.send(0, HELLO)
  capture.wait(7e6)
  built.reset(1)
  built.reset(0)
  built.send(0, HELLO)
  t.strictSame(endings(capture), ['reset 1 #5'])
  t.match(lastEnding(capture), { idleUs: 7e6 + 100, forged: false })
  t.strictSame(notesOf(capture.frames).stream(0, 0), HELLO, 'nobody takes what comes after it')
  t.strictSame(notesOf(capture.frames).connections[0]!.frames, [5, 2], 'it is counted')
})

t.test('an RST from nowhere near the stream is believed by nobody', async t => {
  const { capture, built } = opened()
  built.reset(0, { seq: 0x70000000 })
  built.send(0, HELLO).close()
  t.strictSame(endings(capture), ['fin 0 #6'])
})

t.test('an RST near the stream that nobody believed: the connection is found again', async t => {
  const { capture, built } = opened()
  built.send(0, HELLO).acknowledge(1)
  built.reset(0, { ttl: 57 })
  built.send(0, HELLO).acknowledge(1).send(0, HELLO).close()
  const notes = notesOf(capture.frames)
  t.strictSame(notes.lines, [
    '0 opened syn',
    '0> bytes 5 #4',
    '0> ended reset forged #6',
    '1 opened none',
    '1> hole ? never-captured #9',
    '1> bytes 5 #9',
    '1> ended fin #10',
  ])
  t.match(notes.connections[1], { client: CLIENT, server: SERVER })
})

t.test('a SYN in the midst of both streams is damage', async t => {
  for (const direction of [0, 1] as const) {
    const { capture, built } = opened()
    built.send(0, HELLO).send(1, HELLO)
    const seq = built.next[direction]
    built.segment(direction, HELLO, SYN | PSH | ACK, { seq })
    built.segment(direction, HELLO, PSH | ACK, { seq: seq + 5 })
    const notes = notesOf(capture.frames)
    t.equal(notes.connections.length, 1)
    t.equal(notes.stream(0, direction).toString(), 'hellohellohello')
  }
})

t.test('an RST that another machine sent', async t => {
  const row = (changes: object, link = {}) => {
    const { capture, built } = opened(new CaptureBytes(link))
    built.send(0, HELLO).acknowledge(1).reset(1, changes)
    return lastEnding(capture).forged
  }
  t.equal(row({}), false)
  t.equal(row({ ttl: 57 }), true)
  t.equal(row({ mac: '02:00:00:00:00:99' }), true)
  t.equal(row({ mac: '02:00:00:00:00:99' }, { linkType: 101 }), false, 'raw IP has no MACs to compare')
  t.equal(row({ ttl: 57 }, { linkType: 101 }), true)
  const { capture, built } = opened()
  built.segment(1, HELLO, PSH | ACK, { ttl: 63, mac: '02:00:00:00:00:88' })
  built.reset(1, { ttl: 63, mac: '02:00:00:00:00:88' })
  t.equal(lastEnding(capture).forged, false, 'seen on both sides of a router')
  const oneSided = new CaptureBytes()
  oneSided.connection(CLIENT, SERVER).acknowledge(0).reset(1)
  t.equal(lastEnding(oneSided).forged, false, 'nothing to compare with')
})

t.test('FIN: who was first, and since when it was idle', async t => {
  for (const first of [0, 1] as const) {
    const { capture, built } = opened()
    built.send(0, HELLO).send(1, HELLO)
    capture.wait(5e6)
    built.close(first)
    t.strictSame(endings(capture), [`fin ${first} #6`])
    t.equal(lastEnding(capture).idleUs, 5e6 + 100)
  }
})

t.test('one end closes, the other goes on speaking', async t => {
  const { capture, built } = opened()
  built.segment(0, HELLO, FIN | ACK)
  built.acknowledge(1)
  for (let i = 0; i < 3; i++) built.send(1, HELLO)
  const lines = () => notesOf(capture.frames).lines.slice(-2)
  t.strictSame(lines(), ['0< bytes 5 #8', '0> ended fin #4'], 'told when the capture ends')
  built.segment(1, HELLO, FIN | ACK)
  capture.connection({ ...CLIENT, port: 50_000 }, SERVER).open()
  t.strictSame(notesOf(capture.frames).lines.slice(-4, -1), ['0< bytes 5 #9', '0> ended fin #4', '1 opened syn'])
})

t.test('a FIN waits for what was sent before it', async t => {
  const { capture, built } = opened()
  built.lose(0, 5)
  built.segment(0, NONE, FIN | ACK)
  built.segment(1, NONE, FIN | ACK, { ack: 1001 })
  built.segment(0, HELLO, PSH | ACK, { seq: 1001 })
  t.strictSame(notesOf(capture.frames).lines.slice(1), ['0> bytes 5 #6', '0> ended fin #4'])
})

t.test('RST after FIN, FIN again, bytes behind it', async t => {
  const { capture, built } = opened()
  built.segment(0, NONE, FIN | ACK)
  built.segment(0, Buffer.from('more'), PSH | ACK)
  built.segment(0, NONE, FIN | ACK, { seq: 1001 })
  built.reset(1)
  t.strictSame(notesOf(capture.frames).lines.slice(1), ['0> retransmission #6', '0> ended fin #4'])
})

t.test('ports used again', async t => {
  const { capture, built } = opened()
  built.send(0, HELLO)
  const again = capture.connection({ ...CLIENT, isn: 77_000 }, SERVER).open()
  again.send(0, Buffer.from('world')).close()
  capture.connection({ ...CLIENT, isn: 77_000 }, SERVER).open()
  const notes = notesOf(capture.frames)
  t.strictSame(notes.lines, [
    '0 opened syn',
    '0> bytes 5 #4',
    '0 ended reused #5',
    '1 opened syn',
    '1> bytes 5 #8',
    '1> ended fin #9',
    '2 opened syn',
    '2 ended capture-ended #14',
  ])
  t.equal(notes.endings[0]!.by, null)
})

t.test('ports used again, of whose handshake nothing was captured', async t => {
  const { capture, built } = opened()
  built.send(0, HELLO).close().send(0, HELLO)
  const from = capture.frames.length
  const again = capture.connection({ ...CLIENT, isn: 900_000_000 }, { ...SERVER, isn: 1_700_000_000 }).open()
  again.send(0, HELLO).send(1, HELLO).close()
  const notes = notesOf(capture.frames.filter((_, at) => at !== from && at !== from + 1))
  t.strictSame(notes.lines.slice(2), [
    '0> ended fin #5',
    '1 opened none',
    '1> hole ? never-captured #12',
    '1> bytes 5 #12',
    '1< hole ? never-captured #13',
    '1< bytes 5 #13',
    '1> ended fin #14',
  ])
})

t.test(
  'a SYN/ACK for a SYN that was not captured begins another connection; a second one for the same SYN does not',
  async t => {
    const { capture, built } = opened()
    built.send(0, HELLO)
    built.segment(1, NONE, SYN | ACK, { seq: 900_000, ack: 500_001 })
    t.equal(notesOf(capture.frames).connections.length, 2)
    const cluster = opened()
    cluster.built.segment(1, NONE, SYN | ACK, { seq: 900_000, ack: 1001, mac: '02:00:00:00:00:77' })
    cluster.built.send(0, HELLO).send(1, HELLO)
    const notes = notesOf(cluster.capture.frames)
    t.equal(notes.connections.length, 1)
    t.strictSame(notes.stream(0, 1), HELLO)
  },
)

t.test('keep-alives, with a byte and without', async t => {
  const { capture, built } = opened()
  built.send(0, HELLO).acknowledge(1)
  built.segment(0, NONE, ACK, { seq: built.next[0] - 1 })
  built.segment(0, Buffer.of(0), ACK, { seq: built.next[0] - 1 })
  built.acknowledge(1).send(0, HELLO)
  const notes = notesOf(capture.frames)
  t.strictSame(
    notes.troubles.map(({ direction, what, frame }) => [direction, what, frame]),
    [
      [0, 'keep-alive', 6],
      [0, 'keep-alive', 7],
    ],
  )
  t.strictSame(notes.stream(0, 0), Buffer.from('hellohello'))
  capture.wait(9e6)
  built.segment(0, Buffer.of(0), ACK, { seq: built.next[0] - 1 })
  built.close()
  t.equal(lastEnding(capture).idleUs, 9e6 + 200, 'they are no payload')
})

t.test('windows that close and open', async t => {
  const { capture, built } = opened()
  built.send(0, HELLO)
  built.acknowledge(1, { window: 0 })
  built.acknowledge(1, { window: 0 })
  built.acknowledge(1, { window: 1 })
  built.acknowledge(1, { window: 100 })
  built.reset(1, { window: 0 })
  t.strictSame(
    notesOf(capture.frames).lines.filter(line => line.includes('window')),
    ['0< zero-window #5', '0< window-open #7'],
  )
})

t.test('frames captured twice are no retransmissions', async t => {
  const { capture, built } = opened()
  const twice = (send: () => void, waitUs = 100) => {
    capture.wait(-100)
    send()
    const { bytes } = capture.frames.at(-1)!
    capture.wait(waitUs)
    capture.frame(bytes)
  }
  twice(() => built.send(0, HELLO))
  twice(() => built.segment(0, HELLO, ACK, { seq: built.next[0] + 10 }))
  twice(() => built.segment(0, NONE, FIN | ACK))
  t.strictSame(notesOf(capture.frames).troubles, [])
  twice(() => built.send(1, HELLO), 1100)
  t.match(notesOf(capture.frames).troubles, [{ what: 'retransmission' }], 'so late it is one')
  const other = opened()
  other.built.send(0, HELLO)
  other.built.segment(0, HELLO, PSH | ACK, { seq: 1001 })
  t.match(notesOf(other.capture.frames).troubles, [{ what: 'retransmission' }], 'with another identification it is one')
  const ipv6 = new CaptureBytes()
  const six = ipv6.connection({ ...CLIENT, address: 'fd00::1' }, { ...SERVER, address: 'fd00::2' }).open()
  six.send(0, HELLO)
  ipv6.frame(ipv6.frames.at(-1)!.bytes)
  t.strictSame(notesOf(ipv6.frames).troubles, [], 'IPv6 is told by the checksum')
  six.segment(0, HELLO, PSH | ACK, { seq: 1001, window: 9 })
  t.match(notesOf(ipv6.frames).troubles, [{ what: 'retransmission' }])
})

t.test('the same connection in files of two machines, whose clocks differ', async t => {
  for (const lateUs of [150, 20_000, 10e6]) {
    const { capture, built } = opened()
    for (let round = 0; round < 5; round++) built.send(0, HELLO).acknowledge(1).send(1, HELLO).acknowledge(0)
    built.close()
    const on = { ...capture.on, index: 1, fileIndex: 1 }
    const copies = capture.frames.map(frame => {
      const ref = { ...frame.ref, fileIndex: 1, timeUs: frame.ref.timeUs + lateUs }
      return { ...frame, on, ref }
    })
    const notes = notesOf([...capture.frames, ...copies].sort((a, b) => a.ref.timeUs - b.ref.timeUs))
    t.strictSame(notes.troubles, [], `${lateUs} us`)
    t.equal(notes.connections.length, 1)
    t.match(notes.connections[0], { bytes: [25, 25], missing: [0, 0] })
    t.match(notes.endings, [{ how: 'fin', by: 0 }])
    const first = capture.frames[3]!
    const again = { ...first, ref: { ...first.ref, timeUs: first.ref.timeUs + 50_000 } }
    t.equal(notesOf([...capture.frames.slice(0, 6), again]).troubles.length, 1, 'from the same file it is sent again')
  }
})

t.test('connections are numbered by their first frames, and told apart by all of addresses and ports', async t => {
  const capture = new CaptureBytes()
  const ends = [
    [CLIENT, SERVER],
    [{ ...CLIENT, port: 49_153 }, SERVER],
    [{ ...CLIENT, address: '10.0.0.3' }, SERVER],
    [CLIENT, { ...SERVER, address: '10.0.0.4' }],
    [CLIENT, { ...SERVER, port: 80 }],
    [
      { ...CLIENT, address: 'fd00::1' },
      { ...SERVER, address: 'fd00::2' },
    ],
    [
      { ...CLIENT, address: 'fd00::1' },
      { ...SERVER, address: 'fd00::1:2' },
    ],
    [{ ...CLIENT, address: '10.0.0.2' }, SERVER],
  ] as const
  const built = ends.map(([client, server]) => capture.connection(client, server).open())
  for (const [index, connection] of built.entries())
    connection.send(0, Buffer.of(index)).send(1, Buffer.of(100 + index))
  const notes = notesOf(capture.frames)
  t.equal(notes.connections.length, ends.length)
  for (const [index, [client, server]] of ends.entries()) {
    t.match(notes.connections[index], { id: index, client, server, frames: [3, 2] })
    t.strictSame(notes.stream(index, 0), Buffer.of(index))
    t.strictSame(notes.stream(index, 1), Buffer.of(100 + index))
  }
})

t.test('an end whose MAC is known by its own frames only', async t => {
  const capture = new CaptureBytes({ linkType: 113 })
  const built = capture.connection(CLIENT, SERVER)
  built.segment(0, NONE, SYN)
  t.match(notesOf(capture.frames).connections[0], { client: { mac: '02:00:00:00:00:01' }, server: { mac: null } })
  built.segment(1, NONE, SYN | ACK)
  t.match(notesOf(capture.frames).connections[0], { server: { mac: '02:00:00:00:00:02' } })
})

t.test('more connections than are remembered', async t => {
  const capture = new CaptureBytes()
  const first = capture.connection(CLIENT, SERVER).open()
  const second = capture.connection({ ...CLIENT, port: 50_000 }, SERVER).open()
  capture
    .connection({ ...CLIENT, port: 50_001 }, SERVER)
    .open()
    .close()
  first.send(0, HELLO)
  capture.connection({ ...CLIENT, port: 50_002 }, SERVER).open()
  capture.connection({ ...CLIENT, port: 50_003 }, SERVER).open()
  second.send(0, HELLO)
  const { lines, connections } = notesOf(capture.frames, { connectionsMax: 3 })
  t.strictSame(lines.slice(0, 9), [
    '0 opened syn',
    '1 opened syn',
    '2 opened syn',
    '2> ended fin #10',
    '0> bytes 5 #13',
    '3 opened syn',
    '1 ended forgotten #6',
    '4 opened syn',
    '0 ended forgotten #13',
  ])
  t.equal(connections[5]!.opening, 'none', 'the forgotten one goes on as another')
})
