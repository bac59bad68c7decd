import { type ByteReader, u16At, u32At } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { type Field, fixedLayoutOf, refuse, type Structure } from './layout.js'

/* BaseHeader, first in every TCP packet. Source: [MS-MQMQ] 2.2.19.1.
 *    0  1  VersionNumber     0x10
 *    1  1  Reserved          anything
 *    2  2  Flags             BASE_FLAGS
 *    4  4  Signature         0x524F494C, bytes "LIOR"
 *    8  4  PacketSize        bytes of the packet with padding, without a trailing SessionHeader; at most 4 MiB
 *   12  4  TimeToReachQueue  seconds from SentTime, 0xFFFFFFFF = for ever */

export const BASE_HEADER_SIZE = 16
export const BASE_HEADER_SECTION = '[MS-MQMQ] 2.2.19.1'
export const VERSION_NUMBER = 0x10
export const PACKET_SIGNATURE = 0x524f494c
/** Largest PacketSize, headers included. */
export const PACKET_SIZE_MAX = 0x00400000
/** What the HTTP request that brought a message may add to that. Such a packet stays in queues: no stream takes it. */
export const COMPOUND_SIZE_MAX = 0x00200000
/** The value of every lifetime that never ends. */
export const INFINITE = 0xffffffff

export const BASE_FLAGS = {
  /** Priority 0..7; 0 for transactional messages. */
  PR: 0x0007,
  /** Internal packet. */
  IN: 0x0008,
  /** SessionHeader present. */
  SH: 0x0010,
  /** DebugHeader present. */
  DH: 0x0020,
  /** Tracing on. */
  TR: 0x0100,
  RESERVED: 0xfec0,
} as const

export interface BaseHeader {
  versionNumber: number
  reserved: number
  /** Raw, see {@link BASE_FLAGS}. */
  flags: number
  signature: number
  /** Bytes. */
  packetSize: number
  /** Seconds. */
  timeToReachQueue: number
}

/** UserHeader.Flags, and AH in it: [MS-MQMQ] 2.2.19.2. */
const USER_FLAGS_END = 64
const COMPOUND_FLAG = 0x02000000

const FIELDS: readonly Field[] = [
  { field: 'VersionNumber', type: 'u8', hex: true },
  { field: 'Reserved', type: 'u8', hex: true },
  {
    field: 'Flags',
    type: 'u16',
    flags: BASE_FLAGS,
    about: {
      PR: 'priority',
      IN: 'internal packet',
      SH: 'SessionHeader present',
      DH: 'DebugHeader present',
      TR: 'tracing on',
    },
  },
  { field: 'Signature', type: 'u32', hex: true },
  { field: 'PacketSize', type: 'u32', unit: 'bytes' },
  { field: 'TimeToReachQueue', type: 'u32', unit: 's' },
]
const LAYOUT = fixedLayoutOf(FIELDS)

export const BASE_HEADER_LAYOUT: Structure = {
  structure: 'BaseHeader',
  section: BASE_HEADER_SECTION,
  parts: [
    ...FIELDS,
    refuse('VERSION', 'BaseHeader.VersionNumber', ['not', ['=', 'BaseHeader.VersionNumber', 0x10]], 'must be 16'),
    refuse(
      'SIGNATURE',
      'BaseHeader.Signature',
      ['not', ['=', 'BaseHeader.Signature', PACKET_SIGNATURE]],
      'must be 0x524f494c',
    ),
    refuse(
      'PACKET_SIZE',
      'BaseHeader.PacketSize',
      [
        'or',
        ['not', ['>', 'BaseHeader.PacketSize', BASE_HEADER_SIZE]],
        [
          '>',
          'BaseHeader.PacketSize',
          // as hasCompound
          [
            '+',
            PACKET_SIZE_MAX,
            [
              '*',
              COMPOUND_SIZE_MAX,
              ['and', ['not', 'BaseHeader.Flags.IN'], ['bits', COMPOUND_FLAG, ['peek32', USER_FLAGS_END - 4]]],
            ],
          ],
        ],
      ],
      `must be ${BASE_HEADER_SIZE + 1} to ${PACKET_SIZE_MAX}`,
    ),
    {
      rule: 'note',
      when: ['bits', BASE_FLAGS.RESERVED, 'BaseHeader.Flags'],
      code: 'RESERVED_BITS',
      field: 'BaseHeader.Flags',
      why: 'reserved bits are set',
    },
  ],
}

/** `MSMQ_DECODE_VERSION`, `MSMQ_DECODE_SIGNATURE`, `MSMQ_DECODE_PACKET_SIZE`. */
export function decodeBaseHeader(reader: ByteReader): BaseHeader {
  reader.enter('BaseHeader', BASE_HEADER_SECTION)
  const start = reader.fixed(LAYOUT, BASE_HEADER_SIZE)
  const bytes = reader.bytes
  const versionNumber = bytes[start]!
  if (versionNumber !== VERSION_NUMBER) {
    reader.fail('MSMQ_DECODE_VERSION', 'VersionNumber', `${versionNumber}, must be 16`, start)
  }
  const signature = u32At(bytes, start + 4)
  if (signature !== PACKET_SIGNATURE) {
    reader.fail('MSMQ_DECODE_SIGNATURE', 'Signature', `0x${signature.toString(16)}, must be 0x524f494c`, start + 4)
  }
  const packetSize = u32At(bytes, start + 8)
  const packetSizeMax = PACKET_SIZE_MAX + (hasCompound(bytes, start) ? COMPOUND_SIZE_MAX : 0)
  if (packetSize <= BASE_HEADER_SIZE || packetSize > packetSizeMax) {
    reader.fail('MSMQ_DECODE_PACKET_SIZE', 'PacketSize', `${packetSize}, must be 17 to ${packetSizeMax}`, start + 8)
  }
  return {
    versionNumber,
    reserved: bytes[start + 1]!,
    flags: u16At(bytes, start + 2),
    signature,
    packetSize,
    timeToReachQueue: u32At(bytes, start + 12),
  }
}

/** A user message whose UserHeader says that it came over HTTP. */
function hasCompound(bytes: Uint8Array, start: number): boolean {
  if ((u16At(bytes, start + 2) & BASE_FLAGS.IN) !== 0 || bytes.length < start + USER_FLAGS_END) return false
  return (u32At(bytes, start + USER_FLAGS_END - 4) & COMPOUND_FLAG) !== 0
}

export function encodeBaseHeader(writer: ByteWriter, header: BaseHeader): void {
  writer.enter('BaseHeader')
  writer.u8('VersionNumber', header.versionNumber)
  writer.u8('Reserved', header.reserved)
  writer.u16('Flags', header.flags)
  writer.u32('Signature', header.signature)
  writer.u32('PacketSize', header.packetSize)
  writer.u32('TimeToReachQueue', header.timeToReachQueue)
}
