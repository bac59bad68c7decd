import { decodePing, PING_SIZE } from '../../protocol/binary/ping.js'
import { DecodeError } from '../../protocol/errors.js'
import { MSMQ_PING_PORT } from '../../protocol/ports.js'
import type { FrameRef } from '../frame.js'
import type {
  Direction,
  HoleCause,
  SeenConnection,
  SeenEnding,
  StreamSink,
  TcpTrouble,
} from '../tcp/seen-connection.js'
import { Conversation } from './conversation.js'
import { HeldMemory } from './held-memory.js'
import { type MessageCounts, newMessageCounts } from './message-counts.js'
import type { SeenPing, SeenSink } from './seen.js'

/**
 * Finds MSMQ in the streams of a capture: the binary protocol on port 1801 and wherever else it is spoken, SRMP in HTTP, pings.
 * Never throws by what the capture holds; what its sink throws passes through.
 */
export class MessageStreams implements StreamSink {
  readonly counts: MessageCounts = newMessageCounts()
  readonly #sink: SeenSink
  readonly #memory: HeldMemory
  readonly #conversations = new Map<number, Conversation>()
  /** Segments of a connection often follow each other. */
  #recentId = -1
  #recent: Conversation | undefined

  /** @param memory what unfinished packets of all connections may take. */
  constructor(sink: SeenSink, memory = new HeldMemory()) {
    this.#sink = sink
    this.#memory = memory
  }

  opened(connection: SeenConnection): void {
    const conversation = new Conversation(connection, this.#sink, this.counts, this.#memory)
    this.#conversations.set(connection.id, conversation)
  }

  bytes(connection: SeenConnection, direction: Direction, bytes: Buffer, frame: FrameRef): void {
    this.#of(connection)?.bytes(direction, bytes, frame)
  }

  hole(connection: SeenConnection, direction: Direction, size: number | null, cause: HoleCause, frame: FrameRef): void {
    this.#of(connection)?.hole(direction, size, cause, frame)
  }

  trouble(connection: SeenConnection, direction: Direction, what: TcpTrouble, frame: FrameRef): void {
    this.#of(connection)?.trouble(direction, what, frame)
  }

  ended(connection: SeenConnection, ending: SeenEnding): void {
    this.#of(connection)?.ended(ending)
    this.#conversations.delete(connection.id)
    this.#recentId = -1
    this.#recent = undefined
  }

  /** A UDP datagram; what is no ping is passed over. */
  datagram(from: SeenPing['from'], to: SeenPing['to'], bytes: Buffer, at: FrameRef): void {
    if ((from.port !== MSMQ_PING_PORT && to.port !== MSMQ_PING_PORT) || bytes.length !== PING_SIZE) return
    try {
      const ping = decodePing(bytes)
      this.counts.pings += 1
      this.#sink.ping({ from, to, ping, at })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }

  /** Undefined when it has ended: what comes then, such as one more reset, says nothing about messages. */
  #of({ id }: SeenConnection): Conversation | undefined {
    if (id !== this.#recentId) {
      this.#recent = this.#conversations.get(id)
      this.#recentId = id
    }
    return this.#recent
  }
}
