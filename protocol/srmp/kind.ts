import { MessageClass } from '../message-class.js'
import type { CommitmentReceipt, SrmpKind, SrmpMessage } from './message.js'

const ORDERING_ACK_ACTION = 'MSMQ:QM Ordering Ack'

const NEGATIVE_CLASSES: readonly number[] = [
  MessageClass.NACK_DELETED,
  MessageClass.NACK_Q_DELETED,
  MessageClass.NACK_Q_PURGED,
  MessageClass.NACK_RECEIVE_TIMEOUT,
  // Missing in 3.1.5.1.5, made by 3.1.7.3.1 (decision 0024).
  MessageClass.NACK_RECEIVE_REJECTED,
]

/** By receipt entries, class and action; without `Msmq` the class is normal. Source: [MC-MQSRM] 3.1.5.1.5. */
export function kindOf(
  message: Pick<SrmpMessage, 'action' | 'streamReceipt' | 'deliveryReceipt' | 'commitmentReceipt' | 'msmq'>,
): SrmpKind {
  const { action, streamReceipt, deliveryReceipt, commitmentReceipt, msmq } = message
  const messageClass = msmq?.class ?? MessageClass.NORMAL
  if (streamReceipt !== null) {
    if (deliveryReceipt !== null || action !== ORDERING_ACK_ACTION) return 'unknown'
    if (commitmentReceipt === null) return messageClass === MessageClass.ORDER_ACK ? 'stream-receipt' : 'unknown'
    return fits(commitmentReceipt, messageClass) ? 'final-stream-receipt' : 'unknown'
  }
  if (commitmentReceipt !== null) {
    return deliveryReceipt === null && fits(commitmentReceipt, messageClass) ? 'commitment-receipt' : 'unknown'
  }
  if (deliveryReceipt !== null) return messageClass === MessageClass.ACK_REACH_QUEUE ? 'delivery-receipt' : 'unknown'
  return messageClass === MessageClass.NORMAL ? 'user' : 'unknown'
}

function fits({ decision }: CommitmentReceipt, messageClass: number): boolean {
  return decision === 'positive' ? messageClass === MessageClass.ACK_RECEIVE : NEGATIVE_CLASSES.includes(messageClass)
}
