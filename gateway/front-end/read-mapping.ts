import { parseXml, XML_LIMITS, type XmlElement, XmlError, type XmlLimits } from '../../protocol/xml.js'
import {
  EMPTY_MAPPING,
  type FaultId,
  type Mapping,
  type MappingFault,
  type MappingForm,
  type MappingRule,
  type PlacedUrl,
} from './mapping.js'

/* Mapping files as Windows has them. Their forms are known from examples of the vendor only, not from a schema; what is
 * beyond them is a fault here. Names of elements are compared to the letter, as XML does. */

/** Files of people, with a line or two for each queue. */
export const MAPPING_LIMITS: XmlLimits = { ...XML_LIMITS, depthMax: 16, elementCountMax: 50_000, attributeCountMax: 16 }

interface Form {
  readonly form: Exclude<MappingForm, 'yaml'>
  readonly namespace: string
}

const FORMS: readonly Form[] = [
  { form: 'redirections', namespace: 'msmq-queue-redirections.xml' },
  { form: 'mapping', namespace: 'msmq-queue-mapping.xml' },
  { form: 'StreamReceiptSetup', namespace: 'msmq-streamreceipt-mapping.xml' },
]

/** What one file says. Never throws: what is wrong is in `faults`. `file` is its name in them. */
export function readMapping(bytes: Uint8Array, file: string): Mapping {
  let root: XmlElement
  try {
    root = parseXml(textOf(bytes), MAPPING_LIMITS)
  } catch (error) {
    if (!(error instanceof XmlError)) throw error
    const { what, line, column } = error
    const fault: MappingFault = {
      id: 'not-xml',
      file,
      line,
      column,
      reason: `no usable XML: ${what}`,
      remedy: XML_REMEDY,
    }
    return { ...EMPTY_MAPPING, file, form: null, faults: [fault] }
  }
  return new MappingReader(file, root).read()
}

const XML_REMEDY = 'open it with an editor that checks XML; there is no DTD, and & < are written &amp; &lt;'

