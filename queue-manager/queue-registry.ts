import { OptionError } from '../protocol/errors.js'
import { type Guid, isGuid, NIL_GUID } from '../protocol/guid.js'
import type { Context } from './context.js'
import { LocalQueue, type LocalQueueOptions } from './local-queue.js'
import {
  changedProperties,
  QUEUE_DEFAULTS,
  type QueueChanges,
  type QueueOptions,
  type QueueProperties,
  restoredProperties,
  storedProperties,
} from './queue-properties.js'
import type { StoredRow } from './stored-row.js'

/** Numbers below are left to system queues; 3 and 4 are published ([MS-MQCN] 1.9, [MS-MQQB] 2.2.4). */
const FIRST_PRIVATE_NUMBER = 100
/** Numbers that are given by hand leave room for those that are not: numbering goes on after the highest. */
const NUMBER_MAX = 0x7fffffff
const QUEUE_NAME = /^[^\\;+,"\p{Cc}]{1,124}$/u
const SUBQUEUE_NAME = /^[^\\;+,"\p{Cc}]{1,32}$/u

export const ORDER_QUEUE_NUMBER = 4
export const ORDER_QUEUE_NAME = 'private$\\order_queue$'
export const DEADLETTER_QUEUE = 'system$;deadletter'
export const DEADXACT_QUEUE = 'system$;deadxact'
export const MACHINE_JOURNAL = 'system$;journal'
export const JOURNAL_SUFFIX = 'journal'
const DELETED_QUEUE = 'deleted-queue '

/** Queues that every queue manager has (MQ-5). Those with a number above 0 can be sent to. */
const SYSTEM_QUEUES: readonly { readonly name: string; readonly number: number; readonly transactional: boolean }[] = [
  { name: DEADLETTER_QUEUE, number: -1, transactional: false },
  { name: DEADXACT_QUEUE, number: -2, transactional: true },
  { name: MACHINE_JOURNAL, number: -3, transactional: false },
  { name: 'private$\\admin_queue$', number: 1, transactional: false },
  { name: 'private$\\mqis_queue$', number: 2, transactional: false },
  { name: 'private$\\notify_queue$', number: 3, transactional: false },
  { name: ORDER_QUEUE_NAME, number: ORDER_QUEUE_NUMBER, transactional: false },
]

/** The name of a queue that is not stored because it is always there; its number where there is none such. */
export function systemQueueName(number: number): string {
  return SYSTEM_QUEUES.find(system => system.number === number)?.name ?? `queue ${number}`
}

/** A local queue as management sees it. */
export interface LocalQueueView extends QueueProperties {
  readonly name: string
  readonly number: number
  /** Of public queues. */
  readonly guid: Guid | null
  readonly transactional: boolean
  readonly system: boolean
  readonly messages: number
  readonly bytes: number
  readonly journalMessages: number
  readonly journalBytes: number
  /** By their own names: `SUBQUEUE` of `NAME;SUBQUEUE`. */
  readonly subqueues: readonly { readonly name: string; readonly messages: number; readonly bytes: number }[]
  readonly createdMs: number
  readonly modifiedMs: number
}

/** The queues of this machine, found by path, number or GUID. */
export class QueueRegistry {
  readonly #context: Context
  readonly #byName = new Map<string, LocalQueue>()
  readonly #byNumber = new Map<number, LocalQueue>()
  readonly #byGuid = new Map<Guid, LocalQueue>()
  /** Numbers are never used again: what is known of senders to a deleted queue must not apply to another one. */
  #nextNumber = FIRST_PRIVATE_NUMBER
  /** Numbers of deleted queues of which the store has, or may get, a message still. */
  readonly #deleted = new Set<number>()

  constructor(context: Context) {
    this.#context = context
    for (const system of SYSTEM_QUEUES)
      this.#add({ ...system, kind: 'system', guid: null, properties: QUEUE_DEFAULTS, createdMs: 0 })
  }

  /** @throws OptionError MSMQ_OPTION_TAKEN when the name or number is in use, MSMQ_OPTION_RANGE for a bad name or property. */
  create(options: QueueOptions): LocalQueue {
    const { name, transactional = false, number = this.#freeNumber() } = options
    const isPrivate = /^private\$\\/i.test(name)
    if (!QUEUE_NAME.test(isPrivate ? name.slice('private$\\'.length) : name))
      throw new OptionError(
        'MSMQ_OPTION_RANGE',
        'queue',
        name,
        'private$\\NAME or NAME, 1 to 124 printable characters without \\ ; + , "',
      )
    if (!Number.isInteger(number) || number < 1 || number > NUMBER_MAX)
      throw new OptionError('MSMQ_OPTION_RANGE', 'number', number, `a whole number from 1 to ${NUMBER_MAX}`)
    const guid = options.guid ?? null
    if (guid !== null && (isPrivate || !isGuid(guid) || guid === NIL_GUID))
      throw new OptionError('MSMQ_OPTION_RANGE', 'guid', guid, 'a GUID, of a public queue (a name without private$\\)')
    if (this.#byName.has(name.toLowerCase()))
      throw taken('queue', name, 'a name that no queue of this machine has; choose another, or delete that queue first')
    const others = this.#byNumber.get(number)
    if (others !== undefined)
      throw taken('number', number, `a number that no queue of this machine has; it is that of ${others.name}`)
    const publics = guid === null ? undefined : this.#byGuid.get(guid)
    if (publics !== undefined)
      throw taken('guid', guid, `a GUID that no queue of this machine has; it is that of ${publics.name}`)
    const properties = changedProperties(QUEUE_DEFAULTS, options)
    const createdMs = this.#context.now.wallMs
    const kind = isPrivate ? 'private' : 'public'
    const queue = this.#add({ name, kind, number, guid, transactional, properties, createdMs })
    if (number >= this.#nextNumber) {
      this.#nextNumber = number + 1
      this.#context.batch.put('state', 'queue-number', { next: this.#nextNumber })
    }
    this.#store(queue)
    return queue
  }

  /** A change that the store does not take is undone. @throws OptionError MSMQ_OPTION_RANGE naming the property. */
  change(queue: LocalQueue, changes: QueueChanges): void {
    queue.properties = changedProperties(queue.properties, changes)
    queue.modifiedMs = this.#context.now.wallMs
    this.#store(queue)
  }

  /** Forgets a queue; what was in it is the caller's to see to. */
  remove(queue: LocalQueue): void {
    queue.deleted = true
    this.#byName.delete(queue.name.toLowerCase())
    this.#byNumber.delete(queue.number)
    if (queue.guid !== null) this.#byGuid.delete(queue.guid)
    const { batch } = this.#context
    batch.remove('queue', queue.name.toLowerCase())
    if (!this.#isEmpty(queue)) this.#storeDeleted(queue)
    batch.whenDurable(error => {
      // it is still in the store, and so are its messages
      if (error === null || this.#byName.has(queue.name.toLowerCase())) return
      queue.deleted = false
      this.#deleted.delete(queue.number)
      this.#enter(queue)
    })
  }

  /** A message is about to be stored that a restart must find a queue for: its queue's own row may have failed. */
  ensureStored(queue: LocalQueue): void {
    const main = queue.parent ?? queue
    if (main.deleted) this.#storeDeleted(main)
    else if (!main.isStored && main.kind !== 'system') this.#store(main)
  }

  /** Whether a queue of this number was deleted, and messages that were on their way into or out of it may be stored. */
  isDeleted(number: number): boolean {
    return this.#deleted.has(number)
  }

  /** A message left a deleted queue: after the last one nothing is stored of it. */
  emptied(queue: LocalQueue): void {
    if (this.#deleted.has(queue.number) && this.#isEmpty(queue)) this.#forgetDeleted(queue.number)
  }

  /** Begins to work: what was left of deleted queues goes, and so does what is known of them. */
  start(): void {
    for (const number of this.#deleted) this.#forgetDeleted(number)
  }

  /** A queue that messages can be sent to, or a system queue, without case. */
  byName(name: string): LocalQueue | null {
    return this.#byName.get(name) ?? this.#byName.get(name.toLowerCase()) ?? null
  }

  byNumber(number: number): LocalQueue | null {
    return this.#byNumber.get(number) ?? null
  }

  byGuid(guid: Guid): LocalQueue | null {
    return this.#byGuid.get(guid) ?? null
  }

  /** Any queue, journals (`NAME;journal`) and subqueues (`NAME;SUBQUEUE`) too; null when there is none. */
  open(name: string): LocalQueue | null {
    const plain = this.byName(name)
    const semicolon = name.indexOf(';')
    if (plain !== null || semicolon < 0) return plain
    const parent = this.byName(name.slice(0, semicolon))
    if (parent === null || parent.kind === 'system') return null
    const suffix = name.slice(semicolon + 1).toLowerCase()
    return suffix === JOURNAL_SUFFIX ? this.journalOf(parent) : (parent.subqueues.get(suffix) ?? null)
  }

  /** The queue itself, its journal, or its subqueue, as a name's suffix says. */
  part(main: LocalQueue, suffix: string): LocalQueue {
    if (suffix === '') return main
    return suffix === JOURNAL_SUFFIX ? this.journalOf(main) : this.subqueueOf(main, suffix)
  }

  journalOf(parent: LocalQueue): LocalQueue {
    parent.journal ??= this.#below(parent, JOURNAL_SUFFIX, 'journal')
    return parent.journal
  }

  /** The subqueue of this name, made if it is not there. @throws OptionError MSMQ_OPTION_RANGE for a bad name. */
  subqueueOf(parent: LocalQueue, name: string): LocalQueue {
    const key = name.toLowerCase()
    if (!SUBQUEUE_NAME.test(name) || key === JOURNAL_SUFFIX || parent.isSystem || parent.parent !== null)
      throw new OptionError(
        'MSMQ_OPTION_RANGE',
        'subqueue',
        name,
        '1 to 32 printable characters without \\ ; + , ", other than "journal", below a queue of an application',
      )
    let subqueue = parent.subqueues.get(key)
    if (subqueue === undefined) {
      subqueue = this.#below(parent, name, 'subqueue')
      parent.subqueues.set(key, subqueue)
    }
    return subqueue
  }

  /** Every queue that has a name of its own: journals and subqueues are found at theirs. */
  [Symbol.iterator](): IterableIterator<LocalQueue> {
    return this.#byName.values()
  }

  /** A queue, its journal and its subqueues. */
  *partsOf(queue: LocalQueue): Iterable<LocalQueue> {
    yield queue
    if (queue.journal !== null) yield queue.journal
    yield* queue.subqueues.values()
  }

  /** Every queue that can hold messages. */
  *all(): Iterable<LocalQueue> {
    for (const queue of this) yield* this.partsOf(queue)
  }

  view(queue: LocalQueue): LocalQueueView {
    const { name, number, guid, transactional, createdMs, modifiedMs } = queue
    return {
      name,
      number,
      guid,
      transactional,
      system: queue.kind === 'system',
      messages: queue.size,
      bytes: queue.bytes,
      journalMessages: queue.journal?.size ?? 0,
      journalBytes: queue.journal?.bytes ?? 0,
      subqueues: Array.from(queue.subqueues.values(), subqueue => ({
        name: subqueue.suffix,
        messages: subqueue.size,
        bytes: subqueue.bytes,
      })),
      createdMs,
      modifiedMs,
      ...queue.properties,
    }
  }

  restoreNumber(row: StoredRow): void {
    this.#nextNumber = Math.max(this.#nextNumber, row.whole('next', 1))
  }

  restoreDeleted(row: StoredRow): void {
    this.#deleted.add(row.whole('number', 1, NUMBER_MAX))
  }

  restore(row: StoredRow): void {
    const name = row.text('name')
    const number = row.whole('number', 1, NUMBER_MAX)
    if (this.#byName.has(name.toLowerCase()) || this.#byNumber.has(number))
      throw row.wrong('name', 'a name and number of its own')
    const queue = this.#add({
      name,
      kind: /^private\$\\/i.test(name) ? 'private' : 'public',
      number,
      guid: row.optional('guid', row.text),
      transactional: row.flag('transactional'),
      properties: restoredProperties(row),
      createdMs: row.number('createdMs'),
    })
    queue.modifiedMs = row.number('modifiedMs')
    queue.kept = { properties: queue.properties, modifiedMs: queue.modifiedMs }
    queue.isStored = true
    this.#nextNumber = Math.max(this.#nextNumber, number + 1)
  }

  /** Nothing is in it, in its journal or in a subqueue, and nothing on its way into them. */
  #isEmpty(queue: LocalQueue): boolean {
    for (const { bytes } of this.partsOf(queue)) if (bytes > 0) return false
    return true
  }

  /** Its row goes, while messages of it are stored that a restart must know to be of no queue. */
  #storeDeleted({ number }: LocalQueue): void {
    this.#deleted.add(number)
    this.#context.batch.put('state', `${DELETED_QUEUE}${number}`, { number })
  }

  #forgetDeleted(number: number): void {
    this.#deleted.delete(number)
    this.#context.batch.remove('state', `${DELETED_QUEUE}${number}`)
  }

  #store(queue: LocalQueue): void {
    const { name, number, guid, transactional, createdMs, modifiedMs, properties } = queue
    this.#context.batch.put('queue', name.toLowerCase(), {
      name,
      number,
      guid,
      transactional,
      createdMs,
      modifiedMs,
      ...storedProperties(properties),
    })
    this.#context.batch.whenDurable(error => {
      if (error === null) {
        queue.isStored = true
        queue.kept = { properties, modifiedMs }
      } else if (queue.properties === properties) {
        // a later change is stored with this one, and settles for both
        queue.properties = queue.kept.properties
        queue.modifiedMs = queue.kept.modifiedMs
      }
    })
  }

  #add(options: LocalQueueOptions): LocalQueue {
    const queue = new LocalQueue(options)
    this.#enter(queue)
    return queue
  }

  #enter(queue: LocalQueue): void {
    this.#byName.set(queue.name.toLowerCase(), queue)
    this.#byNumber.set(queue.number, queue)
    if (queue.guid !== null) this.#byGuid.set(queue.guid, queue)
  }

  #below(parent: LocalQueue, suffix: string, kind: 'journal' | 'subqueue'): LocalQueue {
    const { number, transactional, createdMs } = parent
    const properties = { ...QUEUE_DEFAULTS, access: parent.properties.access }
    const name = `${parent.name};${suffix}`
    return new LocalQueue({ name, kind, number, guid: null, transactional, properties, parent, createdMs })
  }

  #freeNumber(): number {
    while (this.#byNumber.has(this.#nextNumber)) this.#nextNumber += 1
    return this.#nextNumber
  }
}

function taken(option: string, value: unknown, allowed: string): OptionError {
  return new OptionError('MSMQ_OPTION_TAKEN', option, value, allowed)
}

/** Whether a row of the table `state` is about a deleted queue. */
export function isDeletedQueue({ key }: StoredRow): boolean {
  return typeof key === 'string' && key.startsWith(DELETED_QUEUE)
}
