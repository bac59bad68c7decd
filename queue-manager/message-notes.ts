import { MessageClass } from '../protocol/message-class.js'
import type { Context } from './context.js'
import { type NoteBody, txPlace } from './notes.js'
import type { OutgoingMessage } from './outgoing-message.js'
import type { OutgoingQueue } from './outgoing-queue.js'
import type { QueuedContents, QueuedMessage } from './queued-message.js'

/* What the history tells of how messages come into outgoing queues and leave queues. */

export function noteAccepted(
  { log, now }: Context,
  { text: queue }: OutgoingQueue,
  { messageId, place, previous }: OutgoingMessage,
): void {
  if (!log.noting) return
  const tx = place === null ? null : txPlace(place.id, place.number, previous)
  log.note(now, { kind: 'accepted', queue, messageId, tx })
}

export function noteGivenUp(
  { log, now }: Context,
  queue: string,
  { messageId }: OutgoingMessage,
  messageClass: number,
): void {
  if (log.noting) log.note(now, { kind: 'given-up', queue, messageId, messageClass })
}

/** What to note once a message is out of its local queue for good. */
export function endNote(
  { queue, messageId }: QueuedMessage,
  { message }: QueuedContents,
  messageClass: number,
): NoteBody {
  const end = { queue: queue.name, source: message.user.sourceQueueManager, messageId }
  return messageClass === MessageClass.ACK_RECEIVE
    ? { kind: 'consumed', ...end }
    : { kind: 'removed', ...end, messageClass }
}
