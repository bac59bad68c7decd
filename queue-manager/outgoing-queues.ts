import { buildUserMessage, setHopCount, stampTransaction } from '../protocol/binary/build.js'
import type { FinalAckBody } from '../protocol/binary/final-ack.js'
import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { TX_FLAGS } from '../protocol/binary/transaction-header.js'
import { USER_FLAGS } from '../protocol/binary/user-header.js'
import { MqlabError, OptionError } from '../protocol/errors.js'
import { type FormatName, formatNameText, isReadOnly, parseFormatName } from '../protocol/format-name.js'
import { NIL_GUID } from '../protocol/guid.js'
import { sequenceIdText, type TxSequenceId } from '../protocol/sequence-id.js'
import type { StoredValue } from './actions.js'
import { wallSeconds } from './clock.js'
import type { Context } from './context.js'
import type { LocalQueue } from './local-queue.js'
import { buildMessage, destinationSpec, type MessageToSend, type WireDestination } from './message-to-send.js'
import { createOutgoingMessage, type OutgoingMessage } from './outgoing-message.js'
import { OutgoingQueue } from './outgoing-queue.js'
import { isRecoverable } from './receiving.js'

/** The answer to a send: its outcome comes as the action `outcome` with this request. */
export interface SendTicket {
  readonly request: number
  readonly messageIds: readonly number[]
}

interface Target extends WireDestination {
  /** Exactly one of the two. */
  readonly outgoing: OutgoingQueue | null
  readonly local: LocalQueue | null
}

interface InternalMessage {
  readonly destination: string
  readonly delivery: 'express' | 'recoverable'
  readonly priority: number
  readonly label: string
  readonly messageClass: number
  readonly body: Buffer
  readonly correlationId?: Buffer
}

const INFINITE_S = 0xffffffff
const TARGETS_MAX = 1_000
/** Outgoing queues, above which none is made for a destination that only a peer named. */
const QUEUES_FOR_PEERS_MAX = 4_096
/** Messages in an outgoing queue, above which no express one is added on a peer's behalf: it may never be reached. */
const EXPRESS_FOR_PEERS_MAX = 10_000
/** MessageIDs are reserved in the store by the thousand: a restart skips some, and repeats none. */
const MESSAGE_IDS_RESERVED = 1_000
const TRANSACTION_ID_MAX = 0xfffff

/** Every outgoing queue of a queue manager, what applications and the engine itself put into them, and their sequences. */
export class OutgoingQueues {
  readonly #context: Context
  readonly #timeStamp: number
  readonly #byName = new Map<string, OutgoingQueue>()
  readonly #targets = new Map<string, Target>()
  readonly #sequences = new Map<string, OutgoingQueue>()
  #ordinal = 0
  #order = 0
  #request = 0
  #transaction = 0
  #messageId = 0
  #messageIdsReserved = 0
  /** Below this, a MessageID will not be used again after a crash. */
  #messageIdsDurable = 0

  /** @param timeStamp TxSequenceID.TimeStamp: the time of installation, the same for the life of a queue manager. */
  constructor(context: Context, timeStamp: number) {
    this.#context = context
    this.#timeStamp = timeStamp
  }

  [Symbol.iterator](): Iterator<OutgoingQueue> {
    return this.#byName.values()
  }

  /** Begins to work: what a former run left to send is sent. */
  start(): void {
    this.#reserveMessageIds()
    for (const queue of this) queue.start()
  }

  /** Names of local queues changed: what was looked up may be wrong. */
  forgetTargets(): void {
    this.#targets.clear()
  }

  /**
   * Sends messages; as one internal transaction, all or none, when `transactional`. Accepted means durable where it must be.
   * @throws OptionError for a destination that cannot be sent to, or message properties out of range.
   */
  submit(messages: readonly MessageToSend[], transactional: boolean): SendTicket {
    this.#request += 1
    const request = this.#request
    const { counters, log, settings } = this.#context
    const targets: Target[] = []
    let size = 0
    let usable = true
    for (const message of messages) {
      const target = this.#target(message.destination)
      targets.push(target)
      size += message.body.length
      if (target.local !== null && target.local.transactional !== transactional) usable = false
    }
    const full = counters.messageBytes + size > settings.MachineQuota * 1024
    if (full || !usable) {
      const error = full ? 'MQ_ERROR_INSUFFICIENT_RESOURCES' : 'MQ_ERROR_TRANSACTION_USAGE'
      log.push({ do: 'outcome', request, outcome: 'refused', error })
      return { request, messageIds: [] }
    }
    const entries = this.#build(messages, targets, transactional)
    const messageIds: number[] = []
    for (const { messageId } of entries) messageIds.push(messageId)
    this.#enter(entries, targets, request)
    return { request, messageIds }
  }

