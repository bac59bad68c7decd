import type { QueueNameSpec } from '../protocol/binary/build.js'
import { ORDER_ACK_LABEL } from '../protocol/binary/order-ack.js'
import { MessageClass } from '../protocol/message-class.js'
import { sequenceIdText } from '../protocol/sequence-id.js'
import type { Context } from './context.js'
import type { IncomingSequence } from './incoming-sequence.js'

/** How one travels: over a session of the binary protocol, or, for a stream, over HTTP. */
export interface OrderAckRoute {
  /** Format name of the sender's order queue. */
  readonly destination: string
  readonly body: Buffer
  readonly response?: QueueNameSpec
  /** Whom the messages it is for came from, as far as this machine sees. */
  readonly sessionPeer: string
  /** By an address, not by the identity of the sender. */
  readonly direct: boolean
}

/** Tells the sender of a sequence up to which number its messages are durable here ([MS-MQQB] 3.1.7.17, [MC-MQSRM] 3.1.6.3). */
export function sendOrderAck(context: Context, sequence: IncomingSequence, route: OrderAckRoute): void {
  const { counters, log, now, outgoingQueues } = context
  const { destination, body, response, sessionPeer, direct } = route
  const { id, number } = sequence.durable
  const messageId = outgoingQueues.internal.send({
    destination,
    delivery: 'express',
    priority: 0,
    label: ORDER_ACK_LABEL,
    messageClass: MessageClass.ORDER_ACK,
    body,
    response,
  })
  if (messageId === 0) return
  counters.orderAcksSent += 1
  if (log.noting)
    log.note(now, {
      kind: 'order-ack-sent',
      messageId,
      destination,
      sessionPeer,
      forSource: sequence.source,
      sequence: sequenceIdText(id),
      number,
      direct,
    })
}
