import { DecodeError } from '../errors.js'
import type { ContentType } from './content-type.js'
import { type HttpHeaders, headerValue, readHeaders, readLength } from './http-head.js'
import type { Part } from './message.js'
import { srmpSection } from './namespaces.js'

/* Parts of a multipart body. The product puts no CR LF in front of a delimiter, so that each part is cut by its own
 * Content-Length, and a payload may hold the delimiter. A part without one ends at the next delimiter, as RFC 2046 has it.
 * Source: [MC-MQSRM] 2.2.2 and the examples of 4. */

export interface ReadPart {
  readonly headers: HttpHeaders
  readonly bytes: Buffer
  /** Bytes from the start of the body to `bytes`. */
  readonly offset: number
}

const PART_COUNT_MAX = 100
const PART_HEAD_SIZE_MAX = 16 * 1024
const DASH = 0x2d
const CR = 0x0d
const LF = 0x0a

/** @throws DecodeError `MSMQ_DECODE_SRMP_MIME` */
export function readParts(body: Buffer, boundary: string): ReadPart[] {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1')
  const parts: ReadPart[] = []
  let at = firstDelimiter(body, delimiter) + delimiter.length
  while (!isClosing(body, at)) {
    if (parts.length >= PART_COUNT_MAX) throw mimeFault('parts', at, `more than ${PART_COUNT_MAX}`)
    const { headers, end } = readPartHead(body, lineEnd(body, at))
    const bytes = readPartBytes(body, headers, end, delimiter)
    parts.push({ headers, bytes, offset: end })
    at = skipDelimiter(body, end + bytes.length, delimiter)
  }
  return parts
}

function firstDelimiter(body: Buffer, delimiter: Buffer): number {
  const at = body.indexOf(delimiter)
  if (at < 0 || (at > 0 && body[at - 1] !== LF)) {
    throw mimeFault('delimiter', 0, 'the body does not begin with the boundary that Content-Type names')
  }
  return at
}

function isClosing(body: Buffer, at: number): boolean {
  return body[at] === DASH && body[at + 1] === DASH
}

/** Behind the end of the line on which a delimiter stands. */
function lineEnd(body: Buffer, start: number): number {
  let at = start
  while (body[at] === 0x20 || body[at] === 0x09) at++
  if (body[at] === CR && body[at + 1] === LF) return at + 2
  if (body[at] === LF) return at + 1
  throw mimeFault('delimiter', start, 'is not followed by the end of its line, nor by --')
}

function readPartHead(body: Buffer, start: number): { headers: HttpHeaders; end: number } {
  const lines: string[] = []
  let at = start
  for (;;) {
    const end = body.indexOf(LF, at)
    if (end < 0 || end - start > PART_HEAD_SIZE_MAX) {
      throw mimeFault('part head', start, `has no empty line within ${PART_HEAD_SIZE_MAX} bytes`)
    }
    const line = body.toString('utf8', at, end > at && body[end - 1] === CR ? end - 1 : end)
    at = end + 1
    if (line === '') return { headers: readHeaders(lines, 'MIME part', start), end: at }
    lines.push(line)
  }
}

function readPartBytes(body: Buffer, headers: HttpHeaders, start: number, delimiter: Buffer): Buffer {
  const coding = headerValue(headers, 'content-transfer-encoding')
  if (coding !== null && !/^(?:7bit|8bit|binary)$/i.test(coding)) {
    throw mimeFault('Content-Transfer-Encoding', start, 'only 7bit, 8bit and binary are known')
  }
  const declared = headerValue(headers, 'content-length')
  if (declared === null) return body.subarray(start, endByDelimiter(body, start, delimiter))
  const length = readLength(declared)
  if (length === null) throw mimeFault('Content-Length', start, 'is no number')
  if (length > body.length - start) {
    throw mimeFault('Content-Length', start, `${length} bytes, only ${body.length - start} are left`)
  }
  return body.subarray(start, start + length)
}

/** Where a part without a length ends: at the first delimiter, and at the line break before it. */
function endByDelimiter(body: Buffer, start: number, delimiter: Buffer): number {
  for (let at = body.indexOf(delimiter, start); at >= 0; at = body.indexOf(delimiter, at + 1)) {
    const behind = at + delimiter.length
    const next = body[behind]
    if (!isClosing(body, behind) && next !== CR && next !== LF && next !== 0x20 && next !== 0x09) continue
    if (at - 2 >= start && body[at - 2] === CR && body[at - 1] === LF) return at - 2
    return at
  }
  throw mimeFault('delimiter', start, 'after a part without Content-Length is missing')
}

/** Behind the delimiter that follows a part, with or without a line break between. */
function skipDelimiter(body: Buffer, end: number, delimiter: Buffer): number {
  let at = end
  if (body[at] === CR && body[at + 1] === LF) at += 2
  if (body.compare(delimiter, 0, delimiter.length, at, Math.min(at + delimiter.length, body.length)) !== 0) {
    throw mimeFault('delimiter', end, 'does not follow the part')
  }
  return at + delimiter.length
}

/** `body@…` of `body@…`, `<body@…>` and `"body@…"`; '' when the part has none. */
export function contentIdOf(headers: HttpHeaders): string {
  let id = (headerValue(headers, 'content-id') ?? '').trim()
  while ((id.startsWith('<') && id.endsWith('>')) || (id.length > 1 && id.startsWith('"') && id.endsWith('"'))) {
    id = id.slice(1, -1).trim()
  }
  return id
}

/** Whether a part, or a body without parts, is XML in UTF-8. */
export function isXmlType(type: ContentType | null): boolean {
  if (type === null || (type.mediaType !== 'text/xml' && type.mediaType !== 'application/xml')) return false
  const charset = type.parameters.get('charset')?.toLowerCase()
  return charset === undefined || charset === 'utf-8' || charset === 'us-ascii'
}

/** As the product frames them. `bodyOffset` is where the first part's bytes begin. */
export function writeParts(
  envelope: string,
  parts: readonly Part[],
  boundary: string,
): { pieces: Buffer[]; bodyOffset: number } {
  const pieces: Buffer[] = []
  let text =
    `--${boundary}\r\nContent-Type: text/xml; charset=UTF-8\r\n` +
    `Content-Length: ${Buffer.byteLength(envelope)}\r\n\r\n${envelope}`
  let bodyOffset = 0
  for (const { contentId, bytes } of parts) {
    const id = contentId === '' ? '' : `Content-Id: ${contentId}\r\n`
    text += `--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Length: ${bytes.length}\r\n${id}\r\n`
    const head = Buffer.from(text)
    if (pieces.length === 0) bodyOffset = head.length
    pieces.push(head, bytes)
    text = ''
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`))
  return { pieces, bodyOffset }
}

export function mimeFault(field: string, offset: number, what: string): DecodeError {
  return new DecodeError('MSMQ_DECODE_SRMP_MIME', 'HTTP body', field, offset, srmpSection('2.2.2'), what)
}
