import type { FrameRef } from '../capture/frame.js'
import type { Session } from './session.js'

/** What the capture lacks, and so what it cannot prove. */
export class Coverage {
  startUs = Number.POSITIVE_INFINITY
  endUs = 0
  /** Streams with bytes missing, and the bytes that are known to be. */
  holes = 0
  missingBytes = 0
  firstHole: FrameRef | null = null
  /** The first packet or envelope that could not be read: whatever it was, nobody knows. */
  firstMalformed: FrameRef | null = null
  /** Packets that are left out, since their checksums say that they are not as they were sent. */
  damagedPackets = 0
  firstDamaged: FrameRef | null = null
  lastDamaged: FrameRef | null = null
  /** MSMQ connections of which only one side was captured, and that began before the capture. */
  oneSided = 0
  midStream = 0
  /** Addresses that opened connections to MSMQ, and those that were opened to. */
  readonly #openers = new Set<string>()

  time(atUs: number): void {
    if (atUs < this.startUs) this.startUs = atUs
    if (atUs > this.endUs) this.endUs = atUs
  }

  opens(address: string): void {
    if (this.#openers.size < ADDRESSES_MAX) this.#openers.add(address)
  }

  hole(size: number | null, frame: FrameRef): void {
    this.holes += 1
    this.missingBytes += size ?? 0
    this.firstHole ??= frame
  }

  malformed(frame: FrameRef): void {
    this.firstMalformed ??= frame
  }

  damaged(frame: FrameRef): void {
    this.damagedPackets += 1
    this.firstDamaged ??= frame
    this.lastDamaged = frame
  }

  ended({ connection, ending }: Session): void {
    const isOneSided = connection.frames[0] === 0 || connection.frames[1] === 0
    // whom nobody answered shows that by trying again
    if (isOneSided && ending?.how !== 'unanswered') this.oneSided += 1
    if (connection.opening === 'none') this.midStream += 1
  }

  /** Why something that `address` would have sent in a connection of its own may be missing; empty: it would be here. */
  absenceOf(address: string): string[] {
    const reservations = this.ofStreams()
    if (this.oneSided > 0) reservations.push('of some connections only one direction was captured')
    if (!this.#openers.has(address))
      reservations.push(
        `the capture has no connection that ${address} opened, so what it sent may have gone another way`,
      )
    return reservations
  }

  /** Why something may have been said in bytes that are missing, or that nobody can read. */
  ofStreams(): string[] {
    const reservations: string[] = []
    if (this.firstHole !== null)
      reservations.push(
        `the capture has holes, the first at frame ${this.firstHole.number}: what is missed may lie there`,
      )
    if (this.firstMalformed !== null)
      reservations.push(`the packet in frame ${this.firstMalformed.number} cannot be read: what is missed may be in it`)
    if (this.firstDamaged !== null)
      reservations.push(
        `packets are damaged, the first in frame ${this.firstDamaged.number}: what is missed may be in one`,
      )
    return reservations
  }

  /** Why bytes that make no sense may not have been sent like that. */
  ofBytes(): string[] {
    return this.firstDamaged === null
      ? []
      : [
          `packets are damaged, the first in frame ${this.firstDamaged.number}: this may be another whose checksum does not show it`,
        ]
  }
}

const ADDRESSES_MAX = 100_000
