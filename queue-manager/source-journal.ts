import { setMessageClass } from '../protocol/binary/build.js'
import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { USER_FLAGS, type UserHeader } from '../protocol/binary/user-header.js'
import type { Context } from './context.js'
import { UNHEARD } from './local-queues.js'
import { isServiceQueue } from './service-queues.js'

/* Source journaling ([MS-MQQB] 1.3.4): copies of messages kept on the machine that sent them. Those that arrived go to its
 * journal (JP), those that failed to a dead-letter queue (JN). Messages to administration, notification and order queues
 * are not journaled ([MS-MQQB] <2>). */

/** A message reached its target, or the next hop if it is not transactional: JP was set. */
export function journalSent(context: Context, bytes: Buffer): void {
  const packet = decodePacket(bytes) as UserMessagePacket
  if ((packet.user.flags & USER_FLAGS.JP) === 0 || isServiceQueue(packet.user.destinationQueue)) return
  context.counters.sourceJournaled += 1
  context.localQueues.journalCopy(packet, bytes)
}

/**
 * A message failed for the reason that `messageClass` names. With JN it is kept, that class in place of its own, in its own
 * dead-letter queue if it names one that can take it, else in the system's. Its bytes are not touched.
 * @param queue name of the queue that it was in, for the history.
 */
export function deadLetterSent(
  context: Context,
  bytes: Buffer,
  queue: string,
  messageClass: number,
  deadLetterQueue: string | null,
): void {
  if (!wantsDeadLetter(decodePacket(bytes) as UserMessagePacket)) return
  const copy = Buffer.from(bytes)
  setMessageClass(copy, messageClass)
  const packet = decodePacket(copy) as UserMessagePacket
  const { counters, localQueues, log, now } = context
  const transactional = packet.transaction !== null
  counters.deadLettered += 1
  const own = deadLetterQueue === null ? null : localQueues.byName(deadLetterQueue)
  const fits = own !== null && own.transactional === transactional && localQueues.quota(own, copy.length) === 'fits'
  if (own !== null && fits) localQueues.put(own, packet, copy, true, null, UNHEARD)
  else localQueues.deadLetter(packet, copy, transactional)
  if (log.noting)
    log.note(now, { kind: 'dead-lettered', queue, messageId: packet.user.messageId, messageClass, transactional })
}

function wantsDeadLetter({ user }: { readonly user: UserHeader }): boolean {
  return (user.flags & USER_FLAGS.JN) !== 0 && !isServiceQueue(user.destinationQueue)
}
