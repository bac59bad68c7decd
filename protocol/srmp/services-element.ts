import type { ElementReader } from './element-reader.js'
import type { CommitmentReceiptRequest, SrmpMessage } from './message.js'
import { escaped } from './values.js'

/* `services`: durable, deliveryReceiptRequest, commitmentReceiptRequest. Source: [MC-MQSRM] 2.2.5.2. */

export type ServicesFields = Pick<SrmpMessage, 'durable' | 'deliveryReceiptTo' | 'commitmentReceiptRequest'>

export function readServices(services: ElementReader | null): ServicesFields {
  if (services === null) return { durable: false, deliveryReceiptTo: null, commitmentReceiptRequest: null }
  services.requireMustUnderstand('2.2.5.2')
  const delivery = services.optional('deliveryReceiptRequest', '2.2.5.2.2')
  const commitment = services.optional('commitmentReceiptRequest', '2.2.5.2.3')
  return {
    durable: services.has('durable', '2.2.5.2.1'),
    deliveryReceiptTo: delivery === null ? null : readDeliveryReceiptRequest(delivery),
    commitmentReceiptRequest: commitment === null ? null : readCommitmentReceiptRequest(commitment),
  }
}

export function readDeliveryReceiptRequest(request: ElementReader): string {
  return request.one('sendTo', '2.2.5.2.2').queueUrl('2.2.5.2.2')
}

export function readCommitmentReceiptRequest(request: ElementReader): CommitmentReceiptRequest {
  return {
    sendTo: request.one('sendTo', '2.2.5.2.3').queueUrl('2.2.5.2.3'),
    positiveOnly: request.has('positiveOnly', '2.2.5.2.3'),
    negativeOnly: request.has('negativeOnly', '2.2.5.2.3'),
  }
}

/** Nothing where there is nothing to say. */
export function servicesText({ durable, deliveryReceiptTo, commitmentReceiptRequest }: ServicesFields): string {
  if (!durable && deliveryReceiptTo === null && commitmentReceiptRequest === null) return ''
  const delivery =
    deliveryReceiptTo === null
      ? ''
      : `<deliveryReceiptRequest><sendTo>${escaped(deliveryReceiptTo)}</sendTo></deliveryReceiptRequest>`
  const commitment = commitmentReceiptRequest === null ? '' : commitmentReceiptRequestText(commitmentReceiptRequest)
  return `<services se:mustUnderstand="1">${durable ? '<durable/>' : ''}${delivery}${commitment}</services>`
}

function commitmentReceiptRequestText({ sendTo, positiveOnly, negativeOnly }: CommitmentReceiptRequest): string {
  const kinds = `${positiveOnly ? '<positiveOnly/>' : ''}${negativeOnly ? '<negativeOnly/>' : ''}`
  return `<commitmentReceiptRequest><sendTo>${escaped(sendTo)}</sendTo>${kinds}</commitmentReceiptRequest>`
}
