import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { refuse, type Structure } from './layout.js'

/* InternalHeader, after the BaseHeader of internal packets. Source: [MS-MQQB] 2.2.1.
 *   0  2  Reserved  0
 *   2  2  Flags     INTERNAL_FLAGS */

export const INTERNAL_HEADER_SIZE = 4
export const INTERNAL_HEADER_SECTION = '[MS-MQQB] 2.2.1'

export const INTERNAL_FLAGS = {
  /** Packet type, {@link PACKET_TYPE}. */
  PT: 0x000f,
  /** Connection refused; in EstablishConnection and ConnectionParameters only. */
  CS: 0x0010,
} as const

export const PACKET_TYPE = { SESSION_ACK: 1, ESTABLISH_CONNECTION: 2, CONNECTION_PARAMETERS: 3 } as const

const TYPE = 'InternalHeader.Flags.PT'

export const INTERNAL_HEADER_LAYOUT: Structure = {
  structure: 'InternalHeader',
  section: INTERNAL_HEADER_SECTION,
  parts: [
    { field: 'Reserved', type: 'u16', hex: true },
    {
      field: 'Flags',
      type: 'u16',
      flags: INTERNAL_FLAGS,
      about: { PT: 'packet type', CS: 'connection refused' },
      flagValues: { PT: PACKET_TYPE },
    },
    refuse('INTERNAL_TYPE', TYPE, ['not', ['in', TYPE, ...Object.values(PACKET_TYPE)]], 'must be 1, 2 or 3'),
    {
      rule: 'note',
      when: ['bits', 0xffe0, 'InternalHeader.Flags'],
      code: 'RESERVED_BITS',
      field: 'InternalHeader.Flags',
      why: 'reserved bits are set',
    },
    {
      rule: 'warn',
      when: 'InternalHeader.Flags.CS',
      code: 'REFUSED',
      field: 'InternalHeader.Flags.CS',
      why: 'the connection is refused',
    },
  ],
}

/** Exact PacketSize of an internal packet by its type; a SessionAck counts its SessionHeader. Null for other types. */
export function internalPacketSize(packetType: number): number | null {
  switch (packetType) {
    case PACKET_TYPE.SESSION_ACK:
      return 36
    case PACKET_TYPE.ESTABLISH_CONNECTION:
      return 572
    case PACKET_TYPE.CONNECTION_PARAMETERS:
      return 32
    default:
      return null
  }
}

export interface InternalHeader {
  reserved: number
  /** Raw, see {@link INTERNAL_FLAGS}. */
  flags: number
}

/** `MSMQ_DECODE_INTERNAL_TYPE`. */
export function decodeInternalHeader(reader: ByteReader): InternalHeader {
  reader.enter('InternalHeader', INTERNAL_HEADER_SECTION)
  const reserved = reader.u16('Reserved')
  const flags = reader.u16('Flags')
  const packetType = flags & INTERNAL_FLAGS.PT
  if (internalPacketSize(packetType) === null) {
    reader.fail('MSMQ_DECODE_INTERNAL_TYPE', 'Flags.PT', `${packetType}, must be 1, 2 or 3`, reader.offset - 2)
  }
  return { reserved, flags }
}

export function encodeInternalHeader(writer: ByteWriter, header: InternalHeader): void {
  writer.enter('InternalHeader')
  writer.u16('Reserved', header.reserved)
  writer.u16('Flags', header.flags)
}
