import type { Guid } from '../guid.js'
import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { refuse, type Structure } from './layout.js'

/* DebugHeader, with BaseHeader.Flags.DH: where trace reports go. Source: [MS-MQMQ] 2.2.20.8.
 *   0   2  Flags            QT
 *   2   2  Reserved
 *   4  16  QueueIdentifier  with QT 1: a public queue */

export const DEBUG_FLAGS = {
  /** Queue type: 0 none, 1 public queue. */
  QT: 0x0003,
} as const

const SECTION = '[MS-MQMQ] 2.2.20.8'
const QUEUE_TYPE = 'DebugHeader.Flags.QT'

export const DEBUG_LAYOUT: Structure = {
  structure: 'DebugHeader',
  section: SECTION,
  parts: [
    {
      field: 'Flags',
      type: 'u16',
      flags: DEBUG_FLAGS,
      about: { QT: 'queue type' },
      flagValues: { QT: { NONE: 0, PUBLIC: 1 } },
    },
    refuse('QUEUE_TYPE', QUEUE_TYPE, ['>', QUEUE_TYPE, 1], 'must be 0 or 1'),
    { field: 'Reserved', type: 'u16', hex: true },
    { when: ['=', QUEUE_TYPE, 1], parts: [{ field: 'QueueIdentifier', type: 'guid' }] },
  ],
}

export interface DebugHeader {
  /** Raw, see {@link DEBUG_FLAGS}. */
  flags: number
  reserved: number
  queueIdentifier: Guid | null
}

/** `MSMQ_DECODE_QUEUE_TYPE` for QT 2 and 3. */
export function decodeDebugHeader(reader: ByteReader): DebugHeader {
  reader.enter('DebugHeader', SECTION)
  const flags = reader.u16('Flags')
  const queueType = flags & DEBUG_FLAGS.QT
  if (queueType > 1) {
    reader.fail('MSMQ_DECODE_QUEUE_TYPE', 'Flags.QT', `${queueType}, must be 0 or 1`, reader.offset - 2)
  }
  const reserved = reader.u16('Reserved')
  return { flags, reserved, queueIdentifier: queueType === 1 ? reader.guid('QueueIdentifier') : null }
}

export function sizeOfDebugHeader(header: DebugHeader): number {
  return header.queueIdentifier === null ? 4 : 20
}

export function encodeDebugHeader(writer: ByteWriter, header: DebugHeader): void {
  writer.enter('DebugHeader')
  writer.u16('Flags', header.flags)
  writer.u16('Reserved', header.reserved)
  if (header.queueIdentifier !== null) writer.guid(header.queueIdentifier)
}
