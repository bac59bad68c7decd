import { MqlabError } from '../protocol/errors.js'
import type { NodeSample } from './channel-messages.js'
import type { LabEvent, NodeDeath, RunRecord } from './history.js'
import type { NodeReport } from './node-spec.js'

/* The file of one run, as docs/history.md describes it for other programs: eight bytes that say what it is, then frames. A
 * frame is the length of its body and the body's CRC-32, both u32 little-endian, and the body, which is MessagePack. */

export const HISTORY_MAGIC = Buffer.from('MQLABH1\n', 'latin1')
export const HISTORY_FORMAT = 'mqlab-history'
export const HISTORY_VERSION = 1
export const FRAME_HEAD_BYTES = 8
/** Longest body. The ledger of ten million messages has about 60 MB. */
export const FRAME_BYTES_MAX = 512 * 1024 * 1024
/** Strings that events refer to by number; longer ones, and those that come when there are so many, stand where they are used. */
export const STRINGS_MAX = 65_536
export const STRING_LENGTH_MAX = 256

/** What is known when a run begins. */
export type HistoryHeader = Pick<RunRecord, 'world' | 'seed' | 'scenario' | 'nodes' | 'gateway' | 'startedMs'>

/** What is known when it is over. */
export type HistoryEnd = Omit<RunRecord, keyof HistoryHeader | 'events' | 'samples' | 'reports' | 'deaths'>

/** A frame of a history, read. Events come in batches, in the order in which the lab heard of them. */
export type HistoryRecord =
  | { readonly record: 'header'; readonly header: HistoryHeader; readonly mqlab: string }
  | { readonly record: 'events'; readonly events: readonly LabEvent[] }
  | { readonly record: 'sample'; readonly node: string; readonly sample: NodeSample }
  | { readonly record: 'report'; readonly report: NodeReport }
  | { readonly record: 'death'; readonly death: NodeDeath }
  | { readonly record: 'end'; readonly end: HistoryEnd }

/**
 * How an event stands in its batch. Each object with the same fields, holding the same kinds of values, has the same shape.
 * By field, a letter each: `k` is the text that the shape itself gives and takes no place; `t` a time, as the difference
 * to that of the batch; `s` a string, by its number or in full; `o` a list or an object or bytes; `v` any other value.
 * Each of `t`, `s`, `o` and `v` may be null.
 */
export interface HistoryShape {
  readonly names: readonly string[]
  readonly types: string
  /** Of the field `kind`; empty where there is none. */
  readonly kind: string
}

/** Of a file of history. `code` is `MSMQ_HISTORY_FOREIGN`, `_VERSION`, `_DAMAGED`, `_UNFINISHED` or `_WRITE`. */
export class HistoryError extends MqlabError {
  constructor(code: `MSMQ_HISTORY_${string}`, file: string, what: string, options?: ErrorOptions) {
    super(code, `${file}: ${what}`, true, options)
  }
}
