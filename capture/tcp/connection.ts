import type { FrameRef } from '../frame.js'
import { Half } from './half.js'
import type { Direction, SeenConnection, SeenEnd } from './seen-connection.js'
import type { SilenceList } from './silence-list.js'

/** Its MAC may become known later than its address. */
export type ConnectionEnd = { -readonly [Key in keyof SeenEnd]: SeenEnd[Key] }

/** A connection as it is followed; what a {@link SeenConnection} shows goes on changing with it. */
export class Connection implements SeenConnection {
  readonly id: number
  readonly client: ConnectionEnd
  readonly server: ConnectionEnd
  readonly first: FrameRef
  opening: SeenConnection['opening'] = 'none'
  readonly frames: [number, number] = [0, 0]
  readonly bytes: [number, number] = [0, 0]
  readonly missing: [number, number] = [0, 0]
  readonly fromClient: Half
  readonly fromServer: Half
  /** Its end was told; only a SYN brings its ports back to life. */
  isOver = false
  /** Who sent the first FIN, where, and how long after the last payload; NaN before, since a whole number that becomes a
   *  fraction in one connection changes the shape of all, and code that was compiled for it is compiled again. */
  finBy: Direction | null = null
  finAt: FrameRef | null = null
  finIdleUs = Number.NaN
  /** Whose RST ended it, and the RST's sequence number. */
  resetBy: Direction | null = null
  resetSeq = 0
  last: FrameRef
  /** Of the last payload byte; of the first frame until there is one. */
  lastPayloadUs: number
  /** SYNs of the client, and when the last was sent. */
  synCount = 0
  lastSynUs = 0
  /** Something else than a SYN was seen, so that somebody answered. */
  isAnswered = false
  /** Its entry in the table, which of its ends is the lower one there, and which table. */
  readonly isClientLower: boolean
  readonly version: number
  entry = -1
  /** The list that it is in, and its neighbours there by how long they have been silent. */
  list: SilenceList | null = null
  older: Connection | null = null
  newer: Connection | null = null

  constructor(
    id: number,
    client: ConnectionEnd,
    server: ConnectionEnd,
    first: FrameRef,
    isClientLower: boolean,
    version: number,
  ) {
    this.id = id
    this.client = client
    this.server = server
    this.first = first
    this.last = first
    this.lastPayloadUs = first.timeUs
    this.isClientLower = isClientLower
    this.version = version
    this.fromClient = new Half(this, 0)
    this.fromServer = new Half(this, 1)
  }

  half(direction: Direction): Half {
    return direction === 0 ? this.fromClient : this.fromServer
  }
}
