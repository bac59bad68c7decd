import type { Guid } from '../guid.js'
import { ByteReader, type FieldSink } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { refuse, type Structure } from './layout.js'

/* Ping datagram on UDP 3527. Source: [MS-MQQB] 2.2.7.
 *   0   2  Flags      PING_FLAGS; the other bits may hold rubbish
 *   2   2  Signature  0x5548
 *   4   4  Cookie     number of the request, echoed
 *   8  16  QMGuid     queue manager that made this packet */

export const PING_SIZE = 24
export const PING_SIGNATURE = 0x5548
export const PING_SECTION = '[MS-MQQB] 2.2.7'

export const PING_FLAGS = {
  /** The initiator runs no server edition; echoed. */
  RC: 0x0001,
  /** A session would be refused now. */
  RF: 0x0002,
} as const

export const PING_LAYOUT: Structure = {
  structure: 'Ping',
  section: PING_SECTION,
  parts: [
    {
      field: 'Flags',
      type: 'u16',
      flags: PING_FLAGS,
      about: { RC: 'the initiator runs no server edition', RF: 'a session would be refused' },
    },
    { field: 'Signature', type: 'u16', hex: true },
    refuse('SIGNATURE', 'Ping.Signature', ['not', ['=', 'Ping.Signature', PING_SIGNATURE]], 'must be 0x5548'),
    { field: 'Cookie', type: 'u32' },
    { field: 'QMGuid', type: 'guid' },
    refuse('EXCESS', 'Ping.QMGuid', ['>', ['given'], PING_SIZE], `bytes follow; a ping has ${PING_SIZE}`),
    {
      rule: 'warn',
      when: 'Ping.Flags.RF',
      code: 'REFUSED',
      field: 'Ping.Flags.RF',
      why: 'a session would be refused',
    },
  ],
}

export interface PingPacket {
  packetType: 'Ping'
  /** Raw, see {@link PING_FLAGS}. */
  flags: number
  signature: number
  cookie: number
  qmGuid: Guid
}

/** Exactly one datagram; the receiver ignores one that fails.
 *  `MSMQ_DECODE_SIGNATURE`, `MSMQ_DECODE_TRUNCATED`, `MSMQ_DECODE_EXCESS`. */
export function decodePing(bytes: Buffer, sink: FieldSink | null = null): PingPacket {
  const reader = new ByteReader(bytes, sink)
  reader.enter('Ping', PING_SECTION)
  const flags = reader.u16('Flags')
  const signature = reader.u16('Signature')
  if (signature !== PING_SIGNATURE) {
    reader.fail('MSMQ_DECODE_SIGNATURE', 'Signature', `0x${signature.toString(16)}, must be 0x5548`, 2)
  }
  const cookie = reader.u32('Cookie')
  const qmGuid = reader.guid('QMGuid')
  if (bytes.length > PING_SIZE) {
    reader.fail('MSMQ_DECODE_EXCESS', 'QMGuid', `${bytes.length} bytes, a ping has ${PING_SIZE}`, PING_SIZE)
  }
  return { packetType: 'Ping', flags, signature, cookie, qmGuid }
}

export function encodePing(ping: Omit<PingPacket, 'packetType' | 'signature'> & { signature?: number }): Buffer {
  const writer = new ByteWriter(Buffer.allocUnsafe(PING_SIZE))
  writer.enter('Ping')
  writer.u16('Flags', ping.flags)
  writer.u16('Signature', ping.signature ?? PING_SIGNATURE)
  writer.u32('Cookie', ping.cookie)
  writer.guid(ping.qmGuid)
  return writer.bytes
}
