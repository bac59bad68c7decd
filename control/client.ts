import { parseFormatNames, privateNameText } from '../protocol/format-name.js'
import type { Guid } from '../protocol/guid.js'
import type { Counters } from '../queue-manager/counters.js'
import type { LocalQueueView, OutgoingQueueView, QueueChanges, QueueOptions } from '../queue-manager/queue-manager.js'
import type { Settings } from '../queue-manager/settings.js'
import { ClientConnection } from './client-connection.js'
import { Queue } from './client-queue.js'
import { Transaction } from './client-transaction.js'
import { controlEndpointText, findControlEndpoint } from './endpoint.js'
import { ControlError } from './errors.js'
import { type Message, messageOf } from './message.js'
import type { MessageRow } from './requester.js'
import { correlationBytes, type SendableMessage, wireMessage } from './sendable-message.js'

/**
 * `mqlab/client`: work with a queue manager that runs as `mqlab qm`, on this machine.
 *
 *     const client = await connect()
 *     const orders = await client.open('private$\\orders')
 *     await client.transaction(async transaction => {
 *       const order = await orders.receive({ timeoutMs: 5000, transaction })
 *       if (order !== null) await client.send({ destination: order.responseQueue, body: 'done' }, { transaction })
 *     })
 *     await client.close()
 */

export type { LocalQueueView, OutgoingQueueView, QueueChanges, QueueOptions } from '../queue-manager/queue-manager.js'
export { Queue } from './client-queue.js'
export { Transaction } from './client-transaction.js'
export { ControlError } from './errors.js'
export type { HttpMessage } from './http-message.js'
export type { Acknowledgement, Message, MessageTransaction } from './message.js'
export type { SendableMessage } from './sendable-message.js'

export interface ConnectOptions {
  /** Needed on TCP, ignored on Unix sockets. Default: the environment variable MQLAB_CONTROL_TOKEN. */
  readonly token?: string
  /** The data directory of the queue manager, whose control socket is in it. */
  readonly data?: string
  /** Default 15,000: a machine under load may stand still for some seconds. */
  readonly connectTimeoutMs?: number
  /** For the answer to a request, beyond what a receive itself may wait. Default 60,000. */
  readonly answerTimeoutMs?: number
}

export interface TransactionSettings {
  readonly transaction?: Transaction
}

export interface SendSettings extends TransactionSettings {
  /** Aborted before the request has gone out, it keeps it back. */
  readonly signal?: AbortSignal
}

export interface ReceiveSettings extends TransactionSettings {
  /** How long to wait for a message; 0 (the default) not at all, Infinity for ever. */
  readonly timeoutMs?: number
  /** Ends the waiting: the promise is rejected with the signal's reason, unless a message was on its way already. */
  readonly signal?: AbortSignal
  /** Which message; default the first. */
  readonly by?: MessageSelector
  /** Read as this SID, or anonymously (null), by the access rules of the queue; default: with every right. */
  readonly as?: string | null
}

export type MessageSelector =
  | { readonly lookupId: number; readonly which?: 'this' | 'next' | 'previous' }
  | { readonly which: 'first' | 'last' }
  | { readonly messageId: string }
  | { readonly correlationId: string | Uint8Array }

export interface SentMessage {
  /** `guid\number` as the receiver sees it; one for each destination. */
  readonly ids: readonly string[]
}

export interface QueueManagerStatus {
  readonly name: string
  readonly guid: Guid
  readonly nowMs: number
  readonly processId: number
  /** `http://host:port` by which others reach it over HTTP, such as for acknowledgements; null: they do not. */
  readonly httpUrl: string | null
  readonly counters: Counters
}

/** There is nothing to be had: no error, but an answer. */
const NOTHING: ReadonlySet<string | null> = new Set(['MQ_ERROR_IO_TIMEOUT', 'MQ_ERROR_MESSAGE_NOT_FOUND'])

/**
 * Connects to the queue manager at `endpoint`, a path or HOST:PORT. Without one: the environment variable MQLAB_CONTROL,
 * the socket in `options.data`, or the only queue manager of this user that runs.
 * @throws ControlError MSMQ_CONTROL_CONNECT, MSMQ_CONTROL_CHOICE, MSMQ_CONTROL_TOKEN; OptionError MSMQ_OPTION_CONTROL
 */
