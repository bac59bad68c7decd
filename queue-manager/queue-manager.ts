import { OptionError } from '../protocol/errors.js'
import type { Guid } from '../protocol/guid.js'
import type { MqErrorName } from '../protocol/mq-error.js'
import { Acknowledgements } from './acknowledgements.js'
import { ActionLog } from './action-log.js'
import type {
  Action,
  ConnectionId,
  Endpoint,
  ExchangeId,
  HttpRequest,
  PacketSource,
  PingSocket,
  StoreOperation,
} from './actions.js'
import type { Now } from './clock.js'
import type { Context } from './context.js'
import { type Counters, createCounters } from './counters.js'
import { Destinations } from './destinations.js'
import { HttpNames, type HttpOptions } from './http/names.js'
import { HttpReceiving } from './http/receiving.js'
import { StreamReceipts } from './http/stream-receipts.js'
import { IdentifierMemory } from './identifier-memory.js'
import { IncomingSequences } from './incoming-sequence.js'
import type { LocalQueue } from './local-queue.js'
import { LocalQueues } from './local-queues.js'
import type { MessageToSend } from './message-to-send.js'
import {
  type OutgoingQueueView,
  outgoingQueueView,
  type WaitingMessage,
  waitingMessages,
} from './outgoing-queue-view.js'
import { OutgoingQueues, type SendTicket } from './outgoing-queues.js'
import { PacketMemory } from './packet-memory.js'
import { PacketResidency } from './packet-residency.js'
import { QmIdCache } from './qmid-cache.js'
import type { QueueChanges, QueueOptions } from './queue-properties.js'
import type { LocalQueueView } from './queue-registry.js'
import type { QueuedMessage, ReceivedMessage } from './queued-message.js'
import { Reads, type ReceiveOptions } from './reads.js'
import { restore } from './restore.js'
import type { RandomBytes } from './security/key-transport.js'
import { MessageSecurity } from './security/message-security.js'
import { NO_KEYS, type SecurityKeys } from './security/security-keys.js'
import { Session } from './session.js'
import { Sessions } from './sessions.js'
import { createSettings, type Settings } from './settings.js'
import { StoreBatch } from './store-batch.js'
import { Timers } from './timers.js'
import { type TransactionId, Transactions } from './transactions.js'

export type { HttpOptions } from './http/names.js'
export type { MessageToSend } from './message-to-send.js'
export type { OutgoingQueueView, SequenceView, WaitingMessage } from './outgoing-queue-view.js'
export type { SendTicket } from './outgoing-queues.js'
export type { ConnectionAttempt } from './outgoing-route.js'
export type { QueueChanges, QueueOptions } from './queue-properties.js'
export type { LocalQueueView } from './queue-registry.js'
export type { ReceivedMessage } from './queued-message.js'
export type { MessageWanted, ReceiveOptions } from './reads.js'
export type { TransactionId } from './transactions.js'

export interface QueueManagerOptions {
  /** Computer name, which DIRECT=OS names are compared with. */
  readonly name: string
  readonly dnsName?: string
  /** QMId. */
  readonly guid: Guid
  /** Own IP addresses, textual. */
  readonly addresses: readonly string[]
  readonly settings?: Settings
  /** TxSequenceID.TimeStamp, 32 bits: the time of installation. Equal on cloned machines. */
  readonly sequenceTimeStamp: number
  /** Emit notes, the events of the history. Default true. */
  readonly notes?: boolean
  /** What the store holds at opening. */
  readonly stored?: Iterable<StoreOperation>
  /** Where packets of durable messages are read again; the store. Absent, they stay in memory. */
  readonly packets?: PacketSource
  /** How it takes part in HTTP; requests come where the host listens for them. */
  readonly http?: HttpOptions
  /** Keys and certificates, and where chance comes from for keys of a message; absent: nothing is signed or encrypted. */
  readonly security?: { readonly keys: SecurityKeys; readonly randomBytes: RandomBytes }
}

/**
 * A queue manager without I/O. Bytes, times, store completions and application calls go in; actions come out of
 * {@link takeActions}, which the host calls after every input until it is empty. Nothing a peer sends makes an input throw.
 * It plays every role: what receives also sends, for acknowledgements are messages ([MS-MQQB] 3.1).
 */