  /** Everything is built before any place in a sequence is taken: a bad message spoils nothing. */
  #build(messages: readonly MessageToSend[], targets: readonly Target[], transactional: boolean): OutgoingMessage[] {
    if (transactional) this.#transaction = (this.#transaction % TRANSACTION_ID_MAX) + 1
    const entries: OutgoingMessage[] = []
    for (let index = 0; index < messages.length; index += 1) {
      const first = index === 0 ? TX_FLAGS.FM : 0
      const last = index === messages.length - 1 ? TX_FLAGS.LM : 0
      const flags = (this.#transaction << TX_FLAGS.ID_SHIFT) | first | last
      const part = transactional ? { flags, timeStamp: this.#timeStamp } : null
      const [message, target] = [messages[index] as MessageToSend, targets[index] as Target]
      entries.push(buildMessage(this.#context, message, target, this.nextMessageId(), this.#nextOrder(), part))
    }
    if (!transactional) return entries
    for (let index = 0; index < entries.length; index += 1) {
      const [message, queue] = [entries[index] as OutgoingMessage, (targets[index] as Target).outgoing]
      if (queue === null) continue
      const place = queue.sequence.nextPlace()
      message.place = place
      message.previous = place.number - 1
      stampTransaction(message.packet, place.id, place.number, message.previous)
    }
    return entries
  }

  /**
   * A message of the engine's own: an acknowledgement. Returns its MessageID; 0 when the destination cannot be sent to, or
   * there is no room for more.
   */
  sendInternal(internal: InternalMessage): number {
    try {
      const target = this.#roomTowards(internal.destination, internal.body.length, internal.delivery === 'express')
      if (target !== null) return this.#sendInternal(internal, target)
      this.#context.counters.acknowledgementsDropped += 1
    } catch (error) {
      // the peer chose this name; a bad one harms nobody but itself
      if (!(error instanceof MqlabError)) throw error
    }
    return 0
  }

  /**
   * The way to a destination that a peer named, or null when there is no room for a message on it. A peer can name
   * destinations without end, and ones that are never reached.
   */
  #roomTowards(text: string, bytes: number, express: boolean): Target | null {
    const { counters, settings } = this.#context
    if (counters.messageBytes + bytes > settings.MachineQuota * 1024) return null
    if (this.#byName.size >= QUEUES_FOR_PEERS_MAX && !this.#targets.has(text)) {
      this.#forgetIdleQueues()
      if (this.#byName.size >= QUEUES_FOR_PEERS_MAX && !this.#byName.has(formatNameText(parseFormatName(text))))
        return null
    }
    const target = this.#target(text)
    if (target.local !== null) return this.#context.localQueues.quota(target.local, bytes) === 'fits' ? target : null
    return express && (target.outgoing?.size ?? 0) + (target.outgoing?.entering ?? 0) >= EXPRESS_FOR_PEERS_MAX
      ? null
      : target
  }

  #forgetIdleQueues(): void {
    for (const [name, queue] of this.#byName) {
      if (!queue.isIdle) continue
      queue.discard()
      this.#byName.delete(name)
      this.#targets.clear()
    }
  }

  #sendInternal(internal: InternalMessage, target: Target): number {
    const messageId = this.nextMessageId()
    const { guid, now } = this.#context
    const packet = buildUserMessage({
      priority: internal.priority,
      timeToReachQueue: INFINITE_S,
      sourceQueueManager: guid,
      queueManagerAddress: target.queueManagerAddress,
      timeToBeReceived: INFINITE_S,
      sentTime: wallSeconds(now),
      messageId,
      delivery: internal.delivery,
      destination: target.destination,
      acknowledgements: 0,
      label: internal.label,
      messageClass: internal.messageClass,
      correlationId: internal.correlationId,
      bodyType: 0,
      applicationTag: 0,
      body: internal.body,
    })
    const recoverable = internal.delivery === 'recoverable'
    const order = this.#nextOrder()
    const message = createOutgoingMessage(packet, messageId, internal.priority, recoverable, false, Infinity, order)
    this.#enter([message], [target], null)
    return messageId
  }

  /**
   * A message of another queue manager on its way: its identity, transaction and times are not touched. False when it
   * cannot go on: its destination has no number, or there is no room.
   */
  forward(packet: UserMessagePacket, bytes: Buffer, hopCount: number): boolean {
    const { destinationQueue, queueManagerAddress, messageId, sentTime } = packet.user
    if (destinationQueue?.type !== 'PrivateQueueFormatNameId') return false
    const name = `PRIVATE=${queueManagerAddress}\\${destinationQueue.number.toString(16)}`
    const target = this.#roomTowards(name, bytes.length, !isRecoverable(packet))
    if (target === null) return false
    setHopCount(bytes, hopCount)
    const { timeToReachQueue } = packet.base
    const expiresMs = timeToReachQueue === INFINITE_S ? Infinity : (sentTime + timeToReachQueue + 1) * 1000
    const priority = packet.base.flags & 7
    const order = this.#nextOrder()
    const message = createOutgoingMessage(bytes, messageId, priority, isRecoverable(packet), false, expiresMs, order)
    this.#enter([message], [target], null)
    return true
  }

  /** An order ack arrived: finds the sequence by its id among this machine's own. */
  orderAcknowledged(
    id: TxSequenceId,
    number: number,
  ): { result: 'matched' | 'stale' | 'unknown-sequence' | 'never-sent'; removed: number } {
    const queue = this.#sequences.get(sequenceIdText(id))
    if (queue !== undefined) {
      const removed = queue.orderAcknowledged(number)
      return removed === null ? { result: 'never-sent', removed: 0 } : { result: 'matched', removed }
    }
    const ours = id.timeStamp === this.#timeStamp && id.ordinal >= 1 && id.ordinal <= this.#ordinal
    return { result: ours ? 'stale' : 'unknown-sequence', removed: 0 }
  }

  /** A final ack came for a transactional message still waiting for its order ack: it leaves. */
  takeTransactional(ack: FinalAckBody): { readonly packet: Buffer; readonly queue: string } | null {
    const queue = this.#sequences.get(sequenceIdText(ack.sequenceId))
    const message = queue?.sequence.find(ack.sequenceNumber)
    // of a message that never left, and may still be on its way into the store, nobody can know anything
    if (queue === undefined || message === undefined) return null
    if (message.messageId !== ack.messageId || message.attempts === 0) return null
    queue.finallyAcknowledged(message)
    return { packet: message.packet, queue: queue.text }
  }

  /** Ids never repeat, and each is greater than all before ([MS-MQQB] 3.1.1.3.1.1 <35>). */
  openSequence(queueText: string): TxSequenceId {
    this.#ordinal += 1
    const id = { ordinal: this.#ordinal, timeStamp: this.#timeStamp }
    this.#sequences.set(sequenceIdText(id), this.#byName.get(queueText) as OutgoingQueue)
    this.#context.batch.put('state', 'sequence-ordinal', { ordinal: this.#ordinal })
    return id
  }

  closeSequence(id: TxSequenceId): void {
    this.#sequences.delete(sequenceIdText(id))
  }

  /** A message left its queue. */
  forget(message: OutgoingMessage): void {
    const { batch, counters } = this.#context
    counters.outgoingMessages -= 1
    counters.messageBytes -= message.packet.length
    if (message.recoverable) batch.remove('outgoing', message.order)
  }

  nextMessageId(): number {
    this.#messageId = (this.#messageId + 1) >>> 0 || 1
    if (this.#messageId + MESSAGE_IDS_RESERVED / 2 >= this.#messageIdsReserved) this.#reserveMessageIds()
    return this.#messageId
  }

  /** Half used up, the next thousand is reserved, so that hardly a message ever has to wait for the store because of it. */
  #reserveMessageIds(): void {
    const { batch } = this.#context
    const reserved = this.#messageId + MESSAGE_IDS_RESERVED
    this.#messageIdsReserved = reserved
    batch.put('state', 'message-id', { reserved })
    batch.whenDurable(error => {
      if (error === null) this.#messageIdsDurable = reserved
      else this.#messageIdsReserved = this.#messageIdsDurable
    })
  }

  restoreState(key: string, value: StoredValue): void {
    if (key === 'sequence-ordinal') this.#ordinal = value.ordinal as number
    if (key === 'message-id') {
      this.#messageId = value.reserved as number
      this.#messageIdsReserved = this.#messageId
      this.#messageIdsDurable = this.#messageId
    }
  }

  restoreSequence(queueText: string, value: StoredValue): void {
    const queue = this.#queue(parseFormatName(queueText))
    const id = { ordinal: value.ordinal as number, timeStamp: value.timeStamp as number }
    queue.sequence.restore(id, value.nextNumber as number, value.lastAcknowledged as number)
    this.#sequences.set(sequenceIdText(id), queue)
  }

  /** Messages must be given in the order of their keys, which is that of their sending. */
  restoreMessage(key: number, value: StoredValue): void {
    const bytes = Buffer.from(value.packet as Uint8Array)
    const packet = decodePacket(bytes) as UserMessagePacket
    const queue = this.#queue(parseFormatName(value.queue as string))
    const number = value.number as number
    const { transaction, user, base } = packet
    const place = transaction === null || number === 0 ? null : { id: transaction.sequenceId, number }
    const expiresMs =
      base.timeToReachQueue === INFINITE_S ? Infinity : (user.sentTime + base.timeToReachQueue + 1) * 1000
    this.#order = Math.max(this.#order, key)
    const journaled = (user.flags & (USER_FLAGS.JN | USER_FLAGS.JP)) !== 0
    const message = createOutgoingMessage(bytes, user.messageId, base.flags & 7, true, journaled, expiresMs, key)
    message.place = place
    message.previous = transaction?.previousSequenceNumber ?? 0
    if (place !== null && queue.sequence.isAcknowledged(place)) {
      this.#context.acknowledgements.transactionalMessageTaken(message, queue.text)
      this.#context.batch.remove('outgoing', key)
      return
    }
    queue.restore(message)
    this.#track(message)
  }

  /** Two spellings of one destination are two outgoing queues, with a session and a sequence each ([MS-MQQB] 1.1). */
  #queue(formatName: FormatName): OutgoingQueue {
    const name = formatNameText(formatName)
    let queue = this.#byName.get(name)
    if (queue === undefined) {
      queue = new OutgoingQueue(this.#context, formatName)
      this.#byName.set(name, queue)
    }
    return queue
  }

  /** Where a format name leads; remembered, because applications send to few names many times. */
  #target(text: string): Target {
    const known = this.#targets.get(text)
    if (known !== undefined) return known
    const formatName = parseFormatName(text)
    if (isReadOnly(formatName))
      throw new OptionError(
        'MSMQ_OPTION_FORMAT_NAME',
        'destination',
        text,
        'a queue that can be sent to, not a journal or dead-letter queue',
      )
    const location = this.#context.destinations.locateFormatName(formatName)
    if (location.kind === 'missing')
      throw new OptionError(
        'MSMQ_OPTION_FORMAT_NAME',
        'destination',
        text,
        'DIRECT=TCP:, DIRECT=OS: or PRIVATE=, of an existing queue where it is on this machine',
      )
    const target: Target = {
      destination: destinationSpec(formatName),
      queueManagerAddress: formatName.kind === 'private' ? formatName.queueManager : NIL_GUID,
      lastBuilt: null,
      outgoing: location.kind === 'queue' ? null : this.#queue(formatName),
      local: location.kind === 'queue' ? location.queue : null,
    }
    if (this.#targets.size >= TARGETS_MAX) this.#targets.clear()
    this.#targets.set(text, target)
    return target
  }

  #nextOrder(): number {
    this.#order += 1
    return this.#order
  }

  /** Stores what must be stored, then puts the messages into their queues, together, and answers the request if there is one. */
  #enter(messages: readonly OutgoingMessage[], targets: readonly Target[], request: number | null): void {
    const { batch } = this.#context
    let stored = false
    for (let index = 0; index < messages.length; index += 1) {
      const [message, { outgoing, local }] = [messages[index] as OutgoingMessage, targets[index] as Target]
      if (message.recoverable || message.messageId >= this.#messageIdsDurable) stored = true
      // into the same batch as the rest: a transaction is whole on this machine, too
      if (local !== null) this.#deliverLocally(message, local)
      if (outgoing === null) continue
      this.#track(message)
      outgoing.entering += 1
      if (!message.recoverable) continue
      const number = message.place?.number ?? 0
      batch.put('outgoing', message.order, { queue: outgoing.text, packet: message.packet, number })
      if (message.place !== null) batch.changed(outgoing.sequence)
    }
    if (stored) batch.whenDurable(error => this.#entered(messages, targets, request, error))
    else this.#entered(messages, targets, request, null)
  }

  /** They are durable, or need not be; or the store failed. */
  #entered(
    messages: readonly OutgoingMessage[],
    targets: readonly Target[],
    request: number | null,
    error: string | null,
  ): void {
    for (let index = 0; index < messages.length; index += 1) {
      const [message, { outgoing }] = [messages[index] as OutgoingMessage, targets[index] as Target]
      if (outgoing === null) continue
      outgoing.entering -= 1
      if (error === null) outgoing.add(message)
      else {
        if (message.place !== null) outgoing.sequence.abandonPlace()
        this.forget(message)
      }
    }
    if (request !== null) {
      const { log } = this.#context
      if (error === null) log.push({ do: 'outcome', request, outcome: 'accepted' })
      else log.push({ do: 'outcome', request, outcome: 'refused', error: 'MQ_ERROR_MESSAGE_STORAGE_FAILED' })
    }
    let attended: OutgoingQueue | null = null
    for (const { outgoing } of targets) {
      if (outgoing !== null && outgoing !== attended) outgoing.attend()
      attended = outgoing
    }
  }

  #deliverLocally(message: OutgoingMessage, queue: LocalQueue): void {
    const packet = decodePacket(message.packet) as UserMessagePacket
    this.#context.localQueues.put(queue, packet, message.packet, message.recoverable, null, error => error === null)
  }

  #track(message: OutgoingMessage): void {
    const { counters } = this.#context
    counters.outgoingMessages += 1
    counters.messageBytes += message.packet.length
  }
}
