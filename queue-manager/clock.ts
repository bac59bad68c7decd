/**
 * One reading of both clocks, an input of every call into the engine.
 * `monotonicMs` drives timers and the handshake TimeStamp; `wallMs` (Unix epoch) drives SentTime and message expiry.
 * They are apart because the protocol needs both and a machine may skew them separately.
 */
export interface Now {
  readonly monotonicMs: number
  readonly wallMs: number
}

/** Whole seconds since 1970, as UserHeader.SentTime carries them ([MS-MQMQ] 2.2.19.2). */
export function wallSeconds(now: Now): number {
  return Math.floor(now.wallMs / 1000) >>> 0
}
