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
  /** What is between them has come, and was not read. */
  #start = 0
  #end = 0

  constructor(bytesMax: number, itemsMax = Number.POSITIVE_INFINITY) {
    this.bytesMax = bytesMax
    this.itemsMax = itemsMax
  }

  /** Bytes that have come, and that no frame was read of. */
  get bytesHeld(): number {
    return this.#end - this.#start
  }

  /** Values of the frames that are complete now, as {@link read} gives them. */
  push(chunk: Buffer): unknown[] {
    this.append(chunk)
    const values: unknown[] = []
    for (let frame = this.read(); frame !== null; frame = this.read()) values.push(frame.value)
    return values
  }

  append(chunk: Buffer): void {
    if (this.#end + chunk.length > this.#bytes.length) this.#makeRoom(this.bytesHeld + chunk.length)
    this.#bytes.set(chunk, this.#end)
    this.#end += chunk.length
  }

  /** The value of the next frame, or null while none is complete; Uint8Arrays in it are its own to keep. Throws
   *  `MSMQ_TRANSPORT_FRAME` when a frame is longer than `bytesMax` or is not MessagePack; nothing can follow then. */
  read(): { readonly value: unknown } | null {
    if (this.bytesHeld < LENGTH_BYTES) return null
    const length = this.#bytes.readUInt32LE(this.#start)
    if (length > this.bytesMax) throw frameError(`a frame of ${length} bytes is too large`)
    const start = this.#start + LENGTH_BYTES
    const end = start + length
    if (end > this.#end) return null
    // A copy that is not a Buffer: what is decoded are views of it, of its kind.
    const value = this.#decode(new Uint8Array(this.#bytes.subarray(start, end)))
    this.#start = end
    if (end === this.#end) this.#reset()
    return { value }
  }

  #reset(): void {
    this.#start = 0
    this.#end = 0
    if (this.#bytes.length > BUFFER_BYTES_KEPT_MAX) this.#bytes = NO_BYTES
  }

  /** Moves what is there to the front, of a larger buffer if need be. */
  #makeRoom(needed: number): void {
    const held = this.#bytes.subarray(this.#start, this.#end)
    const target =
      needed <= this.#bytes.length
        ? this.#bytes
        : Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2, BUFFER_BYTES_MIN))
    target.set(held)
    this.#bytes = target
    this.#end = held.length
    this.#start = 0
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
