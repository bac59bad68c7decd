import { setImmediate } from 'node:timers'
import { isPacketTable, PACKET_TABLES, type PacketTable, type StoreOperation } from '../queue-manager/actions.js'
import { type CommitFailure, reasonOf } from './commit-failure.js'
import { type Change, CommitPlan } from './commit-plan.js'
import { FileRoom, isDiskFull, isFull, makeRoom, RESERVE_BYTES } from './file-room.js'
import type { HeadPlaces } from './head-places.js'
import type { PacketIndex } from './packet-index.js'
import { decodeHeadValues, hasBit, packetAt } from './packet-segment.js'
import { checkCounts, readHeadValues, readIndex, readPackets, readRows } from './packet-tables.js'
import { RecordSpace } from './record-space.js'
import { decodeRow, tableOfNumber } from './row.js'
import { SegmentCache } from './segment-cache.js'
import { type Store, StoreError } from './store.js'
import { type Databases, lastPage, pageBytes, pagesUsed, startNow } from './store-databases.js'
import {
  createDataFile,
  createDirectory,
  dataFile,
  openDataFile,
  type StoreFormat,
  type StoreIdentity,
  writeFormat,
} from './store-directory.js'
import { corrupt, ioError } from './store-errors.js'
import { lockDirectory, type StoreLock } from './store-lock.js'
import { isIntact } from './stored-value.js'

export interface LmdbStoreOptions {
  /** Whose store it is: kept when the store has no identity yet. */
  readonly identity?: StoreIdentity
  /** The data file does not grow beyond this; at least 4 MB. Without it the disk is the limit. */
  readonly bytesMax?: number
}

export interface StoreSpace {
  readonly fileBytes: number
  /** The rest of the file is free. */
  readonly usedBytes: number
  readonly packetBytes: number
  /** Of deleted rows whose segment is still there for the sake of others. */
  readonly deletedPacketBytes: number
}

interface PendingWrite {
  readonly operations: readonly StoreOperation[]
  readonly done: (error: Error | null) => void
  /** Bytes of rows with packets: a write that has some needs room that does not come back by itself. */
  readonly packetBytes: number
}

/** About what a row of a packet table takes beside its packet. */
const ROW_BYTES = 64

/** One commit takes no further write when it has so much: others would wait for it too long. */
const COMMIT_PACKET_BYTES_MAX = 8 * 1024 * 1024
const COMMIT_OPERATIONS_MAX = 16_384

/**
 * A store in a directory, on LMDB. Writes are gathered: one transaction runs at a time, and what is asked for meanwhile
 * goes into the next. `done` follows when the transaction is on disk.
 */
export class LmdbStore implements Store {
  readonly directory: string
  /** Writes and commits since opening, for those who watch how many share one. */
  writes = 0
  commits = 0
  readonly #path: string
  readonly #lock: StoreLock
  readonly #databases: Databases
  readonly #pageBytes: number
  readonly #room: FileRoom
  readonly #indexes: ReadonlyMap<PacketTable, PacketIndex>
  /** Until the first commit. */
  #heads: HeadPlaces | null
  /** The greatest key that was put, durable or under way. */
  readonly #lastKeys: { [table in PacketTable]: number }
  readonly #rewriteCursors = new Map<PacketTable, number>()
  readonly #cache = new SegmentCache()
  readonly #space = new RecordSpace()
  #format: StoreFormat
  #pending: PendingWrite[] = []
  #running: Promise<void> | null = null
  #closing: Promise<void> | null = null
  /** Set when LMDB can no longer be trusted to commit. */
  #broken: StoreError | null = null

  private constructor(
    directory: string,
    lock: StoreLock,
    databases: Databases,
    format: StoreFormat,
    room: FileRoom,
    indexes: ReadonlyMap<PacketTable, PacketIndex>,
    heads: HeadPlaces,
  ) {
    this.directory = directory
    this.#path = dataFile(directory)
    this.#lock = lock
    this.#databases = databases
    this.#pageBytes = pageBytes(databases)
    this.#format = format
    this.#room = room
    this.#indexes = indexes
    this.#heads = heads
    this.#lastKeys = { message: this.#index('message').lastKey, outgoing: this.#index('outgoing').lastKey }
  }