export class QueueManager {
  readonly name: string
  readonly guid: Guid
  readonly settings: Settings
  readonly counters: Counters
  readonly #context: Context
  readonly #identifierCleanup: () => void
  readonly #httpReceiving: HttpReceiving
  #request = 0

  constructor(options: QueueManagerOptions) {
    this.name = options.name
    this.guid = options.guid
    this.settings = options.settings ?? createSettings()
    this.counters = createCounters()
    const log = new ActionLog(options.notes ?? true)
    const timers = new Timers()
    const names = options.dnsName === undefined ? [options.name] : [options.name, options.dnsName]
    // The parts refer to each other through the context, which is whole before any of them is used.
    const context = {
      name: options.name,
      guid: options.guid,
      settings: this.settings,
      counters: this.counters,
      timers,
      log,
      batch: new StoreBatch(log),
      memory: new PacketMemory(),
      packets: options.packets ?? NO_PACKETS,
      residency: new PacketResidency(options.packets === undefined ? Infinity : this.settings.ResidentPacketsKB * 1024),
      security:
        options.security === undefined
          ? new MessageSecurity(NO_KEYS, noRandomBytes)
          : new MessageSecurity(options.security.keys, options.security.randomBytes),
      cache: new QmIdCache(this.settings.QMIdCacheLifetime),
      identifiers: new IdentifierMemory(this.settings.RemoveDuplicateSize),
      incomingSequences: new IncomingSequences(),
      now: { monotonicMs: 0, wallMs: 0 },
      nextRequest: () => {
        this.#request += 1
        return this.#request
      },
    } as { -readonly [part in keyof Context]: Context[part] }
    context.httpNames = new HttpNames(options.name, [...names, ...options.addresses], options.http ?? {})
    context.streamReceipts = new StreamReceipts(context)
    context.destinations = new Destinations(context, names, options.addresses)
    context.sessions = new Sessions(context)
    context.localQueues = new LocalQueues(context)
    context.reads = new Reads(context)
    context.transactions = new Transactions(context)
    context.outgoingQueues = new OutgoingQueues(context, options.sequenceTimeStamp)
    context.acknowledgements = new Acknowledgements(context)
    this.#context = context
    this.#httpReceiving = new HttpReceiving(context)
    const cleanup = timers.create('identifier memory cleanup', now => {
      context.identifiers.forgetBefore(now.monotonicMs - this.settings.RemoveDuplicateCleanup)
      this.#identifierCleanup()
    })
    this.#identifierCleanup = () => cleanup.start(context.now, Math.max(1, this.settings.RemoveDuplicateCleanup))
    if (options.stored !== undefined) restore(context, options.stored)
  }

  /** Begins to work: what a former run left to send is sent. */
  start(now: Now): void {
    this.#input(now)
    this.#identifierCleanup()
    this.#context.localQueues.start()
    this.#context.outgoingQueues.start()
  }

  /** Closes every session and ends what waits; messages stay where they are. */
  stop(now: Now): void {
    this.#input(now)
    this.#context.reads.stop()
    this.#context.outgoingQueues.stop()
    const { sessions } = this.#context
    for (const session of [...sessions, ...sessions.http]) session.close('queue manager stopped')
    this.#context.outgoingQueues.stop()
  }

  // network

