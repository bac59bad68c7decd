import type { CompoundMessageHeader } from '../protocol/binary/compound-message-header.js'
import type { MessagePropertiesHeader } from '../protocol/binary/message-properties-header.js'
import type { UserMessagePacket } from '../protocol/binary/packet.js'
import { DecodeError } from '../protocol/errors.js'
import { parseContentType } from '../protocol/srmp/content-type.js'
import { headerValue, parseRawRequest } from '../protocol/srmp/http-head.js'
import { readParts } from '../protocol/srmp/multipart.js'

/** A message as HTTP brought it: what MSMQ calls its SOAP envelope and its compound message. */
export interface HttpMessage {
  /** XML. */
  readonly envelope: string
  /** The whole request: line, headers, envelope, body and other attachments. */
  readonly compoundMessage: Buffer
}

/** Null for a message that did not come over HTTP. */
export function httpMessageOf(packet: UserMessagePacket): HttpMessage | null {
  if (packet.compoundMessage === null) return null
  const compoundMessage = wholeRequest(packet.compoundMessage, packet.properties)
  return { envelope: packet.srmpEnvelope?.text ?? envelopeIn(compoundMessage), compoundMessage }
}

/** The body is kept once, among the message's properties; in its place in the request there is nothing. */
function wholeRequest(
  { data, msgBodyOffset, msgBodySize }: CompoundMessageHeader,
  { body, messageSize }: MessagePropertiesHeader,
): Buffer {
  if (msgBodySize > 0) return data
  return Buffer.concat([data.subarray(0, msgBodyOffset), body.subarray(0, messageSize), data.subarray(msgBodyOffset)])
}

/** The envelope is the first part, or all there is. Empty in what is no request. */
function envelopeIn(compoundMessage: Buffer): string {
  try {
    const { headers, body } = parseRawRequest(compoundMessage).request
    const bytes = body.length === 1 ? body[0]! : Buffer.concat(body)
    const boundary = parseContentType(headerValue(headers, 'content-type') ?? '')?.parameters.get('boundary')
    const envelope = boundary === undefined ? bytes : readParts(bytes, boundary)[0]?.bytes
    return envelope?.toString() ?? ''
  } catch (error) {
    if (error instanceof DecodeError) return ''
    throw error
  }
}
