import { DecodeError } from '../errors.js'
import type { XmlElement } from '../xml.js'
import { Namespace, srmpSection } from './namespaces.js'
import { isHttpUrl } from './queue-url.js'
import { detached, trimmed } from './values.js'

/** What can be wrong with an envelope's elements. */
export type ElementFault =
  | 'MSMQ_DECODE_SRMP_MISSING'
  | 'MSMQ_DECODE_SRMP_REPEATED'
  | 'MSMQ_DECODE_SRMP_ORDER'
  | 'MSMQ_DECODE_SRMP_VALUE'

/**
 * One element of an envelope, and what the specification says about its children. Children are those of the element's own
 * namespace: each group of elements has one. Others are passed over, as are those that nobody asks for.
 */
export class ElementReader {
  readonly element: XmlElement
  /** Names from the header on, such as `Header/Msmq/Eod`. */
  readonly path: string
  /** Bytes in the HTTP body before the envelope; offsets in errors are from the body's start. */
  readonly #bytesBefore: number

  constructor(element: XmlElement, path: string, bytesBefore: number) {
    this.element = element
    this.path = path
    this.#bytesBefore = bytesBefore
  }

  /** A child that may be there once. */
  optional(name: string, section: string, namespace = this.element.namespace): ElementReader | null {
    let found: XmlElement | null = null
    for (const child of this.element.children) {
      if (child.name !== name || child.namespace !== namespace) continue
      if (found !== null) this.fail('MSMQ_DECODE_SRMP_REPEATED', name, section, 'is there twice', child)
      found = child
    }
    return found === null ? null : this.child(found)
  }

  /** A child that has to be there, once. */
  one(name: string, section: string, namespace = this.element.namespace): ElementReader {
    const child = this.optional(name, section, namespace)
    if (child === null) this.fail('MSMQ_DECODE_SRMP_MISSING', name, section, 'is missing')
    return child
  }

  /** Is an empty element there? What it holds does not matter. */
  has(name: string, section: string): boolean {
    return this.optional(name, section) !== null
  }

  child(element: XmlElement): ElementReader {
    return new ElementReader(element, `${this.path}/${element.name}`, this.#bytesBefore)
  }

  /** Without white space around it. */
  get text(): string {
    return trimmed(this.element.text)
  }

  /** The text as a value; `what` says what it should have been. */
  value<T>(read: (text: string) => T | null, section: string, what: string): T {
    const value = read(this.text)
    if (value === null) this.failSelf('MSMQ_DECODE_SRMP_VALUE', section, `${quoted(this.text)} is not ${what}`)
    return value
  }

  /** The URL of a queue, or, where another queue can be named, `MSMQ:` and its format name. */
  queueUrl(section: string): string {
    const { text } = this
    if (!isHttpUrl(text) && !text.startsWith('MSMQ:')) {
      this.failSelf('MSMQ_DECODE_SRMP_VALUE', section, `${quoted(text)} is no http:// or https:// URL`)
    }
    return detached(text)
  }

  /** `se:mustUnderstand="1"`. */
  requireMustUnderstand(section: string): void {
    const value = this.element.attribute('mustUnderstand', Namespace.soap)
    if (value === '1') return
    if (value === null) this.failSelf('MSMQ_DECODE_SRMP_MISSING', section, 'is not marked mustUnderstand="1"')
    this.failSelf('MSMQ_DECODE_SRMP_VALUE', section, `mustUnderstand is ${quoted(value)}, not "1"`)
  }

  failSelf(code: ElementFault, section: string, what: string): never {
    const slash = this.path.lastIndexOf('/')
    const structure = slash < 0 ? 'SOAP' : this.path.slice(0, slash)
    throw this.#error(code, structure, this.path.slice(slash + 1), section, what, this.element)
  }

  fail(code: ElementFault, name: string, section: string, what: string, at: XmlElement = this.element): never {
    throw this.#error(code, this.path, name, section, what, at)
  }

  #error(
    code: ElementFault,
    structure: string,
    field: string,
    section: string,
    what: string,
    at: XmlElement,
  ): DecodeError {
    return new DecodeError(code, structure, field, this.#bytesBefore + at.offset, srmpSection(section), what)
  }
}

const QUOTED_LENGTH_MAX = 80

/** A peer's text, cut and with everything in it visible. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, QUOTED_LENGTH_MAX)}…` : text)
}
