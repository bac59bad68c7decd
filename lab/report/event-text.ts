import type { LabEvent } from '../history.js'
import { ACK_TEXTS, DISCARD_TEXTS, FAULT_TEXTS } from '../journey-text.js'

/**
 * One event in a few words, without its time and machine. Stands alone but for those constants: the report's script has it
 * too. Kinds that it does not know are shown by their fields.
 */
export function eventText(event: LabEvent): string {
  const place = (tx: { readonly sequence: string; readonly number: number } | null) =>
    tx === null ? '' : `, number ${tx.number} of sequence ${tx.sequence}`
  switch (event.kind) {
    case 'session-connecting':
      return `connects to ${event.address} for ${event.queue}`
    case 'session-open':
      return `session ${event.connection} open with ${event.peer}, ${event.role === 'initiator' ? 'which it called' : 'which called'}`
    case 'session-closed':
      return `session ${event.connection} with ${event.peer} closed: ${event.reason}`
    case 'accepted':
      return `takes message ${event.messageId} from an application, for ${event.queue}${place(event.tx)}`
    case 'sent':
      return `${event.attempt > 1 ? `sends again (${event.attempt})` : 'sends'} message ${event.messageId} to ${event.queue}${place(event.tx)}`
    case 'session-acked':
      return `session ack for message ${event.messageId}`
    case 'arrived':
      return `message ${event.messageId} arrived from ${event.peer} for ${event.queue}${place(event.tx)}`
    case 'discarded':
      return `discards message ${event.messageId} from ${event.peer}${place(event.tx)}, ${DISCARD_TEXTS[event.reason]} (${event.reason})`
    case 'order-ack-sent':
      return `order ack ${event.messageId} to ${event.destination}: up to number ${event.number} of sequence ${event.sequence}`
    case 'order-ack-received':
      return `order ack ${event.messageId} from ${event.peer}, up to number ${event.number} of sequence ${event.sequence}: ${ACK_TEXTS[event.result]} (${event.result})`
    case 'final-ack-sent':
      return `final ack for message ${event.forMessageId} to ${event.destination}`
    case 'final-ack-received':
      return `final ack for message ${event.forMessageId}${event.matched ? '' : ', which it does not know'}`
    case 'admin-ack-sent':
      return `acknowledgement for message ${event.forMessageId} to ${event.destination}`
    case 'resend':
      return `resend timer, stage ${event.stage}: ${event.messages} unacknowledged of sequence ${event.sequence}`
    case 'given-up':
      return `gives message ${event.messageId} for ${event.queue} up, class 0x${event.messageClass.toString(16)}`
    case 'removed':
      return `message ${event.messageId} leaves ${event.queue}, and no application has received it, class 0x${event.messageClass.toString(16)}`
    case 'dead-lettered':
      return `message ${event.messageId} for ${event.queue} goes to the dead-letter queue`
    case 'qmid-cached':
      return `remembers ${event.address} for QMId ${event.guid}: ${event.change}`
    case 'resolved':
      return `${event.queue} is at ${event.addresses.join(', ')} (${event.by})`
    case 'http-answered':
      return `answer ${event.status} to message ${event.messageId}`
    case 'http-refused':
      return `refuses a request of ${event.peer} with ${event.status}: ${event.error}`
    case 'forwarded':
      return `passes message ${event.messageId} on to ${event.queue}${place(event.tx)}`
    case 'express-lost':
      return `${event.count} express messages lost`
    case 'consumed':
      return `an application takes message ${event.messageId} from ${event.queue}`
    case 'fault':
      return `${FAULT_TEXTS[event.fault].text} (${event.fault})`
    case 'injected':
      return `fault ${event.rule + 1} of the scenario strikes: ${event.what}${event.packet === null ? '' : ` ${JSON.stringify(event.packet)}`}`
    case 'disk-forgot':
      return `its disk has lost message ${event.messageId}, which it had reported as safe`
    case 'gateway-decision': {
      const { decision } = event
      const what = decision.request === undefined ? 'connection' : `request ${decision.request} of connection`
      return `gives ${what} ${decision.connection} of ${decision.clientAddress} to ${decision.host ?? 'nobody'}: ${decision.reason}`
    }
    case 'gateway-closed':
      return `connection ${event.closed.connection} of ${event.closed.clientAddress} to ${event.closed.host ?? 'nobody'} ended: ${event.closed.manner}`
    case 'gateway-request':
      return `request ${event.request.request} of connection ${event.request.connection}, ${event.request.method} to ${event.request.host ?? 'nobody'}: ${event.request.outcome} ${event.request.status ?? ''}`
    case 'cluster-map':
      return `buckets by owner: ${Object.entries(
        event.owners.reduce<Record<string, number>>((counts, names) => {
          const name = names.length === 0 ? 'nobody' : names.join(' and ')
          counts[name] = (counts[name] ?? 0) + 1
          return counts
        }, {}),
      )
        .map(([name, count]) => `${name} ${count}`)
        .join(', ')}`
    default: {
      const { kind, node, atMs, ...fields } = event as LabEvent
      return `${kind} ${JSON.stringify(fields)}`
    }
  }
}
