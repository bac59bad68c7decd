/** How the messages in one direction of an HTTP connection begin. */
export interface HttpBeginning {
  /** What is there at `start` may begin one. */
  readonly fits: (bytes: Buffer, start: number) => boolean
  /** Their first line, without its LF. */
  readonly line: RegExp
}

const BLANK = 0x20
const METHOD_SIZE_MAX = 20
const STATUS_START = Buffer.from('HTTP/1.', 'latin1')

/** A method in capitals and a blank, as far as it is there. */
function fitsRequest(bytes: Buffer, start: number): boolean {
  const end = Math.min(bytes.length, start + METHOD_SIZE_MAX)
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!
    if (byte === BLANK) return at - start >= 3
    if (byte < 0x41 || byte > 0x5a) return false
  }
  return end === bytes.length
}

function fitsResponse(bytes: Buffer, start: number): boolean {
  const size = Math.min(STATUS_START.length, bytes.length - start)
  return bytes.compare(STATUS_START, 0, size, start, start + size) === 0
}

export const REQUEST_BEGINNING: HttpBeginning = { fits: fitsRequest, line: /^[A-Z]+ [^ ]+ HTTP\/1\.[01]\r?$/ }
export const RESPONSE_BEGINNING: HttpBeginning = { fits: fitsResponse, line: /^HTTP\/1\.[01] \d{3}(?: .*)?\r?$/ }
