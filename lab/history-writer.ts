import { closeSync, openSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { Encoder } from '@msgpack/msgpack'
import type { NodeSample } from './channel-messages.js'
import type { LabEvent, NodeDeath, RunRecord } from './history.js'
import { EventEncoder } from './history-encoder.js'
import {
  FRAME_BYTES_MAX,
  FRAME_HEAD_BYTES,
  HISTORY_FORMAT,
  HISTORY_MAGIC,
  HISTORY_VERSION,
  type HistoryEnd,
  type HistoryHeader,
} from './history-format.js'
import type { NodeReport } from './node-spec.js'

/** Events of a batch, and bytes that wait to be written together. */
const BATCH_EVENTS_MAX = 4096
const BUFFER_BYTES = 65_536

/**
 * Writes the history of one run as it happens, in bounded memory: a batch of events and {@link BUFFER_BYTES}, and a node's
 * ledger for as long as it is written. The same calls make the same bytes. Writes are synchronous; they throw the system's
 * errors, after which nothing more can be written.
 */
export class HistoryWriter {
  readonly #descriptor: number
  readonly #encoder = new Encoder({ ignoreUndefined: true })
  readonly #events = new EventEncoder()
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  #length = 0
  #isOpen = true

  /** A file of that name is written over. @param mqlab version of the program */
  constructor(file: string, header: HistoryHeader, mqlab: string) {
    this.#descriptor = openSync(file, 'w')
    this.#append(HISTORY_MAGIC)
    this.#record({ record: 'header', format: HISTORY_FORMAT, version: HISTORY_VERSION, mqlab, ...fieldsOf(header) })
    this.flush()
  }

  event(event: LabEvent): void {
    this.#events.add(event)
    if (this.#events.count === BATCH_EVENTS_MAX) this.#endBatch()
  }

  sample(node: string, sample: NodeSample): void {
    this.#record({ record: 'sample', node, sample })
  }

  /** What a node has to say for itself; a later report of the same node takes the place of this one. */
  report(report: NodeReport): void {
    this.#record({ record: 'report', report })
  }

  death(death: NodeDeath): void {
    this.#record({ record: 'death', death })
  }

  /** Last words; nothing may follow but {@link close}. */
  end(end: HistoryEnd): void {
    this.#endBatch()
    this.#record({ record: 'end', end })
  }

  /** Makes readers see everything up to now. */
  flush(): void {
    this.#endBatch()
    this.#write(this.#buffer.subarray(0, this.#length))
    this.#length = 0
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    try {
      this.flush()
    } finally {
      closeSync(this.#descriptor)
    }
  }

  #endBatch(): void {
    if (this.#events.count > 0) this.#frame(this.#events.take())
  }

  #record(record: object): void {
    this.#frame(this.#encoder.encodeSharedRef(record))
  }

  #frame(body: Uint8Array): void {
    if (body.length > FRAME_BYTES_MAX)
      throw new RangeError(`${body.length} bytes are too long for a frame of a history`)
    const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES)
    head.writeUInt32LE(body.length)
    head.writeUInt32LE(crc32(body), 4)
    this.#append(head)
    this.#append(body)
  }

  #append(bytes: Uint8Array): void {
    if (this.#length + bytes.length > BUFFER_BYTES) {
      this.#write(this.#buffer.subarray(0, this.#length))
      this.#length = 0
    }
    if (bytes.length > BUFFER_BYTES) {
      this.#write(bytes)
      return
    }
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at)
  }
}

/** Of a run that is over: all that `run` says beside its events. `samples` too where they have not been written yet. */
export function writeOutcome(writer: HistoryWriter, run: Omit<RunRecord, 'events'>): void {
  const { scenario, world, seed, nodes, gateway, startedMs, reports, samples, deaths, ...end } = run
  for (const { node, sample } of samples) writer.sample(node, sample)
  for (const report of reports.values()) writer.report(report)
  for (const death of deaths) writer.death(death)
  writer.end(end)
}

function fieldsOf({ world, seed, scenario, nodes, gateway, startedMs }: HistoryHeader): HistoryHeader {
  return { world, seed, scenario, nodes, gateway, startedMs }
}
