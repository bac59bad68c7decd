interface Waiting {
  readonly run: () => void
  readonly discard: ((how: 'process' | 'power') => void) | undefined
}

/**
 * Between the kernel of one machine and its processes: connections, bytes, datagrams, timers and finished writes. While
 * the processes are stopped, as by a debugger or a host that gives them no time, all of that waits here, in order. The
 * kernel goes on: it accepts connections, takes as many bytes as its buffers hold, and finishes writes.
 *
 * A machine that stands still whole, its kernel too, is one that is stopped and cut off from the network.
 */
export class ProcessInputs {
  #stopped = false
  #waiting: Waiting[] = []

  get isStopped(): boolean {
    return this.#stopped
  }

  /** Whether what comes now has to wait. */
  get isHolding(): boolean {
    return this.#stopped || this.#waiting.length > 0
  }

  /** Hands something to the processes: now, or when they go on. `discard` is called instead when they end before. */
  take(run: () => void, discard?: (how: 'process' | 'power') => void): void {
    if (this.isHolding) this.#waiting.push({ run, discard })
    else run()
  }

  stop(): void {
    this.#stopped = true
  }

  /** All that waited is handed over before this returns, unless the processes are stopped again meanwhile. */
  resume(): void {
    this.#stopped = false
    while (!this.#stopped) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      next.run()
    }
  }

  /** The processes ended. What waited is nobody's, and the next ones are not stopped. */
  end(how: 'process' | 'power'): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#stopped = false
    for (const { discard } of waiting) discard?.(how)
  }
}
