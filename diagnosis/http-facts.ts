import type { SeenRequest } from '../capture/messages/seen.js'
import { NIL_GUID } from '../protocol/guid.js'
import { MessageClass } from '../protocol/message-class.js'
import { sequenceIdText } from '../protocol/sequence-id.js'
import { effectiveId, NEVER_S, type SrmpMessage } from '../protocol/srmp/message.js'
import { messageText, type Sighting } from './packet-facts.js'
import type { SeenFinalAck, SeenMessage, SeenOrderAck } from './seen-message.js'

/** What one SRMP envelope is to a diagnosis; several at once, as a final stream receipt is both acks. */
export interface HttpFacts {
  readonly message: SeenMessage | null
  readonly orderAck: SeenOrderAck | null
  readonly finalAck: SeenFinalAck | null
}

/** What names the same envelope on both sides of a balancer. */
export function envelopeKey({ kind, message, bodySize }: SeenRequest): string | null {
  if (message === null) return null
  const { id, stream, streamReceipt } = message
  const receipt = streamReceipt === null ? '' : `${streamReceipt.streamId.guid}:${streamReceipt.lastOrdinal}`
  return `${kind}/${id.guid}/${id.index}/${stream?.current ?? ''}/${receipt}/${bodySize}`
}

/** @param forwarded its client passes it on for another. */
export function httpFacts(sighting: Sighting, { kind, message }: SeenRequest, forwarded: boolean): HttpFacts {
  if (message === null || kind === null || kind === 'unknown') return { message: null, orderAck: null, finalAck: null }
  return {
    message: kind === 'user' || kind === 'delivery-receipt' ? userMessage(sighting, message, forwarded) : null,
    orderAck: message.streamReceipt === null ? null : streamReceipt(sighting, message),
    finalAck: message.commitmentReceipt === null ? null : commitmentReceipt(sighting, message),
  }
}

function userMessage(sighting: Sighting, message: SrmpMessage, forwarded: boolean): SeenMessage {
  const { stream, msmq } = message
  const { guid, index } = effectiveId(message)
  // a message of MSMQ in the middle of its transaction has none; of others each is one by itself
  const eod = msmq === null ? { first: true, last: true } : (msmq.eod ?? { first: false, last: false })
  return {
    ...sighting,
    source: guid,
    messageId: index,
    forwarded,
    messageClass: msmq?.class ?? MessageClass.NORMAL,
    recoverable: message.durable || stream !== null,
    destination: message.to,
    transaction:
      stream === null
        ? null
        : {
            sequence: sequenceIdText(stream.streamId.sequence),
            number: stream.current,
            previous: stream.previous ?? stream.current - 1,
            isFirst: eod.first,
            isLast: eod.last,
            index: 0,
          },
    sessionNumber: 0,
    sentTimeS: message.sentAtS ?? 0,
    timeToReachQueueS: timeToReachQueueS(message),
    bodySize: message.body?.bytes.length ?? 0,
    priority: msmq?.priority ?? 3,
    about: message.deliveryReceipt === null ? null : aboutId(message.deliveryReceipt.id),
    adminQueue: message.deliveryReceiptTo ?? message.commitmentReceiptRequest?.sendTo ?? null,
    hops: 0,
  }
}

/** An envelope has the moment, not the time until then. */
function timeToReachQueueS({ msmq, sentAtS }: SrmpMessage): number {
  if (msmq === null || sentAtS === null || msmq.ttrqS === NEVER_S) return 0xffffffff
  return Math.max(0, msmq.ttrqS - sentAtS)
}

function streamReceipt(sighting: Sighting, message: SrmpMessage): SeenOrderAck {
  const { streamId, lastOrdinal } = message.streamReceipt!
  return {
    ...sighting,
    source: writerOf(message),
    messageId: message.id.index,
    sequence: sequenceIdText(streamId.sequence),
    forSource: streamId.guid,
    number: lastOrdinal,
    destination: message.to,
  }
}

function commitmentReceipt(sighting: Sighting, message: SrmpMessage): SeenFinalAck {
  const receipt = message.commitmentReceipt!
  const stream = message.streamReceipt
  return {
    ...sighting,
    source: writerOf(message),
    messageId: message.id.index,
    sequence: stream === null ? null : sequenceIdText(stream.streamId.sequence),
    number: stream === null ? null : stream.lastOrdinal,
    messageClass: message.msmq?.class ?? MessageClass.ACK_RECEIVE,
    about: aboutId(receipt.id),
    destination: message.to,
  }
}

const aboutId = ({ guid, index }: SrmpMessage['id']) => messageText(guid, index)

/** Who wrote a receipt, where it says. */
function writerOf({ msmq }: SrmpMessage): string | null {
  const guid = msmq?.sourceQmGuid
  return guid === undefined || guid === NIL_GUID ? null : guid
}
