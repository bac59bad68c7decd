/** Identifier of a transactional sequence: one per outgoing queue and sender life.
 *  Source: [MS-MQMQ] 2.2.18.1.2. */
export interface TxSequenceId {
  /** Counts the sequences one queue manager opened. 32 bits. */
  readonly ordinal: number
  /** Seconds since 1970 when the queue manager was initialised. 32 bits. */
  readonly timeStamp: number
}

/** Below 0 when `a` is the older sequence, 0 when equal. Compared as one unsigned 64-bit number, TimeStamp high. */
export function compareSequenceId(a: TxSequenceId, b: TxSequenceId): number {
  return a.timeStamp === b.timeStamp ? a.ordinal - b.ordinal : a.timeStamp - b.timeStamp
}

/** The last text that was made: whoever wants one wants it for many messages of a sequence. */
let latest: TxSequenceId & { readonly text: string } = { timeStamp: 0, ordinal: 0, text: '00000000:00000000' }

/** `TimeStamp:Ordinal` in hexadecimal, sorts as {@link compareSequenceId}; fit for a map key. */
export function sequenceIdText({ timeStamp, ordinal }: TxSequenceId): string {
  if (timeStamp !== latest.timeStamp || ordinal !== latest.ordinal)
    latest = { timeStamp, ordinal, text: `${hexadecimal(timeStamp)}:${hexadecimal(ordinal)}` }
  return latest.text
}

function hexadecimal(value: number): string {
  return value.toString(16).padStart(8, '0')
}
