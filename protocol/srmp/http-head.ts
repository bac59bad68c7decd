import { DecodeError } from '../errors.js'
import { srmpSection } from './namespaces.js'

/* Requests and responses of HTTP/1.1 as bytes: from files, and in CompoundMessageHeaders. A running transport has its own
 * parser. Source: [MC-MQSRM] 2.1.1, RFC 9112. */

export type HttpHeaders = readonly (readonly [name: string, value: string])[]

export interface HttpRequestLike {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: HttpHeaders
  /** In pieces, one after the other. */
  readonly body: readonly Buffer[]
}

export interface HttpResponseLike {
  readonly status: number
  readonly reason: string
  readonly headers: HttpHeaders
  readonly body: readonly Buffer[]
}

export const HEAD_SIZE_MAX = 64 * 1024
const HEADER_COUNT_MAX = 200
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: (.*))?$/
const CR = 0x0d
const LF = 0x0a
const NOTHING = Buffer.alloc(0)

/** Value of the first header of that name; null when there is none. */
export function headerValue(headers: HttpHeaders, name: string): string | null {
  for (const [one, value] of headers) {
    if (one.length === name.length && one.toLowerCase() === name) return value
  }
  return null
}

/**
 * One request, and the bytes behind it. The body has Content-Length bytes, a view, or is chunked; a POST has one of them.
 * Offsets in errors are bytes from the start of `bytes`.
 * @throws DecodeError `MSMQ_DECODE_SRMP_HTTP`, `MSMQ_DECODE_SRMP_TRUNCATED`
 */
export function parseRawRequest(bytes: Buffer): { request: HttpRequestLike; rest: Buffer } {
  const head = readHead(bytes)
  const { method, target } = readRequestLine(head)
  if (method === 'POST' && !isMeasured(head.headers)) throw httpFault('Content-Length', 0, 'is missing')
  const { body, rest } = readBody(bytes, head, NOTHING)
  return { request: { method, target, headers: head.headers, body }, rest }
}

/** The head alone, whatever follows it; `size` is in bytes, with the empty line. */
export function parseRequestHead(bytes: Buffer): Omit<HttpRequestLike, 'body'> & { readonly size: number } {
  const head = readHead(bytes)
  return { ...readRequestLine(head), headers: head.headers, size: head.size }
}

function readRequestLine({ startLine }: Head): Pick<HttpRequestLike, 'method' | 'target'> {
  const [method, target, version, ...more] = startLine.split(' ')
  if (!TOKEN.test(method!) || !target || more.length > 0 || !isVersion(version)) {
    throw httpFault('request line', 0, 'is not METHOD, target and HTTP/1.1')
  }
  return { method: method!, target }
}

/** The head alone, whatever follows it; `size` is in bytes, with the empty line. */
export function parseResponseHead(bytes: Buffer): Omit<HttpResponseLike, 'body'> & { readonly size: number } {
  const head = readHead(bytes)
  return { ...readStatusLine(head), headers: head.headers, size: head.size }
}

/** One response. Without Content-Length everything up to the end of `bytes` is its body. */
export function parseRawResponse(bytes: Buffer): { response: HttpResponseLike; rest: Buffer } {
  const head = readHead(bytes)
  const line = readStatusLine(head)
  const { body, rest } = readBody(bytes, head, bytes.subarray(head.size))
  return { response: { ...line, headers: head.headers, body }, rest }
}

function readStatusLine({ startLine }: Head): Pick<HttpResponseLike, 'status' | 'reason'> {
  const match = STATUS_LINE.exec(startLine)
  if (match === null) throw httpFault('status line', 0, 'is not HTTP/1.1, status and reason')
  return { status: Number(match[1]), reason: match[2] ?? '' }
}

function isMeasured(headers: HttpHeaders): boolean {
  return headerValue(headers, 'content-length') !== null || headerValue(headers, 'transfer-encoding') !== null
}

function isVersion(text: string | undefined): boolean {
  return text === 'HTTP/1.1' || text === 'HTTP/1.0'
}

interface Head {
  readonly startLine: string
  readonly headers: HttpHeaders
  /** Bytes, with the empty line. */
  readonly size: number
}

function readHead(bytes: Buffer): Head {
  const size = headSize(bytes)
  const lines = headLines(bytes.toString('latin1', 0, size))
  const [startLine, ...rest] = lines
  if (startLine === undefined) throw httpFault('head', 0, 'is empty')
  return { startLine, headers: readHeaders(rest, 'HTTP head', 0), size }
}

/** Bytes up to and with the first empty line. */
function headSize(bytes: Buffer): number {
  let lineStart = 0
  while (lineStart <= HEAD_SIZE_MAX) {
    const end = bytes.indexOf(LF, lineStart)
    if (end < 0) break
    const isEmpty = end === lineStart || (end === lineStart + 1 && bytes[lineStart] === CR)
    if (isEmpty) return end + 1
    lineStart = end + 1
  }
  if (lineStart <= HEAD_SIZE_MAX && bytes.length <= HEAD_SIZE_MAX) {
    throw truncated('head', bytes.length, 'the empty line after the head is missing')
  }
  throw httpFault('head', 0, `is longer than ${HEAD_SIZE_MAX} bytes`)
}

function headLines(head: string): string[] {
  return head
    .split('\n')
    .map(line => (line.endsWith('\r') ? line.slice(0, -1) : line))
    .filter(line => line !== '')
}

