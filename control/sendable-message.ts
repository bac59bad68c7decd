import { OptionError } from '../protocol/errors.js'
import type { SecurityRequest } from '../queue-manager/security/security-request.js'
import { ACKNOWLEDGEMENT_FLAGS, type Acknowledgement, correlationIdBytes } from './message.js'

/**
 * A message to send. What is left out has MSMQ's default. To `sign` one, the queue manager needs a certificate and its
 * key; to `encrypt` one, the public key of the receiving queue manager, and a name of it that is not direct; `identify`
 * says who sends without a signature.
 */
export interface SendableMessage extends SecurityRequest {
  /** Text goes as UTF-8. At most 4 MiB with all that belongs to the message. Default: none. */
  readonly body?: string | Uint8Array
  /** At most 249 characters. */
  readonly label?: string
  /** `express` (the default) may be lost with a machine, `recoverable` is on disk before it counts as sent. In transactions
   *  all are recoverable. */
  readonly delivery?: 'express' | 'recoverable'
  /** 0..7, default 3; 0 in transactions. */
  readonly priority?: number
  /** Default and longest: the setting LongLiveTime. */
  readonly timeToReachQueueS?: number
  /** Default: without limit. */
  readonly timeToBeReceivedS?: number
  /** What is to be told to the administration queue. */
  readonly acknowledgements?: readonly Acknowledgement[]
  /** Format names. */
  readonly adminQueue?: string
  readonly responseQueue?: string
  /** Where report messages about a traced message go. */
  readonly reportQueue?: string
  /** Transactional queue of the sender's own that takes the message if it comes to nothing. */
  readonly deadLetterQueue?: string
  /** A copy in the sender's journal once the message is there. */
  readonly journalPositive?: boolean
  /** A copy in the sender's dead-letter queue if it comes to nothing. */
  readonly journalNegative?: boolean
  /** The id of the message that this one answers, or any 20 bytes. */
  readonly correlationId?: string | Uint8Array
  readonly applicationTag?: number
  /** A VARIANT type; default 0. */
  readonly bodyType?: number
  readonly extension?: Uint8Array
  /** Wanted: reports of where the message came by. */
  readonly trace?: boolean
}

const NO_BODY = new Uint8Array(0)

/** As the control socket takes it. @throws OptionError MSMQ_OPTION_RANGE */
export function wireMessage(message: SendableMessage, destination: string): Record<string, unknown> {
  const { acknowledgements, body = NO_BODY, correlationId, ...rest } = message
  return {
    ...rest,
    destination,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    ...(acknowledgements !== undefined && { acknowledgements: acknowledgementFlags(acknowledgements) }),
    ...(correlationId !== undefined && { correlationId: correlationBytes(correlationId) }),
  }
}

function acknowledgementFlags(names: readonly Acknowledgement[]): number {
  return names.reduce((flags, name) => {
    const flag = ACKNOWLEDGEMENT_FLAGS[name]
    if (flag === undefined)
      throw new OptionError(
        'MSMQ_OPTION_RANGE',
        'acknowledgements',
        name,
        Object.keys(ACKNOWLEDGEMENT_FLAGS).join(', '),
      )
    return flags | flag
  }, 0)
}

/** 20 bytes of a correlation identifier. @throws OptionError MSMQ_OPTION_RANGE */
export function correlationBytes(given: string | Uint8Array): Uint8Array {
  const bytes = typeof given === 'string' ? correlationIdBytes(given) : given
  if (bytes === null || bytes.length !== 20)
    throw new OptionError('MSMQ_OPTION_RANGE', 'correlationId', String(given), 'a message id GUID\\NUMBER, or 20 bytes')
  return bytes
}
