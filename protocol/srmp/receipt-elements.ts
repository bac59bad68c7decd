import type { ElementReader } from './element-reader.js'
import type { CommitmentReceipt, SrmpMessage } from './message.js'
import { readIdElement } from './path-element.js'
import { readDateElement } from './properties-element.js'
import { readStreamIdElement } from './stream-element.js'
import { dateText, messageIdText, readNumber, streamIdText, U32_MAX } from './values.js'

/* `deliveryReceipt`, `commitmentReceipt`, `streamReceipt`. Source: [MC-MQSRM] 2.2.5.4 to 2.2.5.6. */

export type DeliveryReceipt = NonNullable<SrmpMessage['deliveryReceipt']>
export type StreamReceipt = NonNullable<SrmpMessage['streamReceipt']>

export function readDeliveryReceipt(receipt: ElementReader): DeliveryReceipt {
  return {
    receivedAtS: readDateElement(receipt.one('receivedAt', '2.2.5.4'), '2.2.5.4'),
    id: readIdElement(receipt.one('id', '2.2.5.4'), '2.2.5.4'),
  }
}

export function readCommitmentReceipt(receipt: ElementReader): CommitmentReceipt {
  return {
    decidedAtS: readDateElement(receipt.one('decidedAt', '2.2.5.5'), '2.2.5.5'),
    decision: readDecision(receipt.one('decision', '2.2.5.5')),
    id: readIdElement(receipt.one('id', '2.2.5.5'), '2.2.5.5'),
  }
}

export function readDecision(decision: ElementReader): CommitmentReceipt['decision'] {
  return decision.value(
    text => (text === 'positive' || text === 'negative' ? text : null),
    '2.2.5.5',
    'positive or negative',
  )
}

export function readStreamReceipt(receipt: ElementReader): StreamReceipt {
  return {
    streamId: readStreamIdElement(receipt.one('streamId', '2.2.5.6'), '2.2.5.6'),
    lastOrdinal: readLastOrdinal(receipt.one('lastOrdinal', '2.2.5.6')),
  }
}

export function readLastOrdinal(lastOrdinal: ElementReader): number {
  return lastOrdinal.value(text => readNumber(text, U32_MAX), '2.2.5.6', 'a number of 32 bits')
}

export function deliveryReceiptText({ receivedAtS, id }: DeliveryReceipt): string {
  return (
    `<deliveryReceipt><receivedAt>${dateText(receivedAtS)}</receivedAt>` +
    `<id>${messageIdText(id)}</id></deliveryReceipt>`
  )
}

export function commitmentReceiptText({ decidedAtS, decision, id }: CommitmentReceipt): string {
  return (
    `<commitmentReceipt><decidedAt>${dateText(decidedAtS)}</decidedAt><decision>${decision}</decision>` +
    `<id>${messageIdText(id)}</id></commitmentReceipt>`
  )
}

export function streamReceiptText({ streamId, lastOrdinal }: StreamReceipt): string {
  return (
    `<streamReceipt><streamId>${streamIdText(streamId)}</streamId>` +
    `<lastOrdinal>${lastOrdinal}</lastOrdinal></streamReceipt>`
  )
}
