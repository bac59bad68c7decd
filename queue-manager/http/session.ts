import { DecodeError, EncodeError } from '../../protocol/errors.js'
import { MessageClass } from '../../protocol/message-class.js'
import type { ConnectionId, Endpoint, ExchangeId } from '../actions.js'
import type { Context } from '../context.js'
import { OUTGOING_FLAGS, type OutgoingMessage } from '../outgoing-message.js'
import type { OutgoingQueue } from '../outgoing-queue.js'
import type { OutgoingSession } from '../outgoing-session.js'
import { reportSent } from '../reports.js'
import { noteClosed, noteConnecting, noteOpen, noteSent } from '../session-notes.js'
import type { Timer } from '../timers.js'
import type { HttpHop } from './names.js'
import { requestFor } from './request.js'

interface Post {
  readonly exchange: ExchangeId
  readonly message: OutgoingMessage
}

/**
 * Takes the messages of an outgoing queue to the next machine by HTTP: each a POST, one after the other on one connection,
 * several of them under way ([MC-MQSRM] 3.1.7.2). 200 hands a plain message over for good, and a stream message until its
 * receipt comes; 400 refuses it for good; anything else, and no answer, ends the session, and what it had under way is
 * sent again (3.1.7.2.5).
 */
export class HttpSession implements OutgoingSession {
  readonly connection: ConnectionId
  readonly peer: Endpoint
  readonly queue: OutgoingQueue
  isOpen = false
  readonly #context: Context
  readonly #hop: HttpHop
  /** Under way, in the order in which they will be answered. */
  readonly #posts: Post[] = []
  readonly #answerTimer: Timer
  readonly #cleanupTimer: Timer
  #closed = false

  constructor(context: Context, queue: OutgoingQueue, address: string, hop: HttpHop) {
    this.#context = context
    this.#hop = hop
    this.queue = queue
    this.connection = context.sessions.nextConnection()
    this.peer = { address, port: hop.port }
    const { counters, log, timers } = context
    this.#answerTimer = timers.create('HTTP answer', () => this.close('no answer in time', 'abort'))
    this.#cleanupTimer = timers.create('HTTP session cleanup', () => this.#cleanUp())
    // what it was opened for may have expired meanwhile
    this.#cleanupTimer.start(context.now, context.settings.CleanupInterval)
    counters.connectAttempts += 1
    noteConnecting(context, this)
    const { host, secure } = hop
    log.push({ do: 'http-open', connection: this.connection, ...this.peer, host, secure })
  }

  get inFlight(): number {
    return this.#posts.length
  }

  *outstanding(): Iterable<OutgoingMessage> {
    for (const { message } of this.#posts) yield message
  }

  dispatch(): void {
    const { HttpPipelineDepth } = this.#context.settings
    while (!this.#closed && this.#posts.length < HttpPipelineDepth) {
      const message = this.queue.next()
      if (message === null) return
      const packet = this.queue.packetToSend(message)
      if (packet !== null) this.#post(message, packet)
    }
  }

  hold(): void {}

  /** The status that the oldest post of this session was answered with. */
  answered(exchange: ExchangeId, status: number): void {
    const index = this.#posts.findIndex(post => post.exchange === exchange)
    if (this.#closed || index < 0) return
    const { counters, log, now, settings } = this.#context
    const { message } = this.#posts[index] as Post
    counters.httpAnswersByStatus[status] = (counters.httpAnswersByStatus[status] ?? 0) + 1
    if (log.noting && status !== 200) {
      const { connection, queue } = this
      const { messageId } = message
      log.note(now, { kind: 'http-answered', connection, queue: queue.text, messageId, status })
    }
    const isFinal = status === 200 || (status === 400 && settings.HttpBadRequestIsFinal === 1)
    if (!isFinal) {
      this.close(`HTTP status ${status}`, 'abort')
      return
    }
    this.#posts.splice(index, 1)
    this.#restartTimers()
    this.#open()
    if (status === 200) this.queue.sessionAcknowledged(message)
    else this.queue.refused(message, MessageClass.NACK_BAD_DST_Q)
    this.dispatch()
  }

  /** A post came to nothing. */
  failed(exchange: ExchangeId, reason: string): void {
    if (this.#posts.some(post => post.exchange === exchange)) this.close(reason, 'abort')
  }

  close(reason: string, how: 'graceful' | 'abort' = 'graceful'): void {
    if (this.#closed) return
    this.#closed = true
    const { counters, log, sessions, settings } = this.#context
    log.push({ do: 'http-close', connection: this.connection, how, reason })
    this.#answerTimer.discard()
    this.#cleanupTimer.discard()
    for (const { exchange } of this.#posts) sessions.posts.delete(exchange)
    sessions.http.delete(this)
    if (this.isOpen) counters.sessionsClosed += 1
    else counters.connectFailures += 1
    noteClosed(this.#context, this, reason)
    this.queue.lastFailure = reason
    this.queue.route.ended(reason, 'SocketConnectFailure')
    const outstanding = Array.from(this.#posts, ({ message }) => message)
    if (how === 'abort') this.queue.sequence.postponeResend(settings.HttpRetransmissionTimeout)
    this.#posts.length = 0
    this.queue.sessionEnded(outstanding)
  }

  #post(message: OutgoingMessage, packet: Buffer): void {
    const { counters, log, now, sessions, settings } = this.#context
    this.queue.transmitted(message)
    try {
      const request = requestFor(this.#context, packet, this.#hop)
      const exchange = sessions.nextExchange()
      this.#posts.push({ exchange, message })
      sessions.posts.set(exchange, this)
      counters.userMessagesSent += 1
      counters.httpPosts += 1
      log.push({ do: 'http-post', connection: this.connection, exchange, request })
    } catch (error) {
      if (!(error instanceof DecodeError) && !(error instanceof EncodeError)) throw error
      // what the store gave back is no message, or none that can be said over HTTP: it would stand in the way for ever
      counters.unreadablePackets += 1
      this.queue.refused(message, MessageClass.NACK_BAD_DST_Q)
      return
    }
    if (!this.#answerTimer.running) this.#answerTimer.start(now, settings.HttpAnswerTimeout)
    noteSent(this.#context, this, this.queue, message, packet)
    if (message.flags & OUTGOING_FLAGS.TRACED) reportSent(this.#context, packet, this.peer.address)
  }

  #open(): void {
    if (this.isOpen) return
    this.isOpen = true
    this.#context.counters.sessionsOpened += 1
    noteOpen(this.#context, this)
    this.queue.connected()
  }

  #restartTimers(): void {
    const { now, settings } = this.#context
    this.#cleanupTimer.start(now, settings.CleanupInterval)
    if (this.#posts.length > 0) this.#answerTimer.start(now, settings.HttpAnswerTimeout)
    else this.#answerTimer.stop()
  }

  /** [MC-MQSRM] 3.1.2.4. */
  #cleanUp(): void {
    if (this.#posts.length === 0) this.close('idle')
    else this.#cleanupTimer.start(this.#context.now, this.#context.settings.CleanupInterval)
  }
}
