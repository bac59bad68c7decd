import { randomInt, randomUUID } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { mkdtempSync, rmSync } from 'node:fs'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, connect } from '../control/client.js'
import { startControlServer } from '../control/control-server.js'
import { hostOf, isHttp, parseFormatNames } from '../protocol/format-name.js'
import { NO_REDIRECTIONS } from '../queue-manager/http/redirections.js'
import type { Note } from '../queue-manager/notes.js'
import { QueueManager } from '../queue-manager/queue-manager.js'
import { createSettings } from '../queue-manager/settings.js'
import { MemoryStore } from '../store/memory-store.js'
import { Driver } from '../transport/driver.js'
import { systemCode, TransportError } from '../transport/errors.js'
import { createResolver } from '../transport/resolver.js'
import { fail } from './output.js'
import { driverHttp, engineHttp, freePort, type HttpConfig, ownUrl } from './qm-http.js'

/** How far the packets of a message have come: on the wire, or taken over by the next queue manager. */
export type Passage = 'sent' | 'acknowledged'

export interface TemporaryOptions {
  /** Direct format names that are going to be sent to. */
  readonly destination: string
  /** Port of the binary protocol that the destination listens on, and that it sends its acknowledgements to. */
  readonly port: number
  /** PEM text: whose certificates are believed. Default: the platform's. */
  readonly ca?: string
  /** Host by which the destination reaches this machine over HTTP. Default: the address that it sees. */
  readonly httpName?: string
}

const LINGER_MS = 300

/** What is the same for every attempt to start one. */
interface Setting {
  readonly address: string
  readonly port: number
  readonly http: HttpConfig | null
  readonly passages: Passages
}

/**
 * A queue manager for the time of one command, with a name and identity of its own, and its messages in memory. It
 * listens where the destination sees it coming from, for acknowledgements are messages that come to that address; where
 * the destination is reached over HTTP, they come over HTTP to a port of its own.
 */
export class TemporaryQueueManager {
  readonly client: Client
  readonly address: string
  /** `http://host:port` that receipts come to; null when nothing is sent over HTTP. */
  readonly httpUrl: string | null
  /** Why no acknowledgements can come to it, or null when they can. */
  readonly unreachable: string | null
  readonly #passages: Passages
  readonly #close: () => Promise<void>

  private constructor(
    client: Client,
    { address, http, passages }: Setting,
    unreachable: string | null,
    close: () => Promise<void>,
  ) {
    this.client = client
    this.address = address
    this.httpUrl = http === null ? null : ownUrl(http, address)
    this.unreachable = unreachable
    this.#passages = passages
    this.#close = close
  }

  static async start(options: TemporaryOptions): Promise<TemporaryQueueManager> {
    const { destination, port } = options
    const address = await sourceAddress(await firstAddress(destination))
    const http = usesHttp(destination) ? await httpOf(address, options) : null
    const setting = { address, port, http, passages: new Passages() }
    // Nothing comes to the binary port in answer to HTTP.
    let driver = createDriver(setting, isHttpOnly(destination) ? 0 : port)
    let unreachable: string | null = null
    try {
      await driver.start()
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
      unreachable = `port ${port} of ${address} cannot be listened on (${systemCode(error.cause)})`
      driver = createDriver(setting, 0)
      await driver.start()
    }
    const directory = mkdtempSync(join(tmpdir(), 'mqlab-send-'))
    const close = async () => {
      await driver.stop()
      rmSync(directory, { recursive: true, force: true })
    }
    try {
      const path = join(directory, 'control.sock')
      const server = await startControlServer({ driver, listen: { path } })
      const client = await connect(path)
      return new TemporaryQueueManager(client, setting, unreachable, async () => {
        await client.close()
        await server.close()
        await close()
      })
    } catch (error) {
      await close()
      throw error
    }
  }

  /** Resolves when the message has come so far; {@link trouble} says why it does not. */
  passed(id: string, passage: Passage): Promise<void> {
    return this.#passages.wait(Number(id.split('\\')[1]), passage)
  }

  /** Resolves when the destination refuses the message, with how; never for most. */
  refused(id: string): Promise<string> {
    return this.#passages.refusal(Number(id.split('\\')[1]))
  }

  /** Why nothing goes on, as far as is known. */
  async trouble(): Promise<string | null> {
    const queues = await this.client.outgoing()
    return queues.find(({ lastFailure }) => lastFailure !== null)?.lastFailure ?? null
  }

  close(): Promise<void> {
    return this.#close()
  }
}

/** Follows messages by the queue manager's notes. */
class Passages {
  readonly #reached = new Map<number, Passage>()
  readonly #waiting = new Map<number, { readonly passage: Passage; readonly resolve: () => void }[]>()
  /** Places of transactional messages in their sequences, whose order acks name the last one they are about. */
  readonly #places = new Map<string, Map<number, number>>()
  readonly #transactional = new Set<number>()
  readonly #refused = new Map<number, string>()
  readonly #waitingForRefusal = new Map<number, (how: string) => void>()

