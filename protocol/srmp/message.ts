import type { Guid } from '../guid.js'
import type { TxSequenceId } from '../sequence-id.js'

/* One SRMP message: what its SOAP envelope and its parts say, by the elements of [MC-MQSRM] 2.2. Moments are whole seconds
 * since 1970-01-01 UTC. */

/** The largest moment that is written, for "never": 20380119T031407. */
export const NEVER_S = 0x7fffffff

/** `uuid:index@guid` (2.2.4.3). */
export interface SrmpMessageId {
  /** 32 bits. */
  readonly index: number
  readonly guid: Guid
}

/** The effective identifier of every message without `Msmq` (3.1.5.1.1): such messages are not checked for duplicates. */
export const ANONYMOUS_ID: SrmpMessageId = { index: 1, guid: '00000000-0000-0000-0000-000000000000' }

/** `uid:guid\number`: the sending queue manager and its TxSequenceID (2.2.5.3.1). */
export interface StreamId {
  readonly guid: Guid
  readonly sequence: TxSequenceId
}

export interface SrmpMessage {
  /** `path/action` as it stands, with or without `MSMQ:` (2.2.4.1). */
  readonly action: string
  /** `path/to`: a URL, or `MSMQ:MULTICAST=…` (2.2.4.2). */
  readonly to: string
  /** `path/id` as it stands. See {@link effectiveId}. */
  readonly id: SrmpMessageId
  /** `path/rev/via`: a URL, or `MSMQ:` and another format name; null when there is none, or it is empty (2.2.4.4). */
  readonly via: string | null
  readonly expiresAtS: number
  readonly sentAtS: number | null
  /** `services/durable` (2.2.5.2.1). */
  readonly durable: boolean
  /** `services/deliveryReceiptRequest/sendTo`. */
  readonly deliveryReceiptTo: string | null
  readonly commitmentReceiptRequest: CommitmentReceiptRequest | null
  readonly stream: Stream | null
  readonly streamReceipt: { readonly streamId: StreamId; readonly lastOrdinal: number } | null
  readonly deliveryReceipt: { readonly receivedAtS: number; readonly id: SrmpMessageId } | null
  readonly commitmentReceipt: CommitmentReceipt | null
  readonly msmq: Msmq | null
  /** `Signature` as it came, byte for byte; never made here (2.2.7). */
  readonly signature: string | null
  /** The part `body@…`; null when there is none. A view. */
  readonly body: Part | null
  /** The part `extension@…`. */
  readonly extension: Part | null
  /** Further parts. */
  readonly attachments: readonly Part[]
}

/** A part of the multipart body after the envelope (2.2.7.1.2). */
export interface Part {
  /** Without angle brackets, such as `body@GUID`. */
  readonly contentId: string
  /** A view; where the message was decoded, of the body it was decoded from. */
  readonly bytes: Buffer
}

export interface CommitmentReceiptRequest {
  readonly sendTo: string
  readonly positiveOnly: boolean
  readonly negativeOnly: boolean
}

export interface CommitmentReceipt {
  readonly decidedAtS: number
  readonly decision: 'positive' | 'negative'
  readonly id: SrmpMessageId
}

/** `stream` or `Stream` (2.2.5.3, decision 0022). */
export interface Stream {
  readonly streamId: StreamId
  /** 1 and up, 32 bits. */
  readonly current: number
  /** Null when absent: then the number before `current`. */
  readonly previous: number | null
  /** Null where there is no `start`. */
  readonly sendReceiptsTo: string | null
}

/** 2.2.6. */
export interface Msmq {
  /** Message class. */
  readonly class: number
  readonly priority: number
  readonly journal: boolean
  readonly deadLetter: boolean
  /** 20 bytes; null when absent. */
  readonly correlation: Buffer | null
  readonly trace: boolean
  readonly connectorType: Guid | null
  readonly app: number | null
  readonly bodyType: number
  readonly hashAlgorithm: number | null
  readonly eod: { readonly first: boolean; readonly last: boolean; readonly connectorId: Guid | null } | null
  readonly provider: { readonly type: number; readonly name: string } | null
  readonly sourceQmGuid: Guid
  readonly destinationMqf: readonly string[]
  readonly adminMqf: readonly string[]
  readonly responseMqf: readonly string[]
  readonly ttrqS: number
}

/** The identifier that counts (3.1.5.1.1, 2.2.4.3 <7>): that of `SourceQmGuid`, or the anonymous one without `Msmq`. */
export function effectiveId({ id, msmq }: Pick<SrmpMessage, 'id' | 'msmq'>): SrmpMessageId {
  return msmq === null ? ANONYMOUS_ID : { index: id.index, guid: msmq.sourceQmGuid }
}

/** The label that `action` carries; null where it has no `MSMQ:` (3.1.5.1.1 <5>). */
export function labelOf({ action }: Pick<SrmpMessage, 'action'>): string | null {
  return action.startsWith('MSMQ:') ? action.slice('MSMQ:'.length) : null
}

/** What a message is, by its entries and class (3.1.5.1.5); `unknown` is ignored. */
export type SrmpKind =
  | 'user'
  | 'delivery-receipt'
  | 'stream-receipt'
  | 'final-stream-receipt'
  | 'commitment-receipt'
  | 'unknown'
