import { buildSessionAck, withoutSessionHeader, withSessionHeader } from '../protocol/binary/build.js'
import type { ConnectionParametersPacket } from '../protocol/binary/connection-parameters.js'
import { ESTABLISH_CONNECTION_SIZE, type EstablishConnectionPacket } from '../protocol/binary/establish-connection.js'
import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { PacketFramer } from '../protocol/binary/packet-framer.js'
import type { SessionHeader } from '../protocol/binary/session-header.js'
import { DecodeError } from '../protocol/errors.js'
import { type Guid, NIL_GUID } from '../protocol/guid.js'
import { AckWait } from './ack-wait.js'
import { createWriteSlot } from './action-log.js'
import type { ConnectionId, Endpoint } from './actions.js'
import type { Context } from './context.js'
import {
  areInRange,
  claimsPing,
  establishAnswer,
  establishRequest,
  isWanted,
  parametersAnswer,
  parametersRequest,
  recoverableDelayMs,
  refusalIn,
  timesIn,
} from './handshake.js'
import type { IncomingSequence } from './incoming-sequence.js'
import { OrderAckSchedule } from './order-ack-schedule.js'
import { OUTGOING_FLAGS, type OutgoingMessage } from './outgoing-message.js'
import type { OutgoingQueue } from './outgoing-queue.js'
import type { ConnectionStatus } from './outgoing-route.js'
import type { OutgoingSession } from './outgoing-session.js'
import { isRecoverable } from './queue-entry.js'
import { ReadingGate } from './reading-gate.js'
import type { Receipt } from './receive-window.js'
import { receiveUserMessage } from './receiving.js'
import { reportSent } from './reports.js'
import { SendWindow } from './send-window.js'
import { SessionAcknowledger } from './session-acknowledger.js'
import { noteClosed, noteConnecting, noteOpen, noteSent } from './session-notes.js'
import { SESSION_STEPS, type SessionState } from './session-states.js'
import type { PingVerdict } from './sessions.js'
import type { Timer } from './timers.js'

/** The window until the peer has said its own ([MS-MQQB] 3.1.3.2). */
const WINDOW_INITIAL = 64

/**
 * One session: one TCP connection between two queue managers ([MS-MQQB] 3.1.1.3.1). It keeps the handshake, both halves
 * of session acknowledgement, and the timers of 3.1.2 that belong to a session. The side that connected serves one
 * outgoing queue; the accepting side only receives.
 */
export class Session implements OutgoingSession {
  readonly connection: ConnectionId
  readonly peer: Endpoint
  readonly queue: OutgoingQueue | null
  state: SessionState = 'WAITING_EC_MSG'
  peerGuid: Guid = NIL_GUID
  /** A message for a direct format name came: acks go to the peer's address ([MS-MQQB] 3.1.5.8.2, 3.1.7.17). */
  directFormatSession = false
  readonly #context: Context
  readonly #wantedGuid: Guid
  readonly #framer = new PacketFramer()
  readonly #slot = createWriteSlot()
  readonly #sendWindow = new SendWindow()
  readonly #initializationTimer: Timer
  readonly #cleanupTimer: Timer
  readonly #ackWait: AckWait
  readonly #acknowledger: SessionAcknowledger
  readonly #orderAcks: OrderAckSchedule
  readonly #reading: ReadingGate
  #peerWindow = WINDOW_INITIAL
  #active = false
  #writable = true
  #pinged: boolean
  #bytesHeld = 0
  /** How management calls it if the session does not come about. */
  #failure: ConnectionStatus = 'SocketConnectFailure'

