/** Message classes. Bit 0x8000 marks a negative acknowledgement, bit 0x4000 one about the read rather than the arrival.
 *  Other values are the application's; an unknown number stays a number. Source: [MS-MQMQ] 2.2.18.1.6. */
export const MessageClass = {
  NORMAL: 0x0000,
  REPORT: 0x0001,
  ACK_REACH_QUEUE: 0x0002,
  ORDER_ACK: 0x00ff,
  ACK_RECEIVE: 0x4000,
  NACK_BAD_DST_Q: 0x8000,
  NACK_DELETED: 0x8001,
  NACK_REACH_QUEUE_TIMEOUT: 0x8002,
  NACK_Q_EXCEED_QUOTA: 0x8003,
  NACK_ACCESS_DENIED: 0x8004,
  NACK_HOP_COUNT_EXCEEDED: 0x8005,
  NACK_BAD_SIGNATURE: 0x8006,
  NACK_BAD_ENCRYPTION: 0x8007,
  NACK_NOT_TRANSACTIONAL_Q: 0x8009,
  NACK_NOT_TRANSACTIONAL_MSG: 0x800a,
  NACK_UNSUPPORTED_CRYPTO_PROVIDER: 0x800b,
  NACK_Q_DELETED: 0xc000,
  NACK_Q_PURGED: 0xc001,
  NACK_RECEIVE_TIMEOUT: 0xc002,
  NACK_RECEIVE_REJECTED: 0xc004,
} as const

export type MessageClass = (typeof MessageClass)[keyof typeof MessageClass]

const NAMES = new Map<number, string>(Object.entries(MessageClass).map(([name, code]) => [code, name]))

/** The specification's name without its `MQMSG_CLASS_` prefix; `0x1234` for a class it does not list. */
export function messageClassName(messageClass: number): string {
  return NAMES.get(messageClass) ?? `0x${messageClass.toString(16).padStart(4, '0')}`
}

/** What a person calls such a message. */
export type MessageKind = 'Normal' | 'Report' | 'Acknowledgment' | 'OrderAck' | 'ApplicationDefined'

/** Administration acknowledgements are the positive classes 0x0002 and 0x4000 and every negative class listed. */
export function messageKind(messageClass: number): MessageKind {
  if (messageClass === MessageClass.NORMAL) return 'Normal'
  if (messageClass === MessageClass.REPORT) return 'Report'
  if (messageClass === MessageClass.ORDER_ACK) return 'OrderAck'
  return NAMES.has(messageClass) ? 'Acknowledgment' : 'ApplicationDefined'
}

export function isNegativeAcknowledgment(messageClass: number): boolean {
  return (messageClass & 0x8000) !== 0
}
