import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { Encoder } from '@msgpack/msgpack'
import { systemCode } from '../transport/errors.js'
import type { NodeSample } from './channel-messages.js'
import type { LabEvent, RunRecord } from './history.js'
import { EventEncoder } from './history-encoder.js'
import {
  FRAME_BYTES_MAX,
  FRAME_HEAD_BYTES,
  HISTORY_FORMAT,
  HISTORY_MAGIC,
  HISTORY_VERSION,
  type HistoryEnd,
  HistoryError,
  type HistoryHeader,
} from './history-format.js'
import type { NodeReport } from './node-spec.js'

/** Events of a batch, and bytes that wait to be written together. */
const BATCH_EVENTS_MAX = 4096
const BUFFER_BYTES = 65_536

/**
 * Writes the history of one run as it happens, in bounded memory: a batch of events and {@link BUFFER_BYTES}, and a node's
 * ledger for as long as it is written. The same calls make the same bytes. What the system refuses to write does not
 * disturb the run: it is said by {@link check}, and nothing more is written.
 */
export class HistoryWriter {
  readonly #file: string
  readonly #descriptor: number
  readonly #mqlab: string
  readonly #encoder = new Encoder({ ignoreUndefined: true })
  readonly #events = new EventEncoder()
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  /** Messages in the newest ledger of each node. */
  readonly #ledgers = new Map<string, number>()
  #length = 0
  #hasBegun = false
  #hasWritten = false
  #isOpen = true
  #failure: HistoryError | null = null

  /** A file of that name stays until the run begins. @param mqlab version of the program. @throws the system's error */
  constructor(file: string, mqlab: string) {
    this.#file = file
    this.#descriptor = openSync(file, 'a')
    this.#mqlab = mqlab
    this.#append(HISTORY_MAGIC)
  }

  /** The run begins; events that came before follow this. */
  begin({ world, seed, scenario, nodes, gateway, startedMs }: HistoryHeader): void {
    const form = { format: HISTORY_FORMAT, version: HISTORY_VERSION, mqlab: this.#mqlab }
    this.#record({ record: 'header', ...form, world, seed, scenario, nodes, gateway, startedMs })
    this.#hasBegun = true
    this.flush()
  }

  event(event: LabEvent): void {
    this.#events.add(event)
    if (this.#events.count >= BATCH_EVENTS_MAX && this.#hasBegun) this.#endBatch()
  }

  sample(node: string, sample: NodeSample): void {
    this.#record({ record: 'sample', node, sample })
  }

  /**
   * What a node has to say for itself so far. Written when it tells of twice as many messages as the last one that was, so
   * that all of them together are not much longer than the last.
   */
  checkpoint(report: NodeReport): void {
    if (report.kind !== 'queue-manager' || !this.#hasBegun) return
    const messages = (report.sender?.offered ?? 0) + (report.receiver?.received ?? 0)
    if (messages < 2 * (this.#ledgers.get(report.node) ?? 0) || messages === 0) return
    this.#ledgers.set(report.node, messages)
    this.#record({ record: 'report', report })
  }

  /** The run is over: all that was not told as it came, and the file's end. Samples have been. */
  end(run: Omit<RunRecord, 'events'>): void {
    // field by field: a record that keeps its events would have them in the file twice
    const { reports, deaths, loadEndedMs, healedMs, endedMs, drained } = run
    const end: HistoryEnd = { loadEndedMs, ...(healedMs === undefined ? {} : { healedMs }), endedMs, drained }
    this.#endBatch()
    for (const report of reports.values()) this.#record({ record: 'report', report })
    for (const death of deaths) this.#record({ record: 'death', death })
    this.#record({ record: 'end', end })
    this.close()
    this.check()
  }

  /** Makes readers see everything up to now. */
  flush(): void {
    if (!this.#hasBegun) return
    this.#endBatch()
    this.#write(this.#buffer.subarray(0, this.#length))
    this.#length = 0
  }

  /** @throws {HistoryError} `MSMQ_HISTORY_WRITE`, if the file could not be written as it ought to be */
  check(): void {
    if (this.#failure !== null) throw this.#failure
  }

  close(): void {
    if (!this.#isOpen) return
    this.flush()
    this.#isOpen = false
    closeSync(this.#descriptor)
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
    if (this.#failure !== null || !this.#isOpen) return
    try {
      if (!this.#hasWritten && fstatSync(this.#descriptor).isFile()) ftruncateSync(this.#descriptor)
      this.#hasWritten = true
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at)
    } catch (error) {
      const what = `the history cannot be written: ${systemCode(error)}`
      this.#failure = new HistoryError('MSMQ_HISTORY_WRITE', this.#file, what, { cause: error })
    }
  }
}
