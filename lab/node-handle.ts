import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { ConnectionClosed, ProxiedRequest, ProxyDecision } from '../gateway/planes/proxy-events.js'
import { MqlabError } from '../protocol/errors.js'
import type { Note } from '../queue-manager/notes.js'
import { Channel } from './channel.js'
import type { LabMessage, NodeMessage, NodeSample } from './channel-messages.js'
import type { ClusterFault } from './cluster-fault.js'
import type { ClusterMap } from './cluster-map.js'
import type { Injection } from './faults/rule-book.js'
import type { Opened } from './lab-node.js'
import type { NodeReport, NodeSpec } from './node-spec.js'

/** How a node ended. `failure` is what it said itself; a killed node has a signal and says nothing. */
export interface NodeExit {
  readonly node: string
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly failure: { readonly code: string; readonly message: string } | null
  /** Whether it had been told to stop and gave its final report. */
  readonly orderly: boolean
}

export interface NodeHandleOptions {
  /** Default a process. A thread starts faster, but shares the fate of the lab's process. */
  readonly as?: 'process' | 'thread'
  /** Words that a process's command begins with, such as `ip netns exec NAME`. What they start has to keep its id. */
  readonly inside?: readonly string[]
  /** How long a node may take to be ready. Default 20,000 ms. */
  readonly startTimeoutMs?: number
  onNotes?(node: string, notes: readonly Note[]): void
  onDecisions?(
    node: string,
    decisions: readonly ProxyDecision[],
    closed: readonly ConnectionClosed[],
    requests: readonly ProxiedRequest[],
  ): void
  onInjected?(node: string, injections: readonly Injection[]): void
  onClusterMap?(node: string, atMs: number, owners: ClusterMap): void
  onSample?(node: string, sample: NodeSample): void
  /** What it has to say for itself so far, again and again. */
  onReport?(report: NodeReport): void
  /** At once when the node ends, in whatever way. */
  onExit?(exit: NodeExit): void
}

/** A node did not come to be what it was to be. `code` is the node's own where it gave one. */
export class NodeError extends MqlabError {
  readonly node: string

  constructor(node: string, code: string, what: string) {
    super(code.startsWith('MSMQ_') ? (code as `MSMQ_${string}`) : 'MSMQ_LAB_NODE_BROKEN', `node ${node}: ${what}`, true)
    this.node = node
  }
}

const NODE_MAIN = new URL('./node-main.js', import.meta.url)
const START_TIMEOUT_MS = 60_000
/** A machine that is busy with many nodes takes its time; one that hangs is killed. */
const STOP_TIMEOUT_MS = 20_000
const HELLO_BYTES_MAX = 1024

/** Starts a node and waits until it listens. Throws `NodeError` when it cannot. */
export async function launchNode(spec: NodeSpec, options: NodeHandleOptions = {}): Promise<NodeHandle> {
  const handle = new NodeHandle(spec, options)
  try {
    await handle.opened()
  } catch (error) {
    handle.kill()
    await handle.exited
    throw error
  }
  return handle
}

/** The lab's side of one node: its words come in, the lab's go out, and its end is noticed at once. */
export class NodeHandle {
  readonly spec: NodeSpec
  /** Resolves when the node is gone. Never rejects. */
  readonly exited: Promise<NodeExit>
  /** Resolves when the workload is done, or the node is gone. */
  readonly done: Promise<void>
  readonly #options: NodeHandleOptions
  readonly #token = randomBytes(16).toString('hex')
  readonly #line: Line
  readonly #server: Server
  readonly #ready = deferred<Opened>()
  readonly #done = deferred<void>()
  readonly #exited = deferred<NodeExit>()
  #process: ChildProcess | null = null
  #worker: Worker | null = null
  #channel: Channel<LabMessage, NodeMessage> | null = null
  #report: NodeReport | null = null
  #sample: NodeSample | null = null
  #failure: NodeExit['failure'] = null
  #ended: { exitCode: number | null; signal: NodeJS.Signals | null } | null = null
  #channelClosed = false

  constructor(spec: NodeSpec, options: NodeHandleOptions) {
    this.spec = spec
    this.#options = options
    this.exited = this.#exited.promise
    this.done = this.#done.promise
    // Whoever does not ask for it must not be ended by its failure.
    this.#ready.promise.catch(() => undefined)
    this.#line = privateLine()
    this.#server = createServer(socket => this.#greet(socket))
    this.#server.on('error', error => this.#ready.reject(error))
    this.#server.listen(this.#line.path, () => this.#spawn())
  }

  get name(): string {
    return this.spec.name
  }

  /** The newest report: `partial` until the node was stopped in order. */
  get report(): NodeReport | null {
    return this.#report
  }

  get lastSample(): NodeSample | null {
    return this.#sample
  }

  get running(): boolean {
    return this.#ended === null
  }

  /** Where the node listens, once it does. */
  async opened(): Promise<Opened> {
    const timeoutMs = this.#options.startTimeoutMs ?? START_TIMEOUT_MS
    const timer = setTimeout(
      () => this.#ready.reject(new NodeError(this.name, 'MSMQ_LAB_NODE_LATE', `not ready after ${timeoutMs} ms`)),
      timeoutMs,
    )
    try {
      return await this.#ready.promise
    } finally {
      clearTimeout(timer)
    }
  }

  /** Of its process; undefined for a thread. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** @param elapsedMs how long ago the load began, of a machine that starts again */
  start(elapsedMs = 0): void {
    this.#channel?.send({ type: 'start', elapsedMs })
  }

