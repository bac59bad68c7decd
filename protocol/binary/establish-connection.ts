import type { Guid } from '../guid.js'
import type { BaseHeader } from './base-header.js'
import type { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import type { InternalHeader } from './internal-header.js'
import type { Structure } from './layout.js'

/* EstablishConnectionHeader, at byte 20. Source: [MS-MQQB] 2.2.3.1.
 *    0   16  ClientGuid       queue manager of the initiator
 *   16   16  ServerGuid       wanted queue manager, zero for a direct name; the acceptor's own in a response
 *   32    4  TimeStamp        milliseconds of the initiator's clock, echoed
 *   36    2  OperatingSystem  OPERATING_SYSTEM_FLAGS
 *   38    2  Reserved         0
 *   40  512  Padding          0x5A in a response, anything in a request */

export const ESTABLISH_CONNECTION_SIZE = 572
export const ESTABLISH_PADDING_SIZE = 512

export const OPERATING_SYSTEM_FLAGS = {
  /** Always 0x10. */
  RE: 0x00ff,
  /** No ping was sent for this session. */
  SE: 0x0100,
  /** The initiator runs a server edition. */
  OS: 0x0200,
  /** Guaranteed quality of service. */
  QS: 0x0400,
} as const

const SECTION = '[MS-MQQB] 2.2.3.1'

export const ESTABLISH_CONNECTION_LAYOUT: Structure = {
  structure: 'EstablishConnectionHeader',
  section: SECTION,
  parts: [
    { field: 'ClientGuid', type: 'guid' },
    { field: 'ServerGuid', type: 'guid' },
    { field: 'TimeStamp', type: 'u32', unit: 'ms' },
    {
      field: 'OperatingSystem',
      type: 'u16',
      flags: OPERATING_SYSTEM_FLAGS,
      about: { RE: 'always 16', SE: 'no ping was sent', OS: 'server edition', QS: 'quality of service' },
    },
    { field: 'Reserved', type: 'u16', hex: true },
    { field: 'Padding', type: 'bytes', size: ESTABLISH_PADDING_SIZE },
  ],
}

export interface EstablishConnectionPacket {
  packetType: 'EstablishConnection'
  base: BaseHeader
  internal: InternalHeader
  clientGuid: Guid
  serverGuid: Guid
  /** Milliseconds, 32 bits. */
  timeStamp: number
  /** Raw, see {@link OPERATING_SYSTEM_FLAGS}. */
  operatingSystem: number
  reserved: number
  /** 512 bytes, a view. */
  padding: Buffer
}

export function decodeEstablishConnection(
  reader: ByteReader,
  base: BaseHeader,
  internal: InternalHeader,
): EstablishConnectionPacket {
  reader.enter('EstablishConnectionHeader', SECTION)
  return {
    packetType: 'EstablishConnection',
    base,
    internal,
    clientGuid: reader.guid('ClientGuid'),
    serverGuid: reader.guid('ServerGuid'),
    timeStamp: reader.u32('TimeStamp'),
    operatingSystem: reader.u16('OperatingSystem'),
    reserved: reader.u16('Reserved'),
    padding: reader.view('Padding', ESTABLISH_PADDING_SIZE),
  }
}

export function encodeEstablishConnectionHeader(writer: ByteWriter, packet: EstablishConnectionPacket): void {
  writer.enter('EstablishConnectionHeader')
  writer.guid(packet.clientGuid)
  writer.guid(packet.serverGuid)
  writer.u32('TimeStamp', packet.timeStamp)
  writer.u16('OperatingSystem', packet.operatingSystem)
  writer.u16('Reserved', packet.reserved)
  writer.sized('Padding', packet.padding, ESTABLISH_PADDING_SIZE)
}
