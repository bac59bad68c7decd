import { MessageClass, messageKind } from '../message-class.js'
import { BASE_HEADER_LAYOUT } from './base-header.js'
import { COMPOUND_MESSAGE_LAYOUT } from './compound-message-header.js'
import { CONNECTION_PARAMETERS_LAYOUT, CONNECTION_PARAMETERS_SIZE } from './connection-parameters.js'
import { DEBUG_LAYOUT } from './debug-header.js'
import { ESTABLISH_CONNECTION_LAYOUT, ESTABLISH_CONNECTION_SIZE } from './establish-connection.js'
import { EXTENSION_LAYOUT, EXTENSION_RECOGNISED } from './extension-header.js'
import { FINAL_ACK_BODY_LAYOUT } from './final-ack.js'
import { INTERNAL_HEADER_LAYOUT, PACKET_TYPE } from './internal-header.js'
import { type Expression, type LayoutPart, type Rule, refuse } from './layout.js'
import { ACKNOWLEDGED_LAYOUT, MESSAGE_PROPERTIES_LAYOUT } from './message-properties-header.js'
import { MULTI_QUEUE_FORMAT_LAYOUT } from './multi-queue-format-header.js'
import { DESTINATION_IS_ORDER_QUEUE, ORDER_ACK_BODY_LAYOUT, ORDER_ACK_BODY_SIZE, ORDER_ACK_LABEL } from './order-ack.js'
import { NOT_IN_ACKNOWLEDGMENT } from './packet.js'
import { SECURITY_LAYOUT, SENDER_ID_TYPE, SENDER_QUEUE_MANAGER_LAYOUT } from './security-header.js'
import { SESSION_ACK_SIZE } from './session-ack.js'
import { SESSION_HEADER_LAYOUT, SESSION_HEADER_SIZE } from './session-header.js'
import { SOAP_LAYOUT } from './soap-header.js'
import { SRMP_ENVELOPE_LAYOUT } from './srmp-envelope-header.js'
import { TRANSACTION_LAYOUT } from './transaction-header.js'
import { HOP_COUNT_MAX, USER_HEADER_LAYOUT } from './user-header.js'
import { USER_MESSAGE_SIZE_MIN } from './user-message-layout.js'
import { WARNINGS, type Warning } from './warnings.js'

/* Every TCP packet, header by header, as packet.ts decodes it. */

const PACKET_SIZE = 'BaseHeader.PacketSize'
const TYPE = 'InternalHeader.Flags.PT'
const CLASS = 'MessagePropertiesHeader.MessageClass'
const MESSAGE_SIZE = 'MessagePropertiesHeader.MessageSize'
const TRAILING = 'UserMessage.Trailing'
const WANTED: Expression = ['bits', 0x0f, 'MessagePropertiesHeader.Flags']

const isNotOfSize = (type: number, size: number): Expression => [
  'and',
  ['=', TYPE, type],
  ['not', ['=', PACKET_SIZE, size]],
]

/** Where a packet ends that is followed by more bytes than its own. */
const NO_EXCESS = refuse('EXCESS', PACKET_SIZE, ['>', ['given'], ['limit']], 'more bytes are there')

const INTERNAL: readonly LayoutPart[] = [
  { limit: PACKET_SIZE },
  INTERNAL_HEADER_LAYOUT,
  refuse(
    'INTERNAL_SIZE',
    PACKET_SIZE,
    [
      'or',
      isNotOfSize(PACKET_TYPE.SESSION_ACK, SESSION_ACK_SIZE),
      isNotOfSize(PACKET_TYPE.ESTABLISH_CONNECTION, ESTABLISH_CONNECTION_SIZE),
      isNotOfSize(PACKET_TYPE.CONNECTION_PARAMETERS, CONNECTION_PARAMETERS_SIZE),
    ],
    'must be 36, 572 or 32, by the type',
  ),
  NO_EXCESS,
  { when: ['=', TYPE, PACKET_TYPE.ESTABLISH_CONNECTION], parts: [ESTABLISH_CONNECTION_LAYOUT] },
  { when: ['=', TYPE, PACKET_TYPE.CONNECTION_PARAMETERS], parts: [CONNECTION_PARAMETERS_LAYOUT] },
  {
    when: ['=', TYPE, PACKET_TYPE.SESSION_ACK],
    parts: [
      refuse('SESSION_HEADER', 'BaseHeader.Flags.SH', ['not', 'BaseHeader.Flags.SH'], 'must be set in a SessionAck'),
      SESSION_HEADER_LAYOUT,
    ],
  },
]

