import type { IncomingMessage } from 'node:http'

/**
 * What a gateway does to the heads of requests and answers. RFC 9110 7.6.1: fields that belong to one connection stay on
 * it, and so do those that `Connection` names. All other fields pass in order and unchanged, `Host` too.
 *
 * Unlike RFC 9110 7.6.3 no `Via` is added: the balancers this one stands for add none, and a message that is kept with its
 * HTTP head would carry it for good.
 */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Fields that say where a message goes and where it ends; a `Connection` that names one is an attempt at something. */
const NOT_OF_THE_CONNECTION: ReadonlySet<string> = new Set(['host', 'content-length'])

/** Each field is compared with each name. */
const NAMES_MAX = 100

const FORWARDED_FOR = 'X-Forwarded-For'

/** An answer that the gateway gives itself. */
export interface Refusal {
  readonly status: number
  readonly reason: string
  /** What it says of the client's connection where that ends with it. Default `end`. */
  readonly manner?: 'hostDown' | 'noHost' | 'reset'
}

/** Why a request that the parser let pass is not forwarded all the same, or null. */
export function refusalOf(request: IncomingMessage): Refusal | null {
  const { rawHeaders, headers, httpVersionMinor } = request
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts > 1) return { status: 400, reason: 'more than one Host' }
  if (hosts === 0 && httpVersionMinor > 0) return { status: 400, reason: 'no Host' }
  const coding = headers['transfer-encoding']
  if (coding !== undefined) {
    // only chunked is taken off; anything beneath it would be forwarded without its name
    if (coding.toLowerCase() !== 'chunked') return { status: 501, reason: 'a transfer coding other than chunked' }
    if (httpVersionMinor === 0) return { status: 400, reason: 'a transfer coding in HTTP/1.0' }
  }
  const named = namedByConnection(headers.connection)
  if (named.length > NAMES_MAX) return { status: 400, reason: 'Connection names too much' }
  for (const name of named) {
    if (NOT_OF_THE_CONNECTION.has(name)) return { status: 400, reason: `Connection names ${name}` }
  }
  return null
}

/**
 * Fields for the host, names and values in turn, as `undici` wants them: without `Content-Length` unless `withLength`
 * (it writes its own for a body that it has whole), and without `Expect`, which the gateway answers.
 * `client`: address to add to `X-Forwarded-For`.
 */
export function headersToHost(
  request: Pick<IncomingMessage, 'rawHeaders' | 'headers'>,
  withLength: boolean,
  client: string | null,
): string[] {
  const { rawHeaders } = request
  const named = namedByConnection(request.headers.connection)
  const headers: string[] = []
  const forwardedFor: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!
    const value = rawHeaders[index + 1]!
    const key = name.toLowerCase()
    if (CONNECTION_FIELDS.has(key) || key === 'expect' || named.includes(key)) continue
    if (key === 'content-length' && !withLength) continue
    if (key === 'x-forwarded-for' && client !== null) forwardedFor.push(value)
    else headers.push(name, value)
  }
  if (client !== null) headers.push(FORWARDED_FOR, [...forwardedFor, client].join(', '))
  return headers
}

/** Fields for the client, names and values in turn. `raw`: the same as bytes, as they came. */
export function headersToClient(raw: readonly Buffer[]): string[] {
  const headers: string[] = []
  let named: readonly string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toString('latin1')
    const value = raw[index + 1]!.toString('latin1')
    const key = name.toLowerCase()
    if (key === 'connection') named = [...named, ...namedByConnection(value)]
    if (!CONNECTION_FIELDS.has(key)) headers.push(name, value)
  }
  const others = named.filter(name => !NOT_OF_THE_CONNECTION.has(name) && !HARMLESS.has(name))
  if (others.length === 0) return headers
  return headers.filter((_, index) => !others.includes(headers[index - (index % 2)]!.toLowerCase()))
}

/** Options of `Connection` that name no field. */
const HARMLESS: ReadonlySet<string> = new Set(['close', 'keep-alive'])

function namedByConnection(value: string | undefined): readonly string[] {
  if (value === undefined) return []
  return value.split(',').map(name => name.trim().toLowerCase())
}
