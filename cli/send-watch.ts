import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Queue } from '../control/client.js'
import { isHttp } from './client-queue-names.js'
import { fail } from './output.js'
import type { Wait } from './send-options.js'
import type { TemporaryQueueManager } from './temporary-queue-manager.js'

/** What became of a message, as far as was waited for. */
export interface SendResult {
  readonly good: boolean
  /** `accepted`, `sent`, `session-acked`, an acknowledgement's class, or why nothing came. */
  readonly outcome: string
}

const POSITIVE: ReadonlySet<string> = new Set(['ACK_REACH_QUEUE', 'ACK_RECEIVE'])
const BATCH = 100
/** More than what receivers put order acks off, by default, and than one under load stands still. */
const SETTLE_MS_MAX = 5_000

/** What is sent, by whom, and what is waited for. */
export interface Watched {
  readonly client: Client
  readonly temporary: TemporaryQueueManager | null
  readonly destination: string
  readonly transactional: boolean
  readonly wait: Wait
}

/** Waits for what is to become of messages: in a queue of its own, for acknowledgements that are messages. */
export class AcknowledgementWatch {
  /** Format name for the messages to name; null when acknowledgements are not waited for. */
  readonly adminQueue: string | null
  readonly #wait: Wait
  readonly #transactional: boolean
  readonly #queue: Queue | null
  readonly #temporary: TemporaryQueueManager | null
  readonly #timeoutMs: number
  readonly #seen = new Map<string, SendResult>()
  readonly #waiting = new Map<string, (result: SendResult) => void>()
  readonly #stop = new AbortController()
  /** One message has waited as long as it may, so that the others need not. */
  #late = false
  #reading: Promise<void> = Promise.resolve()

  private constructor(
    { temporary, transactional, wait }: Watched,
    timeoutMs: number,
    queue: Queue | null,
    adminQueue: string | null,
  ) {
    this.#wait = wait
    this.#transactional = transactional
    this.#temporary = temporary
    this.#timeoutMs = timeoutMs
    this.#queue = queue
    this.adminQueue = adminQueue
    if (queue !== null) this.#reading = this.#read(queue)
  }

  static async start(watched: Watched, timeoutMs: number): Promise<AcknowledgementWatch> {
    const { client, destination, temporary, wait } = watched
    if (wait !== 'reach' && wait !== 'receive') return new AcknowledgementWatch(watched, timeoutMs, null, null)
    const name = `private$\\mqlab-send-${randomBytes(6).toString('hex')}`
    const httpUrl = isHttp(destination) ? await httpUrlOf(client, temporary, wait) : null
    await client.createQueue({ name, label: 'acknowledgements that mqlab send waits for' })
    const queue = await client.open(name)
    return new AcknowledgementWatch(watched, timeoutMs, queue, adminQueue(queue, temporary, httpUrl))
  }

  /** The message of that id was accepted: what becomes of it. */
  async result(id: string): Promise<SendResult> {
    if (this.#wait === 'accepted') return { good: true, outcome: 'accepted' }
    const timer = new AbortController()
    const refused = this.#temporary?.refused(id).then(outcome => ({ good: false, outcome }))
    const result = await Promise.race([
      this.#awaited(id),
      ...(refused === undefined ? [] : [refused]),
      sleep(this.#late ? 0 : this.#timeoutMs, null, { signal: timer.signal }).catch(() => null),
    ])
    timer.abort()
    if (result !== null) return result
    this.#late = true
    const trouble = (await this.#temporary?.trouble()) ?? null
    return { good: false, outcome: `nothing came in time${trouble === null ? '' : ` (${trouble})`}` }
  }

  /** What acknowledges a temporary queue manager's last transactional message finds it still there, if it comes soon. */
  async settled(id: string): Promise<void> {
    if (this.#temporary === null || this.#queue === null || !this.#transactional) return
    const timer = new AbortController()
    const late = sleep(SETTLE_MS_MAX, null, { signal: timer.signal }).catch(() => null)
    await Promise.race([this.#temporary.passed(id, 'acknowledged'), late])
    timer.abort()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#reading
    await this.#queue?.delete()
  }

  async #awaited(id: string): Promise<SendResult> {
    if (this.#queue === null) {
      const passage = this.#wait === 'sent' ? 'sent' : 'acknowledged'
      await this.#temporary?.passed(id, passage)
      return { good: true, outcome: passage }
    }
    const seen = this.#seen.get(id)
    if (seen !== undefined) return seen
    return new Promise(resolve => this.#waiting.set(id, resolve))
  }

  async #read(queue: Queue): Promise<void> {
    const { signal } = this.#stop
    try {
      while (!signal.aborted)
        for (const { class: outcome, correlationId } of await queue.receiveMany(BATCH, { timeoutMs: 10_000, signal })) {
          if (correlationId === null) continue
          const result = { good: POSITIVE.has(outcome), outcome }
          this.#seen.set(correlationId, result)
          this.#waiting.get(correlationId)?.(result)
          this.#waiting.delete(correlationId)
        }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

/** Acknowledgements of messages over HTTP come over HTTP. */
async function httpUrlOf(client: Client, temporary: TemporaryQueueManager | null, wait: Wait): Promise<string> {
  const httpUrl = temporary === null ? (await client.status()).httpUrl : temporary.httpUrl
  if (httpUrl === null)
    fail(
      `--wait ${wait}: acknowledgements of messages over HTTP come over HTTP, and ${client.name} does not listen there; start it with mqlab qm --http PORT`,
    )
  return httpUrl
}

/** Whoever runs always is found by its identity; a temporary one is known to nobody but by its address. */
function adminQueue({ formatName, name }: Queue, temporary: TemporaryQueueManager | null, httpUrl: string | null) {
  if (httpUrl !== null) return `DIRECT=${httpUrl}/msmq/${name.replace('\\', '/')}`
  return temporary === null ? formatName : `DIRECT=TCP:${temporary.address}\\${name}`
}
