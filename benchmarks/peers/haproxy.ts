import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address } from '../roles/address.js'

/** Ceiling (b): HAProxy, one thread, layer 4. A peer, not a dependency: absent where it is not installed. */
export interface Haproxy {
  stop(): Promise<void>
}

export interface HaproxyRoute {
  readonly listen: Address
  readonly to: Address
}

/** Debian installs it where only root's PATH looks. */
const PLACES = ['haproxy', '/usr/sbin/haproxy', '/usr/local/sbin/haproxy']
const READY_TIMEOUT_MS = 5000
const STOP_TIMEOUT_MS = 2000

export interface HaproxyProgram {
  readonly path: string
  readonly version: string
}

/** The program and its version, or null where there is none. */
export function findHaproxy(): HaproxyProgram | null {
  for (const path of PLACES) {
    try {
      const text = execFileSync(path, ['-v'], { encoding: 'utf8', timeout: 5000, stdio: ['ignore', 'pipe', 'ignore'] })
      return { path, version: /version (\S+)/.exec(text)?.[1] ?? 'unknown' }
    } catch {}
  }
  return null
}

/** Starts HAProxy in the foreground as a child of this process and waits until it accepts. It listens on `readyAt` too, which refuses whatever connects: that shows readiness without opening a
 *  connection to the target. */
export async function startHaproxy({ path }: HaproxyProgram, route: HaproxyRoute, readyAt: Address): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'mqlab-haproxy-'))
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(file, haproxyConfiguration(route, readyAt))
  const child = spawn(path, ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000)
  })
  const stop = async () => {
    await endProcess(child)
    rmSync(folder, { recursive: true, force: true })
  }
  const deadline = Date.now() + READY_TIMEOUT_MS
  while (!(await isAccepting(readyAt))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`haproxy did not start: ${complaint.trim() || 'no reason given'}`)
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return { stop }
}

/** HAProxy's own defaults but for the one thread; `splice-auto` lets it move bytes without copying them where it judges
 *  that worth while, which can only raise the ceiling. */
export function haproxyConfiguration({ listen, to }: HaproxyRoute, readyAt: Address): string {
  const lines = [
    'global',
    '  nbthread 1',
    '  maxconn 1000',
    'defaults',
    '  mode tcp',
    '  option splice-auto',
    '  timeout connect 5s',
    '  timeout client 60s',
    '  timeout server 60s',
    'frontend ready',
    `  bind ${readyAt.address}:${readyAt.port}`,
    '  tcp-request connection reject',
    'listen cluster',
    `  bind ${listen.address}:${listen.port}`,
    `  server target ${to.address}:${to.port}`,
  ]
  return `${lines.join('\n')}\n`
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

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(timer)
}
