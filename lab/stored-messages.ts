import { BASE_HEADER_SIZE } from '../protocol/binary/base-header.js'
import { decodeGuid, type Guid } from '../protocol/guid.js'

/** In a UserHeader ([MS-MQMQ] 2.2.19.2). */
const SOURCE_OFFSET = BASE_HEADER_SIZE
const MESSAGE_ID_OFFSET = BASE_HEADER_SIZE + 40

/** Which message a stored packet is. Null for one that is too short to say. */
export function storedMessage(packet: Uint8Array): { readonly source: Guid; readonly messageId: number } | null {
  if (packet.length < MESSAGE_ID_OFFSET + 4) return null
  const view = new DataView(packet.buffer, packet.byteOffset)
  return { source: decodeGuid(packet, SOURCE_OFFSET), messageId: view.getUint32(MESSAGE_ID_OFFSET, true) }
}
