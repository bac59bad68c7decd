import type { XmlLimits } from './xml.js'
import { type XmlAttribute, XmlElement } from './xml-element.js'

/* A short way for XML in its plainest form, which is how queue managers write envelopes: elements, attributes, text, and
 * nothing else. No declaration, comment, CDATA, reference, carriage return, nor a blank more than needed. What is not
 * certainly such a document is left to the parser that knows XML, errors and all; a test holds the two to the same trees.
 * It takes a tenth of the time. */

const LESS = 0x3c
const GREATER = 0x3e
const SLASH = 0x2f
const SPACE = 0x20
const COLON = 0x3a
const QUOTE = 0x22

/** What a character may do: 1 begin a name, 2 go on with it, 4 stand in text, 8 in an attribute's value. */
const KIND = new Uint8Array(128)
for (let unit = SPACE; unit < 0x7f; unit++) KIND[unit] = 4 | 8
for (const text of ['&', '<', ']']) KIND[text.charCodeAt(0)] = 0
for (const text of ['\t', '\n']) KIND[text.charCodeAt(0)] = 4
KIND[QUOTE] = 4
for (let unit = 0; unit < 128; unit++) {
  const text = String.fromCharCode(unit)
  if (/[A-Za-z_]/.test(text)) KIND[unit]! |= 1 | 2
  else if (/[0-9.-]/.test(text)) KIND[unit]! |= 2
}

/** The document's root element; null when the text is not plain, be it for a fault or a limit. Linear in the text. */
export function parsePlainXml(text: string, limits: XmlLimits): XmlElement | null {
  return text.charCodeAt(0) === LESS ? new PlainParser(text, limits).document() : null
}

/** A prefix, '' for the default, and the namespace it stands for. */
interface Binding {
  readonly prefix: string
  readonly namespace: string
}

interface OpenElement {
  readonly element: XmlElement
  /** As written, with prefix. */
  readonly name: string
  readonly bindingCount: number
}

const XMLNS = 'xmlns'
const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace'
export const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/'

class PlainParser {
  readonly #text: string
  readonly #limits: XmlLimits
  readonly #bindings: Binding[] = []
  readonly #open: OpenElement[] = []
  #at = 0
  #elementCount = 0

  constructor(text: string, limits: XmlLimits) {
    this.#text = text
    this.#limits = limits
  }

