import type { CaptureInterface, Frame, FrameRef } from '../frame.js'

/** What a file says of an interface, all of it: so that frames can be written again as they were. */
export interface InterfaceDetails extends CaptureInterface {
  /** As pcapng has it: 10 to the minus that, or with the top bit set 2 to the minus the rest. */
  readonly resolution: number
  /** Stamps are whole seconds and a fraction in ticks; else the halves of a 64-bit number of ticks. */
  readonly stampsAreSeconds: boolean
  /** Added to every stamp. */
  readonly offsetSeconds: number
  readonly filter: string | null
  readonly system: string | null
  readonly comments: readonly string[]
}

/** Options of a packet as they lie in the file, and how to read them. */
export interface PacketOptions {
  readonly bytes: Buffer
  readonly isBigEndian: boolean
}

/** A frame as the readers give it: with what is needed to write it again. */
export class CapturedFrame implements Frame {
  readonly ref: FrameRef
  readonly on: InterfaceDetails
  readonly bytes: Buffer
  readonly originalLength: number
  readonly comments: readonly string[] | null
  /** The stamp as it lies in the file: what its halves mean, `on.stampsAreSeconds` tells. */
  readonly stampUpper: number
  readonly stampLower: number
  /** A view like `bytes`. */
  readonly options: PacketOptions | null

  constructor(
    ref: FrameRef,
    on: InterfaceDetails,
    bytes: Buffer,
    originalLength: number,
    comments: readonly string[] | null,
    stampUpper: number,
    stampLower: number,
    options: PacketOptions | null,
  ) {
    this.ref = ref
    this.on = on
    this.bytes = bytes
    this.originalLength = originalLength
    this.comments = comments
    this.stampUpper = stampUpper
    this.stampLower = stampLower
    this.options = options
  }
}
