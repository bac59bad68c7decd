import { messageClassName } from '../message-class.js'
import type { EnvelopeSpelling } from './envelope.js'
import type { HttpHeaders, HttpResponseLike } from './http-head.js'
import { kindOf } from './kind.js'
import {
  ANONYMOUS_ID,
  effectiveId,
  labelOf,
  type Msmq,
  type Part,
  type SrmpKind,
  type SrmpMessage,
  type SrmpMessageId,
  type Stream,
  type StreamId,
} from './message.js'
import { parseQueueUrl } from './queue-url.js'
import { sequenceNumberText } from './values.js'

/* A message as plain data, for listings in JSON. Numbers that the specification gives 64 bits are text, moments ISO 8601. */

export type SrmpFields = Record<string, unknown>

const KINDS: Readonly<Record<SrmpKind, string>> = {
  user: 'user',
  'delivery-receipt': 'deliveryReceipt',
  'stream-receipt': 'streamReceipt',
  'final-stream-receipt': 'finalStreamReceipt',
  'commitment-receipt': 'commitmentReceipt',
  unknown: 'unknown',
}

export function srmpFields(message: SrmpMessage, spelling: EnvelopeSpelling): SrmpFields {
  const { action, to, via, msmq, stream, commitmentReceiptRequest, deliveryReceipt, commitmentReceipt } = message
  const kind = kindOf(message)
  const id = effectiveId(message)
  return {
    kind: KINDS[kind],
    ...(kind === 'user' ? { userType: userType(message) } : {}),
    action,
    label: labelOf(message),
    to,
    ...destinationFields(to),
    id: idFields(id),
    idRaw: spelling.id,
    duplicateCheckBypassed: id.index === ANONYMOUS_ID.index && id.guid === ANONYMOUS_ID.guid,
    responseQueue: responseQueue(via),
    expiresAt: isoDate(message.expiresAtS),
    sentAt: message.sentAtS === null ? null : isoDate(message.sentAtS),
    timeToReachQueueSeconds: message.sentAtS === null ? null : (msmq?.ttrqS ?? message.expiresAtS) - message.sentAtS,
    durable: message.durable,
    acknowledgementsRequested: acknowledgements(message),
    finalAckRequired: commitmentReceiptRequest !== null,
    deliveryReceiptTo: message.deliveryReceiptTo,
    commitmentReceiptTo: commitmentReceiptRequest?.sendTo ?? null,
    adminQueue: adminQueue(message),
    stream: stream === null ? null : { ...streamFields(stream), elementName: spelling.streamElement },
    streamReceipt: message.streamReceipt === null ? null : streamReceiptFields(message.streamReceipt),
    deliveryReceipt:
      deliveryReceipt === null
        ? null
        : { receivedAt: isoDate(deliveryReceipt.receivedAtS), id: idFields(deliveryReceipt.id) },
    commitmentReceipt: commitmentReceipt === null ? null : commitmentReceiptFields(commitmentReceipt),
    msmq: msmq === null ? null : msmqFields(msmq),
    signature: message.signature,
    body: partFields(message.body),
    extension: partFields(message.extension),
    attachments: message.attachments.map(partFields),
  }
}

function userType(message: SrmpMessage): string {
  if (message.stream !== null) return 'stream'
  return message.durable ? 'durable' : 'regular'
}

/** `DIRECT=` and the URL, or the multicast name, and the URL's steps (3.1.5.1.1). */
export function destinationFields(to: string): SrmpFields {
  const url = parseQueueUrl(to)
  if (url !== null) return { destinationFormatName: `DIRECT=${to}`, destination: url }
  const name = withoutPrefix(to)
  const [host = '', port = ''] = name.slice('MULTICAST='.length).split(':')
  const isMulticast = name.startsWith('MULTICAST=')
  return {
    destinationFormatName: isMulticast ? name : `DIRECT=${to}`,
    destination: isMulticast ? { scheme: 'multicast', host, port: Number(port) } : null,
  }
}

/** A URL as it is, another format name without its prefix (3.1.5.1.1). */
export function responseQueue(via: string | null): string | null {
  return via === null ? null : withoutPrefix(via)
}

function withoutPrefix(text: string): string {
  return text.startsWith('MSMQ:') ? text.slice('MSMQ:'.length) : text
}

function acknowledgements({ deliveryReceiptTo, commitmentReceiptRequest }: SrmpMessage): string[] {
  const names: string[] = []
  if (deliveryReceiptTo !== null) names.push('AckPosArrival')
  if (commitmentReceiptRequest?.positiveOnly) names.push('AckPosReceive')
  if (commitmentReceiptRequest?.negativeOnly) names.push('AckNegReceive')
  return names
}

/** The one that the data model has room for: what a first stream message says goes before the others (decision 0024). */
function adminQueue({ stream, deliveryReceiptTo, commitmentReceiptRequest }: SrmpMessage): string | null {
  return stream?.sendReceiptsTo ?? deliveryReceiptTo ?? commitmentReceiptRequest?.sendTo ?? null
}

export function idFields({ index, guid }: SrmpMessageId): SrmpFields {
  return { index: String(index), guid }
}

export function streamIdFields({ guid, sequence }: StreamId): SrmpFields {
  return {
    qmGuid: guid,
    seqId: sequenceNumberText(sequence),
    seqTimestamp: sequence.timeStamp,
    seqOrdinal: sequence.ordinal,
  }
}

export function streamFields({ streamId, current, previous, sendReceiptsTo }: Stream): SrmpFields {
  return {
    ...streamIdFields(streamId),
    current: String(current),
    previous: previous === null ? null : String(previous),
    isFirst: sendReceiptsTo !== null,
    sendReceiptsTo,
  }
}

export function streamReceiptFields(receipt: NonNullable<SrmpMessage['streamReceipt']>): SrmpFields {
  return { ...streamIdFields(receipt.streamId), lastOrdinal: String(receipt.lastOrdinal) }
}

export function commitmentReceiptFields(receipt: NonNullable<SrmpMessage['commitmentReceipt']>): SrmpFields {
  return { decidedAt: isoDate(receipt.decidedAtS), decision: receipt.decision, id: idFields(receipt.id) }
}

export function msmqFields({ class: messageClass, correlation, ttrqS, ...others }: Msmq): SrmpFields {
  return {
    class: messageClass,
    className: messageClassName(messageClass),
    ...others,
    correlationHex: correlation?.toString('hex') ?? null,
    ttrq: isoDate(ttrqS),
  }
}

function partFields(part: Part | null): SrmpFields | null {
  if (part === null) return null
  return { length: part.bytes.length, contentId: part.contentId, base64: part.bytes.toString('base64') }
}

/** `2007-06-19T21:06:54Z`. */
export function isoDate(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}

export function responseFields({ status, reason, headers, body }: HttpResponseLike): SrmpFields {
  let contentLength = 0
  for (const piece of body) contentLength += piece.length
  return { status, reason, contentLength, headers: headerFields(headers) }
}

/** Names in lower case; of a repeated one the first. */
export function headerFields(headers: HttpHeaders): Record<string, string> {
  const fields = new Map<string, string>()
  for (const [name, value] of headers) {
    if (!fields.has(name.toLowerCase())) fields.set(name.toLowerCase(), value)
  }
  return Object.fromEntries(fields)
}
