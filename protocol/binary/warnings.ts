import { BASE_FLAGS } from './base-header.js'
import type { Packet, UserMessagePacket } from './packet.js'
import { HOP_COUNT_MAX, USER_FLAGS } from './user-header.js'

/** What a sender should not have done and a receiver has no reason to reject. */
export const WARNINGS = {
  W_ACK_WITHOUT_ADMINQ: 'Acknowledgements are wanted but no administration queue is named ([MS-MQMQ] 2.2.19.2).',
  W_ADMINQ_WITHOUT_ACK: 'An administration queue is named but no acknowledgement is wanted ([MS-MQMQ] 2.2.19.2).',
  W_AH_SET: 'UserHeader.Flags.AH must not be set when sent ([MS-MQMQ] 2.2.19.2).',
  W_HOP_COUNT: 'UserHeader.Flags.RC is over 0x1D ([MS-MQMQ] 2.2.19.2).',
  W_TRACE_WITHOUT_DEBUG: 'BaseHeader.Flags.TR is set without DH ([MS-MQMQ] 2.2.19.1).',
  W_TRANSACTION_PRIORITY: 'A transactional message must have priority 0 ([MS-MQMQ] 2.2.19.1).',
  W_SECURITY_EMPTY: 'The SecurityHeader carries nothing ([MS-MQMQ] 2.2.20.6).',
  W_TRAILING_BYTES: 'Bytes follow the last known header inside PacketSize.',
  W_SESSION_INSIDE: 'PacketSize counts the SessionHeader, against [MS-MQMQ] 2.2.19.1.',
  W_WINDOW_ZERO: 'SessionHeader.WindowSize is 0 ([MS-MQMQ] 2.2.20.4).',
} as const

export type Warning = keyof typeof WARNINGS

export function warningsOf(packet: Packet): Warning[] {
  if ('user' in packet) return warningsOfUserMessage(packet)
  return packet.packetType === 'SessionAck' && packet.session.windowSize === 0 ? ['W_WINDOW_ZERO'] : []
}

function warningsOfUserMessage(packet: UserMessagePacket): Warning[] {
  const warnings: Warning[] = []
  const { base, user, security, properties, session } = packet
  const wantsAck = (properties.flags & 0x0f) !== 0
  const hasAdminQueue = (user.flags & USER_FLAGS.AQ) !== 0
  if (wantsAck && !hasAdminQueue) warnings.push('W_ACK_WITHOUT_ADMINQ')
  if (!wantsAck && hasAdminQueue) warnings.push('W_ADMINQ_WITHOUT_ACK')
  if ((user.flags & USER_FLAGS.AH) !== 0) warnings.push('W_AH_SET')
  if ((user.flags & USER_FLAGS.RC) > HOP_COUNT_MAX) warnings.push('W_HOP_COUNT')
  if ((base.flags & BASE_FLAGS.TR) !== 0 && (base.flags & BASE_FLAGS.DH) === 0) warnings.push('W_TRACE_WITHOUT_DEBUG')
  if (packet.transaction !== null && (base.flags & BASE_FLAGS.PR) !== 0) warnings.push('W_TRANSACTION_PRIORITY')
  if (security !== null && isEmpty(security)) warnings.push('W_SECURITY_EMPTY')
  if (packet.trailing.length > 0) warnings.push('W_TRAILING_BYTES')
  if (packet.sessionInside) warnings.push('W_SESSION_INSIDE')
  if (session !== null && session.windowSize === 0) warnings.push('W_WINDOW_ZERO')
  return warnings
}

function isEmpty(security: NonNullable<UserMessagePacket['security']>): boolean {
  const { securityId, encryptionKey, signature, senderCert, providerInfo } = security
  const size = securityId.length + encryptionKey.length + signature.length + senderCert.length
  return size === 0 && providerInfo === null
}
