import t from 'tap'
import { ERROR_CODES } from '../../protocol/error-codes.js'
import { DecodeError, EncodeError, MqlabError, OptionError } from '../../protocol/errors.js'
import { isNegativeAcknowledgment, MessageClass, messageClassName, messageKind } from '../../protocol/message-class.js'
import { MQ_ERROR, mqErrorName } from '../../protocol/mq-error.js'
import { compareSequenceId, sequenceIdText } from '../../protocol/sequence-id.js'
import { sidBytes, sidFault, sidText } from '../../protocol/sid.js'

t.test('SIDs', async t => {
  const rows: readonly [hex: string, text: string][] = [
    ['010100000000000512000000', 'S-1-5-18'],
    ['010500000000000515000000ad4a9ebd36d9fa3d63a656dae8030000', 'S-1-5-21-3181267629-1039849782-3663111779-1000'],
    ['0100000000000001', 'S-1-1'],
    ['0101ffffffffffffffffffff', 'S-1-0xffffffffffff-4294967295'],
  ]
  for (const [hex, text] of rows) {
    const bytes = Buffer.from(hex, 'hex')
    t.equal(sidFault(bytes), null, text)
    t.equal(sidText(bytes), text)
    t.strictSame(sidBytes(text), bytes)
  }
  t.match(sidFault(Buffer.from('0201000000000005', 'hex')), /revision 2/)
  t.match(sidFault(Buffer.from('0110000000000005', 'hex')), /16 sub-authorities/)
  t.match(sidFault(Buffer.from('010100000000000512', 'hex')), /need 12 bytes/)
  t.match(sidFault(Buffer.alloc(0)), /too few/)
  for (const text of ['S-2-5', 'S-1-5-4294967296', `S-1-5${'-1'.repeat(16)}`, '']) t.equal(sidBytes(text), null, text)
})

t.test('message classes', async t => {
  t.equal(new Set(Object.values(MessageClass)).size, Object.keys(MessageClass).length, 'all different')
  t.equal(messageClassName(0x8009), 'NACK_NOT_TRANSACTIONAL_Q')
  t.equal(messageClassName(0x8008), '0x8008')
  t.equal(messageKind(0), 'Normal')
  t.equal(messageKind(1), 'Report')
  t.equal(messageKind(0xff), 'OrderAck')
  for (const acknowledgment of [2, 0x4000, 0x8000, 0xc004]) t.equal(messageKind(acknowledgment), 'Acknowledgment')
  t.equal(messageKind(0x0100), 'ApplicationDefined')
  t.ok(isNegativeAcknowledgment(0xc001))
  t.notOk(isNegativeAcknowledgment(MessageClass.ACK_RECEIVE))
})

t.test('result codes', async t => {
  t.equal(new Set(Object.values(MQ_ERROR)).size, Object.keys(MQ_ERROR).length, 'all different')
  t.equal(mqErrorName(0), 'MQ_OK')
  t.equal(mqErrorName(0xc00e0001), 'MQ_ERROR')
  t.equal(mqErrorName(0xc00e0003), 'MQ_ERROR_QUEUE_NOT_FOUND')
  t.equal(mqErrorName(0xc00effff), '0xc00effff')
})

t.test('sequence identifiers order by TimeStamp, then Ordinal, unsigned', async t => {
  const ids = [
    { timeStamp: 1, ordinal: 0xffffffff },
    { timeStamp: 2, ordinal: 0 },
    { timeStamp: 2, ordinal: 1 },
    { timeStamp: 0x7fffffff, ordinal: 0 },
    { timeStamp: 0x80000000, ordinal: 0 },
  ]
  t.strictSame([...ids].reverse().sort(compareSequenceId), ids)
  t.strictSame([...ids].map(sequenceIdText).sort(), ids.map(sequenceIdText), 'so do the texts')
  t.equal(compareSequenceId(ids[2]!, { timeStamp: 2, ordinal: 1 }), 0)
})

t.test('errors', async t => {
  const decode = new DecodeError('MSMQ_DECODE_VERSION', 'BaseHeader', 'VersionNumber', 0, '[MS-MQMQ] 2.2.19.1', '17')
  t.type(decode, MqlabError)
  t.type(decode, Error)
  t.equal(decode.name, 'DecodeError')
  t.equal(decode.message, 'BaseHeader.VersionNumber at byte 0: 17')
  t.equal(decode.definite, true)
  t.equal(new EncodeError('MSMQ_ENCODE_RANGE', 'A', 'B', 'c').message, 'A.B: c')
  t.match(new OptionError('MSMQ_OPTION_GUID', 'guid', 'x', 'digits').message, /guid "x": allowed is digits/)
  t.equal(new Set(Object.values(ERROR_CODES)).size, Object.keys(ERROR_CODES).length, 'no two codes mean the same')
})
