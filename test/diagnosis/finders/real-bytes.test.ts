import t from 'tap'
import { MessageStreams } from '../../../capture/messages/message-streams.js'
import { TcpStreams } from '../../../capture/tcp/tcp-streams.js'
import { Diagnosis } from '../../../diagnosis/diagnosis.js'
import type { CaptureFinding } from '../../../diagnosis/finding.js'
import type { FindingKindId } from '../../../diagnosis/finding-kinds.js'
import {
  buildConnectionParameters,
  buildEstablishConnection,
  buildSessionAck,
  buildUserMessage,
} from '../../../protocol/binary/build.js'
import { encodePing, PING_FLAGS } from '../../../protocol/binary/ping.js'
import { TX_FLAGS } from '../../../protocol/binary/transaction-header.js'
import { NIL_GUID } from '../../../protocol/guid.js'
import { renderRawRequest } from '../../../protocol/srmp/http-head.js'
import { type BuiltConnection, CaptureBytes } from '../../fixtures/capture-bytes.js'
import { RECEIVER, SECOND, SENDER, VIP } from '../../fixtures/found-in.js'
import { encodedRequest, streamMessage } from '../../fixtures/http-messages.js'

/* Each finding once from the frames of a capture, through everything that reads them. */

const S = 1e6

function found(build: (capture: CaptureBytes) => void): Map<FindingKindId, CaptureFinding> {
  const capture = new CaptureBytes()
  build(capture)
  const diagnosis = new Diagnosis()
  const messages = new MessageStreams(diagnosis)
  const tcp = new TcpStreams(messages, (from, to, bytes, frame) => messages.datagram(from, to, bytes, frame))
  for (const frame of capture.frames) tcp.frame(frame)
  tcp.finish()
  diagnosis.finish()
  return new Map(diagnosis.book.list().map(finding => [finding.id, finding]))
}

let port = 49_152
function connect(capture: CaptureBytes, from = SENDER.address, to = RECEIVER.address, toPort = 1801): BuiltConnection {
  port += 1
  return capture.connection({ address: from, port }, { address: to, port: toPort })
}

/** A session between both, with its handshake. */
function session(
  capture: CaptureBytes,
  from = SENDER.address,
  to = RECEIVER.address,
  timeStamp = port,
): BuiltConnection {
  const connection = connect(capture, from, to).open()
  const common = { clientGuid: SENDER.qmId, timeStamp, operatingSystem: 0x310 }
  const parameters = buildConnectionParameters({ recoverableAckTimeout: 500, ackTimeout: 20_000, windowSize: 64 })
  return connection
    .send(0, buildEstablishConnection({ ...common, response: false, serverGuid: NIL_GUID }))
    .send(1, buildEstablishConnection({ ...common, response: true, serverGuid: RECEIVER.qmId }))
    .send(0, parameters)
    .send(1, parameters)
}

let messageId = 0
function message(capture: CaptureBytes, more: Partial<Parameters<typeof buildUserMessage>[0]> = {}): Buffer {
  messageId += 1
  return buildUserMessage({
    priority: 3,
    timeToReachQueue: 0xffffffff,
    sourceQueueManager: SENDER.qmId,
    queueManagerAddress: NIL_GUID,
    timeToBeReceived: 0xffffffff,
    sentTime: Math.floor(capture.timeUs / S),
    messageId,
    delivery: 'express',
    destination: { type: 7, name: String.raw`TCP:10.0.2.1\private$\q` },
    acknowledgements: 0,
    label: '',
    messageClass: 0,
    bodyType: 0,
    applicationTag: 0,
    body: Buffer.alloc(1_000, messageId),
    ...more,
  })
}

function acknowledge(ackSequenceNumber: number): Buffer {
  const none = { recoverableMsgAckSeqNumber: 0, recoverableMsgAckFlags: 0, recoverableMsgSeqNumber: 0, reserved: 0 }
  return buildSessionAck({ ...none, ackSequenceNumber, userMsgSequenceNumber: 0, windowSize: 64 })
}

function transactional(capture: CaptureBytes, sequenceNumber: number): Buffer {
  const transaction = {
    flags: TX_FLAGS.FM | TX_FLAGS.LM,
    sequenceId: { timeStamp: 1, ordinal: 1 },
    sequenceNumber,
    previousSequenceNumber: sequenceNumber - 1,
  }
  return message(capture, { delivery: 'recoverable', priority: 0, transaction })
}

