/** A transaction of a client's connection, made by `Client.begin` or `Client.transaction`. */
export class Transaction {
  readonly id: number
  readonly #end: (how: 'commit' | 'abort') => Promise<unknown>
  #ended = false

  constructor(id: number, end: (how: 'commit' | 'abort') => Promise<unknown>) {
    this.id = id
    this.#end = end
  }

  /** Committed or aborted, or on the way to it. */
  get ended(): boolean {
    return this.#ended
  }

  /** Resolves when all of it is durable. Rejected, none of it has happened; but with MSMQ_CONTROL_CLOSED that is unknown. */
  async commit(): Promise<void> {
    this.#ended = true
    await this.#end('commit')
  }

  /** What was sent is not, and received messages are back in their places. */
  async abort(): Promise<void> {
    this.#ended = true
    await this.#end('abort')
  }
}
