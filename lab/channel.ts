import type { Socket } from 'node:net'
import { Decoder, Encoder } from '@msgpack/msgpack'
import { TransportError } from '../transport/errors.js'

/** Largest frame either side takes or gives: the ledger of some 60 million messages. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024
const LENGTH_BYTES = 4
const FRAME_BUFFER_BYTES = 65_536
const ITEMS_MAX = 10_000_000

const encoder = new Encoder({ ignoreUndefined: true })
const decoder = new Decoder({ maxArrayLength: ITEMS_MAX, maxMapLength: ITEMS_MAX })
/** What a stranger may send is small, and the decoder makes room for as many items as an array says it has. */
const SMALL_BODY_BYTES_MAX = 1024
const smallDecoder = new Decoder({ maxArrayLength: SMALL_BODY_BYTES_MAX, maxMapLength: SMALL_BODY_BYTES_MAX })

/** A message as it goes over the channel: its length as u32 little-endian, then MessagePack. */
export function encodeFrame(message: unknown): Buffer {
  const body = encoder.encodeSharedRef(message)
  if (body.length > FRAME_BYTES_MAX)
    throw new TransportError('MSMQ_TRANSPORT_FRAME', 'channel', 'lab', `a frame of ${body.length} bytes is too large`)
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + body.length)
  frame.writeUInt32LE(body.length)
  frame.set(body, LENGTH_BYTES)
  return frame
}

/** Puts frames together from chunks of any size. Never allocates for bytes that have not come. */
export class FrameReader {
  bytesMax: number
  #bytes = Buffer.allocUnsafe(FRAME_BUFFER_BYTES)
  #used = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** Values of the frames that are complete now; Uint8Arrays in them are theirs to keep. Throws
   *  `MSMQ_TRANSPORT_FRAME` when a frame is longer than `bytesMax` or is not MessagePack; nothing can follow then. */
  push(chunk: Buffer): unknown[] {
    this.#append(chunk)
    const values: unknown[] = []
    let at = 0
    while (this.#used - at >= LENGTH_BYTES) {
      const length = this.#bytes.readUInt32LE(at)
      if (length > this.bytesMax)
        throw new TransportError('MSMQ_TRANSPORT_FRAME', 'channel', 'lab', `a frame of ${length} bytes is too large`)
      const end = at + LENGTH_BYTES + length
      if (end > this.#used) break
      // A copy that is not a Buffer: what is decoded are views of it, of its kind.
      values.push(decodeBody(new Uint8Array(this.#bytes.subarray(at + LENGTH_BYTES, end))))
      at = end
    }
    if (at > 0) {
      this.#bytes.copyWithin(0, at, this.#used)
      this.#used -= at
    }
    return values
  }

  #append(chunk: Buffer): void {
    const needed = this.#used + chunk.length
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
      larger.set(this.#bytes.subarray(0, this.#used))
      this.#bytes = larger
    }
    this.#bytes.set(chunk, this.#used)
    this.#used = needed
  }
}

function decodeBody(body: Uint8Array): unknown {
  try {
    return (body.length > SMALL_BODY_BYTES_MAX ? decoder : smallDecoder).decode(body)
  } catch (error) {
    throw new TransportError('MSMQ_TRANSPORT_FRAME', 'channel', 'lab', 'a frame is not MessagePack', { cause: error })
  }
}

/** Either end of the line between the lab and a node. `Out` and `In` are trusted once the token was right. */
export class Channel<Out, In> {
  readonly #socket: Socket
  readonly #reader: FrameReader
  #onMessage: (message: In) => void = () => undefined
  #onClosed: (error: Error | null) => void = () => undefined
  #error: Error | null = null

  constructor(socket: Socket, bytesMax = FRAME_BYTES_MAX) {
    this.#socket = socket
    this.#reader = new FrameReader(bytesMax)
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('error', error => (this.#error ??= error))
    socket.on('close', () => this.#onClosed(this.#error))
  }

  listen(handlers: { onMessage(message: In): void; onClosed(error: Error | null): void }): void {
    this.#onMessage = handlers.onMessage
    this.#onClosed = handlers.onClosed
  }

  /** The other side proved who it is: it may send large frames. */
  trust(): void {
    this.#reader.bytesMax = FRAME_BYTES_MAX
  }

  send(message: Out): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(message))
  }

  /** Sends what is still to be sent, then closes. */
  end(): void {
    this.#socket.end()
  }

  destroy(error?: Error): void {
    this.#socket.destroy(error)
  }

  #received(chunk: Buffer): void {
    try {
      for (const message of this.#reader.push(chunk)) this.#onMessage(message as In)
    } catch (error) {
      this.#socket.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
