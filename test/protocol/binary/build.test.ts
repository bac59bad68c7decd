import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  buildConnectionParameters,
  buildEstablishConnection,
  buildFinalAck,
  buildMessageIdentifier,
  buildOrderAck,
  buildSessionAck,
  buildUserMessage,
  orderQueueAt,
  setHopCount,
  setMessageId,
  stampTransaction,
  type UserMessageSpec,
  withSessionHeader,
} from '../../../protocol/binary/build.js'
import { decodePacket, encodePacket, type UserMessagePacket } from '../../../protocol/binary/packet.js'
import {
  endOfHeaders,
  propertiesHeaderOffset,
  transactionHeaderOffset,
} from '../../../protocol/binary/user-message-layout.js'
import { NIL_GUID } from '../../../protocol/guid.js'

const file = JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as {
  vectors: { name: string; hex: string }[]
}
const vector = (name: string): Buffer => Buffer.from(file.vectors.find(entry => entry.name === name)!.hex, 'hex')

const SENDER = '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01'
const RECEIVER = '8e1d0c44-3f6a-4b8b-a1c2-77d0e5f61b02'
const SPEC: UserMessageSpec = {
  priority: 3,
  timeToReachQueue: 100,
  sourceQueueManager: SENDER,
  queueManagerAddress: NIL_GUID,
  timeToBeReceived: 0xffffffff,
  sentTime: 1767225600,
  messageId: 1,
  delivery: 'express',
  destination: { type: 7, name: 'OS:s\\q' },
  acknowledgements: 0,
  label: '',
  messageClass: 0,
  bodyType: 0,
  applicationTag: 0,
  body: Buffer.alloc(0),
}

t.test('user messages come out as the vectors have them', async t => {
  const rows: readonly [name: string, spec: UserMessageSpec][] = [
    [
      'user_recoverable_direct_tcp',
      {
        ...SPEC,
        timeToReachQueue: 3600,
        timeToBeReceived: 7200,
        messageId: 100,
        delivery: 'recoverable',
        journalNegative: true,
        journalPositive: true,
        destination: { type: 7, name: 'TCP:192.0.2.10\\private$\\orders' },
        admin: { type: 7, name: 'TCP:192.0.2.20\\private$\\ack' },
        acknowledgements: 0x0f,
        label: 'Order 42',
        bodyType: 8,
        applicationTag: 77,
        extension: Buffer.from([1, 2, 3]),
        body: Buffer.from('680065006c006c006f0021', 'hex'),
      },
    ],
    [
      'user_transactional_first',
      {
        ...SPEC,
        priority: 0,
        timeToReachQueue: 345_600,
        sentTime: 1767225605,
        messageId: 101,
        delivery: 'recoverable',
        destination: { type: 7, name: 'TCP:192.0.2.10\\private$\\txorders' },
        transaction: {
          flags: 300,
          sequenceId: { ordinal: 1, timeStamp: 0x65930000 },
          sequenceNumber: 1,
          previousSequenceNumber: 0,
        },
        label: 'first',
        bodyType: 8,
        body: Buffer.from('61006200', 'hex'),
      },
    ],
    [
      'admin_ack_reach_queue',
      {
        ...SPEC,
        timeToReachQueue: 0xffffffff,
        sourceQueueManager: RECEIVER,
        sentTime: 1767225602,
        messageId: 33,
        delivery: 'recoverable',
        destination: { type: 7, name: 'TCP:192.0.2.20\\private$\\ack' },
        response: { type: 7, name: 'TCP:192.0.2.10\\private$\\orders' },
        messageClass: 2,
        correlationId: buildMessageIdentifier(SENDER, 100),
      },
    ],
    [
      'user_private_ids',
      {
        ...SPEC,
        priority: 4,
        timeToReachQueue: 60,
        queueManagerAddress: RECEIVER,
        timeToBeReceived: 30,
        messageId: 103,
        destination: { type: 3, number: 42 },
        admin: { type: 2, number: 8 },
        response: { type: 2, number: 7 },
        acknowledgements: 5,
        label: 'p',
        correlationId: Buffer.from('0102030405060708090a0b0c0d0e0f1011121314', 'hex'),
        bodyType: 17,
        body: Buffer.from('ff', 'hex'),
      },
    ],
    [
      'user_traced',
      {
        ...SPEC,
        tracing: true,
        messageId: 106,
        label: 'trace me',
        body: Buffer.from('12345'),
        debugQueue: '0a0b0c0d-1112-2122-3132-414243444546',
      },
    ],
  ]
  for (const [name, spec] of rows) t.strictSame(buildUserMessage(spec), vector(name), name)
})

