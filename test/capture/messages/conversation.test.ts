import t from 'tap'
import { buildEstablishConnection, buildSessionAck, buildUserMessage } from '../../../protocol/binary/build.js'
import { NIL_GUID } from '../../../protocol/guid.js'
import { createRandom } from '../../fixtures/mutations.js'
import { ToldStreams } from '../../fixtures/seen-log.js'

/* What a connection speaks: MSMQ's port by default, others by their bytes, and nothing is told of those that are not ours. */

const ACK = buildSessionAck({
  ackSequenceNumber: 1,
  recoverableMsgAckSeqNumber: 0,
  recoverableMsgAckFlags: 0,
  userMsgSequenceNumber: 0,
  recoverableMsgSeqNumber: 0,
  windowSize: 64,
  reserved: 0,
})
const HELLO = buildEstablishConnection({
  response: false,
  clientGuid: '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01',
  serverGuid: NIL_GUID,
  timeStamp: 1,
  operatingSystem: 0x310,
})

function message(messageId: number, bodySize = 200): Buffer {
  return buildUserMessage({
    priority: 3,
    timeToReachQueue: 100,
    sourceQueueManager: '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01',
    queueManagerAddress: NIL_GUID,
    timeToBeReceived: 100,
    sentTime: 1,
    messageId,
    delivery: 'express',
    destination: { type: 7, name: 'OS:s\\q' },
    acknowledgements: 0,
    label: '',
    messageClass: 0,
    bodyType: 0,
    applicationTag: 0,
    body: Buffer.alloc(bodySize, 0x11),
  })
}

function noise(size: number, seed: number): Buffer {
  const random = createRandom(seed)
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += 1) bytes[at] = random(256)
  return bytes
}

t.test('port 1801 is told at once, with nothing said', async t => {
  const told = new ToldStreams()
  const connection = told.open(1801, 'syn')
  t.strictSame(told.log.told, ['connection'])
  connection.trouble(0, 'retransmission').end('unanswered')
  t.strictSame(told.log.told, ['connection', 'retransmission', 'ended'])
})

t.test('a connection to a web server that never came about is told when it is over, others are not', async t => {
  for (const [port, how, told] of [
    [80, 'refused', ['connection', 'ended']],
    [8080, 'unanswered', ['connection', 'ended']],
    [80, 'capture-ended', []],
    [22, 'refused', []],
  ] as const) {
    const streams = new ToldStreams()
    streams.open(port, 'syn').end(how)
    t.strictSame(streams.log.told, told, `${port} ${how}`)
  }
})

t.test('another port by its first bytes, in either direction', async t => {
  for (const direction of [0, 1] as const) {
    const told = new ToldStreams()
    const connection = told.open(4000).segment(direction, HELLO.subarray(0, 300))
    t.strictSame(told.log.told, [])
    connection
      .segment(direction, HELLO.subarray(300))
      .segment(direction === 0 ? 1 : 0, ACK)
      .end()
    t.strictSame(told.log.told, ['connection', 'packet', 'packet', 'ended'])
    t.equal(told.streams.counts.msmqConnections, 1)
  }
})

t.test('another port in the middle, and behind what another protocol says first', async t => {
  const told = new ToldStreams()
  const connection = told.open(4000, 'none').hole(0, null).segment(0, message(1).subarray(100))
  connection.segment(0, message(2)).segment(1, ACK).end()
  const found = ['resynchronised', 'packet']
  t.strictSame(told.log.told, ['connection', 'hole', ...found, ...found, 'ended'])

  const proxied = new ToldStreams()
  const other = proxied.open(4000).segment(0, Buffer.from('PROXY TCP4 10.0.0.7 10.0.0.5 49152 1801\r\n'))
  other.segment(0, HELLO).segment(1, HELLO).segment(0, message(1)).end()
  t.strictSame(
    proxied.log.packets.map(({ type, direction }) => [type, direction]),
    [
      ['EstablishConnection', 0],
      ['EstablishConnection', 1],
      ['UserMessage', 0],
    ],
  )
})

t.test('what is not ours is told of nothing, and nothing of it is kept', async t => {
  const told = new ToldStreams()
  const connection = told.open(443)
  for (let i = 0; i < 300; i += 1) connection.segment(i % 2 === 0 ? 0 : 1, noise(1460, i))
  connection.trouble(0, 'keep-alive').hole(0, 1000)
  connection.segment(0, Buffer.concat([noise(50, 1), Buffer.from('LIOR'), noise(50, 2)])).end()
  t.strictSame(told.log.told, [])
  t.strictSame(told.streams.counts, new ToldStreams().streams.counts)
})

t.test('listened to for 64 KB from the start, and again behind a hole', async t => {
  const late = new ToldStreams()
  late.open(4000).send(0, noise(70_000, 1), 1000).segment(0, message(1)).segment(0, message(2)).end()
  t.strictSame(late.log.told, [], 'too late')

  const again = new ToldStreams()
  const connection = again.open(4000).send(0, noise(70_000, 1), 1000).hole(0, 500)
  connection.segment(0, message(1)).segment(0, message(2)).segment(1, ACK).end()
  t.strictSame(
    again.log.packets.map(({ type }) => type),
    ['UserMessage', 'UserMessage', 'SessionAck'],
  )
})

t.test('other protocols on port 1801: told as malformed once, whatever follows', async t => {
  const told = new ToldStreams()
  told.open(1801).send(0, noise(10_000, 3), 100).end()
  t.strictSame(told.log.told, ['connection', 'malformed', 'ended'])
  const http = new ToldStreams()
  http
    .open(1801)
    .segment(0, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
    .segment(1, Buffer.from('HTTP/1.1 400 Bad\r\n\r\n'))
    .end()
  t.strictSame(
    http.log.told.filter(word => word !== 'malformed'),
    ['connection', 'ended'],
  )
})

t.test('what comes after the end is passed over', async t => {
  const told = new ToldStreams()
  const connection = told.open(1801).segment(0, HELLO)
  connection.end('reset')
  connection.segment(0, HELLO).trouble(0, 'keep-alive').hole(0, 3)
  connection.end()
  t.strictSame(told.log.told, ['connection', 'packet', 'ended'])
})

t.test('counts', async t => {
  const told = new ToldStreams()
  const connection = told.open(1801).segment(0, HELLO).segment(0, message(1)).segment(1, ACK).hole(0, null)
  connection.segment(0, message(2).subarray(50)).segment(0, message(3)).segment(0, message(4).subarray(0, 100)).end()
  t.match(told.streams.counts, {
    msmqConnections: 1,
    packets: { EstablishConnection: 1, UserMessage: 2, SessionAck: 1, OrderAck: 0 },
    resynchronised: 1,
    skippedBytes: message(2).length - 50 + 100,
    malformed: 0,
  })
})