const HAS_SESSION = 'BaseHeader.Flags.SH'
const SESSION_INSIDE: Expression = ['and', HAS_SESSION, ['=', ['left'], SESSION_HEADER_SIZE]]

/** Where a packet that decodes ends: inside PacketSize, or behind the SessionHeader that follows it. */
const SESSION_FOLLOWS: Expression = ['and', HAS_SESSION, ['=', ['left'], 0]]

// as userPacketType
const TO_ORDER_QUEUE: Expression = [
  'and',
  ['not', ['bits', NOT_IN_ACKNOWLEDGMENT, 'BaseHeader.Flags']],
  ['is', 'MessagePropertiesHeader.Label', ORDER_ACK_LABEL],
  DESTINATION_IS_ORDER_QUEUE,
]
const IS_FINAL_ACK: Expression = ['and', ['not', ['<', CLASS, MessageClass.ACK_RECEIVE]], TO_ORDER_QUEUE]
const IS_ORDER_ACK: Expression = [
  'and',
  ['=', CLASS, MessageClass.ORDER_ACK],
  ['=', MESSAGE_SIZE, ORDER_ACK_BODY_SIZE],
  TO_ORDER_QUEUE,
]
const ADMINISTRATION_CLASSES = Object.values(MessageClass).filter(code => messageKind(code) === 'Acknowledgment')

const USER_MESSAGE: readonly LayoutPart[] = [
  refuse('PACKET_SIZE', PACKET_SIZE, ['<', PACKET_SIZE, USER_MESSAGE_SIZE_MIN], 'a user message has at least 120'),
  { limit: PACKET_SIZE },
  USER_HEADER_LAYOUT,
  { when: 'UserHeader.Flags.TH', parts: [TRANSACTION_LAYOUT] },
  { when: 'UserHeader.Flags.SH', parts: [SECURITY_LAYOUT] },
  {
    when: ['=', 'SecurityHeader.Flags.ST', SENDER_ID_TYPE.QUEUE_MANAGER],
    parts: [SENDER_QUEUE_MANAGER_LAYOUT],
  },
  MESSAGE_PROPERTIES_LAYOUT,
  { when: 'BaseHeader.Flags.DH', parts: [DEBUG_LAYOUT] },
  { when: 'UserHeader.Flags.AH', parts: [SRMP_ENVELOPE_LAYOUT, COMPOUND_MESSAGE_LAYOUT] },
  { when: 'UserHeader.Flags.HH', parts: [SOAP_LAYOUT] },
  { when: 'UserHeader.Flags.MQ', parts: [MULTI_QUEUE_FORMAT_LAYOUT] },
  {
    when: ['and', ['left'], ['not', SESSION_INSIDE]],
    parts: [
      {
        structure: 'UserMessage',
        section: '[MS-MQMQ] 2.2.20',
        parts: [{ field: 'Trailing', type: 'bytes', size: ['left'] }],
      },
      { when: EXTENSION_RECOGNISED, parts: [EXTENSION_LAYOUT] },
    ],
  },
  { when: SESSION_FOLLOWS, parts: [{ limit: ['+', PACKET_SIZE, SESSION_HEADER_SIZE] }] },
  { when: HAS_SESSION, parts: [SESSION_HEADER_LAYOUT] },
  NO_EXCESS,
  { when: IS_ORDER_ACK, parts: [ORDER_ACK_BODY_LAYOUT] },
  {
    when: IS_FINAL_ACK,
    parts: [
      refuse('BODY_SIZE', MESSAGE_SIZE, ['not', ['=', MESSAGE_SIZE, ORDER_ACK_BODY_SIZE]], 'must be 36 in a FinalAck'),
      FINAL_ACK_BODY_LAYOUT,
    ],
  },
  {
    when: ['and', ['in', CLASS, ...ADMINISTRATION_CLASSES], ['not', IS_FINAL_ACK]],
    parts: [ACKNOWLEDGED_LAYOUT],
  },
]

