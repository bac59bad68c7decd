import type { Packet } from '../../protocol/binary/packet.js'
import type { PingPacket } from '../../protocol/binary/ping.js'
import type { DecodeError } from '../../protocol/errors.js'
import type { HttpRequestLike } from '../../protocol/srmp/http-head.js'
import type { SrmpKind, SrmpMessage } from '../../protocol/srmp/message.js'
import type { FrameRef } from '../frame.js'
import type { Direction, HoleCause, SeenConnection, SeenEnding, TcpTrouble } from '../tcp/seen-connection.js'

/** One packet of the binary protocol. `packet` and `bytes` are views, valid during the call only. */
export interface SeenPacket {
  readonly connection: SeenConnection
  readonly direction: Direction
  readonly packet: Packet
  /** What it takes in the stream. */
  readonly bytes: Buffer
  /** Where its first byte lay, and the one that completed it, whose time is the packet's. */
  readonly first: FrameRef
  readonly last: FrameRef
}

/** One HTTP request. `message` is null where the body is no SRMP, and `fault` says why if it claims to be. */
export interface SeenRequest {
  readonly connection: SeenConnection
  /** From 0 on its connection. */
  readonly index: number
  readonly head: Omit<HttpRequestLike, 'body'>
  readonly bodySize: number
  readonly message: SrmpMessage | null
  readonly kind: SrmpKind | null
  readonly fault: DecodeError | null
  readonly first: FrameRef
  readonly last: FrameRef
}

export interface SeenResponse {
  readonly connection: SeenConnection
  readonly status: number
  /** What it answers; null when that was not captured. */
  readonly request: SeenRequest | null
  readonly first: FrameRef
  readonly last: FrameRef
}

export interface SeenPing {
  readonly from: { readonly address: string; readonly port: number }
  readonly to: { readonly address: string; readonly port: number }
  readonly ping: PingPacket
  readonly at: FrameRef
}

/** What a connection speaks; `unknown` until bytes tell, and for ever where they are not MSMQ's. */
export type Speech = 'msmq' | 'http' | 'unknown'

/** Told of everything in a capture that has to do with MSMQ, in the order of the frames. */
export interface SeenSink {
  /** A connection that speaks MSMQ, or may yet (port 1801, HTTP to /msmq); told before anything else of it. */
  connection(connection: SeenConnection): void
  packet(seen: SeenPacket): void
  request(seen: SeenRequest): void
  response(seen: SeenResponse): void
  ping(seen: SeenPing): void
  /** Bytes are missing; `size` null: unknown how many. */
  hole(connection: SeenConnection, direction: Direction, size: number | null, cause: HoleCause, frame: FrameRef): void
  /** Packets were found again; `skipped` bytes before them could not be read. */
  resynchronised(connection: SeenConnection, direction: Direction, skipped: number, frame: FrameRef): void
  /** A packet that is not as it must be. */
  malformed(connection: SeenConnection, direction: Direction, fault: DecodeError, first: FrameRef, last: FrameRef): void
  trouble(connection: SeenConnection, direction: Direction, what: TcpTrouble, frame: FrameRef): void
  ended(connection: SeenConnection, ending: SeenEnding): void
  /** A packet that is left out, since its checksum says that its bytes are not those that were sent. */
  damaged(frame: FrameRef): void
  /** What the capture itself says of an address: name-resolution blocks. */
  names(address: string, names: readonly string[]): void
}