t.test('acknowledgements come out as the vectors have them', async t => {
  const shared = { sourceQueueManager: RECEIVER, destination: orderQueueAt('192.0.2.20') }
  const sequenceId = { ordinal: 1, timeStamp: 0x65930000 }
  t.strictSame(
    buildOrderAck({ ...shared, sentTime: 1767225606, messageId: 9, sequenceId, sequenceNumber: 2 }),
    vector('orderack_direct'),
  )
  const acknowledged = { sequenceId, sequenceNumber: 1, previousSequenceNumber: 0, sourceGuid: SENDER, messageId: 101 }
  t.strictSame(
    buildFinalAck({ ...shared, sentTime: 1767225607, messageId: 10, messageClass: 0x4000, acknowledged }),
    vector('finalack_receive'),
  )
  const byNumber = buildOrderAck({
    sourceQueueManager: RECEIVER,
    queueManagerAddress: SENDER,
    destination: { type: 3, number: 4 },
    sentTime: 1,
    messageId: 1,
    sequenceId,
    sequenceNumber: 1,
  })
  t.match(decodePacket(byNumber), { packetType: 'OrderAck', user: { flags: 0x00200c00, queueManagerAddress: SENDER } })
  t.equal(decodePacket(withSessionHeader(byNumber, SESSION)).packetType, 'OrderAck', 'with a SessionHeader too')
})

const SESSION = {
  ackSequenceNumber: 5,
  recoverableMsgAckSeqNumber: 2,
  recoverableMsgAckFlags: 1,
  userMsgSequenceNumber: 9,
  recoverableMsgSeqNumber: 4,
  windowSize: 64,
  reserved: 0,
}

t.test('internal packets', async t => {
  const response = vector('establish_response_refused')
  response[1] = 0x5a
  t.strictSame(
    buildEstablishConnection({
      response: true,
      refused: true,
      clientGuid: SENDER,
      serverGuid: RECEIVER,
      timeStamp: 123_456,
      operatingSystem: 0x10,
    }),
    response,
  )
  const parameters = vector('connparams_response_limits')
  parameters[1] = 0x5a
  t.strictSame(
    buildConnectionParameters({ recoverableAckTimeout: 500, ackTimeout: 20_000, windowSize: 32 }),
    parameters,
  )
  const ack = vector('spec_sessionack')
  ack[1] = 0x5a
  const session = { ...SESSION, ackSequenceNumber: 1, recoverableMsgAckSeqNumber: 0, recoverableMsgAckFlags: 0 }
  t.strictSame(buildSessionAck({ ...session, userMsgSequenceNumber: 0, recoverableMsgSeqNumber: 0 }), ack)
})