const warning = (code: Warning, field: string, when: Expression): Rule => ({
  rule: 'warn',
  when,
  code,
  field,
  why: WARNINGS[code],
})

// as warningsOf
const WARNED: readonly LayoutPart[] = [
  {
    when: ['not', 'BaseHeader.Flags.IN'],
    parts: [
      warning('W_ACK_WITHOUT_ADMINQ', 'UserHeader.Flags.AQ', ['and', WANTED, ['not', 'UserHeader.Flags.AQ']]),
      warning('W_ADMINQ_WITHOUT_ACK', 'UserHeader.Flags.AQ', ['and', ['not', WANTED], 'UserHeader.Flags.AQ']),
      warning('W_AH_SET', 'UserHeader.Flags.AH', 'UserHeader.Flags.AH'),
      warning('W_HOP_COUNT', 'UserHeader.Flags.RC', ['>', 'UserHeader.Flags.RC', HOP_COUNT_MAX]),
      warning('W_TRACE_WITHOUT_DEBUG', 'BaseHeader.Flags.TR', [
        'and',
        'BaseHeader.Flags.TR',
        ['not', 'BaseHeader.Flags.DH'],
      ]),
      warning('W_TRANSACTION_PRIORITY', 'BaseHeader.Flags.PR', ['and', 'UserHeader.Flags.TH', 'BaseHeader.Flags.PR']),
      warning('W_SECURITY_EMPTY', 'SecurityHeader.Flags', [
        'and',
        'UserHeader.Flags.SH',
        [
          'not',
          [
            'or',
            'SecurityHeader.SenderIdSize',
            'SecurityHeader.EncryptionKeySize',
            'SecurityHeader.SignatureSize',
            'SecurityHeader.SenderCertSize',
            'SecurityHeader.ProviderInfoSize',
          ],
        ],
      ]),
      warning('W_TRAILING_BYTES', TRAILING, ['size', TRAILING]),
      warning('W_SESSION_INSIDE', PACKET_SIZE, [
        'and',
        HAS_SESSION,
        ['<', ['offset', 'SessionHeader.AckSequenceNumber'], PACKET_SIZE],
      ]),
    ],
  },
  warning('W_WINDOW_ZERO', 'SessionHeader.WindowSize', [
    'and',
    ['size', 'SessionHeader.WindowSize'],
    ['=', 'SessionHeader.WindowSize', 0],
  ]),
  {
    when: ['=', TYPE, PACKET_TYPE.SESSION_ACK],
    parts: [
      {
        rule: 'warn',
        when: ['not', ['or', 'SessionHeader.AckSequenceNumber', 'SessionHeader.RecoverableMsgAckFlags']],
        code: 'ACK_OF_NOTHING',
        field: 'SessionHeader.AckSequenceNumber',
        why: 'acknowledges no message',
      },
    ],
  },
]

export const PACKET_LAYOUT: readonly LayoutPart[] = [
  BASE_HEADER_LAYOUT,
  refuse('TRUNCATED', PACKET_SIZE, ['>', PACKET_SIZE, ['given']], 'not all of its bytes are there'),
  { when: 'BaseHeader.Flags.IN', parts: INTERNAL },
  { when: ['not', 'BaseHeader.Flags.IN'], parts: USER_MESSAGE },
  ...WARNED,
]
