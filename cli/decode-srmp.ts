import { DecodeError } from '../protocol/errors.js'
import { headerFields, responseFields, type SrmpFields, srmpFields } from '../protocol/srmp/fields.js'
import { decodeSrmpFragment } from '../protocol/srmp/fragment.js'
import { parseRawRequest, parseRawResponse } from '../protocol/srmp/http-head.js'
import { decodeSpelledRequest } from '../protocol/srmp/request.js'

/* `mqlab decode --srmp`: what SRMP sends over HTTP, as files hold it: requests and responses one after the other, or XML by
 * itself, which is an envelope or one element of it. */

/** One result for each message of a file, in order. After one that says wrongly where it ends nothing more is found. */
export function* decodeSrmp(bytes: Buffer): Generator<SrmpFields | DecodeError> {
  let rest = bytes.subarray(blanksBefore(bytes))
  if (startsAsXml(rest)) {
    yield attempt(() => ({ form: 'fragment', ...decodeSrmpFragment(rest) }))
    return
  }
  while (rest.length > 0) {
    let next: { message: SrmpFields | DecodeError; rest: Buffer }
    try {
      next = rest.subarray(0, 5).equals(RESPONSE) ? nextResponse(rest) : nextRequest(rest)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      yield error
      return
    }
    yield next.message
    rest = next.rest.subarray(blanksBefore(next.rest))
  }
}

const RESPONSE = Buffer.from('HTTP/')
const LESS = 0x3c
const BYTE_ORDER_MARK = Buffer.from('\ufeff')

function startsAsXml(bytes: Buffer): boolean {
  return bytes[0] === LESS || bytes.subarray(0, 3).equals(BYTE_ORDER_MARK)
}

/** Blanks and line breaks, which editors put at ends of files and people between messages. */
function blanksBefore(bytes: Buffer): number {
  const count = bytes.findIndex(byte => byte !== 0x0d && byte !== 0x0a && byte !== 0x20 && byte !== 0x09)
  return count < 0 ? bytes.length : count
}

function nextRequest(bytes: Buffer): { message: SrmpFields | DecodeError; rest: Buffer } {
  const { request, rest } = parseRawRequest(bytes)
  const { method, target, headers } = request
  const http = { method, target, headers: headerFields(headers) }
  const message = attempt(() => {
    const { message, spelling } = decodeSpelledRequest(request)
    return { form: 'request', http, ...srmpFields(message, spelling) }
  })
  return { message, rest }
}

function nextResponse(bytes: Buffer): { message: SrmpFields; rest: Buffer } {
  const { response, rest } = parseRawResponse(bytes)
  return { message: { form: 'response', ...responseFields(response) }, rest }
}

function attempt(decode: () => SrmpFields): SrmpFields | DecodeError {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
}
