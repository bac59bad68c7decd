/** What following connections may cost. Frames of a capture are strangers' bytes: each limit is finite. */
export interface StreamLimits {
  /** Connections that are remembered. Beyond them the one that ended longest ago is dropped, or else the one silent for
   *  longest is told as forgotten. About 2 KB each. Default 16,384. */
  readonly connectionsMax: number
  /** Bytes (with what keeping them costs) of one direction that wait for bytes before them; beyond it those are told as
   *  missing. Default 1 MiB. */
  readonly heldBytesMax: number
  /** The same over all connections; beyond it the direction that waits longest gives up. Default 64 MiB. */
  readonly heldBytesOfAllMax: number
  /** Where the other end is silent (not captured, most likely), nobody acknowledges what the capture lacks: later bytes
   *  wait this long for those before them, microseconds. Default 5 s. */
  readonly silentWaitUsMax: number
}

export const STREAM_LIMITS: StreamLimits = {
  connectionsMax: 16_384,
  heldBytesMax: 1 << 20,
  heldBytesOfAllMax: 64 << 20,
  silentWaitUsMax: 5_000_000,
}
