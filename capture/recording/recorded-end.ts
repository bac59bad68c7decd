import type { Identifications } from './identifications.js'
import { type FrameEnd, TCP_ACK, TCP_SYN, type TcpFields } from './ip-frame.js'

const WINDOW_SCALE = 8
const NO_OPTIONS = Buffer.alloc(0)
/** An Ethernet frame holds 1,500 bytes, of which headers of TCP and IP take 40, or 60 over IPv6. */
const MTU_BYTES = 1500

/** One end of a recorded connection. Places in a stream are counted from its SYN, which takes the first, without wrapping. */
export class RecordedEnd implements FrameEnd {
  readonly mac: Uint8Array
  readonly ip: Uint8Array
  readonly port: number
  readonly segmentBytesMax: number
  /** Up to where this end has sent. */
  sent = 0
  /** Up to where it has got what the other sent, and up to where it has said so. */
  got = 0
  acknowledged = 0
  /** Where the other's segments end that it has got and not acknowledged. */
  readonly unacknowledged: number[] = []
  /** Where its own segments end that have not got there. */
  readonly underWay: number[] = []
  windowBytes: number
  isFinished = false
  readonly ids: Identifications
  readonly #initialSequence: number

  constructor({ mac, ip, port }: FrameEnd, initialSequence: number, windowBytes: number, ids: Identifications) {
    this.windowBytes = windowBytes
    this.ids = ids
    this.mac = mac
    this.ip = ip
    this.port = port
    this.segmentBytesMax = MTU_BYTES - (ip.length === 4 ? 40 : 60)
    this.#initialSequence = initialSequence
  }

  /** Of a frame to `other` that begins at `place` in this end's stream. */
  fields(other: RecordedEnd, flags: number, place: number): TcpFields {
    const isFirst = (flags & TCP_SYN) !== 0
    return {
      sequence: this.#at(place),
      acknowledgement: (flags & TCP_ACK) === 0 ? 0 : other.#at(this.acknowledged),
      flags,
      // that of a SYN is not scaled
      window: isFirst ? Math.min(this.windowBytes, 0xffff) : Math.floor(this.windowBytes / 2 ** WINDOW_SCALE),
      options: isFirst ? this.#synOptions() : NO_OPTIONS,
    }
  }

  #at(place: number): number {
    return (this.#initialSequence + place) % 2 ** 32
  }

  /** Maximum segment size, window scale, selective acknowledgements permitted: in the order of Windows. */
  #synOptions(): Uint8Array {
    const size = this.segmentBytesMax
    return Buffer.from([2, 4, size >> 8, size & 0xff, 1, 3, 3, WINDOW_SCALE, 1, 1, 4, 2])
  }
}
