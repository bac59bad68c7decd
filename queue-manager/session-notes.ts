import { SOURCE_OFFSET } from '../protocol/binary/user-message-layout.js'
import { decodeGuid, type Guid, NIL_GUID } from '../protocol/guid.js'
import type { ConnectionId, Endpoint } from './actions.js'
import type { Context } from './context.js'
import { txPlace } from './notes.js'
import type { OutgoingMessage } from './outgoing-message.js'
import type { OutgoingQueue } from './outgoing-queue.js'

/* What the history tells of sessions. */

/** A session of either protocol. */
interface Noted {
  readonly connection: ConnectionId
  readonly peer: Endpoint
  /** Known where the protocol has a handshake. */
  readonly peerGuid?: Guid
  /** The queue that it serves; null on the accepting side. */
  readonly queue: OutgoingQueue | null
}

export function noteConnecting({ log, now }: Context, { connection, peer, queue }: Noted): void {
  if (log.noting && queue !== null)
    log.note(now, { kind: 'session-connecting', connection, queue: queue.text, address: peer.address })
}

export function noteOpen({ log, now }: Context, { connection, peer, peerGuid, queue }: Noted): void {
  if (log.noting)
    log.note(now, {
      kind: 'session-open',
      connection,
      role: queue === null ? 'acceptor' : 'initiator',
      peer: peer.address,
      peerGuid: peerGuid ?? NIL_GUID,
      queue: queue?.text ?? null,
    })
}

export function noteClosed({ log, now }: Context, { connection, peer, queue }: Noted, reason: string): void {
  if (log.noting)
    log.note(now, { kind: 'session-closed', connection, peer: peer.address, reason, queue: queue?.text ?? null })
}

/** @param packet as it is sent */
export function noteSent(
  { guid, log, now }: Context,
  { connection }: Noted,
  queue: OutgoingQueue,
  { messageId, place, previous, attempts }: OutgoingMessage,
  packet: Buffer,
): void {
  if (!log.noting) return
  const source = decodeGuid(packet, SOURCE_OFFSET)
  log.note(now, {
    kind: 'sent',
    connection,
    queue: queue.text,
    messageId,
    tx: place === null ? null : txPlace(place.id, place.number, previous),
    attempt: attempts,
    ...(source === guid ? {} : { source }),
  })
}