t.test('patches change what they say and nothing else', async t => {
  const packet = buildUserMessage({
    ...SPEC,
    priority: 0,
    delivery: 'recoverable',
    admin: { type: 6, queueManager: RECEIVER, number: 1 },
    response: { type: 5, guid: RECEIVER },
    connectorType: SENDER,
    transaction: { flags: 12, sequenceId: { ordinal: 0, timeStamp: 0 }, sequenceNumber: 0, previousSequenceNumber: 0 },
    label: 'stamp me',
    body: Buffer.from('body'),
  })
  t.throws(() => decodePacket(packet), { code: 'MSMQ_DECODE_SEQUENCE_NUMBER' }, 'unstamped, it must not be sent')
  stampTransaction(packet, { ordinal: 7, timeStamp: 8 }, 0x80000001, 0x80000000)
  setHopCount(packet, 0x1d)
  setMessageId(packet, 0xffffffff)
  const decoded = decodePacket(packet) as UserMessagePacket
  t.match(decoded, {
    user: { messageId: 0xffffffff, flags: 0x0075dc3d, adminQueue: { number: 1 }, connectorType: SENDER },
    transaction: { sequenceId: { ordinal: 7, timeStamp: 8 }, sequenceNumber: 0x80000001 },
    properties: { label: 'stamp me', body: Buffer.from('body') },
  })
  t.equal(endOfHeaders(packet), packet.length)
  t.equal(packet.readUInt32LE(transactionHeaderOffset(packet)), 12)
  t.equal(packet[propertiesHeaderOffset(packet) + 1], 9)
  const piggyBacked = withSessionHeader(packet, SESSION)
  t.strictSame((decodePacket(piggyBacked) as UserMessagePacket).session, SESSION)
  const refreshed = withSessionHeader(piggyBacked, { ...SESSION, ackSequenceNumber: 6 })
  t.equal(refreshed.length, piggyBacked.length, 'a SessionHeader is replaced')
  t.match((decodePacket(refreshed) as UserMessagePacket).session, { ackSequenceNumber: 6 })
  t.throws(() => stampTransaction(buildUserMessage(SPEC), { ordinal: 1, timeStamp: 1 }, 1, 0), {
    code: 'MSMQ_ENCODE_RANGE',
  })
})

t.test('what does not fit is refused', async t => {
  const refused: readonly [name: string, spec: Partial<UserMessageSpec>][] = [
    ['label of 250 characters', { label: 'x'.repeat(250) }],
    ['null in a label', { label: 'a\0b' }],
    ['priority 8', { priority: 8 }],
    ['message id over 32 bits', { messageId: 0x100000000 }],
    ['negative lifetime', { timeToReachQueue: -1 }],
    ['class over 16 bits', { messageClass: 0x10000 }],
    ['correlation of 19 bytes', { correlationId: Buffer.alloc(19) }],
    ['tracing without a queue', { tracing: true }],
    ['name longer than its count can say', { destination: { type: 7, name: 'x'.repeat(33_000) } }],
    [
      'express in a transaction',
      {
        priority: 0,
        transaction: {
          flags: 0,
          sequenceId: { ordinal: 1, timeStamp: 1 },
          sequenceNumber: 1,
          previousSequenceNumber: 0,
        },
      },
    ],
  ]
  for (const [name, spec] of refused) {
    t.throws(() => buildUserMessage({ ...SPEC, ...spec }), { code: 'MSMQ_ENCODE_RANGE' }, name)
  }
  t.throws(() => buildUserMessage({ ...SPEC, body: Buffer.alloc(0x400000) }), { code: 'MSMQ_ENCODE_SIZE' })
  const packet = decodePacket(buildUserMessage(SPEC)) as UserMessagePacket
  const wrong: readonly [name: string, properties: Partial<UserMessagePacket['properties']>][] = [
    ['label length of another label', { labelLength: 3, label: 'x' }],
    ['label without length', { label: 'x' }],
    ['more message than body', { messageSize: 1 }],
    ['correlation of 21 bytes', { correlationId: Buffer.alloc(21) }],
  ]
  for (const [name, properties] of wrong) {
    const changed = { ...packet, properties: { ...packet.properties, ...properties } }
    t.throws(() => encodePacket(changed), { code: 'MSMQ_ENCODE_RANGE' }, name)
  }
})
