import type { FrameRef } from '../../capture/frame.js'
import type { SeenPacket, SeenRequest, SeenSink } from '../../capture/messages/seen.js'
import type { Direction, SeenConnection } from '../../capture/tcp/seen-connection.js'
import { messageKey } from '../message-facts.js'

/** A message that went from one address to another. */
export interface Sighting {
  /** With its last byte. */
  readonly frame: FrameRef
  readonly from: string
  readonly to: string
}

/** Where in a capture messages of interest are, by `messageKey`: of each all sightings, in order. */
export class MessageSightings implements SeenSink {
  readonly #byKey: ReadonlyMap<string, Sighting[]>

  constructor(keys: Iterable<string>) {
    this.#byKey = new Map(Array.from(keys, key => [key, []]))
  }

  of(key: string): readonly Sighting[] {
    return this.#byKey.get(key) ?? []
  }

  packet({ connection, direction, packet, last }: SeenPacket): void {
    if (!('user' in packet)) return
    const { sourceQueueManager, messageId } = packet.user
    this.#sighted(messageKey(sourceQueueManager, messageId), connection, direction, last)
  }

  request({ connection, message, last }: SeenRequest): void {
    if (message !== null) this.#sighted(messageKey(message.id.guid, message.id.index), connection, 0, last)
  }

  connection(): void {}
  response(): void {}
  ping(): void {}
  hole(): void {}
  resynchronised(): void {}
  malformed(): void {}
  trouble(): void {}
  ended(): void {}
  damaged(): void {}
  names(): void {}

  #sighted(key: string, { client, server }: SeenConnection, direction: Direction, frame: FrameRef): void {
    const sightings = this.#byKey.get(key)
    if (sightings === undefined) return
    const [from, to] = direction === 0 ? [client.address, server.address] : [server.address, client.address]
    sightings.push({ frame, from, to })
  }
}
