import { Decoder, Encoder } from '@msgpack/msgpack'
import { TransportError } from '../transport/errors.js'
import { messagePackFault } from './message-pack-shape.js'

/** Largest frame that is ever made or taken; each side of a connection sets its own, lower bound. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024
const LENGTH_BYTES = 4
const BUFFER_BYTES_MIN = 4096
/** A buffer that grew beyond this is given back once it is empty. */
const BUFFER_BYTES_KEPT_MAX = 262_144
const DEPTH_MAX = 64

const encoder = new Encoder({ ignoreUndefined: true })
const decoder = new Decoder()
const NO_BYTES = Buffer.alloc(0)

/** A value as it goes over a connection: its length as u32 little-endian, then MessagePack. */
export function encodeFrame(value: unknown): Buffer {
  const body = encoder.encodeSharedRef(value)
  if (body.length > FRAME_BYTES_MAX) throw frameError(`a frame of ${body.length} bytes is too large`)
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + body.length)
  frame.writeUInt32LE(body.length)
  frame.set(body, LENGTH_BYTES)
  return frame
}

/** Puts frames together from chunks of any size. Never allocates for bytes that have not come, nor for elements that are
 *  only claimed. */
export class FrameReader {
  /** Longest frame, bytes. */
  bytesMax: number
  /** Most elements of arrays and maps in one frame. */
  itemsMax: number
  #bytes = NO_BYTES
  #used = 0

  constructor(bytesMax: number, itemsMax = Number.POSITIVE_INFINITY) {
    this.bytesMax = bytesMax
    this.itemsMax = itemsMax
  }

  /** Bytes of a frame that is not whole. */
  get bytesHeld(): number {
    return this.#used
  }

  /** Values of the frames that are complete now; Uint8Arrays in them are theirs to keep. Throws
   *  `MSMQ_TRANSPORT_FRAME` when a frame is longer than `bytesMax` or is not MessagePack; nothing can follow then. */
  push(chunk: Buffer): unknown[] {
    this.#append(chunk)
    const values: unknown[] = []
    let at = 0
    while (this.#used - at >= LENGTH_BYTES) {
      const length = this.#bytes.readUInt32LE(at)
      if (length > this.bytesMax) throw frameError(`a frame of ${length} bytes is too large`)
      const end = at + LENGTH_BYTES + length
      if (end > this.#used) break
      // A copy that is not a Buffer: what is decoded are views of it, of its kind.
      values.push(this.#decode(new Uint8Array(this.#bytes.subarray(at + LENGTH_BYTES, end))))
      at = end
    }
    if (at > 0) this.#drop(at)
    return values
  }

  #append(chunk: Buffer): void {
    const needed = this.#used + chunk.length
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2, BUFFER_BYTES_MIN))
      larger.set(this.#bytes.subarray(0, this.#used))
      this.#bytes = larger
    }
    this.#bytes.set(chunk, this.#used)
    this.#used = needed
  }

  #drop(bytes: number): void {
    this.#bytes.copyWithin(0, bytes, this.#used)
    this.#used -= bytes
    if (this.#used === 0 && this.#bytes.length > BUFFER_BYTES_KEPT_MAX) this.#bytes = NO_BYTES
  }

  #decode(body: Uint8Array): unknown {
    const fault = messagePackFault(body, { depthMax: DEPTH_MAX, itemsMax: this.itemsMax })
    if (fault !== null) throw frameError(`a frame is not MessagePack as it must be: ${fault}`)
    try {
      return decoder.decode(body)
    } catch (error) {
      throw frameError('a frame is not MessagePack', { cause: error })
    }
  }
}

function frameError(what: string, options?: ErrorOptions): TransportError {
  return new TransportError('MSMQ_TRANSPORT_FRAME', 'channel', 'peer', what, options)
}