  /** A peer connected to the binary protocol port. */
  accepted(now: Now, peer: Endpoint): ConnectionId {
    this.#input(now)
    return Session.accept(this.#context, peer).connection
  }

  connected(now: Now, connection: ConnectionId): void {
    this.#input(now)
    this.#context.sessions.get(connection)?.connected()
  }

  connectFailed(now: Now, connection: ConnectionId, reason: string): void {
    this.#gone(now, connection, reason)
  }

  /** Bytes of a connection's stream, in any pieces. They may be a view: what is kept is copied. */
  received(now: Now, connection: ConnectionId, bytes: Buffer): void {
    this.#input(now)
    this.#context.sessions.get(connection)?.receive(bytes)
  }

  /** The host's buffer for this connection is full (`ready` false) or has drained. */
  writable(now: Now, connection: ConnectionId, ready: boolean): void {
    this.#input(now)
    this.#context.sessions.get(connection)?.writable(ready)
  }

  /** The connection is gone, by the peer's doing, an error, or after a `close` action. */
  closed(now: Now, connection: ConnectionId, how: 'end' | 'reset' | 'error'): void {
    this.#gone(now, connection, how === 'end' ? 'closed by the peer' : how === 'reset' ? 'reset' : 'connection error')
  }

  datagram(now: Now, socket: PingSocket, from: Endpoint, bytes: Buffer): void {
    this.#input(now)
    this.#context.sessions.datagram(socket, from, bytes)
  }

  /** Another machine posts something. The action `http-answer` answers it, exactly once. */
  httpRequested(now: Now, peer: Endpoint, request: HttpRequest): ExchangeId {
    this.#input(now)
    return this.#httpReceiving.requested(peer, request)
  }

  /** The status that answers an `http-post`, whatever it is. */
  httpAnswered(now: Now, exchange: ExchangeId, status: number): void {
    this.#input(now)
    this.#context.sessions.answered(exchange, status)
  }

  /** No answer will come to an `http-post`. */
  httpFailed(now: Now, exchange: ExchangeId, reason: string): void {
    this.#input(now)
    this.#context.sessions.postFailed(exchange, reason)
  }

  /** The answer to a `resolve` action; no addresses when the machine is unknown. */
  resolved(now: Now, ticket: number, addresses: readonly string[]): void {
    this.#input(now)
    this.#context.destinations.resolved(ticket, addresses)
  }

  // store

  /** The operations of a `persist` action are durable. Tickets complete in the order in which they were issued. */
  persisted(now: Now, ticket: number): void {
    this.#input(now)
    this.#context.batch.settle(ticket, null)
  }

  persistFailed(now: Now, ticket: number, reason: string): void {
    this.#input(now)
    this.#context.batch.settle(ticket, reason)
  }

  // time

  /** When to call {@link wake} next, monotonic ms; null when no timer runs. */
  nextWake(): number | null {
    return this.#context.timers.nextWake()
  }

  /** Fires the timers that are due. Early or repeated calls change nothing. */
  wake(now: Now): void {
    this.#input(now)
    this.#context.timers.wake(now)
  }

  // outputs

  /** What the host has to do, in order; empty when there is nothing more. */
  takeActions(): Action[] {
    this.#context.batch.flush()
    return this.#context.log.take()
  }

  // application side

  /**
   * Creates a queue: `private$\NAME`, with the given private queue number or the next free one, or a public one, `NAME`.
   * It can be used at once; `settle` tells when it is durable.
   * @throws OptionError MSMQ_OPTION_TAKEN, MSMQ_OPTION_RANGE.
   */
  createQueue(now: Now, options: QueueOptions): LocalQueueView {
    this.#input(now)
    const queue = this.#context.localQueues.registry.create(options)
    this.#namesChanged()
    return this.#context.localQueues.registry.view(queue)
  }

  /** Changes properties of a queue. @throws OptionError MSMQ_OPTION_QUEUE, MSMQ_OPTION_RANGE, MSMQ_OPTION_SYSTEM_QUEUE. */
  setQueue(now: Now, name: string, changes: QueueChanges): LocalQueueView {
    this.#input(now)
    const { registry } = this.#context.localQueues
    const queue = this.#applicationQueue(name)
    registry.change(queue, changes)
    return registry.view(queue)
  }

  /**
   * Deletes a queue with its journal and subqueues; who sent what is in it is told, as far as they asked (class 0xC000).
   * @throws OptionError MSMQ_OPTION_QUEUE, MSMQ_OPTION_SYSTEM_QUEUE.
   */
  deleteQueue(now: Now, name: string): void {
    this.#input(now)
    const { batch, incomingSequences, localQueues, reads } = this.#context
    const queue = this.#applicationQueue(name)
    for (const part of localQueues.registry.partsOf(queue)) reads.endAll(part)
    localQueues.registry.remove(queue)
    localQueues.empty(queue)
    incomingSequences.forget(queue.number, batch)
    this.#namesChanged()
  }

  /** Takes every message out of a queue, journal, subqueue or dead-letter queue (class 0xC001). How many. @throws OptionError MSMQ_OPTION_QUEUE. */
  purge(now: Now, name: string): number {
    this.#input(now)
    return this.#context.localQueues.purge(this.#existing(name))
  }

  /** The queue named `private$\NAME` (or another local name), without case; null when there is none. */
  queue(name: string): LocalQueueView | null {
    const { registry } = this.#context.localQueues
    const queue = registry.open(name)
    return queue === null ? null : registry.view(queue)
  }

  /** Every queue of this machine, system queues too; journals and subqueues stand in their queues' rows. */
  localQueues(): LocalQueueView[] {
    const { registry } = this.#context.localQueues
    return Array.from(registry, queue => registry.view(queue))
  }

  /** Answered by the action `outcome`: accepted when all that was done so far is durable. */
  settle(now: Now): number {
    this.#input(now)
    const { batch, log } = this.#context
    const request = this.#context.nextRequest()
    batch.whenDurable(error => log.stored(request, error))
    return request
  }

  /**
   * Sends one message that is not transactional; with a transaction, one that the commit sends.
   * @throws OptionError MSMQ_OPTION_FORMAT_NAME for a destination that cannot be sent to, MSMQ_OPTION_TRANSACTION;
   *   EncodeError for a property out of range.
   */
  send(now: Now, message: MessageToSend, transaction?: TransactionId): SendTicket {
    this.#input(now)
    if (transaction === undefined) return this.#context.outgoingQueues.submitOne(message)
    const request = this.#context.nextRequest()
    const sent = this.#context.transactions.send(transaction, message)
    const refused = typeof sent === 'string'
    this.#context.log.outcome(request, refused ? sent : null)
    return { request, messageIds: refused ? [] : sent }
  }

  /** Sends all messages or none, as one internal transaction; throws as {@link send}. */
  sendTransaction(now: Now, messages: readonly MessageToSend[]): SendTicket {
    this.#input(now)
    return this.#context.outgoingQueues.submit(messages, true)
  }

  /** Begins an internal transaction. @throws OptionError MSMQ_OPTION_RANGE when too many are open. */
  begin(now: Now): TransactionId {
    this.#input(now)
    return this.#context.transactions.begin()
  }

  /** All of a transaction comes about, durably, or nothing does; the action `outcome` says which. */
  commit(now: Now, transaction: TransactionId): number {
    this.#input(now)
    return this.#context.transactions.commit(transaction)
  }

  /** Nothing of a transaction comes about; what it received is back in its place. */
  abort(now: Now, transaction: TransactionId): number {
    this.#input(now)
    return this.#context.transactions.abort(transaction)
  }

  /**
   * Receives or peeks; a number is {@link ReceiveOptions.max}. The action `received` answers.
   * @throws OptionError MSMQ_OPTION_QUEUE for a queue that is not there, MSMQ_OPTION_RANGE for a message id that is none.
   */
  receive(now: Now, queue: string, options: number | ReceiveOptions): number {
    this.#input(now)
    return this.#context.reads.start(this.#existing(queue), typeof options === 'number' ? { max: options } : options)
  }

  /** Ends a receive or peek that waits; of any other, nothing happens. */
  cancel(now: Now, request: number): void {
    this.#input(now)
    this.#context.reads.cancel(request)
  }

  /** The first messages of a queue, at once. @throws OptionError MSMQ_OPTION_QUEUE. */
  peek(queue: string, max: number): ReceivedMessage[] {
    return this.#context.reads.peek(this.#existing(queue), max)
  }

  /**
   * Moves a message to a subqueue of its queue, or back to the queue (`subqueue` null). Answered by the action `outcome`.
   * @throws OptionError MSMQ_OPTION_QUEUE, MSMQ_OPTION_RANGE for the name of the subqueue, MSMQ_OPTION_TRANSACTION.
   */
  move(now: Now, queue: string, lookupId: number, subqueue: string | null, transaction?: TransactionId): number {
    this.#input(now)
    const { localQueues, transactions } = this.#context
    const source = this.#existing(queue)
    const main = source.parent ?? source
    const queued = source.line.find(lookupId)
    if (queued === null || source.holdsCopies) return this.#refused('MQ_ERROR_MESSAGE_NOT_FOUND')
    if (queued.state !== 'available') return this.#refused('MQ_ERROR_MESSAGE_LOCKED_UNDER_TRANSACTION')
    if (transaction !== undefined && !main.transactional) return this.#refused('MQ_ERROR_TRANSACTION_USAGE')
    // made only now, if it is not there: a refused move leaves nothing
    const targetOf = () => (subqueue === null ? main : localQueues.registry.subqueueOf(main, subqueue))
    if (transaction === undefined) localQueues.move(queued, targetOf())
    else transactions.move(transaction, queued, targetOf)
    return this.settle(now)
  }

  /**
   * A message that was received in this transaction is not wanted: when the transaction commits, its sender is told so
   * (class 0xC004). Answered by the action `outcome`. @throws OptionError MSMQ_OPTION_QUEUE, MSMQ_OPTION_TRANSACTION.
   */
  reject(now: Now, queue: string, lookupId: number, transaction: TransactionId): number {
    this.#input(now)
    const queued: QueuedMessage | null = this.#existing(queue).line.find(lookupId)
    const found = queued !== null && this.#context.transactions.reject(transaction, queued)
    return found ? this.settle(now) : this.#refused('MQ_ERROR_MESSAGE_NOT_FOUND')
  }

  outgoingQueues(): OutgoingQueueView[] {
    return [...this.#context.outgoingQueues].map(queue => outgoingQueueView(this.#context, queue))
  }

  /** What is still in outgoing queues. */
  outgoingMessages(): Iterable<WaitingMessage> {
    return waitingMessages(this.#context)
  }

  /** Sends nothing more to a destination until {@link resumeOutgoing}, across restarts. @throws OptionError MSMQ_OPTION_QUEUE. */
  pauseOutgoing(now: Now, formatName: string): void {
    this.#input(now)
    this.#context.outgoingQueues.existing(formatName).pause()
  }

  resumeOutgoing(now: Now, formatName: string): void {
    this.#input(now)
    this.#context.outgoingQueues.existing(formatName).resume()
  }

  /** Gives up every message that waits for a destination (class 0x8001). How many. @throws OptionError MSMQ_OPTION_QUEUE. */
  purgeOutgoing(now: Now, formatName: string): number {
    this.#input(now)
    return this.#context.outgoingQueues.existing(formatName).purge()
  }

  #existing(name: string): LocalQueue {
    const queue = this.#context.localQueues.registry.open(name)
    if (queue === null) throw new OptionError('MSMQ_OPTION_QUEUE', 'queue', name, 'the name of a queue on this machine')
    return queue
  }

  #applicationQueue(name: string): LocalQueue {
    const queue = this.#existing(name)
    if (queue.kind !== 'private' && queue.kind !== 'public')
      throw new OptionError('MSMQ_OPTION_SYSTEM_QUEUE', 'queue', name, 'a queue that an application created')
    return queue
  }

  #namesChanged(): void {
    this.#context.destinations.forget()
    this.#context.outgoingQueues.forgetTargets()
  }

  #refused(error: MqErrorName): number {
    const request = this.#context.nextRequest()
    this.#context.log.outcome(request, error)
    return request
  }

  #input(now: Now): void {
    this.#context.now = now
  }

  #gone(now: Now, connection: ConnectionId, reason: string): void {
    this.#input(now)
    const session = this.#context.sessions.get(connection)
    this.#context.sessions.forget(connection)
    session?.ended(reason)
  }
}

/** Without a store everything stays in memory, and is never asked for. */
const NO_PACKETS: PacketSource = {
  packet(table, key) {
    throw new Error(`no packet ${key} of ${table}: there is no store`)
  },
}

function noRandomBytes(): never {
  throw new Error('a queue manager without keys encrypts nothing')
}
