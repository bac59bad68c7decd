import type { Guid } from '../protocol/guid.js'
import { MessageLine } from './message-line.js'
import type { QueueProperties } from './queue-properties.js'
import type { WaitingRead } from './reads.js'

/**
 * `private` and `public` queues are made by applications, `system` ones are there from the start. A queue's `journal`
 * holds copies of what was received from it; a `subqueue` what applications moved aside. Nobody can send to those two.
 */
export type QueueKind = 'private' | 'public' | 'system' | 'journal' | 'subqueue'

export interface LocalQueueOptions {
  /** Path without the computer: `private$\orders`; of a journal or subqueue `private$\orders;journal`. */
  readonly name: string
  readonly kind: QueueKind
  /** Private queue number, as in PRIVATE=guid\number; shared by a queue with its journal and subqueues. Below 0: no peer reaches it. */
  readonly number: number
  readonly guid: Guid | null
  readonly transactional: boolean
  readonly properties: QueueProperties
  readonly parent?: LocalQueue
  readonly createdMs: number
}

/** A queue on this machine. It shows only what is durable, or need not be. */
export class LocalQueue {
  readonly name: string
  readonly kind: QueueKind
  readonly number: number
  readonly guid: Guid | null
  readonly transactional: boolean
  readonly parent: LocalQueue | null
  readonly createdMs: number
  modifiedMs: number
  properties: QueueProperties
  /** What a change goes back to that the store does not take: what it has, or what the queue began with. */
  kept: { readonly properties: QueueProperties; readonly modifiedMs: number }
  readonly line = new MessageLine()
  /** Bytes in the queue, or promised to messages that the store is taking. */
  bytes = 0
  /** Receives and peeks that wait for a message, in the order in which they came. */
  readonly waiting = new Set<WaitingRead>()
  journal: LocalQueue | null = null
  readonly subqueues = new Map<string, LocalQueue>()
  deleted = false
  /** The store has a row for it. */
  isStored = false

  constructor(options: LocalQueueOptions) {
    this.name = options.name
    this.kind = options.kind
    this.number = options.number
    this.guid = options.guid
    this.transactional = options.transactional
    this.properties = options.properties
    this.parent = options.parent ?? null
    this.createdMs = options.createdMs
    this.modifiedMs = options.createdMs
    this.kept = { properties: options.properties, modifiedMs: options.createdMs }
  }

  get size(): number {
    return this.line.size
  }

  /** What follows the semicolon in the names of journals and subqueues; '' for queues that are neither. */
  get suffix(): string {
    return this.parent === null ? '' : this.name.slice(this.parent.name.length + 1)
  }

  /** Not counted against the computer's quota (MQ-5), but against one of its own. */
  get isSystem(): boolean {
    return this.kind === 'system' || this.kind === 'journal'
  }

  /** A journal or dead-letter queue: copies, whose end interests no sender. */
  get holdsCopies(): boolean {
    return this.kind === 'journal' || (this.kind === 'system' && this.number < 0)
  }

  /** Bytes that count against its quota: a queue's own and its subqueues'. */
  get quotaBytesUsed(): number {
    let bytes = this.bytes
    for (const subqueue of this.subqueues.values()) bytes += subqueue.bytes
    return bytes
  }

  get quotaBytes(): number {
    const quotaKB = this.kind === 'journal' ? this.parent?.properties.journalQuotaKB : this.properties.quotaKB
    return quotaKB === null || quotaKB === undefined ? Infinity : quotaKB * 1024
  }
}