t.test('what goes as it should gives nothing', async t => {
  const findings = found(capture => {
    const one = session(capture)
    one.send(0, message(capture)).send(0, message(capture))
    capture.wait(2 * S)
    one.send(1, acknowledge(2))
    capture.wait(400 * S)
    one.close(1)
    connect(capture, '10.0.0.9').open().close(0)
  })
  t.strictSame([...findings.keys()], [])
})

t.test('sessions that end', async t => {
  const cut = found(capture => {
    const one = session(capture)
    one.send(0, message(capture))
    capture.wait(3 * S)
    one.reset(1, { ttl: 250 })
    capture.wait(5 * S)
    session(capture)
  })
  t.strictSame([...cut.keys()], ['session-cut'])
  t.match(
    cut.get('session-cut')?.first.text,
    /reset by a third party in the name of 10\.0\.2\.1 .* 3\.00\d s after the last byte/,
  )

  const idle = found(capture => {
    for (const busyS of [3, 11, 29, 17]) {
      const one = session(capture)
      capture.wait(busyS * S)
      one.send(0, message(capture)).send(1, acknowledge(1))
      capture.wait(60 * S)
      one.close(1)
    }
  })
  t.match(idle.get('idle-session-cut'), { count: 4, proven: 4 })

  const balanced = found(capture => {
    const front = session(capture, SENDER.address, VIP, 77)
    const back = session(capture, VIP, RECEIVER.address, 77)
    const bytes = message(capture)
    front.send(0, bytes)
    back.send(0, bytes)
    capture.wait(60 * S)
    front.reset(1)
    back.reset(0)
    capture.wait(5 * S)
    session(capture, SENDER.address, VIP, 78)
  })
  t.match(balanced.get('session-cut')?.first.text, /by the balancer 10\.0\.0\.5 \(it ended both of its connections\)/)
})

t.test('connections that are stuck', async t => {
  const silent = found(capture => {
    const one = session(capture)
    const bytes = message(capture)
    const at = one.next[0]
    one.send(0, bytes)
    for (const seconds of [0.3, 0.6, 1.2, 2.4]) {
      capture.wait(seconds * S)
      one.segment(0, bytes, 0x18, { seq: at })
    }
    capture.wait(5 * S)
    session(capture)
  })
  t.match(silent.get('session-silent')?.first.text, /sent the same bytes again 4 times .* opened a new connection/)

  const stalled = found(capture => {
    const one = session(capture)
    for (let count = 0; count < 64; count += 1) one.send(0, message(capture))
    one.acknowledge(1, { window: 0 })
    capture.wait(3 * S)
    one.acknowledge(1)
    one.send(1, acknowledge(64)).send(0, message(capture))
    capture.wait(30 * S)
    one.send(1, acknowledge(65)).close(0)
  })
  t.strictSame([...stalled.keys()], ['window-stalled', 'tcp-window-closed', 'slow-session-ack'])
})

t.test('connections that do not come about', async t => {
  const findings = found(capture => {
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const refused = connect(capture)
      refused.segment(0, Buffer.alloc(0), 0x02)
      refused.reset(1)
      const unanswered = connect(capture, SENDER.address, SECOND.address)
      unanswered.segment(0, Buffer.alloc(0), 0x02)
      capture.wait(5 * S)
      unanswered.segment(0, Buffer.alloc(0), 0x02, { seq: 1000 })
    }
    const asked = connect(capture, '10.0.3.3').open()
    const common = { clientGuid: SENDER.qmId, timeStamp: 1, operatingSystem: 0x310 }
    asked.send(0, buildEstablishConnection({ ...common, response: false, serverGuid: SECOND.qmId }))
    asked.send(1, buildEstablishConnection({ ...common, response: true, refused: true, serverGuid: RECEIVER.qmId }))
    asked.close(0)
  })
  t.match(findings.get('unreachable')?.count, 2)
  t.strictSame(
    findings.get('unreachable')?.instances.map(({ text }) => /(refused|not answered) by TCP 4 times/.exec(text)?.[1]),
    ['refused', 'not answered'],
  )
  t.match(findings.get('handshake-refused')?.first.text, /asked for the queue manager 000000b2-.* answers 000000b1-/)
})