/** Editors of Windows also write UTF-16, which its byte order mark tells. */
function textOf(bytes: Uint8Array): Uint8Array | string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : null
  if (encoding === null) return bytes
  if (bytes.length > 2 * MAPPING_LIMITS.bytesMax) return bytes
  const text = new TextDecoder(encoding).decode(bytes)
  // The declaration may say so; blanks in its place keep every column.
  return text.replace(
    /^(<\?xml\s[^>]{0,80}?)(encoding\s*=\s*(["'])utf-16(?:le|be)?\3)/i,
    (_all, head: string, encoding: string) => {
      return head + ' '.repeat(encoding.length)
    },
  )
}

class MappingReader {
  readonly #file: string
  readonly #root: XmlElement
  readonly #lineStarts: number[] = [0]
  readonly #faults: MappingFault[] = []
  readonly #rules: MappingRule[] = []
  readonly #defaultReceipts: PlacedUrl[] = []
  #namespace = ''

  constructor(file: string, root: XmlElement) {
    this.#file = file
    this.#root = root
    const { source } = root
    for (let end = source.indexOf('\n'); end >= 0; end = source.indexOf('\n', end + 1)) this.#lineStarts.push(end + 1)
  }

  read(): Mapping {
    const known = this.#form()
    if (known !== null) {
      this.#namespace = this.#root.namespace
      this.#noText(this.#root)
      for (const child of this.#root.children) this.#readChild(known.form, child)
    }
    return {
      ...EMPTY_MAPPING,
      file: this.#file,
      form: known?.form ?? null,
      rules: this.#rules,
      defaultReceipts: this.#defaultReceipts,
      faults: this.#faults,
    }
  }

  /** The form by the root's name and namespace, or by one of them, with a fault. */
  #form(): Form | null {
    const { name, namespace } = this.#root
    const byName = FORMS.find(({ form }) => form === name)
    if (byName !== undefined && byName.namespace === namespace) return byName
    const nearName = FORMS.find(({ form }) => form.toLowerCase() === name.toLowerCase())
    const near = nearName ?? FORMS.find(form => form.namespace === namespace)
    if (near === undefined) {
      const roots = FORMS.map(({ form, namespace }) => `<${form} xmlns="${namespace}">`).join(' or ')
      this.#fault(this.#root, 'root-unknown', `<${name}> is no mapping file`, `begin with ${roots}`)
      return null
    }
    if (nearName === undefined || nearName.form !== name) {
      const id = nearName === undefined ? 'root-unknown' : 'element-case'
      this.#fault(this.#root, id, `the root is <${name}>, not <${near.form}>`, `write <${near.form}>, in these letters`)
    }
    if (near.namespace !== namespace) {
      const reason = namespace === '' ? `<${name}> has no namespace` : `<${name}> has the namespace ${namespace}`
      this.#fault(this.#root, 'namespace-wrong', reason, `write xmlns="${near.namespace}"`)
    }
    return near
  }

  #readChild(form: Form['form'], child: XmlElement): void {
    if (form === 'redirections') this.#readRule(child, 'redirection', 'from', 'to')
    else if (form === 'mapping') this.#readRule(child, 'queue', 'alias', 'name')
    else this.#readReceipts(child)
  }

  /** One child for each of the two addresses, in any order. */
  #readRule(entry: XmlElement, entryName: string, fromName: string, toName: string): void {
    if (!this.#isNamed(entry, [entryName])) return
    this.#noText(entry)
    const found: Record<string, PlacedUrl | undefined> = {}
    for (const child of entry.children) {
      const name = this.#nameOf(child, [fromName, toName])
      if (name === null) continue
      if (name in found) {
        this.#fault(
          child,
          'element-repeated',
          `a second <${name}> in <${entryName}>`,
          `write a <${entryName}> for each`,
        )
        continue
      }
      found[name] = this.#address(child)
    }
    for (const name of [fromName, toName]) {
      if (name in found) continue
      this.#fault(entry, 'element-missing', `<${entryName}> has no <${name}>`, `put one <${name}>URL</${name}> into it`)
    }
    const from = found[fromName]
    const to = found[toName]
    if (from !== undefined && to !== undefined) this.#rules.push({ table: 'inbound', from, to })
  }

  /**
   * Only the root and `LogicalAddress` have names that the vendor's pages tell. So the rest goes by shape, whatever its
   * names: an element with a LogicalAddress and one other address maps the one to the other, and an address alone is the
   * default.
   */
  #readReceipts(entry: XmlElement): void {
    this.#inNamespace(entry)
    if (entry.children.length === 0) {
      if (/^logicaladdress$/i.test(entry.name)) {
        const reason = '<LogicalAddress> stands alone in the root'
        this.#fault(entry, 'shape-unknown', reason, 'put it and the address for receipts into one element')
        return
      }
      const url = this.#address(entry)
      if (url !== undefined) this.#defaultReceipts.push(url)
      return
    }
    this.#noText(entry)
    const logical = entry.children.filter(child => this.#isLogical(child))
    const others = entry.children.filter(child => !/^logicaladdress$/i.test(child.name))
    for (const child of others) this.#inNamespace(child)
    if (logical.length !== 1 || others.length !== 1) {
      const counts = `${logical.length} <LogicalAddress> and ${others.length} other elements`
      const remedy =
        'put one <LogicalAddress> and one address for receipts into it, or use streamReceipts of the YAML file'
      this.#fault(entry, 'shape-unknown', `<${entry.name}> has ${counts}`, remedy)
      return
    }
    const from = this.#address(logical[0]!)
    const to = this.#address(others[0]!)
    if (from !== undefined && to !== undefined) this.#rules.push({ table: 'receipts', from, to })
  }

  #isLogical(child: XmlElement): boolean {
    return /^logicaladdress$/i.test(child.name) && this.#isNamed(child, ['LogicalAddress'])
  }

  #address(element: XmlElement): PlacedUrl | undefined {
    for (const child of element.children)
      this.#fault(
        child,
        'element-unknown',
        `<${child.name}> inside an address`,
        `write the URL alone into <${element.name}>`,
      )
    const url = element.text.trim()
    if (url !== '') return { url, ...this.#addressPlace(element) }
    this.#fault(element, 'address-missing', `<${element.name}> is empty`, 'write a URL into it')
    return undefined
  }

  /** Is it one of these? A letter in the wrong case is a fault, but then it is meant. */
  #isNamed(element: XmlElement, names: readonly string[]): boolean {
    return this.#nameOf(element, names) !== null
  }

  #nameOf(element: XmlElement, names: readonly string[]): string | null {
    const { name } = element
    const meant = names.find(known => known === name) ?? names.find(known => known.toLowerCase() === name.toLowerCase())
    if (meant === undefined) {
      const allowed = names.map(known => `<${known}>`).join(' and ')
      this.#fault(element, 'element-unknown', `<${name}> is not known here`, `allowed here: ${allowed}`)
      return null
    }
    if (meant !== name) {
      this.#fault(
        element,
        'element-case',
        `<${name}> is not <${meant}>: XML tells capital letters apart`,
        `write <${meant}>`,
      )
    } else this.#inNamespace(element)
    return meant
  }

  #inNamespace(element: XmlElement): void {
    const { name, namespace } = element
    if (namespace === this.#namespace) return
    const reason = `<${name}> is not in the namespace of the root but in ${namespace === '' ? 'none' : namespace}`
    this.#fault(element, 'namespace-wrong', reason, 'write its name as the root is written, without another xmlns')
  }

  #noText(element: XmlElement): void {
    const text = element.text.trim()
    if (text === '') return
    const shown = text.length > 40 ? `${text.slice(0, 37)}...` : text
    const reason = `${JSON.stringify(shown)} stands directly in <${element.name}>`
    this.#fault(element, 'text-misplaced', reason, 'put it into an element, or into a comment')
  }

  #fault(element: XmlElement, id: FaultId, reason: string, remedy: string): void {
    if (this.#faults.length < FAULTS_MAX) this.#faults.push({ id, ...this.#place(element.start), reason, remedy })
  }

  /** Where the text of an address begins. */
  #addressPlace({ start, end, source }: XmlElement) {
    const text = source.indexOf('>', start) + 1
    const first = source.slice(text, end).search(/\S/)
    return this.#place(first < 0 ? start : text + first)
  }

  #place(at: number) {
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#lineStarts[middle]! <= at) low = middle
      else high = middle - 1
    }
    const bom = low === 0 && this.#root.source.startsWith('\ufeff') ? 1 : 0
    return { file: this.#file, line: low + 1, column: Math.max(1, at - this.#lineStarts[low]! + 1 - bom) }
  }
}

/** More of them help nobody. */
const FAULTS_MAX = 100
