import type { FrameRef } from '../../capture/frame.js'
import type { SeenPacket, SeenPing, SeenRequest, SeenResponse, SeenSink } from '../../capture/messages/seen.js'
import type { Direction, HoleCause, SeenConnection, SeenEnding, TcpTrouble } from '../../capture/tcp/seen-connection.js'
import type { DecodeError } from '../../protocol/errors.js'
import type { EvidenceFrames } from './evidence-frames.js'

/** Frames of a connection's beginning that are kept: its first, and the four packets of MSMQ's handshake. */
const FRAMES_MAX = 8

interface Beginning {
  readonly frames: FrameRef[]
  isWanted: boolean
}

/**
 * Finds the beginnings of the connections that evidence lies in, so that what is extracted can be understood on its own: the
 * frame that opens the connection and those of MSMQ's handshake, which say who is at its ends.
 */
export class EvidenceHandshakes implements SeenSink {
  readonly #evidence: EvidenceFrames
  readonly #open = new Map<SeenConnection, Beginning>()
  readonly #found = new Map<number, Map<number, readonly string[]>>()

  constructor(evidence: EvidenceFrames) {
    this.#evidence = evidence
  }

  /** The evidence, and the frames that were found, with comments on each. */
  get frames(): EvidenceFrames {
    const all = new Map(Array.from(this.#found, ([fileIndex, frames]) => [fileIndex, new Map(frames)]))
    for (const [fileIndex, frames] of this.#evidence) {
      const own = all.get(fileIndex) ?? new Map<number, readonly string[]>()
      for (const [number, comments] of frames) own.set(number, comments)
      all.set(fileIndex, own)
    }
    return all
  }

  connection(connection: SeenConnection): void {
    this.#open.set(connection, { frames: [connection.first], isWanted: false })
    this.#at(connection, connection.first)
  }

  packet({ connection, packet, first, last }: SeenPacket): void {
    const beginning = this.#open.get(connection)
    const isHandshake = packet.packetType === 'EstablishConnection' || packet.packetType === 'ConnectionParameters'
    if (beginning !== undefined && isHandshake && beginning.frames.length < FRAMES_MAX) {
      beginning.frames.push(last)
      if (beginning.isWanted) this.#want(connection, last)
    }
    this.#at(connection, first)
    this.#at(connection, last)
  }

  request({ connection, first, last }: SeenRequest): void {
    this.#at(connection, first)
    this.#at(connection, last)
  }

  response({ connection, last }: SeenResponse): void {
    this.#at(connection, last)
  }

  ping(_seen: SeenPing): void {}

  hole(connection: SeenConnection, _direction: Direction, _size: number | null, _cause: HoleCause, frame: FrameRef) {
    this.#at(connection, frame)
  }

  resynchronised(connection: SeenConnection, _direction: Direction, _skipped: number, frame: FrameRef): void {
    this.#at(connection, frame)
  }

  malformed(connection: SeenConnection, _direction: Direction, _fault: DecodeError, _first: FrameRef, last: FrameRef) {
    this.#at(connection, last)
  }

  trouble(connection: SeenConnection, _direction: Direction, _what: TcpTrouble, frame: FrameRef): void {
    this.#at(connection, frame)
  }

  ended(connection: SeenConnection, { at }: SeenEnding): void {
    this.#at(connection, at)
    this.#open.delete(connection)
  }

  damaged(): void {}

  names(): void {}

  /** Something of the connection happened in this frame. */
  #at(connection: SeenConnection, { fileIndex, number }: FrameRef): void {
    const beginning = this.#open.get(connection)
    if (beginning === undefined || beginning.isWanted || !this.#evidence.get(fileIndex)?.has(number)) return
    beginning.isWanted = true
    for (const frame of beginning.frames) this.#want(connection, frame)
  }

  #want({ id, client, server }: SeenConnection, { fileIndex, number }: FrameRef): void {
    const frames = this.#found.get(fileIndex) ?? new Map<number, readonly string[]>()
    const ends = `${client.address}:${client.port} → ${server.address}:${server.port}`
    frames.set(number, [`the beginning of connection ${id}, ${ends}, in which evidence lies`])
    this.#found.set(fileIndex, frames)
  }
}
