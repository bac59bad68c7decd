import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { Decoder } from '@msgpack/msgpack'
import { z } from 'zod'
import { messagePackFault } from '../control/message-pack-shape.js'
import type { NodeSample } from './channel-messages.js'
import type { LabEvent, NodeDeath, RunRecord } from './history.js'
import { EventDecoder } from './history-decoder.js'
import {
  FRAME_BYTES_MAX,
  FRAME_HEAD_BYTES,
  HISTORY_FORMAT,
  HISTORY_MAGIC,
  HISTORY_VERSION,
  type HistoryEnd,
  HistoryError,
  type HistoryHeader,
  type HistoryRecord,
} from './history-format.js'
import { CursorError } from './message-pack-cursor.js'
import type { NodeReport } from './node-spec.js'

/** Read at a time; a short file needs less. */
const BUFFER_BYTES = 256 * 1024
const DEPTH_MAX = 64
/** The first byte of a batch of events: a list of five. */
const BATCH = 0x95

export interface HistoryReading {
  /** Kinds of events that are wanted; others cost less. An empty set: none, and batches are not even read. Default: all. */
  readonly kinds?: ReadonlySet<string>
}

/**
 * Reads a history frame by frame, also while it is being written. Holds one frame and no more.
 * @throws {HistoryError} `MSMQ_HISTORY_FOREIGN` when it is no history, `MSMQ_HISTORY_VERSION` when it is a later mqlab's,
 *   `MSMQ_HISTORY_DAMAGED` with the offset of the frame that is not as it was written; and the system's errors
 */
export class HistoryReader {
  readonly file: string
  readonly #descriptor: number
  readonly #decoder = new Decoder()
  readonly #events: EventDecoder
  readonly #withoutEvents: boolean
  #buffer: Buffer
  /** Offset in the file of the first byte of the buffer. */
  #base = 0
  #start = 0
  #end = 0
  #hasBegun = false
  #hasEnded = false

