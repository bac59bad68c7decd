import type { Action, ConnectionId, Endpoint, ExchangeId, HttpRequest, PingSocket } from '../queue-manager/actions.js'
import type { Now } from '../queue-manager/clock.js'

/** How a connection ended, seen from below: in order, broken off by the peer, or by trouble on the way. */
export type CloseKind = 'end' | 'reset' | 'error'

/** What a driver needs of an engine; `QueueManager` has it. */
export interface DrivenEngine {
  start(now: Now): void
  stop(now: Now): void
  accepted(now: Now, peer: Endpoint): ConnectionId
  connected(now: Now, id: ConnectionId): void
  connectFailed(now: Now, id: ConnectionId, reason: string): void
  received(now: Now, id: ConnectionId, bytes: Buffer): void
  writable(now: Now, id: ConnectionId, ready: boolean): void
  closed(now: Now, id: ConnectionId, how: CloseKind): void
  datagram(now: Now, socket: PingSocket, from: Endpoint, bytes: Buffer): void
  /** Another machine posts something; the action `http-answer` says with what status it is answered, exactly once. */
  httpRequested(now: Now, peer: Endpoint, request: HttpRequest): ExchangeId
  /** The status with which an `http-post` was answered, whatever it is. */
  httpAnswered(now: Now, exchange: ExchangeId, status: number): void
  /** No answer will come to an `http-post`: refused, reset, cut, or what came was not HTTP. */
  httpFailed(now: Now, exchange: ExchangeId, reason: string): void
  resolved(now: Now, ticket: number, addresses: readonly string[]): void
  persisted(now: Now, ticket: number): void
  persistFailed(now: Now, ticket: number, reason: string): void
  nextWake(): number | null
  wake(now: Now): void
  takeActions(): Action[]
}
