import { buildUserMessage } from '../protocol/binary/build.js'
import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { TX_FLAGS } from '../protocol/binary/transaction-header.js'
import { NIL_GUID } from '../protocol/guid.js'
import { MessageClass } from '../protocol/message-class.js'
import { messageOfPacket } from '../protocol/srmp/from-packet.js'
import type { SrmpMessage } from '../protocol/srmp/message.js'
import { encodeSrmpRequest, type HttpHeaders } from '../protocol/srmp/request.js'
import { createTrackedBody } from '../protocol/tracked-body.js'

/** A request as any HTTP client posts it: headers without Content-Length, the body in one piece. */
export interface PostedRequest {
  readonly target: string
  readonly headers: HttpHeaders
  readonly body: Buffer
}

export interface RequestShape {
  readonly count: number
  readonly bodyBytes: number
  readonly host: string
  /** Stream messages in transactions of ten, or recoverable ones by themselves. */
  readonly transactional: boolean
}

const SOURCE = '4b1d0a5e-2f0a-4a7c-8d5e-90b6c1f7aa01'
const SENT_AT_S = 1_750_000_000
const FOUR_DAYS_S = 345_600
const NEVER = 0xffffffff
const PER_TRANSACTION = 10
const TARGET = '/msmq/private$/benchmark'

/** Messages as one queue manager sends them one after another: numbers and bodies differ, everything else is alike. */
export function srmpMessages({ count, bodyBytes, host, transactional }: RequestShape): SrmpMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const place = index % PER_TRANSACTION
    const flags = (place === 0 ? TX_FLAGS.FM : 0) | (place === PER_TRANSACTION - 1 ? TX_FLAGS.LM : 0)
    const bytes = buildUserMessage({
      priority: transactional ? 0 : 3,
      timeToReachQueue: FOUR_DAYS_S,
      sourceQueueManager: SOURCE,
      queueManagerAddress: NIL_GUID,
      timeToBeReceived: NEVER,
      sentTime: SENT_AT_S,
      messageId: index + 1,
      delivery: 'recoverable',
      destination: { type: 7, name: `HTTP://${host}${TARGET}` },
      ...(transactional && {
        transaction: {
          flags,
          sequenceId: { ordinal: 1, timeStamp: SENT_AT_S },
          sequenceNumber: index + 1,
          previousSequenceNumber: index,
        },
      }),
      acknowledgements: 0,
      label: 'benchmark',
      messageClass: MessageClass.NORMAL,
      bodyType: 0,
      applicationTag: 0,
      body: createTrackedBody({ sender: 1, number: index + 1, bodySize: bodyBytes }),
    })
    return messageOfPacket(decodePacket(bytes) as UserMessagePacket, `http://${host}/MSMQ/PRIVATE$/order_queue$`)
  })
}

/** The same as requests, to the byte as a queue manager of ours posts them. */
export function srmpRequests(shape: RequestShape): PostedRequest[] {
  return srmpMessages(shape).map((message, index) => {
    const { target, headers, body } = encodeSrmpRequest(message, {
      host: shape.host,
      target: TARGET,
      boundary: index + 1,
    })
    return { target, headers, body: Buffer.concat(body) }
  })
}
