import { BASE_FLAGS } from '../protocol/binary/base-header.js'
import { buildUserMessage, type QueueNameSpec, setHopCount } from '../protocol/binary/build.js'
import type { UserMessagePacket } from '../protocol/binary/packet.js'
import { MqlabError, OptionError } from '../protocol/errors.js'
import { wallSeconds } from './clock.js'
import type { Context } from './context.js'
import { createOutgoingMessage, OUTGOING_FLAGS } from './outgoing-message.js'
import type { OutgoingQueues } from './outgoing-queues.js'
import type { Target } from './outgoing-targets.js'
import { isRecoverable } from './queue-entry.js'

/** A message of the engine's own: an acknowledgement or a report. */
export interface InternalMessage {
  readonly destination: string
  readonly delivery: 'express' | 'recoverable'
  readonly priority: number
  readonly label: string
  readonly messageClass: number
  readonly body: Buffer
  readonly correlationId?: Buffer
  readonly response?: QueueNameSpec | undefined
}

/** What became of a message for another queue manager: there may be no way for it, or no room on this machine now. */
export type Passage = 'passed' | 'no-way' | 'no-room'

const INFINITE_S = 0xffffffff
/** Messages in an outgoing queue, above which no express one is added on a peer's behalf: it may never be reached. */
const EXPRESS_FOR_PEERS_MAX = 10_000

/** Messages that no application of this machine sent: the engine's own, and those of other queue managers passing through. */
export class InternalMessages {
  readonly #context: Context
  readonly #queues: OutgoingQueues

  constructor(context: Context, queues: OutgoingQueues) {
    this.#context = context
    this.#queues = queues
  }

  /** Returns the MessageID; 0 when the destination cannot be sent to, or there is no room for more. */
  send(internal: InternalMessage): number {
    try {
      const target = this.#roomTowards(internal.destination, internal.body.length, internal.delivery === 'express')
      if (target !== null) return this.#send(internal, target)
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
    if (this.#isFull(bytes)) return null
    if (!this.#queues.hasRoomFor(text)) return null
    const target = this.#queues.targets.one(text)
    if (target.local !== null) return this.#context.localQueues.quota(target.local, bytes) === 'fits' ? target : null
    return express && (target.outgoing?.size ?? 0) + (target.outgoing?.entering ?? 0) >= EXPRESS_FOR_PEERS_MAX
      ? null
      : target
  }

  #isFull(bytes: number): boolean {
    const { counters, settings } = this.#context
    return counters.messageBytes + bytes > settings.MachineQuota * 1024
  }

  #send(internal: InternalMessage, target: Target): number {
    // an acknowledgement is no part of a transaction
    if (target.local?.transactional === true) return 0
    const messageId = this.#queues.messageIds.next()
    const { guid, now, settings } = this.#context
    // over HTTP a receipt that finds nobody is not kept for ever ([MC-MQSRM] 4.3)
    const timeToReachQueue = target.outgoing?.isHttp === true ? Math.floor(settings.LongLiveTime) : INFINITE_S
    const sentTime = wallSeconds(now)
    const packet = buildUserMessage({
      priority: internal.priority,
      timeToReachQueue,
      sourceQueueManager: guid,
      queueManagerAddress: target.queueManagerAddress,
      timeToBeReceived: INFINITE_S,
      sentTime,
      messageId,
      delivery: internal.delivery,
      destination: target.destination,
      response: internal.response,
      acknowledgements: 0,
      label: internal.label,
      messageClass: internal.messageClass,
      correlationId: internal.correlationId,
      bodyType: 0,
      applicationTag: 0,
      body: internal.body,
    })
    const recoverable = internal.delivery === 'recoverable'
    const message = createOutgoingMessage(
      packet,
      packet.length,
      messageId,
      internal.priority,
      recoverable,
      timeToReachQueue === INFINITE_S ? Infinity : (sentTime + timeToReachQueue + 1) * 1000,
      0,
      null,
    )
    this.#queues.enter([{ message, target, queue: target.outgoing, transactional: false }], null)
    return messageId
  }

  /**
   * A message of another queue manager on its way: its identity, transaction and times are not touched. Nothing of it is
   * journaled here.
   */
  forward(packet: UserMessagePacket, bytes: Buffer, hopCount: number): Passage {
    const { destinationQueue, queueManagerAddress } = packet.user
    if (destinationQueue?.type !== 'PrivateQueueFormatNameId') return 'no-way'
    if (this.#isFull(bytes.length)) return 'no-room'
    const name = `PRIVATE=${queueManagerAddress}\\${destinationQueue.number.toString(16)}`
    const target = this.#roomTowards(name, bytes.length, !isRecoverable(packet))
    if (target === null) return 'no-way'
    setHopCount(bytes, hopCount)
    return this.#pass(target, packet, bytes)
  }

  /** The same of a message that came over HTTP, to whom a mapping names: byte for byte the request that brought it. */
  forwardTo(formatName: string, packet: UserMessagePacket, bytes: Buffer): Passage {
    try {
      if (this.#isFull(bytes.length) || !this.#queues.hasRoomFor(formatName)) return 'no-room'
      return this.#pass(this.#queues.targets.one(formatName), packet, bytes)
    } catch (error) {
      if (!(error instanceof OptionError)) throw error
      return 'no-way'
    }
  }

  #pass(target: Target, packet: UserMessagePacket, bytes: Buffer): Passage {
    const { messageId, sentTime } = packet.user
    const recoverable = isRecoverable(packet)
    const { timeToReachQueue } = packet.base
    const expiresMs = timeToReachQueue === INFINITE_S ? Infinity : (sentTime + timeToReachQueue + 1) * 1000
    const flags = (packet.base.flags & BASE_FLAGS.TR) === 0 ? 0 : OUTGOING_FLAGS.TRACED
    const priority = packet.base.flags & BASE_FLAGS.PR
    const message = createOutgoingMessage(bytes, bytes.length, messageId, priority, recoverable, expiresMs, flags, null)
    this.#queues.enter([{ message, target, queue: target.outgoing, transactional: false }], null)
    return 'passed'
  }
}
