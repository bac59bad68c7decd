import type { Context } from './context.js'
import { txPlace } from './notes.js'
import type { OutgoingMessage } from './outgoing-message.js'
import type { OutgoingQueue } from './outgoing-queue.js'
import type { Session } from './session.js'

/* What the history tells of sessions. */

export function noteConnecting({ log, now }: Context, { connection, peer, queue }: Session): void {
  if (log.noting && queue !== null)
    log.note(now, { kind: 'session-connecting', connection, queue: queue.text, address: peer.address })
}

export function noteOpen({ log, now }: Context, { connection, role, peer, peerGuid, queue }: Session): void {
  if (log.noting)
    log.note(now, {
      kind: 'session-open',
      connection,
      role,
      peer: peer.address,
      peerGuid,
      queue: queue?.text ?? null,
    })
}

export function noteClosed({ log, now }: Context, { connection, peer, queue }: Session, reason: string): void {
  if (log.noting)
    log.note(now, { kind: 'session-closed', connection, peer: peer.address, reason, queue: queue?.text ?? null })
}

export function noteSent(
  { log, now }: Context,
  { connection }: Session,
  queue: OutgoingQueue,
  { messageId, place, previous, attempts }: OutgoingMessage,
): void {
  if (log.noting)
    log.note(now, {
      kind: 'sent',
      connection,
      queue: queue.text,
      messageId,
      tx: place === null ? null : txPlace(place.id, place.number, previous),
      attempt: attempts,
    })
}