  constructor(file: string, { kinds }: HistoryReading = {}) {
    this.file = file
    this.#descriptor = openSync(file, 'r')
    const stat = fstatSync(this.#descriptor)
    this.#buffer = Buffer.allocUnsafe(Math.min(BUFFER_BYTES, stat.size))
    if (!stat.isFile()) {
      this.close()
      throw this.#foreign()
    }
    this.#events = new EventDecoder(kinds ?? null)
    this.#withoutEvents = kinds?.size === 0
  }

  /** The run is over, and everything was read. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Offset of what was not read yet: at the end of the file, or where a frame is not complete. */
  get offset(): number {
    return this.#base + this.#start
  }

  /** The next frame; null when there is none, or not all of it yet: more may come as long as the run has not ended. */
  next(): HistoryRecord | null {
    if (!this.#hasBegun && !this.#begin()) return null
    for (;;) {
      if (!this.#fill(FRAME_HEAD_BYTES)) return null
      if (this.#hasEnded) throw this.#damaged('something follows the end of the run')
      const length = this.#buffer.readUInt32LE(this.#start)
      const checksum = this.#buffer.readUInt32LE(this.#start + 4)
      if (length === 0 || length > FRAME_BYTES_MAX) throw this.#damaged(`a frame of ${length} bytes`)
      if (this.#withoutEvents && this.#skipBatch(length)) continue
      if (!this.#fill(FRAME_HEAD_BYTES + length)) return null
      const body = this.#buffer.subarray(this.#start + FRAME_HEAD_BYTES, this.#start + FRAME_HEAD_BYTES + length)
      if (crc32(body) !== checksum) throw this.#damaged('its checksum is another')
      const record = this.#read(body)
      this.#start += FRAME_HEAD_BYTES + length
      if (record.record === 'end') this.#hasEnded = true
      return record
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  #begin(): boolean {
    const isThere = this.#fill(HISTORY_MAGIC.length)
    const seen = this.#buffer.subarray(0, Math.min(this.#end, HISTORY_MAGIC.length))
    if (!HISTORY_MAGIC.subarray(0, seen.length).equals(seen)) throw this.#foreign()
    if (!isThere) return false
    this.#start += HISTORY_MAGIC.length
    this.#hasBegun = true
    return true
  }

  #read(body: Buffer): HistoryRecord {
    try {
      if (body[0] === BATCH) return { record: 'events', events: this.#events.decode(body) }
      const fault = messagePackFault(body, { depthMax: DEPTH_MAX, itemsMax: Number.POSITIVE_INFINITY })
      if (fault !== null) throw new CursorError(fault)
      // a copy, for what is decoded are views of it
      return this.#recordOf(this.#decoder.decode(new Uint8Array(body)))
    } catch (error) {
      if (error instanceof HistoryError) throw error
      throw this.#damaged(error instanceof CursorError ? error.message : 'it is no record', error)
    }
  }

  #recordOf(value: unknown): HistoryRecord {
    const kind = recordSchema.parse(value).record
    if (kind === 'header') return this.#header(value)
    return value as HistoryRecord
  }

  #header(value: unknown): HistoryRecord {
    const { format, version } = formatSchema.parse(value)
    if (format !== HISTORY_FORMAT) throw this.#foreign()
    if (version !== HISTORY_VERSION)
      throw new HistoryError(
        'MSMQ_HISTORY_VERSION',
        this.file,
        `is a history of version ${version}; this mqlab reads version ${HISTORY_VERSION}`,
      )
    const { mqlab, scenario, world, seed, nodes, gateway, startedMs } = headerSchema.parse(value)
    const header = { scenario, world, seed, nodes, gateway, startedMs } as unknown as HistoryHeader
    return { record: 'header', header, mqlab }
  }

  /** Goes past a batch of events without reading it. False when it is none, or not all of it is there. */
  #skipBatch(length: number): boolean {
    if (!this.#fill(FRAME_HEAD_BYTES + 1) || this.#buffer[this.#start + FRAME_HEAD_BYTES] !== BATCH) return false
    const next = this.#start + FRAME_HEAD_BYTES + length
    if (next <= this.#end) {
      this.#start = next
      return true
    }
    if (this.#base + next > fstatSync(this.#descriptor).size) return false
    this.#base += next
    this.#start = 0
    this.#end = 0
    return true
  }

  /** Whether so many bytes are there, in the buffer now. Makes no room for what has not been written. */
  #fill(wanted: number): boolean {
    if (this.#end - this.#start >= wanted) return true
    if (fstatSync(this.#descriptor).size - this.offset < wanted) return false
    const held = this.#buffer.subarray(this.#start, this.#end)
    const target = wanted <= this.#buffer.length ? this.#buffer : Buffer.allocUnsafe(Math.max(wanted, BUFFER_BYTES))
    target.set(held)
    this.#buffer = target
    this.#base += this.#start
    this.#end = held.length
    this.#start = 0
    while (this.#end < wanted) {
      const count = readSync(this.#descriptor, target, this.#end, target.length - this.#end, this.#base + this.#end)
      if (count === 0) return false
      this.#end += count
    }
    return true
  }

  #foreign(): HistoryError {
    return new HistoryError('MSMQ_HISTORY_FOREIGN', this.file, 'is not the history of a run')
  }

  #damaged(what: string, cause?: unknown): HistoryError {
    return new HistoryError('MSMQ_HISTORY_DAMAGED', this.file, `damaged at byte ${this.offset}: ${what}`, { cause })
  }
}

const bytes = z.instanceof(Uint8Array)
/** As far as whoever reads on takes it for granted. */
const recordSchema = z.discriminatedUnion('record', [
  z.looseObject({ record: z.literal('header') }),
  z.looseObject({ record: z.literal('sample'), node: z.string(), sample: z.looseObject({}) }),
  z.looseObject({
    record: z.literal('report'),
    report: z.looseObject({
      kind: z.string(),
      node: z.string(),
      sender: z.looseObject({ offered: z.number(), states: bytes, messageIds: bytes }).optional(),
      receiver: z.looseObject({ senders: z.array(z.looseObject({ copies: bytes })) }).optional(),
      remaining: z.array(z.looseObject({})).optional(),
    }),
  }),
  z.looseObject({ record: z.literal('death'), death: z.looseObject({ node: z.string() }) }),
  z.looseObject({ record: z.literal('end'), end: z.looseObject({ endedMs: z.number(), drained: z.boolean() }) }),
])
const formatSchema = z.looseObject({ format: z.string(), version: z.number() })
const headerSchema = z.object({
  mqlab: z.string(),
  world: z.string(),
  seed: z.number(),
  scenario: z.looseObject({ scenario: z.string() }),
  nodes: z.array(z.looseObject({ name: z.string(), guid: z.string(), address: z.string() })),
  gateway: z.looseObject({ name: z.string(), address: z.string() }).nullable(),
  startedMs: z.number(),
})

/** Every frame of a history that is there now, one after the other. See {@link HistoryReader} for what is thrown. */
export function* readHistory(file: string, reading: HistoryReading = {}): Generator<HistoryRecord> {
  const reader = new HistoryReader(file, reading)
  try {
    for (let record = reader.next(); record !== null; record = reader.next()) yield record
  } finally {
    reader.close()
  }
}

/**
 * A run as it was when it was over: all of it, in memory.
 * @throws {HistoryError} as the reader does; `MSMQ_HISTORY_UNFINISHED` when its end was never written
 */
export function readRunRecord(file: string): RunRecord {
  let header: HistoryHeader | null = null
  let end: HistoryEnd | null = null
  const events: LabEvent[] = []
  const reports = new Map<string, NodeReport>()
  const samples: { node: string; sample: NodeSample }[] = []
  const deaths: NodeDeath[] = []
  for (const record of readHistory(file)) {
    if (record.record === 'header') header = record.header
    else if (record.record === 'events') for (const event of record.events) events.push(event)
    else if (record.record === 'sample') samples.push({ node: record.node, sample: record.sample })
    else if (record.record === 'report') {
      // in the order of the last ones
      reports.delete(record.report.node)
      reports.set(record.report.node, record.report)
    } else if (record.record === 'death') deaths.push(record.death)
    else end = record.end
  }
  if (header === null || end === null)
    throw new HistoryError('MSMQ_HISTORY_UNFINISHED', file, 'the end of the run is not in it')
  return { ...header, events: inOrder(events), reports, samples, deaths, ...end }
}

/** The order in which the lab heard of them is that of time for each node, but not for all together. */
function inOrder(events: LabEvent[]): LabEvent[] {
  for (let index = 1; index < events.length; index += 1)
    if (events[index - 1]!.atMs > events[index]!.atMs) return events.sort((a, b) => a.atMs - b.atMs)
  return events
}