/** Header lines, a line that begins with a blank belonging to the one before. Also those of parts. */
export function readHeaders(lines: readonly string[], structure: string, offset: number): HttpHeaders {
  const headers: [string, string][] = []
  for (const line of lines) {
    const before = headers.at(-1)
    if (before !== undefined && (line[0] === ' ' || line[0] === '\t')) {
      before[1] = `${before[1]} ${line.trim()}`.trim()
      continue
    }
    const colon = line.indexOf(':')
    if (colon < 0 || !TOKEN.test(line.slice(0, colon))) {
      throw headerFault(structure, offset, 'a line is no header: name, colon, value')
    }
    headers.push([line.slice(0, colon), line.slice(colon + 1).trim()])
    if (headers.length > HEADER_COUNT_MAX) {
      throw headerFault(structure, offset, `more than ${HEADER_COUNT_MAX} headers`)
    }
  }
  return headers
}

function readBody(bytes: Buffer, head: Head, unmeasured: Buffer): { body: Buffer[]; rest: Buffer } {
  const length = bodySizeBy(head.headers)
  if (length === 'chunked') return readChunks(bytes, head.size)
  if (length === null) {
    const start = head.size + unmeasured.length
    return { body: unmeasured.length === 0 ? [] : [unmeasured], rest: bytes.subarray(start) }
  }
  const end = head.size + length
  if (end > bytes.length) {
    throw truncated('Content-Length', head.size, `${length} bytes of body, only ${bytes.length - head.size} are there`)
  }
  return { body: length === 0 ? [] : [bytes.subarray(head.size, end)], rest: bytes.subarray(end) }
}

/** What the head says of the body: bytes, or that it comes in chunks; null: nothing. `MSMQ_DECODE_SRMP_HTTP`. */
export function bodySizeBy(headers: HttpHeaders): number | 'chunked' | null {
  const coding = headerValue(headers, 'transfer-encoding')
  if (coding === null) return contentLength(headers)
  if (coding.toLowerCase() !== 'chunked') throw httpFault('Transfer-Encoding', 0, 'only chunked is known')
  return 'chunked'
}

function contentLength(headers: HttpHeaders): number | null {
  let length: number | null = null
  for (const [name, value] of headers) {
    if (name.toLowerCase() !== 'content-length') continue
    const one = readLength(value)
    if (one === null) throw httpFault('Content-Length', 0, 'is no number')
    if (length !== null && length !== one) throw httpFault('Content-Length', 0, 'is there twice, with different values')
    length = one
  }
  return length
}

/** A Content-Length; null when it is none. */
export function readLength(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null
}

function readChunks(bytes: Buffer, start: number): { body: Buffer[]; rest: Buffer } {
  const chunks: Buffer[] = []
  let at = start
  for (;;) {
    const size = chunkSize(bytes, at)
    at = bytes.indexOf(LF, at) + 1
    if (size === 0) break
    if (at + size + 2 > bytes.length) throw truncated('chunk', at, `${size} bytes, only ${bytes.length - at} are there`)
    if (bytes[at + size] !== CR || bytes[at + size + 1] !== LF)
      throw httpFault('chunk', at, 'does not end where it says')
    chunks.push(bytes.subarray(at, at + size))
    at += size + 2
  }
  // Trailers, up to an empty line.
  const trailer = bytes.subarray(at)
  return { body: chunks.length === 0 ? [] : [Buffer.concat(chunks)], rest: trailer.subarray(headSize(trailer)) }
}

function chunkSize(bytes: Buffer, at: number): number {
  const end = bytes.subarray(at, at + 100).indexOf(LF)
  if (end < 0) throw truncated('chunk', at, 'the size of a chunk is missing')
  const size = readChunkSize(bytes.toString('latin1', at, at + end))
  if (size === null) throw httpFault('chunk', at, 'has no size')
  return size
}

/** Of the line before a chunk, without its LF; null when it has none. */
export function readChunkSize(line: string): number | null {
  const match = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?\r?$/i.exec(line)
  return match === null ? null : Number.parseInt(match[1]!, 16)
}

/** A request as it stands on the wire: its head, and its body. */
export function renderRawRequest(request: HttpRequestLike): Buffer {
  return Buffer.concat([renderRequestHead(request), ...request.body])
}

/** The head with its empty line; `Content-Length` is put behind `Content-Type` where it is missing. */
export function renderRequestHead({ method, target, headers, body }: HttpRequestLike): Buffer {
  let size = 0
  for (const piece of body) size += piece.length
  let head = `${method} ${target} HTTP/1.1\r\n`
  const needsLength = !isMeasured(headers)
  const place = headers.findIndex(([name]) => name.toLowerCase() === 'content-type')
  for (const [index, [name, value]] of headers.entries()) {
    head += `${name}: ${value}\r\n`
    if (needsLength && index === place) head += `Content-Length: ${size}\r\n`
  }
  if (needsLength && place < 0) head += `Content-Length: ${size}\r\n`
  return Buffer.from(`${head}\r\n`, 'latin1')
}

function httpFault(field: string, offset: number, what: string): DecodeError {
  return new DecodeError('MSMQ_DECODE_SRMP_HTTP', 'HTTP head', field, offset, srmpSection('2.1.1'), what)
}

function headerFault(structure: string, offset: number, what: string): DecodeError {
  const code = structure === 'HTTP head' ? 'MSMQ_DECODE_SRMP_HTTP' : 'MSMQ_DECODE_SRMP_MIME'
  return new DecodeError(code, structure, 'headers', offset, srmpSection('2.1.1'), what)
}

function truncated(field: string, offset: number, what: string): DecodeError {
  return new DecodeError('MSMQ_DECODE_SRMP_TRUNCATED', 'HTTP head', field, offset, srmpSection('2.1.1'), what)
}