export async function connect(endpoint?: string, options: ConnectOptions = {}): Promise<Client> {
  const { connectTimeoutMs, answerTimeoutMs, token = process.env.MQLAB_CONTROL_TOKEN } = options
  const found = await findControlEndpoint({ control: endpoint, data: options.data })
  return new Client(await ClientConnection.open(found, { connectTimeoutMs, answerTimeoutMs, token }))
}

/** A connection to a queue manager. Its transactions end with it: those that are open then are aborted. */
export class Client {
  readonly #connection: ClientConnection

  /** See {@link connect}. */
  constructor(connection: ClientConnection) {
    this.#connection = connection
  }

  /** Of the queue manager. */
  get name(): string {
    return this.#connection.name
  }

  get guid(): Guid {
    return this.#connection.guid
  }

  /** Where it was found: a path or HOST:PORT. */
  get endpoint(): string {
    return controlEndpointText(this.#connection.endpoint)
  }

  get closed(): boolean {
    return this.#connection.closed
  }

  /** `listener` is called once, when the connection ends without {@link close}. */
  onLost(listener: (error: ControlError) => void): void {
    this.#connection.onClosed = error => {
      if (error !== null) listener(error)
    }
  }

  /**
   * Opens a queue of the queue manager by its name (`private$\NAME`, `NAME` for a public one, with `;journal` or
   * `;SUBQUEUE`, `system$;deadletter`, `system$;deadxact`, `system$;journal`), or any queue by its format name, to send to.
   * @throws ControlError with `mqError` MQ_ERROR_QUEUE_NOT_FOUND; OptionError MSMQ_OPTION_FORMAT_NAME
   */
  async open(name: string): Promise<Queue> {
    if (name.includes('=')) {
      parseFormatNames(name)
      return new Queue(this, name, name)
    }
    const { guid, number, system } = await this.queue(name)
    const readOnly = name.includes(';') || system
    return new Queue(
      this,
      name,
      readOnly ? null : guid === null ? privateNameText(this.guid, number) : `PUBLIC=${guid}`,
    )
  }

