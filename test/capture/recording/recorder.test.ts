import fc from 'fast-check'
import t from 'tap'
import { RecordedFrames } from '../../fixtures/recorded-frames.js'
import { runTshark, tsharkSkip } from '../../fixtures/tshark.js'

const CLIENT = { address: '10.0.0.1', port: 50_000 }
const SERVER = { address: '10.0.0.2', port: 1801 }
const START_MS = 1_700_000_000_000

/** One connection over a link of 2 ms there and back; times count from its SYN. */
function opened(seed = 1) {
  const frames = new RecordedFrames(seed)
  frames.nowMs = 0
  const connection = frames.recorder.connection(CLIENT, SERVER, 0)
  frames.nowMs = 2
  connection.established(2)
  return { frames, connection, lines: () => frames.lines(CLIENT.port) }
}

t.test('a conversation: handshake, acknowledgements that ride on data, and late ones, and an end', async t => {
  const { frames, connection, lines } = opened()
  frames.nowMs = 3
  connection.sent('client', Buffer.alloc(100), 3)
  frames.nowMs = 6
  connection.sent('server', Buffer.alloc(50), 6)
  frames.nowMs = 100
  connection.ended('client', 'fin', 100)
  frames.nowMs = 103
  connection.ended('server', 'fin', 103)
  frames.recorder.finish()
  t.strictSame(lines(), [
    '0 client SYN seq 0 +0',
    '2 server SYN ACK seq 0 ack 1 +0',
    '2 client ACK seq 1 ack 1 +0',
    '3 client PSH ACK seq 1 ack 1 +100',
    '6 server PSH ACK seq 1 ack 101 +50',
    '46 client ACK seq 101 ack 51 +0',
    '100 client FIN ACK seq 101 ack 51 +0',
    '102 server ACK seq 51 ack 102 +0',
    '103 server FIN ACK seq 51 ack 102 +0',
    '103 client ACK seq 102 ack 52 +0',
  ])
  t.strictSame(frames.links, [['10.0.0.1', '10.0.0.2']])
})

t.test('what is long is cut into segments, and every second one is acknowledged', async t => {
  const { frames, connection, lines } = opened()
  connection.sent('client', Buffer.alloc(1460 * 4 + 10), 2)
  frames.recorder.finish()
  t.strictSame(lines().slice(3), [
    '2 client ACK seq 1 ack 1 +1460',
    '2 client ACK seq 1461 ack 1 +1460',
    '2 client ACK seq 2921 ack 1 +1460',
    '2 client ACK seq 4381 ack 1 +1460',
    '2 client PSH ACK seq 5841 ack 1 +10',
    '4 server ACK seq 1 ack 2921 +0',
    '4 server ACK seq 1 ack 5841 +0',
    '44 server ACK seq 1 ack 5851 +0',
  ])
})

t.test('refused; unanswered, and asked again', async t => {
  const refused = new RecordedFrames()
  refused.recorder.connection(CLIENT, SERVER, 0).failed(0, 'refused')
  t.strictSame(refused.lines(CLIENT.port), ['0 client SYN seq 0 +0', '0 server RST ACK seq 0 ack 1 +0'])
  const unanswered = new RecordedFrames()
  const connection = unanswered.recorder.toldConnection(CLIENT, SERVER, 0, 65_536)
  unanswered.nowMs = 3000
  connection.repeated(3000)
  connection.failed(3000, 'unanswered')
  t.strictSame(unanswered.lines(CLIENT.port), ['0 client SYN seq 0 +0', '3000 client SYN seq 0 +0'])
})

t.test('after a reset its end says nothing more; the other does, until it learns of it', async t => {
  const { frames, connection, lines } = opened()
  connection.ended('server', 'reset', 2)
  connection.sent('server', Buffer.alloc(5), 2)
  connection.sent('client', Buffer.alloc(7), 2)
  frames.recorder.finish()
  t.strictSame(lines().slice(3), ['2 server RST ACK seq 1 ack 1 +0', '2 client PSH ACK seq 1 ack 1 +7'])
})

