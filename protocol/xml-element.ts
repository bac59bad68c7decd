export interface XmlPlace {
  /** Bytes from the start of the text. */
  readonly offset: number
  readonly line: number
  readonly column: number
}

export interface XmlAttribute {
  /** Without prefix. */
  readonly name: string
  /** '' for none: the default namespace is not for attributes. */
  readonly namespace: string
  readonly value: string
}

export class XmlElement {
  /** Without prefix. */
  readonly name: string
  /** '' for none. */
  readonly namespace: string
  /** As they stand, without namespace declarations. */
  readonly attributes: readonly XmlAttribute[]
  readonly children: XmlElement[] = []
  /** All character data that stands directly in the element, CDATA too; ends of lines are LF. */
  text = ''
  /** UTF-16 units from the start of `source` to the `<` of the start tag. */
  readonly start: number
  /** Behind the `>` of the end tag. */
  end: number
  /** The whole text. */
  readonly source: string

  constructor(name: string, namespace: string, attributes: readonly XmlAttribute[], start: number, source: string) {
    this.name = name
    this.namespace = namespace
    this.attributes = attributes
    this.start = start
    this.end = start
    this.source = source
  }

  /** Line, from 1, of the start tag. Costs a look through the text before it, as the others do. */
  get line(): number {
    return placeOf(this.source, this.start).line
  }

  /** Column, from 1, of the start tag. */
  get column(): number {
    return placeOf(this.source, this.start).column
  }

  /** Bytes from the start of the text to the start tag. */
  get offset(): number {
    return placeOf(this.source, this.start).offset
  }

  /** Value of an attribute; null when it is not there. */
  attribute(name: string, namespace = ''): string | null {
    return this.attributes.find(one => one.name === name && one.namespace === namespace)?.value ?? null
  }

  /** The element as it was written. */
  get outerText(): string {
    return this.source.slice(this.start, this.end)
  }
}

/** Where a character of a text stands; costs a look through what is before it. */
export function placeOf(source: string, at: number): XmlPlace {
  let line = 1
  let lineStart = 0
  for (let end = source.indexOf('\n'); end >= 0 && end < at; end = source.indexOf('\n', end + 1)) {
    line++
    lineStart = end + 1
  }
  return { offset: Buffer.byteLength(source.slice(0, at)), line, column: at - lineStart + 1 }
}
