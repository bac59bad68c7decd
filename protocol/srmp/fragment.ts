import { DecodeError } from '../errors.js'
import { messageClassName } from '../message-class.js'
import { parseXml, type XmlElement, XmlError } from '../xml.js'
import { ElementReader } from './element-reader.js'
import { readEnvelope, xmlFault } from './envelope.js'
import {
  commitmentReceiptFields,
  destinationFields,
  idFields,
  isoDate,
  msmqFields,
  responseQueue,
  type SrmpFields,
  srmpFields,
  streamFields,
  streamIdFields,
  streamReceiptFields,
} from './fields.js'
import { labelOf } from './message.js'
import {
  readCorrelationElement,
  readEod,
  readGuidElement,
  readMsmq,
  readMsmqNumber,
  readNames,
  readProvider,
} from './msmq-element.js'
import { Namespace, srmpSection } from './namespaces.js'
import { actionText, readIdElement, readPath, readRev, readTo } from './path-element.js'
import { readDateElement, readProperties } from './properties-element.js'
import {
  readCommitmentReceipt,
  readDecision,
  readDeliveryReceipt,
  readLastOrdinal,
  readStreamReceipt,
} from './receipt-elements.js'
import { readCommitmentReceiptRequest, readDeliveryReceiptRequest, readServices } from './services-element.js'
import { readCurrent, readPrevious, readStart, readStream, readStreamIdElement } from './stream-element.js'

/* XML by itself: an envelope without its request, or one element of it, as documents print them. */

/** Prefixes that a fragment may use without declaring them (2.2.3). */
const PREFIXES = { se: Namespace.soap, rp: Namespace.rp, srmp: Namespace.srmp, msmq: Namespace.msmq }

/**
 * What an envelope says, or one element of it, as plain data. A lone element's namespace does not matter; its children
 * are those of the same.
 * @throws DecodeError with offsets in `bytes`
 */
export function decodeSrmpFragment(bytes: Uint8Array): SrmpFields {
  const root = parse(bytes)
  if (root.name === 'Envelope') {
    const { envelope, spelling } = readEnvelope(root, 0)
    return srmpFields({ ...envelope, body: null, extension: null, attachments: [] }, spelling)
  }
  const read = FRAGMENTS.get(root.name)
  if (read === undefined) {
    const what = `no element of an envelope is called ${JSON.stringify(root.name.slice(0, 80))}`
    throw new DecodeError('MSMQ_DECODE_SRMP_VALUE', 'fragment', 'root', root.offset, srmpSection('2.2'), what)
  }
  return read(new ElementReader(root, root.name, 0))
}

function parse(bytes: Uint8Array): XmlElement {
  try {
    return parseXml(bytes, undefined, PREFIXES)
  } catch (error) {
    if (!(error instanceof XmlError)) throw error
    const what = `${error.what} (line ${error.line}, column ${error.column})`
    throw new DecodeError(xmlFault(error), 'fragment', 'XML', error.offset, srmpSection('2.2'), what)
  }
}

type FragmentReader = (element: ElementReader) => SrmpFields

const date =
  (name: string, section: string): FragmentReader =>
  element => {
    const utc = isoDate(readDateElement(element, section))
    return { utc, [name]: utc }
  }

const flag =
  (name: string): FragmentReader =>
  () => ({ [name]: true })

const number =
  (name: string, section: string, max?: number): FragmentReader =>
  element => ({ [name]: readMsmqNumber(element, section, max) })

const guid =
  (name: string, section: string): FragmentReader =>
  element => {
    const value = readGuidElement(element, section)
    return { guid: value, [name]: value }
  }

const sendTo =
  (name: string, section: string): FragmentReader =>
  element => ({ [name]: element.queueUrl(section) })

function pathFields(path: ElementReader): SrmpFields {
  const { action, to, id, via } = readPath(path, true)
  const label = labelOf({ action })
  return { action, label, to, ...destinationFields(to), id: idFields(id), responseQueue: responseQueue(via) }
}

function propertiesFields(properties: ElementReader): SrmpFields {
  const { expiresAtS, sentAtS } = readProperties(properties)
  return { expiresAt: isoDate(expiresAtS), sentAt: sentAtS === null ? null : isoDate(sentAtS) }
}

function toFields(element: ElementReader): SrmpFields {
  const to = readTo(element)
  const fields = destinationFields(to)
  return { to, ...fields, ...(fields.destination as SrmpFields | null) }
}

function actionFields({ element }: ElementReader): SrmpFields {
  const action = actionText(element.text)
  return { action, label: labelOf({ action }) }
}

