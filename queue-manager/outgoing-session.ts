import type { ConnectionId, Endpoint } from './actions.js'
import type { OutgoingMessage } from './outgoing-message.js'

/** What takes the messages of one outgoing queue to the next machine: a session of the binary protocol, or one over HTTP. */
export interface OutgoingSession {
  readonly connection: ConnectionId
  readonly peer: Endpoint
  /** The peer has answered: messages are taken. */
  readonly isOpen: boolean
  /** Messages sent, and not wholly acknowledged. */
  readonly inFlight: number
  /** These messages, oldest first. */
  outstanding(): Iterable<OutgoingMessage>
  /** Sends what the queue has, as far as it may. */
  dispatch(): void
  /** The queue is on hold. */
  hold(): void
  /** Ends it. */
  close(reason: string, how?: 'graceful' | 'abort'): void
}
