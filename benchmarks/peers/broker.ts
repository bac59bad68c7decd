import type { Address } from '../roles/address.js'
import type { RunningServer } from './server-program.js'

/** Another message broker that is installed here. */
export interface BrokerServer {
  /** The kinds of queue that are compared with two queue managers: one sender, one queue on disk, one receiver. */
  readonly brokers: readonly Broker[]
  /** Keeps everything below `folder`, which is made when it is not there. */
  start(folder: string, listen: Address): Promise<RunningServer>
}

export interface Broker {
  readonly name: BrokerName
  /** With its version. */
  readonly title: string
  /** The server's and the client's settings, and what a confirmation says about the disk. */
  readonly settings: string
}

/** In place of a broker that is not installed: what is missing. */
export interface MissingBroker {
  readonly missing: string
}

export const BROKER_NAMES = ['rabbitmq', 'rabbitmq-quorum', 'nats', 'redis'] as const
export type BrokerName = (typeof BROKER_NAMES)[number]

/** One connection to a broker, by its own client. Bodies are the broker's to keep until they are confirmed. */
export interface BrokerClient {
  create(queue: string): Promise<void>
  /** Messages that a deleted queue still holds go with it. */
  delete(queue: string): Promise<void>
  /** `confirmed` is called once, when the broker has answered for the message. */
  publish(queue: string, body: Buffer, confirmed: (error: Error | null) => void): void
  /** Brings messages as they come and acknowledges each after `take` has seen it. The body is valid during the call. */
  consume(queue: string, take: (body: Buffer) => void): Promise<Consumption>
  close(): Promise<void>
}

export interface Consumption {
  /** Resolves when the broker has seen every acknowledgement; nothing more is taken. */
  stop(): Promise<void>
}