  note(note: Note): void {
    if (note.kind === 'sent') {
      this.#reach(note.messageId, 'sent')
      if (note.tx === null) return
      this.#transactional.add(note.messageId)
      const places = this.#places.get(note.tx.sequence) ?? new Map<number, number>()
      this.#places.set(note.tx.sequence, places.set(note.tx.number, note.messageId))
    } else if (note.kind === 'session-acked') {
      if (!this.#transactional.has(note.messageId)) this.#reach(note.messageId, 'acknowledged')
    } else if (note.kind === 'order-ack-received' && note.result === 'matched') {
      const places = this.#places.get(note.sequence)
      if (places === undefined) return
      for (const [number, messageId] of places)
        if (number <= note.number) {
          places.delete(number)
          this.#reach(messageId, 'acknowledged')
        }
    } else if (note.kind === 'http-answered' && note.status === 400) {
      const how = `refused with HTTP status ${note.status}`
      this.#refused.set(note.messageId, how)
      this.#waitingForRefusal.get(note.messageId)?.(how)
    }
  }

  refusal(messageId: number): Promise<string> {
    const how = this.#refused.get(messageId)
    if (how !== undefined) return Promise.resolve(how)
    return new Promise(resolve => this.#waitingForRefusal.set(messageId, resolve))
  }

  wait(messageId: number, passage: Passage): Promise<void> {
    const reached = this.#reached.get(messageId)
    if (reached === passage || reached === 'acknowledged') return Promise.resolve()
    return new Promise(resolve => {
      this.#waiting.set(messageId, [...(this.#waiting.get(messageId) ?? []), { passage, resolve }])
    })
  }

  #reach(messageId: number, passage: Passage): void {
    if (this.#reached.get(messageId) !== 'acknowledged') this.#reached.set(messageId, passage)
    const waiting = this.#waiting.get(messageId)
    if (waiting === undefined) return
    const still = waiting.filter(each => each.passage !== passage && passage !== 'acknowledged')
    for (const each of waiting) if (!still.includes(each)) each.resolve()
    if (still.length === 0) this.#waiting.delete(messageId)
    else this.#waiting.set(messageId, still)
  }
}

function createDriver({ address, port, http, passages }: Setting, listenPort: number): Driver<QueueManager> {
  const store = new MemoryStore()
  return new Driver({
    engine: new QueueManager({
      name: `SEND-${process.pid}`,
      guid: randomUUID(),
      addresses: [address],
      settings: createSettings({ MsmqIpPort: port }),
      sequenceTimeStamp: Math.floor(Date.now() / 1000),
      packets: store,
      ...(http !== null && { http: engineHttp(http) }),
    }),
    store,
    resolver: createResolver({ system: true }),
    listen: { address, port: listenPort },
    ...(http !== null && driverHttp(http)),
    localAddress: address,
    limits: { lingerMs: LINGER_MS },
    onNote: note => passages.note(note),
  })
}

const usesHttp = (destination: string) => parseFormatNames(destination).some(isHttp)
const isHttpOnly = (destination: string) => parseFormatNames(destination).every(isHttp)

/** Receipts come by plain HTTP whatever the message goes by: there is no certificate for one command. */
async function httpOf(address: string, { ca, httpName }: TemporaryOptions): Promise<HttpConfig> {
  const http = { address, port: await freePort(address) }
  const config = { http, https: undefined, ca, aliases: [], name: httpName ?? address }
  const defaultStreamReceipt = `${ownUrl(config, address)}/msmq/private$/order_queue$`
  return { ...config, redirections: { ...NO_REDIRECTIONS, defaultStreamReceipt } }
}

/** IP address of the first element of a destination. */
async function firstAddress(destination: string): Promise<string> {
  for (const name of parseFormatNames(destination)) {
    if (name.kind !== 'direct' || name.protocol === 'SPX' || name.protocol === 'IPX')
      fail(
        `--to ${destination}: without a running queue manager only DIRECT=TCP:, OS:, HTTP: and HTTPS: names can be found; start one with mqlab qm`,
      )
    const host = hostOf(name)
    if (isIP(host) !== 0) return host
    try {
      return (await lookup(host)).address
    } catch (error) {
      fail(`--to ${destination}: the address of ${host} cannot be found (${systemCode(error)})`, { cause: error })
    }
  }
  return fail(`--to ${destination}: names no queue`)
}

/** The own address that a connection to `destination` comes from. On the loopback of Linux any is there to be chosen, and
 *  one of its own has port 1801 free. */
async function sourceAddress(destination: string): Promise<string> {
  if (destination.startsWith('127.') && process.platform === 'linux')
    return `127.${randomInt(224, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`
  const socket = createSocket(isIP(destination) === 6 ? 'udp6' : 'udp4')
  try {
    // Connecting a UDP socket sends nothing; it makes the system choose the address.
    return await new Promise<string>((resolve, reject) => {
      socket.once('error', reject)
      socket.connect(1801, destination, () => resolve(socket.address().address))
    })
  } catch (error) {
    return fail(`there is no way from this machine to ${destination} (${systemCode(error)})`, { cause: error })
  } finally {
    socket.close()
  }
}