  private constructor(
    context: Context,
    connection: ConnectionId,
    peer: Endpoint,
    queue: OutgoingQueue | null,
    wantedGuid: Guid,
  ) {
    this.#context = context
    this.connection = connection
    this.peer = peer
    this.queue = queue
    this.#wantedGuid = wantedGuid
    this.#pinged = false
    this.#reading = new ReadingGate(context, connection)
    const { settings, timers, now } = context
    this.#acknowledger = new SessionAcknowledger(context, () => this.#sendSessionAck())
    this.#orderAcks = new OrderAckSchedule(context, sequence => context.acknowledgements.sendOrderAck(this, sequence))
    this.#initializationTimer = timers.create('session initialization', () =>
      this.close('handshake not finished in time'),
    )
    this.#cleanupTimer = timers.create('session cleanup', () => this.#cleanUp())
    this.#ackWait = new AckWait(
      context,
      () => this.#ackWaitMs(),
      () => this.#sendWindow.unacknowledged > 0,
      () => this.close('no session ack in time', 'abort'),
    )
    this.#initializationTimer.start(now, settings.SessionInitializationTimeout + 2 * settings.RoundTripDelay)
  }

  /**
   * The connecting side: asks the host for a connection; the handshake starts when it is there. An attempt of the retry
   * timer is not preceded by a ping ([MS-MQQB] 3.1.5.2.2).
   */
  static initiate(
    context: Context,
    queue: OutgoingQueue,
    address: string,
    wantedGuid: Guid,
    isRetry: boolean,
  ): Session {
    const peer = { address, port: context.settings.MsmqIpPort }
    const session = new Session(context, context.sessions.nextConnection(), peer, queue, wantedGuid)
    session.state = 'WAITING_ECR_MSG'
    context.sessions.add(session)
    context.counters.connectAttempts += 1
    if (isRetry) session.#connect('no ping')
    else context.sessions.ping(address, verdict => session.#connect(verdict))
    return session
  }

  /** The accepting side. */
  static accept(context: Context, peer: Endpoint): Session {
    const session = new Session(context, context.sessions.nextConnection(), peer, null, NIL_GUID)
    context.sessions.add(session)
    context.counters.connectionsAccepted += 1
    return session
  }

  get isOpen(): boolean {
    return this.state === 'OPEN'
  }

  get inFlight(): number {
    return this.#sendWindow.inFlight
  }

  /** What this session sent and the peer has not wholly acknowledged, oldest first. */
  *outstanding(): Iterable<OutgoingMessage> {
    for (const transmission of this.#sendWindow.outstanding()) yield transmission.message
  }

  connected(): void {
    if (this.state !== 'WAITING_ECR_MSG') return
    this.#failure = 'UnknownFailure'
    const { guid, now } = this.#context
    this.#write(establishRequest(guid, this.#wantedGuid, now, this.#pinged))
  }

  /** Bytes of the stream. Whatever they are, the worst that happens is that this session closes. */
  receive(bytes: Buffer): void {
    if (this.state === 'CLOSED') return
    try {
      this.#framer.push(bytes, packet => this.#packet(packet))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#malformed(error)
    }
    if ((this.state as SessionState) === 'CLOSED') return
    // A handshake has no packet that could be longer than this: not what is held for every stranger.
    const { AnswerBeforeHandshake } = this.#context.settings
    if (this.state !== 'OPEN' && AnswerBeforeHandshake === 0 && this.#framer.bytesHeld >= ESTABLISH_CONNECTION_SIZE) {
      this.#context.counters.outOfStatePackets += 1
      this.close(`a long packet in state ${this.state}`)
    } else this.#countHeld(this.#framer.bytesHeld)
  }

  /** Bytes of a packet that is not whole yet. */
  get bytesHeld(): number {
    return this.#bytesHeld
  }

  writable(ready: boolean): void {
    this.#writable = ready
    if (!ready) return
    this.dispatch()
    this.#reading.eased(true, this.#acknowledger.window.unsettled)
  }

  /** Sends what the queue has, as far as window and connection allow ([MS-MQQB] 3.1.7.1). */
  dispatch(): void {
    if (this.state !== 'OPEN' || this.queue === null) return
    const window = Math.min(this.#context.settings.MaxUnackedPacket, this.#peerWindow)
    while (this.#writable && this.#sendWindow.inFlight < window) {
      const message = this.queue.next()
      if (message === null) return
      const packet = this.queue.packetToSend(message)
      if (packet !== null) this.#transmit(message, packet, this.queue)
    }
  }

  /** Settles a received message: from now on the session ack may cover it. */
  settle(receipt: Receipt): void {
    if (this.state !== 'OPEN') return
    this.#acknowledger.settle(receipt)
    this.#reading.eased(this.#writable, this.#acknowledger.window.unsettled)
  }

  /** A transactional message of `sequence` was taken or refused here ([MS-MQQB] 3.1.5.8.6, 3.1.6.9). */
  scheduleOrderAck(sequence: IncomingSequence): void {
    if (this.state === 'OPEN') this.#orderAcks.add(sequence)
  }

  /** The queue is on hold: the peer is told of a window of 1, and acknowledged what came from it ([MS-MQQB] 3.1.7.13). */
  hold(): void {
    if (this.state === 'OPEN') this.#sendSessionAck(1)
  }

  /** Closes the connection and tells why. Nothing is said on the wire ([MS-MQQB] 3.1.5.9). */
  close(reason: string, how: 'graceful' | 'abort' = 'graceful'): void {
    if (this.state === 'CLOSED') return
    this.#context.log.push({ do: 'close', connection: this.connection, how, reason })
    this.ended(reason)
  }

  /** The connection is gone, by our doing or not. */
  ended(reason: string): void {
    if (this.state === 'CLOSED') return
    const { counters } = this.#context
    const wasOpen = this.state === 'OPEN'
    this.state = 'CLOSED'
    this.#initializationTimer.discard()
    this.#cleanupTimer.discard()
    this.#ackWait.end()
    this.#acknowledger.end()
    this.#orderAcks.end()
    this.#countHeld(0)
    this.#framer.stop()
    if (wasOpen && this.queue === null) this.#context.sessions.acceptedOpen -= 1
    if (wasOpen) counters.sessionsClosed += 1
    else if (this.queue === null) counters.connectionsClosedBeforeHandshake += 1
    else counters.connectFailures += 1
    noteClosed(this.#context, this, reason)
    if (this.queue !== null) {
      this.queue.lastFailure = reason
      this.queue.route.ended(reason, this.#failure)
      this.queue.sessionEnded([...this.outstanding()])
    }
  }

  #connect(verdict: PingVerdict): void {
    if (verdict === false) {
      this.#failure = 'PingFailure'
      this.ended('ping unanswered or refused')
    }
    if (this.state === 'CLOSED') {
      // no connection was asked for, so none will be reported as closed
      this.#context.sessions.forget(this.connection)
      return
    }
    this.#pinged = verdict === true
    const { log } = this.#context
    noteConnecting(this.#context, this)
    log.push({ do: 'connect', connection: this.connection, ...this.peer })
  }

  #packet(bytes: Buffer): void {
    if (this.state === 'CLOSED') return
    this.#ackWait.heard()
    // The one place where received bytes are copied: queues may keep them long after the read buffer is used again.
    const { memory } = this.#context
    const copy = memory.copyOf(bytes)
    const packet = decodePacket(copy)
    const isUserMessage = 'user' in packet
    if (isUserMessage && this.state === 'WAITING_EC_MSG' && this.#context.settings.AnswerBeforeHandshake === 1) {
      if (!this.#receiveUnasked(packet, copy)) memory.giveBack(copy)
      return
    }
    const step = SESSION_STEPS[this.state][isUserMessage ? 'UserMessage' : packet.packetType]
    let kept = false
    if (step === undefined) {
      this.#context.counters.outOfStatePackets += 1
      this.close(`${packet.packetType} in state ${this.state}`)
    } else if (packet.packetType === 'EstablishConnection') {
      if (step === 'answer establish') this.#answerEstablish(packet)
      else this.#checkEstablishResponse(packet)
    } else if (packet.packetType === 'ConnectionParameters') {
      if (step === 'answer parameters') this.#answerParameters(packet)
      else this.#takeParameters(packet)
    } else if (packet.packetType === 'SessionAck') {
      this.#context.counters.sessionAcksReceived += 1
      this.#takeSessionHeader(packet.session)
    } else kept = this.#receiveMessage(packet, copy)
    if (!kept) memory.giveBack(copy)
  }

  /**
   * A message of a peer that knows no handshake (some scanners), where it is wanted that such are answered: taken as on an
   * open session, and acknowledged without delay, for the peer did not say for how long it waits.
   */
  #receiveUnasked(packet: UserMessagePacket, bytes: Buffer): boolean {
    this.peerGuid = packet.user.sourceQueueManager
    this.#acknowledger.ackWaitTimeoutMs = 0
    this.#open()
    return this.#receiveMessage(packet, bytes)
  }

  #malformed(error: DecodeError): void {
    this.#context.counters.malformedPackets += 1
    this.close(error.message)
  }

  /** [MS-MQQB] 3.1.5.3.1. A foreign ServerGuid is refused by CS, and the peer is left to close. */
  #answerEstablish(packet: EstablishConnectionPacket): void {
    const { guid, counters, sessions, settings } = this.#context
    // who says it pinged was let in by the ping service, if there is one
    const pinged = settings.EnablePingService === 1 && claimsPing(packet)
    if (!pinged && sessions.acceptedOpen >= settings.MaxInSessions) {
      counters.sessionsRefused += 1
      this.close('MaxInSessions reached')
      return
    }
    this.peerGuid = packet.clientGuid
    if (!isWanted(packet, guid)) counters.sessionsRefused += 1
    this.#write(establishAnswer(packet, guid))
    this.state = 'WAITING_CP_MSG'
  }

  /** [MS-MQQB] 3.1.5.3.2. */
  #checkEstablishResponse(packet: EstablishConnectionPacket): void {
    const { guid, counters, now, settings } = this.#context
    const refusal = refusalIn(packet, guid, this.#wantedGuid)
    if (refusal !== null) {
      counters.sessionsRefused += 1
      this.#failure = 'ConnectionRefused'
      this.close(refusal)
      return
    }
    this.peerGuid = packet.serverGuid
    this.#acknowledger.recoverableDelayMs = recoverableDelayMs(packet, now, settings)
    this.#write(parametersRequest(this.#acknowledger, settings))
    this.state = 'WAITING_CPR_MSG'
  }

  /** [MS-MQQB] 3.1.5.4.1: the initiator's times hold for both sides; each side says its own window. */
  #answerParameters(packet: ConnectionParametersPacket): void {
    if (this.#outOfRange(packet)) return
    const times = timesIn(packet)
    this.#acknowledger.ackWaitTimeoutMs = times.ackWaitTimeoutMs
    this.#acknowledger.recoverableDelayMs = times.recoverableDelayMs
    this.#setPeerWindow(packet.windowSize)
    this.#write(parametersAnswer(packet, this.#context.settings))
    this.#open()
  }

  /** [MS-MQQB] 3.1.5.4.2. */
  #takeParameters(packet: ConnectionParametersPacket): void {
    if (this.#outOfRange(packet)) return
    this.#setPeerWindow(packet.windowSize)
    this.#open()
  }

  /** Values outside the published ranges are accepted and clamped, unless a strict peer is wanted (decision A4). */
  #outOfRange(packet: ConnectionParametersPacket): boolean {
    if (this.#context.settings.StrictConnectionParameters === 0 || areInRange(packet)) return false
    this.#context.counters.protocolViolations += 1
    this.close('ConnectionParameters out of range')
    return true
  }

  #open(): void {
    const { counters, now, settings } = this.#context
    this.#initializationTimer.stop()
    this.state = 'OPEN'
    counters.sessionsOpened += 1
    if (this.queue === null) this.#context.sessions.acceptedOpen += 1
    this.#cleanupTimer.start(now, settings.CleanupInterval)
    noteOpen(this.#context, this)
    this.queue?.connected()
    this.dispatch()
  }

  #transmit(message: OutgoingMessage, packet: Buffer, queue: OutgoingQueue): void {
    const { counters } = this.#context
    queue.transmitted(message)
    this.#sendWindow.transmit(message)
    this.#active = true
    counters.userMessagesSent += 1
    this.#ackWait.transmitted()
    if (this.#acknowledger.piggybackDue) {
      counters.sessionHeadersPiggybacked += 1
      this.#write(withSessionHeader(packet, this.#sessionHeader()))
    } else this.#write(packet)
    noteSent(this.#context, this, queue, message, packet)
    if (message.flags & OUTGOING_FLAGS.TRACED) reportSent(this.#context, packet, this.peer.address)
  }

  /** [MS-MQQB] 3.1.5.8, steps that belong to the session; the rest is receiving.ts. Tells whether `bytes` are kept. */
  #receiveMessage(packet: UserMessagePacket, bytes: Buffer): boolean {
    this.#active = true
    this.#context.counters.userMessagesReceived += 1
    const receipt = this.#acknowledger.window.arrive(isRecoverable(packet))
    const kept = receiveUserMessage(
      this.#context,
      this,
      packet,
      packet.session === null || packet.sessionInside ? bytes : withoutSessionHeader(bytes),
      receipt,
    )
    // receiving may have closed the session (quota)
    if ((this.state as SessionState) !== 'OPEN') return kept
    if (packet.session !== null) this.#takeSessionHeader(packet.session)
    this.#reading.received(this.#writable, this.#acknowledger.window.unsettled)
    return kept
  }

  #countHeld(bytes: number): void {
    const changeBytes = bytes - this.#bytesHeld
    this.#bytesHeld = bytes
    this.#context.sessions.held(changeBytes)
  }

  /** [MS-MQQB] 3.1.5.5. */
  #takeSessionHeader(header: SessionHeader): void {
    const { counters } = this.#context
    const wrong =
      this.#sendWindow.acknowledge(header, transmission => this.queue?.sessionAcknowledged(transmission.message)) ??
      this.#acknowledger.window.disagreement(header)
    if (wrong !== null) {
      counters.protocolViolations += 1
      this.close(wrong)
      return
    }
    this.#setPeerWindow(header.windowSize)
    this.#ackWait.acknowledged()
    this.dispatch()
  }

  /** 0 counts as 1: it would stop the session for ever (decision A35). */
  #setPeerWindow(windowSize: number): void {
    this.#peerWindow = Math.max(1, windowSize)
    this.#acknowledger.peerWindow = this.#peerWindow
  }

  #sessionHeader(): SessionHeader {
    const { ackSequenceNumber, recoverableMsgAckSeqNumber, recoverableMsgAckFlags } = this.#acknowledger.take()
    return {
      ackSequenceNumber,
      recoverableMsgAckSeqNumber,
      recoverableMsgAckFlags,
      userMsgSequenceNumber: this.#sendWindow.sent,
      recoverableMsgSeqNumber: this.#sendWindow.recoverableSent,
      windowSize: this.#context.settings.MaxUnackedPacket,
      reserved: 0,
    }
  }

  #sendSessionAck(windowSize?: number): void {
    this.#context.counters.sessionAcksSent += 1
    const header = this.#sessionHeader()
    this.#write(buildSessionAck(windowSize === undefined ? header : { ...header, windowSize }))
  }

  #ackWaitMs(): number {
    const direct = this.queue === null || this.queue.isDirect
    return this.#acknowledger.ackWaitTimeoutMs * (direct ? this.#context.settings.QosCleanupIntervalMultiplier : 1)
  }

  /**
   * [MS-MQQB] 3.1.6.2: closes after one to two periods without a user message. A session that awaits or owes a session
   * ack is not idle: with a period shorter than the ack delay, its messages would be sent again for ever.
   */
  #cleanUp(): void {
    const settled = this.#sendWindow.unacknowledged === 0 && this.#acknowledger.window.unacknowledged === 0
    if (!this.#active && settled) {
      this.close('idle')
      return
    }
    this.#active = false
    this.#cleanupTimer.start(this.#context.now, this.#context.settings.CleanupInterval)
  }

  #write(bytes: Buffer): void {
    this.#context.log.write(this.connection, this.#slot, bytes)
  }
}
