import { decodePacket, type UserMessagePacket } from '../../protocol/binary/packet.js'
import { messageOfPacket, urlText } from '../../protocol/srmp/from-packet.js'
import { encodeSrmpRequest, parseRequestHead } from '../../protocol/srmp/request.js'
import type { HttpRequest } from '../actions.js'
import type { Context } from '../context.js'
import type { HttpHop } from './names.js'

/* Messages as HTTP requests: those of this machine are written, those of others go on as they came. */

/** Headers that belong to one connection, or that whoever sends the request writes anew (RFC 9110 7.6.1). */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * The POST that takes a packet to the next machine; of one packet always the same bytes (decision 0022).
 * @throws DecodeError for bytes that are no message, EncodeError for one that SRMP cannot say.
 */
export function requestFor(context: Context, bytes: Buffer, hop: HttpHop): HttpRequest {
  const packet = decodePacket(bytes) as UserMessagePacket
  if (packet.compoundMessage !== null) return forwarded(packet, hop)
  const startsStream = packet.transaction?.sequenceNumber === 1
  const sendReceiptsTo = startsStream ? context.httpNames.receiptsUrl(destinationUrl(packet) ?? '') : null
  const message = messageOfPacket(packet, sendReceiptsTo)
  const { hostHeader, secure, target } = hop
  const { headers, body } = encodeSrmpRequest(message, { host: hostHeader, target, boundary: packet.user.messageId })
  return { method: 'POST', target, headers, body, secure }
}

/** The request that brought a message, byte for byte; only target and host are new (decision 0022). */
function forwarded(packet: UserMessagePacket, hop: HttpHop): HttpRequest {
  const { method, headers, body } = storedRequest(packet) as HttpRequest
  const kept = headers.filter(([name]) => !NOT_FORWARDED.has(name.toLowerCase()))
  return { method, target: hop.target, headers: [['Host', hop.hostHeader], ...kept], body, secure: hop.secure }
}

/** The HTTP request that brought a message; null for one that came otherwise. */
export function storedRequest({ compoundMessage, properties }: UserMessagePacket): HttpRequest | null {
  if (compoundMessage === null) return null
  const { data, msgBodyOffset } = compoundMessage
  const { method, target, headers, size } = parseRequestHead(data)
  const messageBody = properties.body.subarray(0, properties.messageSize)
  const body = [data.subarray(size, msgBodyOffset), messageBody, data.subarray(msgBodyOffset)]
  return { method, target, headers, body, secure: false }
}

/** The URL of a message's destination; null where that is another kind of name. */
function destinationUrl({ user }: UserMessagePacket): string | null {
  const { destinationQueue } = user
  return destinationQueue?.type === 'DirectQueueFormatName' ? urlText(destinationQueue.name) : null
}
