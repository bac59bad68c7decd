import type { Guid } from '../guid.js'
import type { ElementReader } from './element-reader.js'
import type { Msmq } from './message.js'
import { readDateElement } from './properties-element.js'
import { dateText, detached, escaped, readCorrelation, readGuid, readNumber, trimmed, U32_MAX } from './values.js'

/* `Msmq`: what a message has beyond SOAP. Numbers are xs:unsignedLong, and hold what the properties they are for can
 * hold. Source: [MC-MQSRM] 2.2.6. */

const CLASS_MAX = 0xffff
const PRIORITY_MAX = 7

export function readMsmq(msmq: ElementReader): Msmq {
  const correlation = msmq.optional('Correlation', '2.2.6.5')
  const connectorType = msmq.optional('ConnectorType', '2.2.6.7')
  const app = msmq.optional('App', '2.2.6.8')
  const hashAlgorithm = msmq.optional('HashAlgorithm', '2.2.6.10')
  const eod = msmq.optional('Eod', '2.2.6.11')
  const provider = msmq.optional('Provider', '2.2.6.12')
  return {
    class: readMsmqNumber(msmq.one('Class', '2.2.6.1'), '2.2.6.1', CLASS_MAX),
    priority: readMsmqNumber(msmq.one('Priority', '2.2.6.2'), '2.2.6.2', PRIORITY_MAX),
    journal: msmq.has('Journal', '2.2.6.3'),
    deadLetter: msmq.has('DeadLetter', '2.2.6.4'),
    correlation: correlation === null ? null : readCorrelationElement(correlation),
    trace: msmq.has('Trace', '2.2.6.6'),
    connectorType: connectorType === null ? null : readGuidElement(connectorType, '2.2.6.7'),
    app: app === null ? null : readMsmqNumber(app, '2.2.6.8'),
    bodyType: readMsmqNumber(msmq.one('BodyType', '2.2.6.9'), '2.2.6.9'),
    hashAlgorithm: hashAlgorithm === null ? null : readMsmqNumber(hashAlgorithm, '2.2.6.10'),
    eod: eod === null ? null : readEod(eod),
    provider: provider === null ? null : readProvider(provider),
    sourceQmGuid: readGuidElement(msmq.one('SourceQmGuid', '2.2.6.13'), '2.2.6.13'),
    destinationMqf: readNames(msmq.optional('DestinationMqf', '2.2.6.14')),
    adminMqf: readNames(msmq.optional('AdminMqf', '2.2.6.15')),
    responseMqf: readNames(msmq.optional('ResponseMqf', '2.2.6.16')),
    ttrqS: readDateElement(msmq.one('TTrq', '2.2.6.17'), '2.2.6.17'),
  }
}

export function readMsmqNumber(element: ElementReader, section: string, max = U32_MAX): number {
  return element.value(text => readNumber(text, max), section, `a number up to ${max}`)
}

export function readGuidElement(element: ElementReader, section: string): Guid {
  return element.value(readGuid, section, 'a GUID')
}

export function readCorrelationElement(correlation: ElementReader): Buffer {
  return correlation.value(readCorrelation, '2.2.6.5', '20 bytes in base64')
}

export function readEod(eod: ElementReader): NonNullable<Msmq['eod']> {
  const connectorId = eod.optional('ConnectorId', '2.2.6.11')
  return {
    first: eod.has('First', '2.2.6.11'),
    last: eod.has('Last', '2.2.6.11'),
    connectorId: connectorId === null ? null : readGuidElement(connectorId, '2.2.6.11'),
  }
}

export function readProvider(provider: ElementReader): NonNullable<Msmq['provider']> {
  return {
    type: readMsmqNumber(provider.one('Type', '2.2.6.12'), '2.2.6.12'),
    name: detached(provider.one('Name', '2.2.6.12').text),
  }
}

/** Format names, or URLs, with white space between them. */
export function readNames(element: ElementReader | null): readonly string[] {
  if (element === null) return []
  const text = trimmed(element.element.text)
  return text === '' ? [] : text.split(/[ \t\r\n]+/).map(detached)
}

/** In the product's order. What is null is not written; the product always writes App, Correlation and HashAlgorithm. */
export function msmqText(msmq: Msmq): string {
  return (
    `<Msmq xmlns="msmq.namespace.xml"><Class>${msmq.class}</Class><Priority>${msmq.priority}</Priority>` +
    (msmq.journal ? '<Journal/>' : '') +
    (msmq.deadLetter ? '<DeadLetter/>' : '') +
    (msmq.correlation === null ? '' : `<Correlation>${msmq.correlation.toString('base64')}</Correlation>`) +
    (msmq.trace ? '<Trace/>' : '') +
    (msmq.connectorType === null ? '' : `<ConnectorType>${msmq.connectorType}</ConnectorType>`) +
    (msmq.app === null ? '' : `<App>${msmq.app}</App>`) +
    `<BodyType>${msmq.bodyType}</BodyType>` +
    (msmq.hashAlgorithm === null ? '' : `<HashAlgorithm>${msmq.hashAlgorithm}</HashAlgorithm>`) +
    eodText(msmq.eod) +
    providerText(msmq.provider) +
    `<SourceQmGuid>${msmq.sourceQmGuid}</SourceQmGuid>` +
    namesText('DestinationMqf', msmq.destinationMqf) +
    namesText('AdminMqf', msmq.adminMqf) +
    namesText('ResponseMqf', msmq.responseMqf) +
    `<TTrq>${dateText(msmq.ttrqS)}</TTrq></Msmq>`
  )
}

function eodText(eod: Msmq['eod']): string {
  if (eod === null) return ''
  const connectorId = eod.connectorId === null ? '' : `<ConnectorId>${eod.connectorId}</ConnectorId>`
  return `<Eod>${eod.first ? '<First/>' : ''}${eod.last ? '<Last/>' : ''}${connectorId}</Eod>`
}

function providerText(provider: Msmq['provider']): string {
  if (provider === null) return ''
  return `<Provider><Type>${provider.type}</Type><Name>${escaped(provider.name)}</Name></Provider>`
}

/** A line break after each: the specification separates by white space, and its reader by line breaks (3.1.5.1.1). */
function namesText(element: string, names: readonly string[]): string {
  if (names.length === 0) return ''
  return `<${element}>${names.map(name => `${escaped(name)}\n`).join('')}</${element}>`
}