t.test(
  'one that is told when bytes arrive: what never does is never acknowledged, what was lost is sent again',
  async t => {
    const frames = new RecordedFrames()
    const connection = frames.recorder.toldConnection(CLIENT, SERVER, 0, 65_536)
    connection.answered(1)
    connection.established(2)
    frames.nowMs = 2
    connection.sent('client', Buffer.alloc(9), 2, [302, 902])
    frames.nowMs = 903
    connection.arrived('client', 9, 903)
    frames.nowMs = 1000
    connection.sent('client', Buffer.alloc(1), 1000)
    frames.nowMs = 5000
    frames.recorder.finish()
    t.strictSame(frames.lines(CLIENT.port).slice(3), [
      '2 client PSH ACK seq 1 ack 1 +9',
      '302 client PSH ACK seq 1 ack 1 +9',
      '902 client PSH ACK seq 1 ack 1 +9',
      '943 server ACK seq 1 ack 10 +0',
      '1000 client PSH ACK seq 10 ack 1 +1',
    ])
  },
)

t.test('what does not get through is tried until it does, or until its end gives up', async t => {
  const frames = new RecordedFrames()
  const connection = frames.recorder.toldConnection(CLIENT, SERVER, 0, 65_536)
  connection.answered(0)
  connection.established(0)
  connection.tried('client', Buffer.alloc(2000), 0)
  frames.nowMs = 1000
  connection.sent('client', Buffer.alloc(2000), 1000)
  connection.tried('server', Buffer.alloc(3), 1000)
  frames.nowMs = 1500
  connection.gaveUp('server', 1500)
  frames.nowMs = 9000
  frames.recorder.finish()
  t.strictSame(frames.lines(CLIENT.port).slice(3), [
    '0 client PSH ACK seq 1 ack 1 +1460',
    '300 client PSH ACK seq 1 ack 1 +1460',
    '900 client PSH ACK seq 1 ack 1 +1460',
    '1000 client ACK seq 1 ack 1 +1460',
    '1000 client PSH ACK seq 1461 ack 1 +540',
    '1000 server PSH ACK seq 1 ack 1 +3',
    '1300 server PSH ACK seq 1 ack 1 +3',
  ])
})

t.test('a reader that stands still closes its window, and opens it again', async t => {
  const frames = new RecordedFrames()
  const connection = frames.recorder.toldConnection(CLIENT, SERVER, 0, 65_536)
  connection.answered(0)
  connection.established(0)
  connection.window('server', 0, 1)
  connection.window('server', 30_000, 2)
  frames.nowMs = 3
  frames.recorder.finish()
  const windows = frames.frames.slice(3).map(({ bytes }) => bytes.readUInt16BE(48))
  t.strictSame(windows, [0, Math.floor(30_000 / 256)])
})

/** What somebody does with a connection. */
const deed = fc.record({
  by: fc.constantFrom('client' as const, 'server' as const),
  bytes: fc.nat(6000),
  waitMs: fc.constantFrom(0, 0, 0.1, 1, 30, 50),
})

t.test('whatever is sent, our reader finds all of it, in order, and nothing out of place', async () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(deed, { maxLength: 30 }), fc.boolean(), (seed, deeds, isReset) => {
      const { frames, connection } = opened(seed)
      const said = { client: [] as Buffer[], server: [] as Buffer[] }
      for (const [index, { by, bytes, waitMs }] of deeds.entries()) {
        frames.nowMs += waitMs
        const chunk = Buffer.alloc(bytes, index + 1)
        said[by].push(chunk)
        if (bytes > 0) connection.sent(by, chunk, frames.nowMs)
      }
      frames.nowMs += 100
      connection.ended('client', isReset ? 'reset' : 'fin', frames.nowMs)
      if (!isReset) connection.ended('server', 'fin', frames.nowMs + 1)
      frames.nowMs += 10
      frames.recorder.finish()
      const notes = frames.streams()
      const times = frames.frames.map(({ atMs }) => atMs)
      return (
        notes.connections.length === 1 &&
        notes.troubles.length === 0 &&
        notes.connections[0]!.opening === 'whole' &&
        notes.stream(0, 0).equals(Buffer.concat(said.client)) &&
        notes.stream(0, 1).equals(Buffer.concat(said.server)) &&
        notes.endings[0]?.how === (isReset ? 'reset' : 'fin') &&
        times.every((atMs, index) => index === 0 || atMs >= times[index - 1]!)
      )
    }),
    { seed: 11, numRuns: 200 },
  )
})