  /**
   * Opens the store in a directory; an empty one is made where there is none. StoreError: `MSMQ_STORE_LOCKED` when
   * another instance has it, `MSMQ_STORE_FOREIGN` when the file there is something else, `MSMQ_STORE_NEWER` when a later
   * version of mqlab made it, `MSMQ_STORE_CORRUPT` when it is truncated or damaged, `MSMQ_STORE_IO` otherwise.
   */
  static async open(directory: string, options: LmdbStoreOptions = {}): Promise<LmdbStore> {
    createDirectory(directory)
    const lock = await lockDirectory(directory)
    try {
      await createDataFile(directory, options.identity ?? null)
      const { databases, format, heads } = openDataFile(directory)
      try {
        const indexes = new Map<PacketTable, PacketIndex>()
        for (const table of PACKET_TABLES)
          indexes.set(table, readIndex(databases, table, dataFile(directory), heads.records(table)))
        checkCounts(databases, indexes.values(), dataFile(directory))
        const room = await FileRoom.open(dataFile(directory), options.bytesMax ?? Number.POSITIVE_INFINITY)
        const store = new LmdbStore(directory, lock, databases, format, room, indexes, heads)
        await room.reach((lastPage(databases) + 1) * store.#pageBytes + RESERVE_BYTES)
        if (format.identity === null && options.identity !== undefined) await store.setIdentity(options.identity)
        return store
      } catch (error) {
        heads.close()
        await databases.root.close()
        throw error
      }
    } catch (error) {
      await lock.release()
      throw error instanceof StoreError ? error : ioError(`cannot open the store in ${directory}`, error)
    }
  }

  /** Whose store it is; null when nobody said so yet. */
  get identity(): StoreIdentity | null {
    return this.#format.identity
  }

  /** When the store was made, milliseconds since 1970. */
  get createdMs(): number {
    return this.#format.createdMs
  }

  /** Durable when it returns. Not while writes are under way. */
  async setIdentity(identity: StoreIdentity): Promise<void> {
    this.#dropHeads()
    this.#room.takePages(Number.POSITIVE_INFINITY)
    const format = { ...this.#format, identity }
    try {
      await writeFormat(this.#databases, format)
    } catch (error) {
      throw ioError(`cannot write to ${this.#path}`, error)
    }
    this.#format = format
  }

  /** Where the space of the file goes, in bytes. */
  space(): StoreSpace {
    let packetBytes = 0
    let deletedPacketBytes = 0
    for (const index of this.#indexes.values()) {
      packetBytes += index.liveBytes
      deletedPacketBytes += index.deadBytes
    }
    const usedBytes = pagesUsed(this.#databases) * this.#pageBytes
    return { fileBytes: this.#room.bytes, usedBytes, packetBytes, deletedPacketBytes }
  }

  *load(): Iterable<StoreOperation> {
    for (const { key, value: record } of this.#databases.rows.getRange()) {
      const table = tableOfNumber(key[0]!)
      if (table === undefined || !isIntact(key, record))
        throw corrupt(this.#path, `the row with key ${key.toString('hex')} is damaged`)
      yield { table, ...decodeRow(key, record) }
    }
    for (const [table, index] of this.#indexes) {
      for (let place = 0; place < index.length; place++) {
        if (index.liveCountAt(place) === 0) continue
        const head = this.#heads?.read(table, place)
        const values = head
          ? decodeHeadValues(head)
          : readHeadValues(this.#databases, table, index.baseAt(place), this.#path).values
        const keys = index.keysAt(place)
        const gone = index.goneAt(place)
        for (const [row, key] of keys.entries())
          if (gone === null || !hasBit(gone, row)) yield { table, key, value: values[row]! }
      }
    }
  }

  packet(table: PacketTable, key: number): Uint8Array {
    const index = this.#index(table)
    const found = index.find(key)
    if (found === null) throw new StoreError('MSMQ_STORE_MISSING', `no packet ${key} in the table ${table}`)
    const base = index.baseAt(found.place)
    let record = this.#cache.get(table, base)
    if (record === undefined) {
      record = readPackets(this.#databases, table, base, index.countAt(found.place), this.#path)
      this.#cache.set(table, base, record)
    }
    return packetAt(record, found.row)
  }

  write(operations: readonly StoreOperation[], done: (error: Error | null) => void): void {
    const refusal = this.#refusal(operations)
    if (refusal !== null) {
      // In the order of the calls all the same.
      this.#pending.push({ operations: [], done: () => done(refusal), packetBytes: 0 })
    } else {
      let packetBytes = 0
      for (const { packet } of operations) packetBytes += packet === undefined ? 0 : packet.length + ROW_BYTES
      this.#pending.push({ operations, done, packetBytes })
    }
    this.#running ??= this.#run()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    while (this.#running !== null) await this.#running
    this.#dropHeads()
    await this.#databases.root.close()
    await this.#room.close()
    await this.#lock.release()
  }

  #refusal(operations: readonly StoreOperation[]): StoreError | null {
    if (this.#closing !== null) return new StoreError('MSMQ_STORE_CLOSED', 'the store is closed')
    if (this.#broken !== null) return this.#broken
    let { message, outgoing } = this.#lastKeys
    for (const { table, key, value, packet } of operations) {
      if (!isPacketTable(table) || value === null) continue
      const last = table === 'message' ? message : outgoing
      if (packet === undefined || !Number.isSafeInteger(key) || (key as number) <= last) {
        const what = packet === undefined ? 'has no packet' : `does not follow ${last}`
        return new StoreError('MSMQ_STORE_MISUSE', `a row of the table ${table}, key ${key}, ${what}`)
      }
      if (table === 'message') message = key as number
      else outgoing = key as number
    }
    this.#lastKeys.message = message
    this.#lastKeys.outgoing = outgoing
    return null
  }

  /** Commits until nothing is pending. Begins after what the present turn of the event loop has to write. */
  async #run(): Promise<void> {
    await new Promise<void>(resolve => setImmediate(resolve))
    while (this.#pending.length > 0) {
      const writes = this.#take()
      const errors = await this.#commit(writes)
      let failed = false
      for (const [at, { done }] of writes.entries()) {
        const error = errors[at]!
        // not before: what a `done` before it asks for may rest on this one too
        if (error !== null && !failed) this.#failLater(error)
        failed ||= error !== null
        done(error)
      }
    }
    this.#running = null
  }

  /** The first of what is pending, up to what one commit should hold. */
  #take(): PendingWrite[] {
    let operations = 0
    let packetBytes = 0
    let count = 0
    for (const write of this.#pending) {
      operations += write.operations.length
      packetBytes += write.packetBytes
      if (count > 0 && (operations > COMMIT_OPERATIONS_MAX || packetBytes > COMMIT_PACKET_BYTES_MAX)) break
      count++
    }
    this.writes += count
    return this.#pending.splice(0, count)
  }

  async #commit(writes: readonly PendingWrite[]): Promise<(StoreError | null)[]> {
    if (this.#broken !== null) return writes.map(({ operations }) => (operations.length === 0 ? null : this.#broken))
    const plan = this.#plan(writes)
    if (plan.changes.length === 0) return writes.map(() => null)
    const carriesPackets = writes.some(({ packetBytes }) => packetBytes > 0)
    const error = (carriesPackets ? await this.#makeRoomFor(plan) : null) ?? (await this.#commitPlan(plan))
    if (error === null) return writes.map(() => null)
    if (error.code !== 'MSMQ_STORE_FULL' || !carriesPackets) return writes.map(() => error)
    // Without those that need room: what deletes makes room.
    const others = writes.filter(({ packetBytes }) => packetBytes === 0)
    const otherPlan = this.#plan(others)
    const otherError = otherPlan.changes.length === 0 ? null : await this.#commitPlan(otherPlan)
    return writes.map(({ packetBytes }) => (packetBytes > 0 ? error : otherError))
  }

  #plan(writes: readonly PendingWrite[]): CommitPlan {
    const plan = new CommitPlan(this.#indexes, this.#space)
    for (const { operations } of writes) plan.add(operations)
    plan.finish((table, base) => {
      try {
        return readRows(this.#databases, table, base, this.#path)
      } catch {
        return null // damaged: whoever asks for one of its packets will hear
      }
    }, this.#rewriteCursors)
    return plan
  }

  async #commitPlan(plan: CommitPlan): Promise<StoreError | null> {
    this.#dropHeads()
    this.#room.takePages(plan.pagesMax(this.#pageBytes))
    try {
      const committed = this.#databases.root.batch(() => this.#change(plan.changes))
      startNow(this.#databases)
      await committed
    } catch (error) {
      const reason = await reasonOf(error as CommitFailure)
      if (isFull(reason) || (await isDiskFull(this.directory))) return this.#full()
      this.#broken = ioError(`cannot write to ${this.#path}, until the store is opened again`, reason)
      return this.#broken
    }
    this.commits++
    plan.apply()
    for (const { table, base } of plan.forgotten) this.#cache.forget(table, base)
    return null
  }

  /** Nothing here may throw: LMDB would commit what came before. */
  #change(changes: readonly Change[]): void {
    for (const { database, key, record } of changes) {
      if (record === null) void this.#databases[database].remove(key)
      else void this.#databases[database].put(key, record)
    }
  }

  /** Null when the plan fits into the file. */
  async #makeRoomFor(plan: CommitPlan): Promise<StoreError | null> {
    try {
      const fits = await makeRoom(this.#room, this.#databases, plan.pagesMax(this.#pageBytes), this.#pageBytes)
      return fits ? null : this.#full()
    } catch (error) {
      return ioError(`cannot write to ${this.#path}`, error)
    }
  }

  #dropHeads(): void {
    this.#heads?.close()
    this.#heads = null
  }

  #full(): StoreError {
    return new StoreError('MSMQ_STORE_FULL', `no room for more in ${this.#path}`)
  }

  /** After a write failed: those that wait and may rest on it fail too, and the keys of all of them were never put. */
  #failLater(failure: StoreError): void {
    this.#pending = this.#pending.map(write =>
      write.packetBytes === 0 ? write : { operations: [], done: () => write.done(failure), packetBytes: 0 },
    )
    for (const table of PACKET_TABLES) this.#lastKeys[table] = this.#index(table).lastKey
    for (const { operations } of this.#pending)
      for (const { table, key, value } of operations)
        if (isPacketTable(table) && value !== null) this.#lastKeys[table] = key as number
  }

  #index(table: PacketTable): PacketIndex {
    return this.#indexes.get(table)!
  }
}
