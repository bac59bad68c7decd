import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { OptionError } from '../protocol/errors.js'
import type { Guid } from '../protocol/guid.js'
import { Acknowledgements } from './acknowledgements.js'
import { ActionLog } from './action-log.js'
import type { Action, ConnectionId, Endpoint, PingSocket, StoredValue, StoreKey, StoreOperation } from './actions.js'
import type { Now } from './clock.js'
import type { Context } from './context.js'
import { type Counters, createCounters } from './counters.js'
import { Destinations } from './destinations.js'
import { IdentifierMemory } from './identifier-memory.js'
import { IncomingSequences } from './incoming-sequence.js'
import type { LocalQueue, QueuedMessage } from './local-queue.js'
import { LocalQueues } from './local-queues.js'
import type { MessageToSend } from './message-to-send.js'
import type { OutgoingQueueState } from './outgoing-queue.js'
import { OutgoingQueues, type SendTicket } from './outgoing-queues.js'
import { PacketMemory } from './packet-memory.js'
import { QmIdCache } from './qmid-cache.js'
import { Session } from './session.js'
import { Sessions } from './sessions.js'
import { createSettings, type Settings } from './settings.js'
import { StoreBatch } from './store-batch.js'
import { Timers } from './timers.js'

export type { MessageToSend } from './message-to-send.js'
export type { SendTicket } from './outgoing-queues.js'

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
}

/** An outgoing queue as management sees it. */
export interface OutgoingQueueView {
  readonly formatName: string
  readonly state: OutgoingQueueState
  /** Messages in the queue: waiting, under way, or without their order ack. */
  readonly messages: number
  readonly inFlight: number
  /** Transactional messages without their order ack. */
  readonly unacknowledged: number
  /** Expiries of the resend timer since the last progress. */
  readonly resendStage: number
  readonly bytes: number
  readonly lastFailure: string | null
}

export interface LocalQueueView {
  readonly name: string
  readonly number: number
  readonly transactional: boolean
  readonly messages: number
  readonly bytes: number
}