function messageIdFields(element: ElementReader): SrmpFields {
  return { ...idFields(readIdElement(element, '2.2.4.3')), idRaw: element.text }
}

function viaFields(via: string | null): SrmpFields {
  return { via, responseQueue: responseQueue(via) }
}

function deliveryReceiptFields(element: ElementReader): SrmpFields {
  const { receivedAtS, id } = readDeliveryReceipt(element)
  return { receivedAt: isoDate(receivedAtS), id: idFields(id), ...idFields(id) }
}

function commitmentFields(element: ElementReader): SrmpFields {
  const receipt = readCommitmentReceipt(element)
  return { ...commitmentReceiptFields(receipt), ...idFields(receipt.id) }
}

function streamElementFields(element: ElementReader): SrmpFields {
  return { ...streamFields(readStream(element)), elementName: element.element.name }
}

function classFields(element: ElementReader): SrmpFields {
  const value = readMsmqNumber(element, '2.2.6.1', 0xffff)
  return { class: value, className: messageClassName(value) }
}

const FRAGMENTS = new Map<string, FragmentReader>([
  ['path', pathFields],
  ['action', actionFields],
  ['to', toFields],
  ['id', messageIdFields],
  ['rev', element => viaFields(readRev(element))],
  ['via', ({ text }) => viaFields(text === '' ? null : text)],
  ['properties', propertiesFields],
  ['expiresAt', date('expiresAt', '2.2.5.1.1')],
  ['sentAt', date('sentAt', '2.2.5.1.2')],
  ['services', element => ({ ...readServices(element) })],
  ['durable', flag('durable')],
  ['deliveryReceiptRequest', element => ({ sendTo: readDeliveryReceiptRequest(element) })],
  ['commitmentReceiptRequest', element => ({ ...readCommitmentReceiptRequest(element) })],
  ['sendTo', sendTo('sendTo', '2.2.5.2.2')],
  ['positiveOnly', flag('positiveOnly')],
  ['negativeOnly', flag('negativeOnly')],
  ['stream', streamElementFields],
  ['Stream', streamElementFields],
  ['streamId', element => streamIdFields(readStreamIdElement(element, '2.2.5.3.1'))],
  ['current', element => ({ current: String(readCurrent(element)) })],
  ['previous', element => ({ previous: String(readPrevious(element)) })],
  ['start', element => ({ sendReceiptsTo: readStart(element) })],
  ['sendReceiptsTo', sendTo('sendReceiptsTo', '2.2.5.3.4')],
  ['deliveryReceipt', deliveryReceiptFields],
  ['receivedAt', date('receivedAt', '2.2.5.4')],
  ['commitmentReceipt', commitmentFields],
  ['decidedAt', date('decidedAt', '2.2.5.5')],
  ['decision', element => ({ decision: readDecision(element) })],
  ['streamReceipt', element => streamReceiptFields(readStreamReceipt(element))],
  ['lastOrdinal', element => ({ lastOrdinal: String(readLastOrdinal(element)) })],
  ['Msmq', element => msmqFields(readMsmq(element))],
  ['Class', classFields],
  ['Priority', number('priority', '2.2.6.2', 7)],
  ['Journal', flag('journal')],
  ['DeadLetter', flag('deadLetter')],
  ['Correlation', element => ({ correlationHex: readCorrelationElement(element).toString('hex') })],
  ['Trace', flag('trace')],
  ['ConnectorType', guid('connectorType', '2.2.6.7')],
  ['App', number('app', '2.2.6.8')],
  ['BodyType', number('bodyType', '2.2.6.9')],
  ['HashAlgorithm', number('hashAlgorithm', '2.2.6.10')],
  ['Eod', element => ({ ...readEod(element) })],
  ['First', flag('first')],
  ['Last', flag('last')],
  ['ConnectorId', guid('connectorId', '2.2.6.11')],
  ['Provider', element => ({ ...readProvider(element) })],
  ['SourceQmGuid', guid('sourceQmGuid', '2.2.6.13')],
  ['DestinationMqf', element => ({ destinationMqf: readNames(element) })],
  ['AdminMqf', element => ({ adminMqf: readNames(element) })],
  ['ResponseMqf', element => ({ responseMqf: readNames(element) })],
  ['TTrq', date('ttrq', '2.2.6.17')],
  ['SignatureMethod', ({ element }) => ({ algorithm: element.attribute('Algorithm') })],
  ['DigestMethod', ({ element }) => ({ algorithm: element.attribute('Algorithm') })],
  ['DigestValue', ({ text }) => ({ digestValue: text })],
  ['SignatureValue', ({ text }) => ({ signatureValue: text })],
  ['Signature', ({ element }) => ({ signature: element.outerText })],
])