  drain(): void {
    this.#channel?.send({ type: 'drain' })
  }

  /** Of a gateway: something befalls its hosts. */
  fault(fault: ClusterFault): void {
    this.#channel?.send({ type: 'fault', fault })
  }

  /** Has the node end in order and waits for it; a node that takes longer than `timeoutMs` is killed. */
  async stop(timeoutMs = STOP_TIMEOUT_MS): Promise<NodeExit> {
    this.#channel?.send({ type: 'stop' })
    const timer = setTimeout(() => this.kill(), timeoutMs)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }

  /** As a crash would. A thread has no signals: it is terminated. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.#process !== null) this.#process.kill(signal)
    else if (this.#worker !== null) void this.#worker.terminate()
    else this.#exit(null, null)
  }

  #spawn(): void {
    const { path } = this.#line
    if (this.#options.as === 'thread') {
      const lab: LabAddress = { path, token: this.#token }
      this.#worker = new Worker(NODE_MAIN, { workerData: lab })
      this.#worker.on('error', error => {
        this.#failure ??= { code: 'MSMQ_LAB_NODE_BROKEN', message: String(error) }
      })
      this.#worker.on('exit', exitCode => this.#exit(exitCode, null))
      return
    }
    // Options meant for this process, a profiler's or a test runner's, are not meant for its nodes.
    const { NODE_OPTIONS: _, ...env } = process.env
    const command = [process.execPath, '--enable-source-maps', fileURLToPath(NODE_MAIN)]
    const [program = '', ...words] = [...(this.#options.inside ?? []), ...command]
    this.#process = spawn(program, words, {
      env: { ...env, MQLAB_LAB_PATH: path, MQLAB_LAB_TOKEN: this.#token },
      stdio: ['ignore', 2, 2],
    })
    this.#process.on('error', error => {
      this.#failure ??= { code: 'MSMQ_LAB_NODE_BROKEN', message: String(error) }
      if (this.#process?.pid === undefined) this.#exit(null, null)
    })
    this.#process.on('exit', (exitCode, signal) => this.#exit(exitCode, signal))
  }

  /** Only whoever knows the token is the node; others are shown the door. */
  #greet(socket: Socket): void {
    const channel = new Channel<LabMessage, NodeMessage>(socket, HELLO_BYTES_MAX)
    channel.listen({
      onMessage: message => {
        if (this.#channel !== null || message?.type !== 'hello' || !sameToken(message.token, this.#token)) {
          channel.destroy()
          return
        }
        this.#channel = channel
        this.#closeDoor()
        channel.trust()
        channel.listen({ onMessage: message => this.#heard(message), onClosed: () => this.#lost() })
        channel.send({ type: 'configure', spec: this.spec })
      },
      onClosed: () => undefined,
    })
  }

  #closeDoor(): void {
    this.#server.close()
    this.#line.remove()
  }

  #heard(message: NodeMessage): void {
    switch (message.type) {
      case 'ready':
        this.#ready.resolve(message)
        break
      case 'notes':
        this.#options.onNotes?.(this.name, message.notes)
        break
      case 'decisions':
        this.#options.onDecisions?.(this.name, message.decisions, message.closed, message.requests ?? [])
        break
      case 'injected':
        this.#options.onInjected?.(this.name, message.injections)
        break
      case 'cluster-map':
        this.#options.onClusterMap?.(this.name, message.atMs, message.owners)
        break
      case 'sample':
        this.#sample = message.sample
        this.#options.onSample?.(this.name, message.sample)
        break
      case 'ledger':
        this.#report = message.report
        this.#options.onReport?.(message.report)
        break
      case 'done':
        this.#done.resolve()
        break
      case 'failed':
        this.#failure ??= { code: message.code, message: message.message }
        break
      case 'hello':
        break
    }
  }

  /** The channel ends with the node, or before it when the node hangs on its way out. */
  #lost(): void {
    this.#channelClosed = true
    this.#settle()
  }

  #exit(exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (this.#ended !== null) return
    this.#ended = { exitCode, signal }
    this.#closeDoor()
    if (this.#channel === null) this.#channelClosed = true
    this.#settle()
  }

  /** The node is gone when its process is and its last words were read. */
  #settle(): void {
    if (this.#ended === null || !this.#channelClosed) return
    const orderly = this.#report !== null && !this.#report.partial
    const exit: NodeExit = { node: this.name, ...this.#ended, failure: this.#failure, orderly }
    const why = this.#failure?.message ?? `ended before it was ready (${exit.signal ?? `exit ${exit.exitCode}`})`
    this.#ready.reject(new NodeError(this.name, this.#failure?.code ?? 'MSMQ_LAB_NODE_ENDED', why))
    this.#done.resolve()
    this.#exited.resolve(exit)
    this.#options.onExit?.(exit)
  }
}

/** Where a node finds its lab: a socket that has a path, for a node may live in a network with a loopback of its own. */
export interface LabAddress {
  readonly path: string
  readonly token: string
}

interface Line {
  readonly path: string
  remove(): void
}

/** A socket's place that nobody else can look into; the token is asked for all the same. */
function privateLine(): Line {
  if (process.platform === 'win32')
    return { path: `\\\\.\\pipe\\mqlab-${randomBytes(16).toString('hex')}`, remove: () => undefined }
  const folder = mkdtempSync(join(tmpdir(), 'mqlab-line-'))
  return { path: join(folder, 'lab'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

function sameToken(given: unknown, token: string): boolean {
  if (typeof given !== 'string') return false
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}
