import type { DiscardReason, TxPlace } from '../queue-manager/notes.js'
import type { EventOf, FaultEvent } from './history.js'

/* Words for what happens to a message on its way. */

export const DISCARD_TEXTS: Readonly<Record<DiscardReason, string>> = {
  'name-validation': 'for it is addressed to another name than its own',
  'queue-not-found': 'for it has no such queue',
  'not-transactional-queue': 'for the queue is not transactional',
  'not-transactional-message': 'for the queue is transactional and the message is not',
  duplicate: 'for it had it already',
  hole: 'for messages of the sequence before it are missing',
  'older-sequence': 'for a later sequence of the same sender has begun',
  'middle-of-sequence': 'for it knows nothing of the beginning of the sequence',
  expired: 'for its time is up',
  'queue-quota': 'for the queue is full',
  'hop-count': 'for it has come by too many machines',
  security: 'for its signature or encryption is not in order',
  'access-denied': 'for its sender may not write to the queue',
}

export const ACK_TEXTS: Readonly<Record<EventOf<'order-ack-received'>['result'], string>> = {
  matched: 'it takes the number for one of its own',
  stale: 'it knows the sequence, but nothing waits for that number',
  'unknown-sequence': 'it has no such sequence, and discards it',
  'never-sent': 'it never sent that number, and discards it',
}

export const FAULT_TEXTS: Readonly<Record<FaultEvent['fault'], { readonly text: string; readonly isGood: boolean }>> = {
  killed: { text: 'loses its power', isGood: false },
  stopped: { text: 'is stopped in order', isGood: false },
  started: { text: 'starts again, with what is on its disk', isGood: true },
  left: { text: 'leaves the cluster', isGood: false },
  draining: { text: 'takes no new connections any more', isGood: false },
  joined: { text: 'joins the cluster', isGood: true },
  partitioned: { text: 'the cluster falls apart', isGood: false },
  healed: { text: 'the cluster is whole again', isGood: true },
  'mac-learned': { text: 'a switch learns the cluster’s address on one port', isGood: false },
  'mac-forgotten': { text: 'the switch forgets the cluster’s address', isGood: true },
  paused: { text: 'stands still', isGood: false },
  resumed: { text: 'goes on', isGood: true },
  'clock-set': { text: 'its clock is set to another time', isGood: false },
  'link-changed': { text: 'a link of it becomes worse', isGood: false },
  'link-parted': { text: 'a link of it is cut', isGood: false },
  'link-well': { text: 'its links are well', isGood: true },
  'disk-ill': { text: 'its disk is not well', isGood: false },
  'disk-well': { text: 'its disk is well', isGood: true },
}

export function placeText(tx: TxPlace | null): string {
  return tx === null ? '' : `, as number ${tx.number} of sequence ${tx.sequence}`
}

export function hostText({ host, bucket, reason }: EventOf<'gateway-decision'>['decision']): string {
  const names = bucket === null || reason.includes(`bucket ${bucket}`)
  return `${host ?? 'nobody'} (${names ? reason : `bucket ${bucket}, ${reason}`})`
}

/** Of a URL that is written in two ways the outgoing queue is one. */
export function isSameQueue(one: string | null, other: string): boolean {
  return one !== null && (one === other || (isUrl(one) && one.toLowerCase() === other.toLowerCase()))
}

export function isUrl(destination: string): boolean {
  return /^DIRECT=https?:/i.test(destination)
}

export function ordinal(count: number): string {
  const ending = count % 100 >= 11 && count % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th')
  return `${count}${ending}`
}