  /**
   * Sends to one or more format names, separated by commas. Resolves when the message is accepted, and durable if it is
   * recoverable; in a transaction, when it is part of that.
   * @throws ControlError; OptionError and EncodeError codes for properties that are not acceptable
   */
  async send(
    message: SendableMessage & { readonly destination: string },
    settings: SendSettings = {},
  ): Promise<SentMessage> {
    const { destination, ...rest } = message
    return this.#sent(
      await this.#connection.request(
        'send',
        { message: wireMessage(rest, destination), ...inTransaction(settings) },
        { signal: settings.signal },
      ),
    )
  }

  /** Sends all messages or none, as one transaction, in one go; 4 MiB together. */
  async sendTransaction(
    messages: readonly (SendableMessage & { readonly destination: string })[],
  ): Promise<SentMessage> {
    const wire = messages.map(({ destination, ...rest }) => wireMessage(rest, destination))
    return this.#sent(await this.#connection.request('sendTransaction', { messages: wire }))
  }

  /** Takes up to `max` (or, with `peek`, looks at) messages; none when there are none within `timeoutMs`. */
  async receive(
    queue: string,
    settings: ReceiveSettings & { readonly max?: number; readonly peek?: boolean } = {},
  ): Promise<Message[]> {
    const { as, by, max, peek, signal, timeoutMs = 0 } = settings
    const parameters = {
      queue,
      max,
      peek,
      timeoutMs: timeoutMs === Number.POSITIVE_INFINITY ? null : timeoutMs,
      as,
      by: by !== undefined && 'correlationId' in by ? { correlationId: correlationBytes(by.correlationId) } : by,
      ...inTransaction(settings),
    }
    try {
      return this.#messages(await this.#connection.request('receive', parameters, { waitMs: timeoutMs, signal }))
    } catch (error) {
      if (error instanceof ControlError && NOTHING.has(error.mqError)) return []
      throw error
    }
  }

  /** The first messages of a queue. */
  async list(queue: string, max: number): Promise<Message[]> {
    return this.#messages(await this.#connection.request('list', { queue, max }))
  }

  /** Begins a transaction: over sends to any queues and receives from queues of the queue manager. */
  async begin(): Promise<Transaction> {
    const { transaction } = (await this.#connection.request('begin', {})) as { transaction: number }
    return new Transaction(transaction, end => this.#connection.request(end, { transaction }))
  }

  /** Runs `body` in a transaction, which commits when it is done and aborts when it throws. */
  async transaction<T>(body: (transaction: Transaction) => Promise<T>): Promise<T> {
    const transaction = await this.begin()
    let result: T
    try {
      result = await body(transaction)
    } catch (error) {
      // What `body` threw is the reason, whatever comes of the abort.
      if (!transaction.ended) await transaction.abort().catch(() => undefined)
      throw error
    }
    if (!transaction.ended) await transaction.commit()
    return result
  }

  async move(
    queue: string,
    lookupId: number,
    subqueue: string | null,
    settings: TransactionSettings = {},
  ): Promise<void> {
    await this.#connection.request('move', { queue, lookupId, subqueue, ...inTransaction(settings) })
  }

  async reject(queue: string, lookupId: number, settings: Required<TransactionSettings>): Promise<void> {
    await this.#connection.request('reject', { queue, lookupId, ...inTransaction(settings) })
  }

  /** All queues, those of the system included. */
  async queues(): Promise<LocalQueueView[]> {
    return (await this.#connection.request('queues', {})) as LocalQueueView[]
  }

  /** One queue; suffixes of the name do not matter. @throws ControlError MQ_ERROR_QUEUE_NOT_FOUND */
  async queue(name: string): Promise<LocalQueueView> {
    const wanted = name.toLowerCase()
    const base = wanted.startsWith('system$;') ? wanted : wanted.replace(/;.*$/s, '')
    const found = (await this.queues()).find(queue => queue.name.toLowerCase() === base)
    if (found !== undefined) return found
    throw new ControlError('MSMQ_CONTROL_REFUSED', `${this.name} has no queue ${name}`, {
      mqError: 'MQ_ERROR_QUEUE_NOT_FOUND',
    })
  }

  async createQueue(options: QueueOptions): Promise<LocalQueueView> {
    return (await this.#connection.request('createQueue', options)) as LocalQueueView
  }

  async setQueue(queue: string, changes: QueueChanges): Promise<LocalQueueView> {
    return (await this.#connection.request('setQueue', { queue, changes })) as LocalQueueView
  }

  async deleteQueue(queue: string): Promise<void> {
    await this.#connection.request('deleteQueue', { queue })
  }

  /** How many messages were taken out. */
  async purge(queue: string): Promise<number> {
    return ((await this.#connection.request('purge', { queue })) as { messages: number }).messages
  }

  /** Outgoing queues, with what an administrator of MSMQ knows of them. */
  async outgoing(): Promise<OutgoingQueueView[]> {
    return (await this.#connection.request('outgoing', {})) as OutgoingQueueView[]
  }

  /** Nothing is sent from that outgoing queue until it is resumed. */
  async pause(formatName: string): Promise<void> {
    await this.#connection.request('pauseOutgoing', { formatName })
  }

  async resume(formatName: string): Promise<void> {
    await this.#connection.request('resumeOutgoing', { formatName })
  }

  /** How many messages were given up. */
  async purgeOutgoing(formatName: string): Promise<number> {
    return ((await this.#connection.request('purgeOutgoing', { formatName })) as { messages: number }).messages
  }

  async settings(): Promise<Settings> {
    return (await this.#connection.request('settings', {})) as Settings
  }

  async status(): Promise<QueueManagerStatus> {
    return (await this.#connection.request('status', {})) as QueueManagerStatus
  }

  /** Ends the connection. Wait for what matters first. */
  close(): Promise<void> {
    return this.#connection.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #sent(result: unknown): SentMessage {
    const { messageIds } = result as { messageIds: readonly number[] }
    return { ids: messageIds.map(number => `${this.guid}\\${number}`) }
  }

  #messages(rows: unknown): Message[] {
    return (rows as MessageRow[]).map(row => messageOf(row, this.guid))
  }
}

function inTransaction({ transaction }: TransactionSettings): { transaction?: number } {
  return transaction === undefined ? {} : { transaction: transaction.id }
}
