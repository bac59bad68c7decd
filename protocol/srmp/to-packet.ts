import { buildUserMessage, type CompoundSpec, type QueueNameSpec, type TransactionSpec } from '../binary/build.js'
import { MP_FLAGS } from '../binary/message-properties-header.js'
import { TX_FLAGS } from '../binary/transaction-header.js'
import { DecodeError } from '../errors.js'
import { formatNameText, parseFormatName } from '../format-name.js'
import { NIL_GUID } from '../guid.js'
import { MessageClass } from '../message-class.js'
import { isUrl } from './from-packet.js'
import { effectiveId, labelOf, NEVER_S, type SrmpMessage, type Stream } from './message.js'

/* An SRMP message as the user message that queues keep: every property where a message over the binary protocol has it, and
 * the request that brought it in a CompoundMessageHeader ([MS-MQRR] 2.2.5.1.2). Source: [MC-MQSRM] 3.1.5.1.1. */

const INFINITE_S = 0xffffffff
const DEFAULT_PRIORITY = 3
const URL_LENGTH_MAX = 2_048
const LABEL_LENGTH_MAX = 249
/** Of the message's body ([MC-MQSRM] 1.6). */
const BODY_BYTES_MAX = 4_194_304
const NO_BODY = Buffer.alloc(0)

/**
 * @param compound the request, as it is to be kept with the message.
 * @param nowS the wall clock, for a message that does not say when it was sent, and for what is left of its life.
 * @param deadLetter it is to be dead-lettered if it fails, whether it asks for that or not.
 * @throws DecodeError for what a message of ours cannot hold: a name or label that is too long, or no name at all.
 */
export function packetOfMessage(
  message: SrmpMessage,
  compound: CompoundSpec,
  nowS: number,
  deadLetter: boolean,
): Buffer {
  const { msmq, stream } = message
  if ((stream?.sendReceiptsTo?.length ?? 0) > URL_LENGTH_MAX)
    throw urlTooLong('stream/start/sendReceiptsTo', '2.2.5.3.4')
  const id = effectiveId(message)
  const sentTime = message.sentAtS ?? nowS
  const label = labelOf(message) ?? ''
  if (label.length > LABEL_LENGTH_MAX) throw tooLong('path/action', '2.2.4.1', `a label of at most ${LABEL_LENGTH_MAX}`)
  if ((message.body?.bytes.length ?? 0) > BODY_BYTES_MAX)
    throw new DecodeError('MSMQ_DECODE_SRMP_SIZE', 'body', 'body', 0, '1.6', `more than ${BODY_BYTES_MAX} bytes`)
  const admin = message.deliveryReceiptTo ?? message.commitmentReceiptRequest?.sendTo ?? ''
  return buildUserMessage({
    priority: stream === null ? (msmq?.priority ?? DEFAULT_PRIORITY) : 0,
    timeToReachQueue: lifetime(sentTime, msmq?.ttrqS ?? message.expiresAtS),
    sourceQueueManager: id.guid,
    queueManagerAddress: NIL_GUID,
    timeToBeReceived: lifetime(nowS, message.expiresAtS),
    sentTime,
    messageId: id.index,
    delivery: isDurable(message) ? 'recoverable' : 'express',
    journalNegative: deadLetter || msmq?.deadLetter === true,
    journalPositive: msmq?.journal === true,
    destination: urlSpec(message.to, 'path/to', '2.2.4.2'),
    admin: isUrl(admin) ? urlSpec(admin, 'services', '2.2.5.2') : undefined,
    response: message.via === null ? undefined : responseSpec(message.via),
    connectorType: msmq?.connectorType ?? undefined,
    transaction: stream === null ? undefined : transactionSpec(stream, message),
    acknowledgements: acknowledgementFlags(message),
    label,
    messageClass: msmq?.class ?? MessageClass.NORMAL,
    correlationId: msmq?.correlation ?? undefined,
    bodyType: msmq?.bodyType ?? 0,
    applicationTag: msmq?.app ?? 0,
    hashAlgorithm: msmq?.hashAlgorithm ?? undefined,
    extension: message.extension?.bytes,
    body: message.body?.bytes ?? NO_BODY,
    compound,
  })
}

/** Kept on disk, and taken once it is there: every stream message is (decision 0022). */
export function isDurable({ durable, stream }: Pick<SrmpMessage, 'durable' | 'stream'>): boolean {
  return durable || stream !== null
}

/** Whether the message came too late ([MC-MQSRM] 2.2.5.1.1, 2.2.6.17; decision 0022). */
export function hasExpired({ expiresAtS, msmq }: SrmpMessage, nowS: number): boolean {
  return nowS > (msmq?.ttrqS ?? expiresAtS) || nowS > expiresAtS
}

/** A URL as the text of a direct format name on the wire: `HTTP://host/msmq/…`. */
export function urlSpec(url: string, path: string, section: string): QueueNameSpec {
  if (url.length > URL_LENGTH_MAX) throw urlTooLong(path, section)
  const colon = url.indexOf(':')
  return { type: 7, name: `${url.slice(0, colon).toUpperCase()}${url.slice(colon)}` }
}

function urlTooLong(path: string, section: string): DecodeError {
  return tooLong(path, section, `a URL of at most ${URL_LENGTH_MAX}`)
}

function tooLong(path: string, section: string, allowed: string): DecodeError {
  return new DecodeError('MSMQ_DECODE_SRMP_LENGTH', 'Envelope', path, 0, section, `too long: ${allowed} characters`)
}

function lifetime(fromS: number, untilS: number): number {
  return untilS >= NEVER_S ? INFINITE_S : Math.max(0, untilS - fromS)
}

/** A URL, or another name after `MSMQ:`; one that is none of either is no response queue. */
function responseSpec(via: string): QueueNameSpec | undefined {
  if (isUrl(via)) return via.length > URL_LENGTH_MAX ? undefined : urlSpec(via, 'path/rev/via', '2.2.4.4')
  if (!/^msmq:/i.test(via)) return undefined
  try {
    const name = parseFormatName(via.slice('MSMQ:'.length))
    if (name.kind === 'direct') return { type: 7, name: formatNameText(name).slice('DIRECT='.length) }
    if (name.kind === 'public') return { type: 5, guid: name.guid }
    if (name.kind === 'private') return { type: 6, queueManager: name.queueManager, number: name.number }
  } catch {
    // the peer's affair: a reply has nowhere to go
  }
  return undefined
}

function transactionSpec({ streamId, current, previous }: Stream, { msmq }: SrmpMessage): TransactionSpec {
  const first = msmq?.eod?.first === true ? TX_FLAGS.FM : 0
  const last = msmq?.eod?.last === true ? TX_FLAGS.LM : 0
  return {
    flags: first | last,
    sequenceId: streamId.sequence,
    sequenceNumber: current,
    previousSequenceNumber: Math.min(previous ?? current - 1, current - 1),
  }
}

function acknowledgementFlags({ deliveryReceiptTo, commitmentReceiptRequest }: SrmpMessage): number {
  const arrival = deliveryReceiptTo === null ? 0 : MP_FLAGS.PA
  if (commitmentReceiptRequest === null) return arrival
  const { positiveOnly, negativeOnly } = commitmentReceiptRequest
  return arrival | (positiveOnly ? MP_FLAGS.PR : 0) | (negativeOnly ? MP_FLAGS.NR : 0)
}