t.test('the same calls make the same frames; another seed other sequence numbers', async t => {
  const bytes = (seed: number) => {
    const { frames, connection } = opened(seed)
    connection.sent('client', Buffer.alloc(10), 2)
    frames.recorder.finish()
    return frames.pcapng()
  }
  t.ok(bytes(1).equals(bytes(1)))
  t.notOk(bytes(1).equals(bytes(2)))
})

t.test('tshark has nothing to say against any of it', { skip: tsharkSkip }, async t => {
  const frames = new RecordedFrames(3)
  frames.nowMs = START_MS
  for (let number = 0; number < 6; number++) {
    const isV6 = number % 2 === 1
    const client = { address: isV6 ? '2001:db8::1' : '10.0.0.1', port: 50_000 + number }
    const server = { address: isV6 ? '2001:db8::2' : '10.0.0.2', port: 1801 }
    const connection = frames.recorder.connection(client, server, frames.nowMs)
    frames.nowMs += 1
    connection.established(frames.nowMs)
    for (let turn = 0; turn < 8; turn++) {
      frames.nowMs += turn * 17
      connection.sent(turn % 3 === 0 ? 'server' : 'client', Buffer.alloc(1 + turn * 3000, number), frames.nowMs)
    }
    frames.nowMs += 60
    connection.ended(number < 3 ? 'client' : 'server', 'fin', frames.nowMs)
    frames.nowMs += 1
    connection.ended(number < 3 ? 'server' : 'client', 'fin', frames.nowMs)
    frames.recorder.datagram(
      { ...client, port: 50_100 },
      { ...server, port: 3527 },
      Buffer.alloc(number + 1, 1),
      frames.nowMs,
    )
  }
  frames.nowMs += 1000
  frames.recorder.finish()
  const checks = ['ip', 'tcp', 'udp'].flatMap(protocol => ['-o', `${protocol}.check_checksum:TRUE`])
  const fields = [
    'frame.number',
    'ip.checksum.status',
    'tcp.checksum.status',
    'udp.checksum.status',
    'tcp.analysis.flags',
    '_ws.malformed',
  ]
  const { stdout } = runTshark('', frames.pcapng(), [
    ...checks,
    '-T',
    'fields',
    ...fields.flatMap(field => ['-e', field]),
  ])
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map(line => line.split('\t'))
  t.equal(rows.length, frames.frames.length)
  for (const [number, ip, tcp, udp, flags = '', malformed = ''] of rows) {
    const found = { ip: ip || '1', transport: tcp || udp, flags, malformed }
    t.strictSame(found, { ip: '1', transport: '1', flags: '', malformed: '' }, `frame ${number}`)
  }
  const { stdout: expert } = runTshark('', frames.pcapng(), [...checks, '-q', '-z', 'expert'])
  t.notMatch(expert, /^(Errors|Warns)/m, 'no error and no warning')
})

t.test('links beyond the first 4,096 are one', async t => {
  const frames = new RecordedFrames()
  const from = (number: number) => ({ address: `10.1.${number >> 8}.${number & 0xff}`, port: 3527 })
  for (let number = 0; number < 5000; number++)
    frames.recorder.datagram(from(number), { ...SERVER, port: 3527 }, Buffer.alloc(1), 0)
  frames.recorder.datagram(from(0), { ...SERVER, port: 3527 }, Buffer.alloc(1), 0)
  t.equal(frames.links.length, 4097)
  t.equal(frames.links.at(-1), null)
  t.strictSame([frames.frames[4095]!.link, frames.frames[4096]!.link, frames.frames[4999]!.link], [4095, 4096, 4096])
  t.equal(frames.frames[5000]!.link, 0, 'the first keep theirs')
})
