import { buildUserMessage, setHopCount, stampTransaction } from '../protocol/binary/build.js'
import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { TX_FLAGS } from '../protocol/binary/transaction-header.js'
import { MqlabError, OptionError } from '../protocol/errors.js'
import { type FormatName, formatNameText, isReadOnly, parseFormatName } from '../protocol/format-name.js'
import { NIL_GUID } from '../protocol/guid.js'
import { sequenceIdText, type TxSequenceId } from '../protocol/sequence-id.js'
import type { StoredValue } from './actions.js'
import { wallSeconds } from './clock.js'
import type { Context } from './context.js'
import type { LocalQueue } from './local-queue.js'
import {
  type BuiltMessage,
  buildMessage,
  destinationSpec,
  type MessageToSend,
  type WireDestination,
} from './message-to-send.js'
import type { OutgoingMessage, SequencePlace } from './outgoing-message.js'
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
  readonly #transactional = new Map<number, { readonly message: OutgoingMessage; readonly queue: OutgoingQueue }>()
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
    const targets = messages.map(message => this.#target(message.destination))
    let size = 0
    for (const message of messages) size += message.body.length
    if (counters.messageBytes + size > settings.MachineQuota * 1024) {
      log.push({ do: 'outcome', request, outcome: 'refused', error: 'MQ_ERROR_INSUFFICIENT_RESOURCES' })
      return { request, messageIds: [] }
    }
    if (targets.some(({ local }) => local !== null && local.transactional !== transactional)) {
      log.push({ do: 'outcome', request, outcome: 'refused', error: 'MQ_ERROR_TRANSACTION_USAGE' })
      return { request, messageIds: [] }
    }
    if (transactional) this.#transaction = (this.#transaction % TRANSACTION_ID_MAX) + 1
    // everything is built before any place in a sequence is taken: a bad message spoils nothing
    const built = messages.map((message, index) => {
      const first = index === 0 ? TX_FLAGS.FM : 0
      const last = index === messages.length - 1 ? TX_FLAGS.LM : 0
      const flags = (this.#transaction << TX_FLAGS.ID_SHIFT) | first | last
      const part = transactional ? { flags, timeStamp: this.#timeStamp } : null
      return buildMessage(this.#context, message, targets[index] as Target, this.nextMessageId(), part)
    })
    const entries = built.map((spec, index) => ({
      message: this.#place(spec, targets[index] as Target),
      target: targets[index] as Target,
    }))
    const messageIds = built.map(spec => spec.messageId)
    this.#enter(entries, error => {
      if (error === null) log.push({ do: 'outcome', request, outcome: 'accepted' })
      else log.push({ do: 'outcome', request, outcome: 'refused', error: 'MQ_ERROR_MESSAGE_STORAGE_FAILED' })
    })
    return { request, messageIds }
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
    const message = this.#entry(
      packet,
      messageId,
      internal.priority,
      internal.delivery === 'recoverable',
      null,
      Infinity,
    )
    this.#enter([{ message, target }], () => undefined)
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
    const message = this.#entry(bytes, messageId, priority, isRecoverable(packet), null, expiresMs)
    this.#enter([{ message, target }], () => undefined)
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
  takeTransactional(messageId: number): { readonly packet: Buffer; readonly queue: string } | null {
    const found = this.#transactional.get(messageId)
    // of a message that never left, and may still be on its way into the store, nobody can know anything
    if (found === undefined || found.message.attempts === 0) return null
    found.queue.finallyAcknowledged(found.message)
    return { packet: found.message.packet, queue: found.queue.text }
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
    if (message.place !== null) this.#transactional.delete(message.messageId)
    if (message.storeKey !== null) batch.remove('outgoing', message.storeKey)
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
    this.#order = Math.max(this.#order, Number(key))
    const message = this.#entry(bytes, user.messageId, base.flags & 7, true, place, expiresMs, key)
    message.previous = transaction?.previousSequenceNumber ?? 0
    if (place !== null && queue.sequence.isAcknowledged(place)) {
      this.#context.acknowledgements.transactionalMessageTaken(message, queue.text)
      this.#context.batch.remove('outgoing', key)
      return
    }
    queue.restore(message)
    this.#track(message, queue)
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
      outgoing: location.kind === 'queue' ? null : this.#queue(formatName),
      local: location.kind === 'queue' ? location.queue : null,
    }
    if (this.#targets.size >= TARGETS_MAX) this.#targets.clear()
    this.#targets.set(text, target)
    return target
  }

  /** Gives a built message its place in the sequence of its queue, if it is transactional and leaves this machine. */
  #place(built: BuiltMessage, target: Target): OutgoingMessage {
    const { packet, messageId, priority, recoverable, expiresMs } = built
    let place: SequencePlace | null = null
    if (built.transactional && target.outgoing !== null) {
      place = target.outgoing.sequence.nextPlace()
      stampTransaction(packet, place.id, place.number, place.number - 1)
    }
    return this.#entry(packet, messageId, priority, recoverable, place, expiresMs)
  }

  #entry(
    packet: Buffer,
    messageId: number,
    priority: number,
    recoverable: boolean,
    place: SequencePlace | null,
    expiresMs: number,
    storedUnder: number | null = null,
  ): OutgoingMessage {
    if (storedUnder === null) this.#order += 1
    const order = storedUnder ?? this.#order
    return {
      packet,
      messageId,
      priority,
      recoverable,
      place,
      expiresMs,
      previous: place === null ? 0 : place.number - 1,
      storeKey: storedUnder ?? (recoverable ? order : null),
      order,
      waiting: true,
      sessionAcknowledged: false,
      orderAcknowledged: false,
      attempts: 0,
      gone: false,
    }
  }

  /** Stores what must be stored, then puts the messages into their queues, together. */
  #enter(
    entries: readonly { readonly message: OutgoingMessage; readonly target: Target }[],
    done: (error: string | null) => void,
  ): void {
    const { batch } = this.#context
    let stored = false
    for (const { message, target } of entries) {
      if (message.storeKey !== null || message.messageId >= this.#messageIdsDurable) stored = true
      if (target.outgoing === null) {
        // into the same batch as the rest: a transaction is whole on this machine, too
        this.#deliverLocally(message, target.local as LocalQueue)
        continue
      }
      this.#track(message, target.outgoing)
      target.outgoing.entering += 1
      if (message.storeKey === null) continue
      batch.put('outgoing', message.storeKey, {
        queue: target.outgoing.text,
        packet: message.packet,
        number: message.place?.number ?? 0,
      })
      if (message.place !== null) batch.changed(target.outgoing.sequence)
    }
    const enter = (error: string | null): void => {
      const queues = new Set<OutgoingQueue>()
      for (const { message, target } of entries) {
        if (target.outgoing === null) continue
        target.outgoing.entering -= 1
        if (error === null) {
          target.outgoing.add(message)
          queues.add(target.outgoing)
        } else {
          if (message.place !== null) target.outgoing.sequence.abandonPlace()
          this.forget(message)
        }
      }
      done(error)
      for (const queue of queues) queue.attend()
    }
    if (stored) batch.whenDurable(enter)
    else enter(null)
  }

  #deliverLocally(message: OutgoingMessage, queue: LocalQueue): void {
    const packet = decodePacket(message.packet) as UserMessagePacket
    this.#context.localQueues.put(queue, packet, message.packet, message.recoverable, null, error => error === null)
  }

  #track(message: OutgoingMessage, queue: OutgoingQueue): void {
    const { counters } = this.#context
    counters.outgoingMessages += 1
    counters.messageBytes += message.packet.length
    if (message.place !== null) this.#transactional.set(message.messageId, { message, queue })
  }
}
