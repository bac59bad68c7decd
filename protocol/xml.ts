import { isUtf8 } from 'node:buffer'
import { SaxesParser } from 'saxes'
import { MqlabError } from './errors.js'
import { placeOf, XmlElement, type XmlPlace } from './xml-element.js'

export { type XmlAttribute, XmlElement, type XmlPlace } from './xml-element.js'

/* XML 1.0 with namespaces as a tree, for SOAP envelopes and small configuration files. There is no DTD, hence nothing to
 * expand: the five entities and character references are all. Time and memory are linear in the text, and bounded. */

export interface XmlLimits {
  /** Of the text, as UTF-8. */
  readonly bytesMax: number
  /** Elements within one another. */
  readonly depthMax: number
  readonly elementCountMax: number
  /** Of one element, with its namespace declarations. */
  readonly attributeCountMax: number
}

export const XML_LIMITS: XmlLimits = { bytesMax: 1 << 20, depthMax: 64, elementCountMax: 10_000, attributeCountMax: 64 }

const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/'

export type XmlErrorCode = 'MSMQ_XML_SIZE' | 'MSMQ_XML_ENCODING' | 'MSMQ_XML_SYNTAX' | 'MSMQ_XML_FORBIDDEN'

/** A text is not XML, or not such as is taken here. */
export class XmlError extends MqlabError {
  /** What is wrong, without the place. */
  readonly what: string
  /** Bytes from the start of the text, a byte order mark included. */
  readonly offset: number
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number

  constructor(code: XmlErrorCode, what: string, place: XmlPlace) {
    super(code, `line ${place.line}, column ${place.column}: ${what}`, true)
    this.what = what
    this.offset = place.offset
    this.line = place.line
    this.column = place.column
  }
}

/**
 * The root element of a document in UTF-8.
 *
 * Refused are document type definitions, processing instructions but the XML declaration, and encodings but UTF-8.
 * @param namespaces prefixes that are known without a declaration, for texts torn out of their context.
 * @throws XmlError and nothing else.
 */
export function parseXml(
  document: Uint8Array | string,
  limits: XmlLimits = XML_LIMITS,
  namespaces: Readonly<Record<string, string>> = {},
): XmlElement {
  const text = typeof document === 'string' ? document : decodeUtf8(document, limits)
  if (text.length > limits.bytesMax) throw tooLarge(limits)
  return new TreeBuilder(text, limits, namespaces).build()
}

function decodeUtf8(document: Uint8Array, limits: XmlLimits): string {
  if (document.length > limits.bytesMax) throw tooLarge(limits)
  if (!isUtf8(document)) {
    throw new XmlError('MSMQ_XML_ENCODING', 'the text is not UTF-8', { offset: 0, line: 1, column: 1 })
  }
  // A byte order mark stays a character of the text, so that offsets are those of the bytes.
  return Buffer.from(document.buffer, document.byteOffset, document.byteLength).toString('utf8')
}

function tooLarge(limits: XmlLimits): XmlError {
  const place = { offset: limits.bytesMax, line: 1, column: 1 }
  return new XmlError('MSMQ_XML_SIZE', `more than ${limits.bytesMax} bytes`, place)
}

const MESSAGE_LENGTH_MAX = 120

class TreeBuilder {
  readonly #source: string
  readonly #limits: XmlLimits
  readonly #parser: SaxesParser<{ xmlns: true }>
  readonly #open: XmlElement[] = []
  #root: XmlElement | null = null
  #elementCount = 0
  #attributeCount = 0
  #start = 0

  constructor(source: string, limits: XmlLimits, namespaces: Readonly<Record<string, string>>) {
    this.#source = source
    this.#limits = limits
    const known = new Map(Object.entries(namespaces))
    const parser = new SaxesParser({ xmlns: true, resolvePrefix: (prefix: string) => known.get(prefix) })
    this.#parser = parser
    parser.on('error', error => this.#fail('MSMQ_XML_SYNTAX', withoutPlace(error.message)))
    parser.on('doctype', () => this.#fail('MSMQ_XML_FORBIDDEN', 'a document type definition'))
    parser.on('processinginstruction', () => this.#fail('MSMQ_XML_FORBIDDEN', 'a processing instruction'))
    parser.on('xmldecl', ({ version, encoding }) => {
      if (version !== '1.0') this.#fail('MSMQ_XML_FORBIDDEN', `XML ${version}, not 1.0`)
      if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') {
        this.#fail('MSMQ_XML_ENCODING', `the encoding ${encoding}, not UTF-8`)
      }
    })
    parser.on('opentagstart', () => this.#tagBegins())
    parser.on('attribute', () => {
      if (++this.#attributeCount > limits.attributeCountMax) {
        this.#fail('MSMQ_XML_SIZE', `more than ${limits.attributeCountMax} attributes`)
      }
    })
    parser.on('opentag', tag => {
      const attributes = Object.values(tag.attributes)
        .filter(({ uri }) => uri !== XMLNS_NAMESPACE)
        .map(({ local, uri, value }) => ({ name: local, namespace: uri, value }))
      this.#push(new XmlElement(tag.local, tag.uri, attributes, this.#start, source))
    })
    parser.on('closetag', () => {
      this.#open.pop()!.end = parser.position
    })
    parser.on('text', text => this.#text(text))
    parser.on('cdata', text => this.#text(text))
  }

  build(): XmlElement {
    this.#parser.write(this.#source).close()
    return this.#root!
  }

  #tagBegins(): void {
    // The parser stands behind the character that ended the name.
    this.#start = this.#source.lastIndexOf('<', this.#parser.position - 2)
    this.#attributeCount = 0
    if (++this.#elementCount > this.#limits.elementCountMax) {
      this.#fail('MSMQ_XML_SIZE', `more than ${this.#limits.elementCountMax} elements`)
    }
    if (this.#open.length >= this.#limits.depthMax) {
      this.#fail('MSMQ_XML_SIZE', `elements more than ${this.#limits.depthMax} deep`)
    }
  }

  #push(element: XmlElement): void {
    if (this.#root === null) this.#root = element
    this.#open.at(-1)?.children.push(element)
    this.#open.push(element)
  }

  #text(text: string): void {
    const element = this.#open.at(-1)
    if (element !== undefined) element.text += text
  }

  #fail(code: XmlErrorCode, what: string): never {
    // Names that are quoted have any length.
    const short = what.length > MESSAGE_LENGTH_MAX ? `${what.slice(0, MESSAGE_LENGTH_MAX)}…` : what
    throw new XmlError(code, short, placeOf(this.#source, Math.min(this.#parser.position, this.#source.length)))
  }
}

/** The parser's messages begin with `line:column: ` and end with a full stop. */
function withoutPlace(message: string): string {
  const text = message.slice(message.indexOf(': ') + 2)
  return text.endsWith('.') ? text.slice(0, -1) : text
}