  document(): XmlElement | null {
    const text = this.#text
    let root: XmlElement | null = null
    for (;;) {
      // At a `<`.
      if (text.charCodeAt(this.#at + 1) === SLASH) {
        if (!this.#endTag()) return null
      } else {
        const element = this.#startTag()
        if (element === null) return null
        root ??= element
      }
      if (this.#open.length === 0) break
      if (!this.#characters()) return null
    }
    return this.#at === text.length ? root : null
  }

  #endTag(): boolean {
    const open = this.#open.at(-1)
    if (open === undefined) return false
    const { element, name, bindingCount } = open
    const end = this.#at + 2 + name.length
    if (!this.#text.startsWith(name, this.#at + 2) || this.#text.charCodeAt(end) !== GREATER) return false
    this.#at = end + 1
    element.end = this.#at
    this.#unbind(bindingCount)
    this.#open.pop()
    return true
  }

  #startTag(): XmlElement | null {
    const start = this.#at
    const bindingCount = this.#bindings.length
    this.#at++
    const name = this.#name()
    if (name === null || ++this.#elementCount > this.#limits.elementCountMax) return null
    if (this.#open.length >= this.#limits.depthMax) return null
    const attributes = this.#attributes()
    if (attributes === null) return null
    const isEmpty = this.#text.charCodeAt(this.#at) === SLASH
    if (isEmpty) this.#at++
    if (this.#text.charCodeAt(this.#at++) !== GREATER) return null
    const element = this.#element(name, attributes, start)
    if (element === null) return null
    this.#open.at(-1)?.element.children.push(element)
    if (isEmpty) {
      element.end = this.#at
      this.#unbind(bindingCount)
    } else this.#open.push({ element, name, bindingCount })
    return element
  }

  #unbind(bindingCount: number): void {
    while (this.#bindings.length > bindingCount) this.#bindings.pop()
  }

  /** Names are resolved when the whole tag is known: its declarations count for itself. */
  #element(name: string, attributes: readonly PlainAttribute[], start: number): XmlElement | null {
    const colon = name.indexOf(':')
    const namespace = this.#namespaceOf(colon < 0 ? '' : name.slice(0, colon))
    if (namespace === null) return null
    const resolved = attributes.length === 0 ? NO_ATTRIBUTES : this.#resolve(attributes)
    if (resolved === null) return null
    return new XmlElement(colon < 0 ? name : name.slice(colon + 1), namespace, resolved, start, this.#text)
  }

  #resolve(attributes: readonly PlainAttribute[]): XmlAttribute[] | null {
    const resolved: XmlAttribute[] = []
    for (const { name, value } of attributes) {
      const colon = name.indexOf(':')
      const namespace = colon < 0 ? '' : this.#namespaceOf(name.slice(0, colon))
      const local = colon < 0 ? name : name.slice(colon + 1)
      if (namespace === null || resolved.some(one => one.name === local && one.namespace === namespace)) return null
      resolved.push({ name: local, namespace, value })
    }
    return resolved
  }

  /** Null for a prefix that nothing declares. */
  #namespaceOf(prefix: string): string | null {
    for (let i = this.#bindings.length - 1; i >= 0; i--) {
      if (this.#bindings[i]!.prefix === prefix) return this.#bindings[i]!.namespace
    }
    return prefix === '' ? '' : null
  }

  /** ` name="value"`, any number of them; declarations of namespaces are bound, the others are returned. */
  #attributes(): readonly PlainAttribute[] | null {
    const text = this.#text
    if (text.charCodeAt(this.#at) !== SPACE) return NO_PLAIN_ATTRIBUTES
    const attributes: PlainAttribute[] = []
    const declared = this.#bindings.length
    for (let count = 1; text.charCodeAt(this.#at) === SPACE; count++) {
      // Comparing them with one another stays cheap.
      if (count > this.#limits.attributeCountMax || count > ATTRIBUTE_COUNT_PLAIN) return null
      this.#at++
      const name = this.#name()
      if (name === null || text.charCodeAt(this.#at) !== 0x3d || text.charCodeAt(this.#at + 1) !== QUOTE) return null
      const value = this.#value()
      if (value === null) return null
      if (!name.startsWith(XMLNS)) attributes.push({ name, value })
      else if (!this.#declare(name, value, declared)) return null
    }
    return attributes
  }

  #declare(name: string, namespace: string, declared: number): boolean {
    const prefix = name === XMLNS ? '' : name.slice(XMLNS.length + 1)
    if (name !== XMLNS && name.charCodeAt(XMLNS.length) !== COLON) return false
    // The reserved ones are for the other parser to judge; so is the default namespace when it is taken back.
    if (prefix.toLowerCase().startsWith('xml') || namespace === '' || namespace.trim() !== namespace) return false
    if (namespace === XML_NAMESPACE || namespace === XMLNS_NAMESPACE) return false
    for (let i = declared; i < this.#bindings.length; i++) if (this.#bindings[i]!.prefix === prefix) return false
    this.#bindings.push({ prefix, namespace })
    return true
  }

  #value(): string | null {
    const start = this.#at + 2
    const end = this.#text.indexOf('"', start)
    if (end < 0) return null
    for (let i = start; i < end; i++) if (!isPlain(this.#text.charCodeAt(i), 8)) return null
    this.#at = end + 1
    return this.#text.slice(start, end)
  }

  /** A name with at most one colon inside it. */
  #name(): string | null {
    const text = this.#text
    const start = this.#at
    let at = start
    let hasPrefix = false
    let isFirst = true
    for (;;) {
      const unit = text.charCodeAt(at)
      if (unit === COLON && !isFirst && !hasPrefix) {
        hasPrefix = true
        isFirst = true
      } else if (unit < 128 && (KIND[unit]! & (isFirst ? 1 : 2)) !== 0) isFirst = false
      else break
      at++
    }
    if (isFirst) return null
    this.#at = at
    return text.slice(start, at)
  }

  /** Text up to the next `<`. */
  #characters(): boolean {
    const text = this.#text
    const start = this.#at
    let at = start
    for (let unit = text.charCodeAt(at); unit !== LESS; unit = text.charCodeAt(++at)) {
      if (!isPlain(unit, 4)) return false
    }
    if (at > start) this.#open.at(-1)!.element.text += text.slice(start, at)
    this.#at = at
    return true
  }
}

interface PlainAttribute {
  readonly name: string
  readonly value: string
}

const NO_ATTRIBUTES: readonly XmlAttribute[] = []
const NO_PLAIN_ATTRIBUTES: readonly PlainAttribute[] = []
const ATTRIBUTE_COUNT_PLAIN = 8

/** NaN, behind the end of the text, is not. */
function isPlain(unit: number, kind: number): boolean {
  return unit < 128 ? (KIND[unit]! & kind) !== 0 : (unit >= 0xa0 && unit < 0xd800) || (unit >= 0xe000 && unit < 0xfffe)
}
