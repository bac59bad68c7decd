import { BASE_FLAGS, BASE_HEADER_SECTION, type BaseHeader } from './base-header.js'
import type { ByteReader } from './byte-reader.js'
import type { InternalHeader } from './internal-header.js'
import { decodeSessionHeader, type SessionHeader } from './session-header.js'

/** Its PacketSize counts the SessionHeader, as the published bytes show ([MS-MQQB] 4.1.8). */
export const SESSION_ACK_SIZE = 36

/** A session acknowledgement on its own. Source: [MS-MQQB] 2.2.6. */
export interface SessionAckPacket {
  packetType: 'SessionAck'
  base: BaseHeader
  internal: InternalHeader
  session: SessionHeader
}

/** `MSMQ_DECODE_SESSION_HEADER` when BaseHeader.Flags.SH is clear. */
export function decodeSessionAck(reader: ByteReader, base: BaseHeader, internal: InternalHeader): SessionAckPacket {
  if ((base.flags & BASE_FLAGS.SH) === 0) {
    reader.enter('BaseHeader', BASE_HEADER_SECTION)
    reader.fail('MSMQ_DECODE_SESSION_HEADER', 'Flags.SH', 'must be set in a SessionAck', 2)
  }
  return { packetType: 'SessionAck', base, internal, session: decodeSessionHeader(reader) }
}
