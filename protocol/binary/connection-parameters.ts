import type { BaseHeader } from './base-header.js'
import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import type { InternalHeader } from './internal-header.js'
import type { Structure } from './layout.js'

/* ConnectionParametersHeader, at byte 20. Source: [MS-MQQB] 2.2.2.1.
 *    0  4  RecoverableAckTimeout  ms, 500..120 000
 *    4  4  AckTimeout             ms, 20 000..120 000
 *    8  2  Reserved               0
 *   10  2  WindowSize             packets
 * Values out of range are decoded as they are: whether to clamp or to close is the session's decision. */

export const CONNECTION_PARAMETERS_SIZE = 32

const SECTION = '[MS-MQQB] 2.2.2.1'

export const CONNECTION_PARAMETERS_LAYOUT: Structure = {
  structure: 'ConnectionParametersHeader',
  section: SECTION,
  parts: [
    { field: 'RecoverableAckTimeout', type: 'u32', unit: 'ms' },
    { field: 'AckTimeout', type: 'u32', unit: 'ms' },
    { field: 'Reserved', type: 'u16', hex: true },
    { field: 'WindowSize', type: 'u16', unit: 'packets' },
  ],
}

export interface ConnectionParametersPacket {
  packetType: 'ConnectionParameters'
  base: BaseHeader
  internal: InternalHeader
  /** Milliseconds before a session acknowledgement follows a recoverable message. */
  recoverableAckTimeout: number
  /** Milliseconds to wait for a session acknowledgement before closing. */
  ackTimeout: number
  reserved: number
  /** Packets. */
  windowSize: number
}

export function decodeConnectionParameters(
  reader: ByteReader,
  base: BaseHeader,
  internal: InternalHeader,
): ConnectionParametersPacket {
  reader.enter('ConnectionParametersHeader', SECTION)
  return {
    packetType: 'ConnectionParameters',
    base,
    internal,
    recoverableAckTimeout: reader.u32('RecoverableAckTimeout'),
    ackTimeout: reader.u32('AckTimeout'),
    reserved: reader.u16('Reserved'),
    windowSize: reader.u16('WindowSize'),
  }
}

export function encodeConnectionParametersHeader(writer: ByteWriter, packet: ConnectionParametersPacket): void {
  writer.enter('ConnectionParametersHeader')
  writer.u32('RecoverableAckTimeout', packet.recoverableAckTimeout)
  writer.u32('AckTimeout', packet.ackTimeout)
  writer.u16('Reserved', packet.reserved)
  writer.u16('WindowSize', packet.windowSize)
}
