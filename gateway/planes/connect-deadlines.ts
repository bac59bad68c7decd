import type { Socket } from 'node:net'

/** Gives up connects that take too long, with one timer for all: a timer for each would cost more than it says. */
export class ConnectDeadlines {
  readonly #timeoutMs: number
  /** And when they began; the eldest first. */
  readonly #connecting = new Map<Socket, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  begun(socket: Socket): void {
    this.#connecting.set(socket, performance.now())
    this.#timer ??= this.#wake(this.#timeoutMs)
  }

  /** It is connected, or closed. */
  over(socket: Socket): void {
    this.#connecting.delete(socket)
  }

  #giveUp(): void {
    this.#timer = undefined
    const nowMs = performance.now()
    for (const [socket, begunMs] of this.#connecting) {
      const leftMs = begunMs + this.#timeoutMs - nowMs
      if (leftMs > 0) {
        this.#timer = this.#wake(leftMs)
        return
      }
      this.#connecting.delete(socket)
      socket.destroy(Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' }))
    }
  }

  /**
   * What connects keeps the process alive by itself. After a standstill timers fire first: what has been connected meanwhile
   * is heard of before anything is given up.
   */
  #wake(afterMs: number): NodeJS.Timeout {
    return setTimeout(() => setImmediate(() => this.#giveUp()), Math.ceil(afterMs)).unref()
  }
}
