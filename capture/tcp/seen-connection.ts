import type { FrameRef } from '../frame.js'

/** What a capture shows of one TCP connection. */
export interface SeenConnection {
  /** From 0 in the order of their first frames, over all files. */
  readonly id: number
  /** Who sent the SYN; without one, a guess: the other end has the lower port, or a port of MSMQ. */
  readonly client: SeenEnd
  readonly server: SeenEnd
  readonly first: FrameRef
  /** What of the handshake was seen: all three frames, SYN and SYN/ACK, one of them, nothing. `none` is a start in mid-stream. */
  readonly opening: 'whole' | 'syn-synack' | 'syn' | 'synack' | 'none'
  /** Frames that came from [client, server]; 0 means that this side was not captured. */
  readonly frames: readonly [number, number]
  /** In-order payload bytes of [client, server] that were delivered, and those known to be missing. */
  readonly bytes: readonly [number, number]
  readonly missing: readonly [number, number]
}

export interface SeenEnd {
  /** As text: dotted, or compressed lower-case IPv6. */
  readonly address: string
  readonly port: number
  /** Of the first frame from it (or to it), where the link layer has one: `aa:bb:cc:dd:ee:ff`. */
  readonly mac: string | null
}

/** 0: from the client to the server. */
export type Direction = 0 | 1

/** How a connection ended, as far as the capture shows. */
export interface SeenEnding {
  /** `reused`: another SYN on the same ports. `forgotten`: silent for so long that its place was needed. */
  readonly how: 'fin' | 'reset' | 'refused' | 'unanswered' | 'reused' | 'forgotten' | 'capture-ended'
  /** Who sent the first FIN, or the RST. */
  readonly by: Direction | null
  readonly at: FrameRef
  /** Since the last payload byte in either direction before it, microseconds. */
  readonly idleUs: number
  /** RST whose TTL or MAC differs from what this end's other frames have: somebody else sent it. */
  readonly forged: boolean
}

/** Why bytes are missing from a stream. `let-go`: they were captured, but too much waited for what should precede it or complete it. */
export type HoleCause = 'never-captured' | 'snap-length' | 'let-go'

/** Told of every TCP connection of a capture, in the order of the frames. Views are valid during the call only. */
export interface StreamSink {
  opened(connection: SeenConnection): void
  /** Bytes of the stream, in order, each once. */
  bytes(connection: SeenConnection, direction: Direction, bytes: Buffer, frame: FrameRef): void
  /** `size` bytes are missing before what comes next; null: unknown how many (start in mid-stream). */
  hole(connection: SeenConnection, direction: Direction, size: number | null, cause: HoleCause, frame: FrameRef): void
  /** Something about the transport that a diagnosis may want. */
  trouble(connection: SeenConnection, direction: Direction, what: TcpTrouble, frame: FrameRef): void
  ended(connection: SeenConnection, ending: SeenEnding): void
}

export type TcpTrouble = 'retransmission' | 'zero-window' | 'window-open' | 'keep-alive'
