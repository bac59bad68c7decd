/** What an HTTP listener takes from all its peers, and how long it bears with one. */
export interface HttpLimits {
  /** Connections at one time; more are closed as they come. Default 16,384. */
  readonly connectionsMax: number
  /** Connections the system may queue before they are accepted. Default 4,096. */
  readonly backlog: number
  /** Request line and headers. Default 16 KB. */
  readonly headerBytesMax: number
  /** One request's body: 4 MB of message and 1 MB of envelope. */
  readonly bodyBytesMax: number
  /** How much of a body that is refused is read to its end, so that its sender gets to see the answer. Default 16 MB. */
  readonly discardBytesMax: number
  /** Bodies of all connections from their first byte until they are answered; what is too much gets 500. Default 256 MB. */
  readonly unansweredBytesMax: number
  /** Requests of one connection that are not answered yet; then no more is read from it. Default 64. */
  readonly requestsAheadMax: number
  /** From the connection, or a request's first byte, to the end of its headers. Default 20 s. */
  readonly headersTimeoutMs: number
  /** To the end of its body. Default 120 s. */
  readonly requestTimeoutMs: number
  /** Between an answer and the next request. Longer than the 300 s after which senders close. Default 360 s. */
  readonly idleTimeoutMs: number
  /** How long a peer may take no byte of what is written to it. Default 30 s, noticed after twice that at the latest. */
  readonly stalledTimeoutMs: number
  /** How long a connection that is being closed may take to deliver its last answer. Default 5 s. */
  readonly lingerMs: number
}

export const HTTP_LIMITS: HttpLimits = {
  connectionsMax: 16_384,
  backlog: 4096,
  headerBytesMax: 16_384,
  bodyBytesMax: 5 << 20,
  discardBytesMax: 16 << 20,
  unansweredBytesMax: 256 << 20,
  requestsAheadMax: 64,
  headersTimeoutMs: 20_000,
  requestTimeoutMs: 120_000,
  idleTimeoutMs: 360_000,
  stalledTimeoutMs: 30_000,
  lingerMs: 5000,
}
