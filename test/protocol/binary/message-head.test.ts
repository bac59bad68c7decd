import t from 'tap'
import { PACKET_SIZE_MAX } from '../../../protocol/binary/base-header.js'
import { buildUserMessage, type UserMessageSpec } from '../../../protocol/binary/build.js'
import { MessageHead } from '../../../protocol/binary/message-head.js'
import { MP_FLAGS } from '../../../protocol/binary/message-properties-header.js'
import { TX_FLAGS } from '../../../protocol/binary/transaction-header.js'
import { NIL_GUID } from '../../../protocol/guid.js'

const SOURCE = '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01'
const PLACE = { sequenceId: { ordinal: 1, timeStamp: 7 }, sequenceNumber: 1, previousSequenceNumber: 0 }

const PLAIN: UserMessageSpec = {
  priority: 3,
  timeToReachQueue: 345_600,
  sourceQueueManager: SOURCE,
  queueManagerAddress: NIL_GUID,
  timeToBeReceived: 0xffffffff,
  sentTime: 1_767_225_600,
  messageId: 1,
  delivery: 'express',
  destination: { type: 7, name: 'TCP:127.0.0.9\\private$\\q' },
  acknowledgements: 0,
  label: '',
  messageClass: 0,
  bodyType: 0,
  applicationTag: 0,
  body: Buffer.from('first body'),
}

const rows: [string, UserMessageSpec][] = [
  ['plain', PLAIN],
  [
    'an odd name, a label, acknowledgements',
    { ...PLAIN, destination: { type: 7, name: 'OS:m\\q' }, label: 'odd', acknowledgements: MP_FLAGS.PA },
  ],
  [
    'administration and response queues',
    { ...PLAIN, admin: { type: 2, number: 8 }, response: { type: 7, name: 'OS:r\\q' } },
  ],
  [
    'a private destination, an extension',
    { ...PLAIN, destination: { type: 3, number: 4 }, queueManagerAddress: SOURCE, extension: Buffer.from([1, 2, 3]) },
  ],
  ['a transaction', { ...PLAIN, priority: 0, delivery: 'recoverable', transaction: { flags: TX_FLAGS.FM, ...PLACE } }],
]

t.test('a message written from a head is the message built from the whole', async t => {
  for (const [name, spec] of rows) {
    const head = new MessageHead(buildUserMessage(spec))
    for (const size of [0, 1, 2, 3, 4, 1024]) {
      const next = {
        ...spec,
        messageId: 0xfedcba98,
        sentTime: 0xffffffff,
        timeToReachQueue: 0,
        body: Buffer.alloc(size, 0x5c),
      }
      const flags = TX_FLAGS.LM | (77 << TX_FLAGS.ID_SHIFT)
      if (spec.transaction !== undefined) next.transaction = { ...spec.transaction, flags }
      const packet = Buffer.alloc(head.sizeWith(next.body) ?? 0, 0xaa)
      head.write(packet, next.messageId, next.sentTime, next.timeToReachQueue, flags, next.body)
      t.strictSame(packet, buildUserMessage(next), `${name}, ${size} bytes`)
    }
  }
})

t.test('a body that makes the packet too large has no size', async t => {
  const head = new MessageHead(buildUserMessage(PLAIN))
  const room = PACKET_SIZE_MAX - (buildUserMessage({ ...PLAIN, body: Buffer.alloc(0) }).length & ~3)
  t.equal(head.sizeWith(Buffer.alloc(room + 4)), null)
  t.ok((head.sizeWith(Buffer.alloc(room - 4)) ?? 0) <= PACKET_SIZE_MAX)
})
