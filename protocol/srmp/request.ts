import { DecodeError } from '../errors.js'
import { parseContentType } from './content-type.js'
import { decodeEnvelope, type EnvelopeSpelling, envelopeText } from './envelope.js'
import { type HttpHeaders, type HttpRequestLike, headerValue } from './http-head.js'
import type { Part, SrmpMessage } from './message.js'
import { contentIdOf, isXmlType, mimeFault, type ReadPart, readParts, writeParts } from './multipart.js'
import { srmpSection } from './namespaces.js'

export {
  type HttpHeaders,
  type HttpRequestLike,
  parseRawRequest,
  parseRequestHead,
  renderRawRequest,
  renderRequestHead,
} from './http-head.js'
export { kindOf } from './kind.js'

/* An SRMP message as the HTTP request that carries it. Source: [MC-MQSRM] 2.1.1, 2.2.2, and the examples of 4. */

/** The envelope, which is one part, has at most 1 MiB, and messages at most 4 MiB (1.6). */
export const REQUEST_BODY_SIZE_MAX = 5 * 1024 * 1024
/** RFC 2046 5.1.1. */
const BOUNDARY_LENGTH_MAX = 70

/**
 * The message in a request. Parts are views of the request's body, where that is in one piece.
 * @throws DecodeError of a code `MSMQ_DECODE_SRMP_…`; its offset counts from the start of the HTTP body.
 */
export function decodeSrmpRequest(request: HttpRequestLike): SrmpMessage {
  return decodeSpelledRequest(request).message
}

/** With what the message's text says beyond it, for listings. */
export function decodeSpelledRequest({ method, headers, body }: HttpRequestLike): {
  message: SrmpMessage
  spelling: EnvelopeSpelling
} {
  if (method !== 'POST') throw httpFault('method', `${method.slice(0, 20)}, not POST`)
  const bytes = body.length === 1 ? body[0]! : joined(body)
  if (bytes.length > REQUEST_BODY_SIZE_MAX) throw tooLarge()
  const parts = partsOf(bytes, headers)
  const { envelope, spelling } = decodeEnvelope(parts[0]!.bytes, parts[0]!.offset)
  return { message: Object.assign(envelope, attachmentsOf(parts)), spelling }
}

function joined(pieces: readonly Buffer[]): Buffer {
  let size = 0
  for (const piece of pieces) size += piece.length
  if (size > REQUEST_BODY_SIZE_MAX) throw tooLarge()
  return Buffer.concat(pieces, size)
}

/** The envelope first. A body that is not multipart is an envelope. */
function partsOf(body: Buffer, headers: HttpHeaders): readonly ReadPart[] {
  const text = headerValue(headers, 'content-type')
  if (text === null) throw httpFault('Content-Type', 'is missing')
  const type = parseContentType(text)
  if (isXmlType(type)) return [{ headers, bytes: body, offset: 0 }]
  const boundary = type?.parameters.get('boundary')
  if (type?.mediaType !== 'multipart/related' || boundary === undefined || boundary === '') {
    throw httpFault('Content-Type', 'is neither text/xml in UTF-8 nor multipart/related with a boundary')
  }
  if (boundary.length > BOUNDARY_LENGTH_MAX) throw httpFault('boundary', `more than ${BOUNDARY_LENGTH_MAX} characters`)
  const parts = readParts(body, boundary)
  const first = parts[0]
  if (first === undefined) throw mimeFault('parts', 0, 'there are none')
  const firstType = headerValue(first.headers, 'content-type')
  if (firstType !== null && firstType !== ENVELOPE_TYPE && !isXmlType(parseContentType(firstType))) {
    throw mimeFault('Content-Type', first.offset, 'the first part, the envelope, is not text/xml in UTF-8')
  }
  return parts
}

/** That of the product. */
const ENVELOPE_TYPE = 'text/xml; charset=UTF-8'

function attachmentsOf([, ...others]: readonly ReadPart[]): Pick<SrmpMessage, 'body' | 'extension' | 'attachments'> {
  let body: Part | null = null
  let extension: Part | null = null
  const attachments: Part[] = []
  for (const { headers, bytes, offset } of others) {
    const part: Part = { contentId: contentIdOf(headers), bytes }
    if (part.contentId.startsWith('body@')) {
      if (body !== null) throw mimeFault('Content-Id', offset, 'a second part body@')
      body = part
    } else if (part.contentId.startsWith('extension@')) {
      if (extension !== null) throw mimeFault('Content-Id', offset, 'a second part extension@')
      extension = part
    } else attachments.push(part)
  }
  return { body, extension, attachments }
}

function httpFault(field: string, what: string): DecodeError {
  return new DecodeError('MSMQ_DECODE_SRMP_HTTP', 'HTTP head', field, 0, srmpSection('2.1.1'), what)
}

function tooLarge(): DecodeError {
  const what = `more than ${REQUEST_BODY_SIZE_MAX} bytes`
  return new DecodeError('MSMQ_DECODE_SRMP_SIZE', 'HTTP body', 'size', REQUEST_BODY_SIZE_MAX, srmpSection('1.6'), what)
}

export interface EncodedSrmpRequest {
  /** As the product writes it: lower case. */
  readonly target: string
  /** In the product's order, without Content-Length. */
  readonly headers: HttpHeaders
  /** In pieces; the message's parts are among them as they are. */
  readonly body: readonly Buffer[]
  /** Where the part `body@…` begins, in bytes from the start of the body; 0 without one. */
  readonly bodyOffset: number
  readonly bodyLength: number
}

/**
 * A request as the product writes it, to the byte. A message without parts has no multipart body (A user message without
 * them is sent as a receipt is).
 * @param options `host` for the header; `target` path and query of the queue's URL; `boundary` its number.
 * @throws EncodeError `MSMQ_ENCODE_SRMP_DATE`
 */
export function encodeSrmpRequest(
  message: SrmpMessage,
  options: { readonly host: string; readonly target: string; readonly boundary: number },
): EncodedSrmpRequest {
  const envelope = envelopeText(message)
  const { body, extension, attachments } = message
  const parts = [...(body === null ? [] : [body]), ...(extension === null ? [] : [extension]), ...attachments]
  const target = requestTarget(options.target)
  if (parts.length === 0) {
    const headers = requestHeaders(options.host, 'text/xml')
    return { target, headers, body: [Buffer.from(envelope)], bodyOffset: 0, bodyLength: 0 }
  }
  const boundary = `MSMQ - SOAP boundary, ${options.boundary}`
  const { pieces, bodyOffset } = writeParts(envelope, parts, boundary)
  return {
    target,
    headers: requestHeaders(options.host, `multipart/related; boundary="${boundary}"; type=text/xml`),
    body: pieces,
    bodyOffset: body === null ? 0 : bodyOffset,
    bodyLength: body === null ? 0 : body.bytes.length,
  }
}

function requestHeaders(host: string, contentType: string): HttpHeaders {
  return [
    ['Host', host],
    ['Content-Type', contentType],
    ['SOAPAction', '"MSMQMessage"'],
    ['Proxy-Accept', 'NonInteractiveClient'],
  ]
}

/** Lower case; bytes that a request line has no room for, such as blanks in queue names, as %XX. */
export function requestTarget(target: string): string {
  const lower = target.toLowerCase()
  if (/^[\x21-\x7e]*$/.test(lower)) return lower
  let result = ''
  for (const byte of Buffer.from(lower)) {
    const isVisible = byte > 0x20 && byte < 0x7f
    result += isVisible ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return result
}
