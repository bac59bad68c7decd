import { DecodeError } from '../errors.js'
import { parseXml, XML_LIMITS, type XmlElement, XmlError } from '../xml.js'
import { ElementReader, quoted } from './element-reader.js'
import type { SrmpMessage } from './message.js'
import { msmqText, readMsmq } from './msmq-element.js'
import { Namespace, srmpSection } from './namespaces.js'
import { pathText, readPath } from './path-element.js'
import { propertiesText, readProperties } from './properties-element.js'
import {
  commitmentReceiptText,
  deliveryReceiptText,
  readCommitmentReceipt,
  readDeliveryReceipt,
  readStreamReceipt,
  streamReceiptText,
} from './receipt-elements.js'
import { readServices, servicesText } from './services-element.js'
import { readStream, streamText } from './stream-element.js'

/* The SOAP envelope: everything of a message but its parts. Source: [MC-MQSRM] 2.2.2, and 3.1.7.2.4 as the product does it. */

export type Envelope = Omit<SrmpMessage, 'body' | 'extension' | 'attachments'>

/** What a decoded envelope says that a message does not. */
export interface EnvelopeSpelling {
  /** `path/id` as text, which without `Msmq` need not be an identifier. */
  readonly id: string
  /** `stream` or `Stream`; null when there is none. */
  readonly streamElement: string | null
}

/**
 * @param bytes UTF-8. At most 1 MiB.
 * @param bytesBefore bytes in front of it in the HTTP body: offsets in errors are counted from the body's start.
 * @throws DecodeError
 */
export function decodeEnvelope(
  bytes: Uint8Array,
  bytesBefore: number,
): { envelope: Envelope; spelling: EnvelopeSpelling } {
  let root: XmlElement
  try {
    root = parseXml(bytes, XML_LIMITS)
  } catch (error) {
    if (!(error instanceof XmlError)) throw error
    throw new DecodeError(
      xmlFault(error),
      'HTTP body',
      'Envelope',
      bytesBefore + error.offset,
      srmpSection('2.2.2'),
      `${error.what} (line ${error.line}, column ${error.column})`,
    )
  }
  return readEnvelope(root, bytesBefore)
}

export function xmlFault({ code }: XmlError): `MSMQ_DECODE_SRMP_${'SIZE' | 'XML'}` {
  return code === 'MSMQ_XML_SIZE' ? 'MSMQ_DECODE_SRMP_SIZE' : 'MSMQ_DECODE_SRMP_XML'
}

export function readEnvelope(
  root: XmlElement,
  bytesBefore: number,
): { envelope: Envelope; spelling: EnvelopeSpelling } {
  const header = readFrame(root, bytesBefore)
  const { srmp, rp, signature } = Namespace
  const msmq = header.optional('Msmq', '2.2.6', Namespace.msmq)
  const stream = optionalStream(header)
  if (stream !== null && msmq === null) {
    header.fail('MSMQ_DECODE_SRMP_MISSING', 'Msmq', '2.2.5.3', 'is missing, with a stream', stream.element)
  }
  const path = header.one('path', '2.2.4', rp)
  const streamReceipt = header.optional('streamReceipt', '2.2.5.6', srmp)
  const deliveryReceipt = header.optional('deliveryReceipt', '2.2.5.4', srmp)
  const commitmentReceipt = header.optional('commitmentReceipt', '2.2.5.5', srmp)
  const { action, to, id, via } = readPath(path, msmq !== null)
  const { expiresAtS, sentAtS } = readProperties(header.one('properties', '2.2.5.1', srmp))
  const services = readServices(header.optional('services', '2.2.5.2', srmp))
  // Field by field: three objects spread into one take longer than all else here.
  const envelope: Envelope = {
    action,
    to,
    id,
    via,
    expiresAtS,
    sentAtS,
    durable: services.durable,
    deliveryReceiptTo: services.deliveryReceiptTo,
    commitmentReceiptRequest: services.commitmentReceiptRequest,
    stream: stream === null ? null : readStream(stream),
    streamReceipt: streamReceipt === null ? null : readStreamReceipt(streamReceipt),
    deliveryReceipt: deliveryReceipt === null ? null : readDeliveryReceipt(deliveryReceipt),
    commitmentReceipt: commitmentReceipt === null ? null : readCommitmentReceipt(commitmentReceipt),
    msmq: msmq === null ? null : readMsmq(msmq),
    signature: header.optional('Signature', '2.2.7', signature)?.element.outerText ?? null,
  }
  const spelling = { id: path.one('id', '2.2.4.3').text, streamElement: stream?.element.name ?? null }
  return { envelope, spelling }
}

/** Envelope, Header first in it, Body directly behind. What the Body holds is the application's (2.2.2). */
function readFrame(root: XmlElement, bytesBefore: number): ElementReader {
  const { soap } = Namespace
  const envelope = new ElementReader(root, 'Envelope', bytesBefore)
  if (root.name !== 'Envelope' || root.namespace !== soap) {
    envelope.failSelf(
      'MSMQ_DECODE_SRMP_MISSING',
      '2.2.2',
      `the root is ${quoted(root.name)} of ${quoted(root.namespace)}`,
    )
  }
  const header = envelope.one('Header', '2.2.2', soap)
  const body = envelope.one('Body', '2.2.2', soap)
  if (root.children[0] !== header.element) {
    envelope.fail('MSMQ_DECODE_SRMP_ORDER', 'Header', '2.2.2', 'is not the first child', header.element)
  }
  if (root.children[1] !== body.element) {
    envelope.fail('MSMQ_DECODE_SRMP_ORDER', 'Body', '2.2.2', 'does not follow the Header', body.element)
  }
  return new ElementReader(header.element, 'Header', bytesBefore)
}

/** Spelled either way, but there once (decision 0024). */
function optionalStream(header: ElementReader): ElementReader | null {
  const upper = header.optional('Stream', '2.2.5.3', Namespace.srmp)
  const lower = header.optional('stream', '2.2.5.3', Namespace.srmp)
  if (upper !== null && lower !== null) {
    header.fail('MSMQ_DECODE_SRMP_REPEATED', 'stream', '2.2.5.3', 'is there twice', lower.element)
  }
  return upper ?? lower
}

/** As the product writes it: entries in its order, no white space, `Stream` with a capital. */
export function envelopeText(envelope: Envelope): string {
  const { stream, streamReceipt, deliveryReceipt, commitmentReceipt, msmq } = envelope
  return (
    '<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/" xmlns="http://schemas.xmlsoap.org/srmp/"><se:Header>' +
    pathText(envelope) +
    propertiesText(envelope) +
    servicesText(envelope) +
    (stream === null ? '' : streamText(stream)) +
    (streamReceipt === null ? '' : streamReceiptText(streamReceipt)) +
    (deliveryReceipt === null ? '' : deliveryReceiptText(deliveryReceipt)) +
    (commitmentReceipt === null ? '' : commitmentReceiptText(commitmentReceipt)) +
    (msmq === null ? '' : msmqText(msmq)) +
    (envelope.signature ?? '') +
    '</se:Header><se:Body></se:Body></se:Envelope>'
  )
}
