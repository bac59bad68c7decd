import type { Guid } from '../guid.js'
import type { TxSequenceId } from '../sequence-id.js'
import { type ByteReader, u32At } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { type Field, fixedLayoutOf, refuse, type Structure } from './layout.js'

/* TransactionHeader, with UserHeader.Flags.TH. Source: [MS-MQMQ] 2.2.20.5.
 *    0   4  Flags                     TX_FLAGS
 *    4   8  TxSequenceID              Ordinal 4, TimeStamp 4
 *   12   4  TxSequenceNumber          1..; position in the sequence
 *   16   4  PreviousTxSequenceNumber  of the message before, 0 if none
 *   20  16  ConnectorQMGuid           with Flags.CG */

export const TRANSACTION_HEADER_SIZE = 20

export const TX_FLAGS = {
  /** ConnectorQMGuid present. */
  CG: 0x00000001,
  /** Final acknowledgement wanted. */
  FA: 0x00000002,
  /** First message of its transaction. */
  FM: 0x00000004,
  /** Last message of its transaction. */
  LM: 0x00000008,
  /** 20-bit transaction identifier, unique in the sending queue manager. */
  ID: 0x00fffff0,
  ID_SHIFT: 4,
} as const

export interface TransactionHeader {
  /** Raw, see {@link TX_FLAGS}. */
  flags: number
  sequenceId: TxSequenceId
  sequenceNumber: number
  previousSequenceNumber: number
  connectorQmGuid: Guid | null
}

const SECTION = '[MS-MQMQ] 2.2.20.5'
const FIELDS: readonly Field[] = [
  {
    field: 'Flags',
    type: 'u32',
    flags: TX_FLAGS,
    about: {
      CG: 'ConnectorQMGuid present',
      FA: 'final acknowledgement wanted',
      FM: 'first message of its transaction',
      LM: 'last message of its transaction',
      ID: 'transaction identifier',
    },
  },
  { field: 'TxSequenceID.Ordinal', type: 'u32' },
  { field: 'TxSequenceID.TimeStamp', type: 'u32' },
  { field: 'TxSequenceNumber', type: 'u32' },
  { field: 'PreviousTxSequenceNumber', type: 'u32' },
]
const LAYOUT = fixedLayoutOf(FIELDS)

const NUMBER = 'TransactionHeader.TxSequenceNumber'
const PREVIOUS = 'TransactionHeader.PreviousTxSequenceNumber'

export const TRANSACTION_LAYOUT: Structure = {
  structure: 'TransactionHeader',
  section: SECTION,
  parts: [
    ...FIELDS,
    refuse('SEQUENCE_NUMBER', NUMBER, ['=', NUMBER, 0], 'must be at least 1'),
    refuse('SEQUENCE_NUMBER', PREVIOUS, ['not', ['<', PREVIOUS, NUMBER]], 'must be below TxSequenceNumber'),
    {
      rule: 'note',
      when: ['bits', 0xff000000, 'TransactionHeader.Flags'],
      code: 'RESERVED_BITS',
      field: 'TransactionHeader.Flags',
      why: 'unused bits are set',
    },
    { when: 'TransactionHeader.Flags.CG', parts: [{ field: 'ConnectorQMGuid', type: 'guid' }] },
  ],
}

/** Unknown flag bits are kept and ignored. `MSMQ_DECODE_SEQUENCE_NUMBER` when the number is 0 or not above the previous
 *  one. */
export function decodeTransactionHeader(reader: ByteReader): TransactionHeader {
  reader.enter('TransactionHeader', SECTION)
  const start = reader.fixed(LAYOUT, TRANSACTION_HEADER_SIZE)
  const bytes = reader.bytes
  const flags = u32At(bytes, start)
  const sequenceNumber = u32At(bytes, start + 12)
  if (sequenceNumber === 0) {
    reader.fail('MSMQ_DECODE_SEQUENCE_NUMBER', 'TxSequenceNumber', '0, must be at least 1', start + 12)
  }
  const previousSequenceNumber = u32At(bytes, start + 16)
  if (previousSequenceNumber >= sequenceNumber) {
    const what = `${previousSequenceNumber}, must be below TxSequenceNumber ${sequenceNumber}`
    reader.fail('MSMQ_DECODE_SEQUENCE_NUMBER', 'PreviousTxSequenceNumber', what, start + 16)
  }
  return {
    flags,
    sequenceId: { ordinal: u32At(bytes, start + 4), timeStamp: u32At(bytes, start + 8) },
    sequenceNumber,
    previousSequenceNumber,
    connectorQmGuid: (flags & TX_FLAGS.CG) !== 0 ? reader.guid('ConnectorQMGuid') : null,
  }
}

export function sizeOfTransactionHeader(header: TransactionHeader): number {
  return header.connectorQmGuid === null ? TRANSACTION_HEADER_SIZE : TRANSACTION_HEADER_SIZE + 16
}

export function encodeTransactionHeader(writer: ByteWriter, header: TransactionHeader): void {
  writer.enter('TransactionHeader')
  writer.u32('Flags', header.flags)
  writer.u32('TxSequenceID.Ordinal', header.sequenceId.ordinal)
  writer.u32('TxSequenceID.TimeStamp', header.sequenceId.timeStamp)
  writer.u32('TxSequenceNumber', header.sequenceNumber)
  writer.u32('PreviousTxSequenceNumber', header.previousSequenceNumber)
  if (header.connectorQmGuid !== null) writer.guid(header.connectorQmGuid)
}
