import type { FrameRef } from '../capture/frame.js'
import type { SeenPacket, SeenPing, SeenRequest, SeenResponse } from '../capture/messages/seen.js'
import type { Direction, HoleCause, SeenEnding, TcpTrouble } from '../capture/tcp/seen-connection.js'
import type { SessionHeader } from '../protocol/binary/session-header.js'
import type { DecodeError } from '../protocol/errors.js'
import type { Evidence } from './finding.js'
import type { FindingKindId } from './finding-kinds.js'
import type { MachineEnd, SeenFinalAck, SeenMessage, SeenOrderAck } from './seen-message.js'
import type { Acknowledgement, Sequence } from './sequences.js'
import type { Session } from './session.js'

/**
 * Looks for some kinds of findings. Told of everything in the order of the frames; what it does not ask for it leaves
 * out. It keeps what is in flight and no more: a capture may have many millions of messages.
 */
export interface Finder {
  /** A connection that speaks MSMQ, or may yet. */
  session?(session: Session): void
  /** A packet of the handshake, after `session` has taken it in. */
  handshake?(session: Session, seen: SeenPacket): void
  /** A user message on its way, also an administration ack or a report; over TCP or HTTP. */
  message?(message: SeenMessage): void
  /** The message reached the last machine that the capture shows; over HTTP, when that answered 2xx. */
  arrived?(message: SeenMessage, at: MachineEnd): void
  /** A transactional message that was sent before; `before` is null when that is too long ago. */
  resent?(message: SeenMessage, sequence: Sequence, before: FrameRef | null): void
  /** A session header: of a SessionAck packet, or one that a message carries. */
  sessionHeader?(session: Session, direction: Direction, header: SessionHeader, seen: SeenPacket): void
  /** Over HTTP: a stream receipt. */
  orderAck?(ack: SeenOrderAck): void
  /** What an order ack newly says its writer has taken. */
  acknowledged?(acknowledgement: Acknowledgement): void
  orderAckArrived?(ack: SeenOrderAck, at: MachineEnd): void
  /** Over HTTP: a final stream receipt, or a commitment receipt. */
  finalAck?(ack: SeenFinalAck): void
  finalAckArrived?(ack: SeenFinalAck, at: MachineEnd): void
  request?(session: Session, seen: SeenRequest): void
  response?(session: Session, seen: SeenResponse): void
  ping?(seen: SeenPing): void
  hole?(session: Session, direction: Direction, size: number | null, cause: HoleCause, frame: FrameRef): void
  resynchronised?(session: Session, direction: Direction, skipped: number, frame: FrameRef): void
  malformed?(session: Session, direction: Direction, fault: DecodeError, first: FrameRef, last: FrameRef): void
  trouble?(session: Session, direction: Direction, what: TcpTrouble, frame: FrameRef): void
  ended?(session: Session, ending: SeenEnding): void
  /** About once a second of the capture's time: what has waited for too long is judged now. */
  tick?(nowUs: number): void
  /** The capture is over. */
  finish?(): void
}

/** Where a finder puts what it found. */
export interface Findings {
  add(kind: FindingKindId, evidence: Partial<Evidence> & Pick<Evidence, 'frames' | 'text'>): void
  /** What was added before has become worse: it counts no further. */
  worsen(kind: FindingKindId, evidence: Partial<Evidence> & Pick<Evidence, 'frames' | 'text'>): void
}