t.test('messages that come again, late, or after their end', async t => {
  const findings = found(capture => {
    const one = session(capture)
    one.send(0, transactional(capture, 1)).send(1, acknowledge(1))
    capture.wait(30 * S)
    one.send(0, transactional(capture, 1)).send(1, acknowledge(2))
    one.send(0, message(capture, { sentTime: Math.floor(capture.timeUs / S) - 4000, timeToReachQueue: 60 }))
    one.send(1, acknowledge(3)).close(0)
  })
  t.match(
    findings.get('resend-ladder')?.first.text,
    /1 resend .* after 30\.00\d s \(resend 1 to 3 of the ladder\); the next one is due/,
  )
  t.match(findings.get('expired-on-arrival')?.count, 1)
})

const PREAMBLES = [
  Buffer.from('PROXY TCP4 10.0.1.1 10.0.0.5 49152 1801\r\n'),
  Buffer.from('0d0a0d0a000d0a515549540a2111000c0a0001010a000005c0000709', 'hex'),
]

t.test('bytes that are not MSMQ’s, and bytes that are missing', async t => {
  const findings = found(capture => {
    const common = { response: false, clientGuid: SENDER.qmId, timeStamp: 9, operatingSystem: 0x310 }
    const hello = buildEstablishConnection({ ...common, serverGuid: NIL_GUID })
    for (const preamble of PREAMBLES) connect(capture).open().send(0, preamble).send(0, hello).close(1)
    connect(capture, '10.0.0.9').open().send(0, Buffer.from('SSH-2.0-scanner of something\r\n')).close(1)
    const holed = session(capture)
    const bytes = message(capture)
    holed.send(0, bytes).lose(0, bytes.length).send(0, message(capture)).acknowledge(1).send(1, acknowledge(3)).close(0)
    const broken = session(capture)
    const damaged = message(capture)
    damaged[0] = 0xee
    broken.send(0, damaged).close(1)
  })
  t.strictSame(
    [...findings.keys()],
    ['malformed-packet', 'proxy-preamble', 'attempt-failed', 'not-msmq', 'capture-hole'],
  )
  t.match(findings.get('proxy-preamble'), { count: 2, first: { text: /begins .* with 41 bytes that are not MSMQ’s/ } })
  t.match(findings.get('capture-hole')?.first.text, new RegExp(`^${message(new CaptureBytes()).length} bytes that`))
})

t.test('HTTP and pings', async t => {
  const receipts = `http://${SENDER.address}/msmq/private$/order_queue$`
  const queue = `http://${RECEIVER.address}/msmq/private$/q`
  const post = (current: number) =>
    renderRawRequest(
      encodedRequest(
        streamMessage({ current, start: current === 1 ? receipts : null }, { to: queue, source: SENDER.qmId }),
      ),
    )
  const answer = (status: number) => Buffer.from(`HTTP/1.1 ${status} Text\r\nContent-Length: 0\r\n\r\n`)
  const findings = found(capture => {
    const http = connect(capture, SENDER.address, RECEIVER.address, 80).open()
    http
      .send(0, post(1))
      .send(1, answer(200))
      .send(0, post(2))
      .send(1, answer(503))
      .send(0, post(3))
      .send(1, answer(400))
    http.send(0, post(4)).reset(1)
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const refused = connect(capture, RECEIVER.address, SENDER.address, 80)
      refused.segment(0, Buffer.alloc(0), 0x02)
      refused.reset(1)
      capture.wait(20 * S)
    }
    const [from, to] = [
      { address: SENDER.address, port: 60_000 },
      { address: RECEIVER.address, port: 3527 },
    ]
    capture.udp(from, to, encodePing({ flags: 0, cookie: 1, qmGuid: SENDER.qmId }))
    capture.udp(to, from, encodePing({ flags: PING_FLAGS.RF, cookie: 1, qmGuid: RECEIVER.qmId }))
    capture.udp(from, to, encodePing({ flags: 0, cookie: 2, qmGuid: SENDER.qmId }))
    capture.wait(3 * S)
    session(capture)
  })
  for (const id of ['http-refused', 'http-unavailable', 'http-unanswered', 'ping-refused', 'ping-unanswered'] as const)
    t.equal(findings.get(id)?.count, 1, id)
  t.match(
    findings.get('receipt-undelivered')?.first.text,
    /nobody listens there: 2 connections of 10\.0\.2\.1 came to nothing/,
  )
})
