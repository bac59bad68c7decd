import { encodeGuid, type Guid } from '../../protocol/guid.js'
import type { HttpRequest } from '../../queue-manager/actions.js'

const GUID_SIZE = 16

/**
 * A packet that says one QMId wherever it said another: in handshakes, as source and destination of messages, in their
 * identifiers. 16 bytes of a QMId stand by chance nowhere else. The packet itself is left alone.
 */
export function withSwappedGuid(packet: Buffer, from: Guid, to: Guid): Buffer {
  const wanted = Buffer.alloc(GUID_SIZE)
  encodeGuid(wanted, 0, from)
  let at = packet.indexOf(wanted)
  if (at < 0) return packet
  const swapped = Buffer.from(packet)
  for (; at >= 0; at = swapped.indexOf(wanted, at + GUID_SIZE)) encodeGuid(swapped, at, to)
  return swapped
}

/** The same of a request over HTTP, where QMIds are text. */
export function requestWithSwappedGuid(request: HttpRequest, from: Guid, to: Guid): HttpRequest {
  const pattern = new RegExp(from, 'gi')
  return {
    ...request,
    headers: request.headers.map(([name, value]) => [name, value.replace(pattern, to)] as const),
    body: request.body.map(bytes => {
      const text = bytes.toString('latin1')
      const swapped = text.replace(pattern, to)
      return swapped === text ? bytes : Buffer.from(swapped, 'latin1')
    }),
  }
}
