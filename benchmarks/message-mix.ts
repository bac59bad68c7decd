import { encodedSizeOf, encodePacket } from '../protocol/binary/packet.js'
import { type TransactionHeader, TX_FLAGS } from '../protocol/binary/transaction-header.js'
import { composeUserMessage, directQueue, type MessageParts } from './frames.js'
import { createRandom, randomGuid } from './random.js'

/** A kind of traffic that a decoder meets. */
export interface Mix {
  readonly name: string
  readonly about: string
  /** Parts of the message with this number, from 0; `random` is the same for the same seed. */
  readonly parts: (index: number, random: () => number) => Omit<MessageParts, 'body'>
}

export interface MixOptions {
  readonly count: number
  /** Size of each message on the wire; bodies are cut to fit. `RangeError` where the headers alone are larger. */
  readonly messageBytes: number
  readonly seed: number
}

const ONE_SOURCE = '6c1f0c5e-35c1-4f0e-9d57-2b8f4c1a7e01'
const ORDERS = directQueue('OS:server1\\private$\\orders')
/** S-1-5-21-... of an ordinary account: five sub-authorities. */
const SID = Buffer.from('010500000000000515000000a065cf7e784b9b5fe77c8770f4010000', 'hex')

/** From the kindest to the cruellest. */
export const MIXES: readonly Mix[] = [
  {
    name: 'express',
    about: 'one sender, one queue, one label',
    parts: index => ({ source: ONE_SOURCE, messageId: index + 1, destination: ORDERS, label: 'order' }),
  },
  {
    name: 'transactional',
    about: 'one sender, ten messages a transaction, each with a label of its own',
    parts: index => ({
      source: ONE_SOURCE,
      messageId: index + 1,
      destination: ORDERS,
      transaction: transactionAt(index),
      label: `order ${100_000 + index}`,
    }),
  },
  {
    name: 'secured',
    about: 'one sender, with a security header, to a private queue by its number',
    parts: index => ({
      source: ONE_SOURCE,
      messageId: index + 1,
      destination: { type: 'PrivateQueueFormatNameId', number: 100 + (index % 8) },
      sid: SID,
      label: 'order',
    }),
  },
  {
    name: 'many senders',
    about:
      'every message another sender, queue, label, administration queue and correlation; every other transactional',
    parts: (index, random) => ({
      source: randomGuid(random),
      messageId: random(),
      destination: directQueue(
        `TCP:10.${random() & 255}.${random() & 255}.${random() & 255}\\private$\\q${random() & 0xfff}`,
      ),
      admin: { type: 'PrivateQueueFormatName', queueManager: randomGuid(random), number: random() },
      transaction: index % 2 === 0 ? transactionAt(random() % 1_000_000) : undefined,
      label: `order ${random()}`.slice(0, 14),
      correlationId: randomBytes(random, 20),
    }),
  },
]

const TRANSACTION_MESSAGES = 10

function transactionAt(index: number): TransactionHeader {
  const place = index % TRANSACTION_MESSAGES
  const transaction = (1 + Math.floor(index / TRANSACTION_MESSAGES)) & 0xfffff
  return {
    flags:
      (transaction << TX_FLAGS.ID_SHIFT) |
      (place === 0 ? TX_FLAGS.FM : 0) |
      (place === TRANSACTION_MESSAGES - 1 ? TX_FLAGS.LM : 0),
    sequenceId: { ordinal: 1, timeStamp: 1_750_000_000 },
    sequenceNumber: index + 1,
    previousSequenceNumber: index,
    connectorQmGuid: null,
  }
}

function randomBytes(random: () => number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let offset = 0; offset < size; offset++) bytes[offset] = random()
  return bytes
}

/** The first `count` messages of the mix, encoded. */
export function messagesOfMix(mix: Mix, { count, messageBytes, seed }: MixOptions): Buffer[] {
  const random = createRandom(seed)
  const messages: Buffer[] = []
  for (let index = 0; index < count; index++) {
    const parts = mix.parts(index, random)
    const headerBytes = encodedSizeOf(composeUserMessage({ ...parts, body: Buffer.alloc(0) }))
    const bodyBytes = messageBytes - headerBytes
    if (bodyBytes < 0) throw new RangeError(`${mix.name}: headers take ${headerBytes} of ${messageBytes} bytes`)
    messages.push(encodePacket(composeUserMessage({ ...parts, body: randomBytes(random, bodyBytes) })))
  }
  return messages
}
