/* Content-Type: a media type and its parameters, quoted or not. Source: RFC 2045 5.1, RFC 2046 5.1.1. */

export interface ContentType {
  /** Lower case, such as `multipart/related`. */
  readonly mediaType: string
  /** Names in lower case; of a repeated one the first. */
  readonly parameters: ReadonlyMap<string, string>
}

/** Null when the text is no Content-Type. Takes time linear in the text. */
export function parseContentType(text: string): ContentType | null {
  const semicolon = text.indexOf(';')
  const mediaType = (semicolon < 0 ? text : text.slice(0, semicolon)).trim().toLowerCase()
  if (!/^[^\s/]+\/[^\s/]+$/.test(mediaType)) return null
  const parameters = new Map<string, string>()
  let at = semicolon < 0 ? text.length : semicolon + 1
  while (at < text.length) {
    const equals = text.indexOf('=', at)
    if (equals < 0) return text.slice(at).trim() === '' ? { mediaType, parameters } : null
    const name = text.slice(at, equals).trim().toLowerCase()
    const value = readValue(text, equals + 1)
    if (name === '' || value === null) return null
    if (!parameters.has(name)) parameters.set(name, value.text)
    at = value.end
  }
  return { mediaType, parameters }
}

/** A value, and where the next parameter begins. */
function readValue(text: string, start: number): { text: string; end: number } | null {
  let at = start
  while (text[at] === ' ' || text[at] === '\t') at++
  if (text[at] !== '"') {
    const semicolon = text.indexOf(';', at)
    const end = semicolon < 0 ? text.length : semicolon
    const value = text.slice(at, end).trim()
    return value === '' ? null : { text: value, end: end + 1 }
  }
  let value = ''
  for (at++; at < text.length && text[at] !== '"'; at++) {
    if (text[at] === '\\') at++
    value += text[at] ?? ''
  }
  if (at >= text.length) return null
  const semicolon = text.indexOf(';', at)
  const end = semicolon < 0 ? text.length : semicolon
  return text.slice(at + 1, end).trim() === '' ? { text: value, end: end + 1 } : null
}
