import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { connect } from 'node:net'
import type { Address } from '../roles/address.js'

/** A program of the system that is measured beside ours: a peer, not a dependency, and absent where it is not installed. */
export interface ServerProgram {
  readonly path: string
  readonly version: string
}

export interface ServerStart {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Accepts connections once the server is ready. */
  readonly readyAt: Address
  readonly readyTimeoutMs?: number
  readonly stopTimeoutMs?: number
}

export interface RunningServer {
  readonly pid: number
  stop(): Promise<void>
}

/** Of this process, running now. */
const children = new Set<ChildProcess>()
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const READY_TIMEOUT_MS = 20_000
const VERSION_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 2000
const LOOK_AGAIN_MS = 20

/** The first of `places` that answers `args` with a version, or null where there is none. */
export function findProgram(places: readonly string[], args: readonly string[], version: RegExp): ServerProgram | null {
  for (const path of places) {
    try {
      const text = execFileSync(path, args, {
        encoding: 'utf8',
        timeout: VERSION_TIMEOUT_MS,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      return { path, version: version.exec(text)?.[1] ?? 'unknown' }
    } catch {}
  }
  return null
}

/** Starts a server in the foreground as a child of this process and waits until it accepts connections.
 *  Throws with what it wrote last when it does not. */
export async function startServer(path: string, start: ServerStart): Promise<RunningServer> {
  const env = { ...process.env, ...start.env }
  const child = spawn(path, start.args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  endWithUs(child)
  let complaint = ''
  const keep = (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  let failed = false
  child.once('error', error => {
    failed = true
    complaint = error.message
  })
  const stop = () => endProcess(child, start.stopTimeoutMs ?? STOP_TIMEOUT_MS)
  const deadline = Date.now() + (start.readyTimeoutMs ?? READY_TIMEOUT_MS)
  while (!(await isAccepting(start.readyAt))) {
    if (failed || child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`${path} did not start: ${complaint.trim() || 'no reason given'}`)
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_AGAIN_MS))
  }
  return { pid: child.pid!, stop }
}

/** A signal that ends this process ends the server first: it would go on by itself otherwise. */
function endWithUs(child: ChildProcess): void {
  if (children.size === 0) for (const signal of SIGNALS) process.once(signal, endAll)
  children.add(child)
  child.once('close', () => {
    children.delete(child)
    if (children.size === 0) for (const signal of SIGNALS) process.off(signal, endAll)
  })
}

function endAll(signal: NodeJS.Signals): void {
  for (const child of children) child.kill('SIGKILL')
  for (const other of SIGNALS) process.off(other, endAll)
  process.kill(process.pid, signal)
}

function isAccepting({ address, port }: Address): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: address, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function endProcess(child: ChildProcess, timeoutMs: number): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  await exited
  clearTimeout(timer)
}
