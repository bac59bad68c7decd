import type { LocalQueueView, QueueChanges } from '../queue-manager/queue-manager.js'
import type { Client, ReceiveSettings, SendSettings, SentMessage, TransactionSettings } from './client.js'
import { ControlError } from './errors.js'
import type { Message } from './message.js'
import type { SendableMessage } from './sendable-message.js'

/** A queue of the queue manager, or one elsewhere that can only be sent to. Made by {@link Client.open}. */
export class Queue {
  /** As it was opened. */
  readonly name: string
  /** What to send to; null for queues that are read only. */
  readonly formatName: string | null
  readonly #client: Client

  constructor(client: Client, name: string, formatName: string | null) {
    this.#client = client
    this.name = name
    this.formatName = formatName
  }

  /** Resolves when the message is accepted: durable, if it is recoverable. In a transaction, when it is part of it. */
  send(message: SendableMessage, settings: SendSettings = {}): Promise<SentMessage> {
    if (this.formatName === null)
      return Promise.reject(
        new ControlError('MSMQ_CONTROL_REFUSED', `${this.name} can only be read`, {
          mqError: 'MQ_ERROR_ACCESS_DENIED',
        }),
      )
    return this.#client.send({ ...message, destination: this.formatName }, settings)
  }

  /** Takes the first message out, or the one that `by` says; null when there is none, also not within `timeoutMs`. */
  async receive(settings: ReceiveSettings = {}): Promise<Message | null> {
    const [message = null] = await this.#client.receive(this.name, { ...settings, max: 1 })
    return message
  }

  /** Takes up to `max` messages out (at most 1,000, fewer if they are large); as soon as there is one. */
  receiveMany(max: number, settings: ReceiveSettings = {}): Promise<Message[]> {
    return this.#client.receive(this.name, { ...settings, max })
  }

  /** As {@link receive}, and the message stays. */
  async peek(settings: ReceiveSettings = {}): Promise<Message | null> {
    const [message = null] = await this.#client.receive(this.name, { ...settings, max: 1, peek: true })
    return message
  }

  /** By the id that the sender's queue manager gave it. */
  receiveById(id: string, settings: ReceiveSettings = {}): Promise<Message | null> {
    return this.receive({ ...settings, by: { messageId: id } })
  }

  /** The first one that answers, or acknowledges, the message of that id. */
  receiveByCorrelationId(id: string | Uint8Array, settings: ReceiveSettings = {}): Promise<Message | null> {
    return this.receive({ ...settings, by: { correlationId: id } })
  }

  receiveByLookupId(lookupId: number, settings: ReceiveSettings = {}): Promise<Message | null> {
    return this.receive({ ...settings, by: { lookupId } })
  }

  /** The first messages, at most 1,000 and fewer if they are large, without waiting for any. */
  list(max: number): Promise<Message[]> {
    return this.#client.list(this.name, max)
  }

  /** Every message from the first to the last, as the queue is while one goes on. Nothing is taken out. */
  async *messages(): AsyncGenerator<Message, void, undefined> {
    let message = await this.peek({ by: { which: 'first' } })
    while (message !== null) {
      yield message
      message = await this.peek({ by: { lookupId: message.lookupId, which: 'next' } })
    }
  }

  /** Puts a message into a subqueue, which need not exist, or with null back into the queue. */
  move(message: Message | number, subqueue: string | null, settings: TransactionSettings = {}): Promise<void> {
    return this.#client.move(this.name, lookupIdOf(message), subqueue, settings)
  }

  /** Says no to a message received in the transaction: its sender gets NACK_RECEIVE_REJECTED once that commits. */
  reject(message: Message | number, settings: Required<TransactionSettings>): Promise<void> {
    return this.#client.reject(this.name, lookupIdOf(message), settings)
  }

  /** Takes all messages out; how many they were. Senders that want to know are told. */
  purge(): Promise<number> {
    return this.#client.purge(this.name)
  }

  /** Properties and depths. */
  properties(): Promise<LocalQueueView> {
    return this.#client.queue(this.name)
  }

  set(changes: QueueChanges): Promise<LocalQueueView> {
    return this.#client.setQueue(this.name, changes)
  }

  delete(): Promise<void> {
    return this.#client.deleteQueue(this.name)
  }
}

function lookupIdOf(message: Message | number): number {
  return typeof message === 'number' ? message : message.lookupId
}
