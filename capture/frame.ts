/** One frame of a capture, whatever the file it came from. */

/** Where frames were captured: an interface of a pcapng section, or the one of a classic file. */
export interface CaptureInterface {
  /** Over all files, from 0 in the order met. */
  readonly index: number
  /** The file's name as given; `-` is standard input. */
  readonly file: string
  /** From 0 in the order of the files. */
  readonly fileIndex: number
  /** LINKTYPE_… by its number. */
  readonly linkType: number
  readonly name: string | null
  readonly description: string | null
  /** Bytes kept of a frame at most; 0 is no limit. */
  readonly snapLength: number
  /** Time stamps of frames count these. Up to 2^53 are exact. */
  readonly ticksPerSecond: number
}

/** What names a frame to people and to machines. Small: evidence keeps it when the frame is long gone. */
export interface FrameRef {
  /** From 1 in its own file, as Wireshark counts. */
  readonly number: number
  readonly fileIndex: number
  /** Microseconds since 1970, to a quarter of one. */
  readonly timeUs: number
}

export interface Frame {
  readonly ref: FrameRef
  readonly on: CaptureInterface
  /** As captured, from the link layer on. A view, valid until the next frame is asked for. */
  readonly bytes: Buffer
  /** What it had on the wire. */
  readonly originalLength: number
  readonly comments: readonly string[] | null
}
