import type { LabEvent, RunRecord } from '../history.js'

/** Messages of one sequence that have been sent, in the order of their numbers, and that nothing has acknowledged. */
interface Sequence {
  readonly waiting: { readonly number: number; readonly messageId: number; readonly sentMs: number }[]
  /** Numbers up to this one have been sent before. */
  highest: number
}

/**
 * Longest time from a transactional message's first sending until its order ack came home, it was dead-lettered, or the
 * run ended. Milliseconds.
 */
export function longestWaitMs({ events, endedMs }: Pick<RunRecord, 'events' | 'endedMs'>): number {
  const sequences = new Map<string, Sequence>()
  const given = new Set<string>()
  let longestMs = 0
  for (const event of events) {
    if (event.kind === 'sent') noteSent(event)
    else if (event.kind === 'order-ack-received' && event.result === 'matched') noteAcknowledged(event)
    else if (event.kind === 'dead-lettered' && event.transactional) {
      longestMs = Math.max(longestMs, waitOf(event))
      given.add(`${event.node} ${event.messageId}`)
    }
  }
  for (const [key, { waiting }] of sequences) {
    const node = key.slice(0, key.indexOf(' '))
    const left = waiting.find(({ messageId }) => !given.has(`${node} ${messageId}`))
    if (left !== undefined) longestMs = Math.max(longestMs, endedMs - left.sentMs)
  }
  return Math.round(longestMs)

  function noteSent({ node, tx, messageId, atMs }: Extract<LabEvent, { kind: 'sent' }>): void {
    if (tx === null) return
    const key = `${node} ${tx.sequence}`
    let sequence = sequences.get(key)
    if (sequence === undefined) {
      sequence = { waiting: [], highest: 0 }
      sequences.set(key, sequence)
    }
    if (tx.number <= sequence.highest) return
    sequence.highest = tx.number
    sequence.waiting.push({ number: tx.number, messageId, sentMs: atMs })
  }

  function noteAcknowledged({ node, sequence, number, atMs }: Extract<LabEvent, { kind: 'order-ack-received' }>): void {
    const waiting = sequences.get(`${node} ${sequence}`)?.waiting
    if (waiting === undefined) return
    const gone = waiting.findIndex(message => message.number > number)
    const freed = waiting.splice(0, gone === -1 ? waiting.length : gone)
    for (const { messageId, sentMs } of freed)
      if (!given.has(`${node} ${messageId}`)) longestMs = Math.max(longestMs, atMs - sentMs)
  }

  function waitOf({ node, messageId, atMs }: Extract<LabEvent, { kind: 'dead-lettered' }>): number {
    for (const [key, { waiting }] of sequences) {
      if (!key.startsWith(`${node} `)) continue
      const message = waiting.find(one => one.messageId === messageId)
      if (message !== undefined) return atMs - message.sentMs
    }
    return 0
  }
}
