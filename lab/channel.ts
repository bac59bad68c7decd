import type { Socket } from 'node:net'
import { encodeFrame, FRAME_BYTES_MAX, FrameReader } from '../control/frames.js'

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