/** A message still in an outgoing queue. */
export interface WaitingMessage {
  readonly formatName: string
  readonly messageId: number
  readonly transactional: boolean
  readonly attempts: number
  /** A view of the packet. */
  readonly body: Buffer
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
      cache: new QmIdCache(this.settings.QMIdCacheLifetime),
      identifiers: new IdentifierMemory(this.settings.RemoveDuplicateSize),
      incomingSequences: new IncomingSequences(),
      now: { monotonicMs: 0, wallMs: 0 },
    } as { -readonly [part in keyof Context]: Context[part] }
    context.destinations = new Destinations(context, names, options.addresses)
    context.sessions = new Sessions(context)
    context.localQueues = new LocalQueues(context)
    context.outgoingQueues = new OutgoingQueues(context, options.sequenceTimeStamp)
    context.acknowledgements = new Acknowledgements(context)
    this.#context = context
    const cleanup = timers.create('identifier memory cleanup', now => {
      context.identifiers.forgetBefore(now.monotonicMs - this.settings.RemoveDuplicateCleanup)
      this.#identifierCleanup()
    })
    this.#identifierCleanup = () => cleanup.start(context.now, Math.max(1, this.settings.RemoveDuplicateCleanup))
    if (options.stored !== undefined) this.#restore(options.stored)
  }

  /** Begins to work: what a former run left to send is sent. */
  start(now: Now): void {
    this.#input(now)
    this.#identifierCleanup()
    this.#context.localQueues.start()
    this.#context.outgoingQueues.start()
  }

  /** Closes every session; messages stay where they are. */
  stop(now: Now): void {
    this.#input(now)
    for (const queue of this.#context.outgoingQueues) queue.stop()
    for (const session of [...this.#context.sessions]) session.close('queue manager stopped')
    for (const queue of this.#context.outgoingQueues) queue.stop()
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
   * Creates a queue, named `private$\NAME`, with the given private queue number or the next free one.
   * @throws OptionError MSMQ_OPTION_TAKEN, MSMQ_OPTION_RANGE.
   */
  createQueue(
    now: Now,
    options: { name: string; transactional?: boolean; number?: number; quotaKB?: number },
  ): LocalQueue {
    this.#input(now)
    this.#context.destinations.forget()
    this.#context.outgoingQueues.forgetTargets()
    return this.#context.localQueues.create(options)
  }

  /** The queue named `private$\NAME`, without case; null when there is none. */
  queue(name: string): LocalQueue | null {
    return this.#context.localQueues.byName(name)
  }

  /**
   * Sends one message that is not transactional.
   * @throws OptionError MSMQ_OPTION_FORMAT_NAME for a destination that cannot be sent to; EncodeError for a property out of range.
   */
  send(now: Now, message: MessageToSend): SendTicket {
    this.#input(now)
    return this.#context.outgoingQueues.submit([message], false)
  }

  /** Sends all messages or none, as one internal transaction; throws as {@link send}. */
  sendTransaction(now: Now, messages: readonly MessageToSend[]): SendTicket {
    this.#input(now)
    return this.#context.outgoingQueues.submit(messages, true)
  }

  /** Takes up to `max` messages out of a queue; the action `received` brings them, perhaps none, once that is durable. */
  receive(now: Now, queue: string, max: number): number {
    this.#input(now)
    return this.#context.localQueues.receive(this.#existing(queue), max)
  }

  peek(queue: string, max: number): QueuedMessage[] {
    return this.#existing(queue).peek(max)
  }

  outgoingQueues(): OutgoingQueueView[] {
    return [...this.#context.outgoingQueues].map(queue => ({
      formatName: queue.text,
      state: queue.state,
      messages: queue.size,
      inFlight: queue.session?.inFlight ?? 0,
      unacknowledged: queue.sequence.size,
      resendStage: queue.sequence.resendStage,
      bytes: queue.bytes,
      lastFailure: queue.lastFailure,
    }))
  }

  /** What is still in outgoing queues. */
  *outgoingMessages(): Iterable<WaitingMessage> {
    for (const queue of this.#context.outgoingQueues)
      for (const { messageId, place, packet, attempts } of queue.messages()) {
        const { body } = (decodePacket(packet) as UserMessagePacket).properties
        yield { formatName: queue.text, messageId, transactional: place !== null, attempts, body }
      }
  }

  localQueues(): LocalQueueView[] {
    return [...this.#context.localQueues].map(({ name, number, transactional, size, bytes }) => ({
      name,
      number,
      transactional,
      messages: size,
      bytes,
    }))
  }

  #existing(name: string): LocalQueue {
    const queue = this.queue(name)
    if (queue === null) throw new OptionError('MSMQ_OPTION_QUEUE', 'queue', name, 'the name of a queue on this machine')
    return queue
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

  /** Tables in an order in which each finds what it refers to. */
  #restore(stored: Iterable<StoreOperation>): void {
    const { acknowledgements, incomingSequences, localQueues, outgoingQueues } = this.#context
    const operations = [...stored].sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0))
    const restore = (table: StoreOperation['table'], take: (key: StoreKey, value: StoredValue) => void) => {
      for (const operation of operations)
        if (operation.table === table && operation.value !== null) take(operation.key, operation.value)
    }
    restore('state', (key, value) => outgoingQueues.restoreState(key as string, value))
    restore('queue', (_key, value) => localQueues.restoreQueue(value))
    restore('message', (key, value) => localQueues.restoreMessage(key as number, value))
    const identifiers: StoredValue[] = []
    restore('identifier', (_key, value) => identifiers.push(value))
    this.#context.identifiers.restore(identifiers)
    restore('incoming-sequence', (_key, value) => incomingSequences.restore(value))
    restore('outgoing-sequence', (key, value) => outgoingQueues.restoreSequence(key as string, value))
    restore('outgoing', (key, value) => outgoingQueues.restoreMessage(key as number, value))
    restore('awaiting-final-ack', (key, value) =>
      acknowledgements.restoreAwaitingFinalAck(key as number, value.packet as Uint8Array, value.queue as string),
    )
  }
}
