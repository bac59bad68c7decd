import { spawn } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { PlaneError } from '../plane.js'

/** Debian puts what root needs where only root's PATH looks. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

const searchPath = () => [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS].filter(Boolean)

/** Full path of a program, or null where it is not installed. */
export function findProgram(name: string): string | null {
  for (const folder of searchPath()) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // the next folder may have it
    }
  }
  return null
}

/** Why network namespaces cannot be had here, in one line with the remedy; null where they can. */
export function namespacesLacking(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux: use the proxy plane here'
  const missing = ['ip', 'nft'].filter(program => findProgram(program) === null)
  if (missing.length > 0)
    return `${missing.join(' and ')} not found: install nftables and iproute2 (Debian: apt-get install nftables iproute2)`
  if (process.getuid?.() !== 0) return 'network namespaces need root: run it as root (sudo), or use the proxy plane'
  if (!mayAdminister())
    return 'root is without CAP_SYS_ADMIN or CAP_NET_ADMIN here: run the container with both, or use the proxy plane'
  return null
}

/** Bits of capabilities(7). */
const CAP_NET_ADMIN = 1n << 12n
const CAP_SYS_ADMIN = 1n << 21n

function mayAdminister(): boolean {
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
  const needed = CAP_NET_ADMIN | CAP_SYS_ADMIN
  return (BigInt(`0x${effective}`) & needed) === needed
}

/** A program ended with an exit code other than 0. `message` is the first line that it wrote to stderr. */
export class ProgramFailure extends Error {
  override readonly name = 'ProgramFailure'
}

/** Runs to its end with `input` on stdin; what it wrote to stdout. Rejects with a {@link ProgramFailure}. */
export function runProgram(name: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: searchPath().join(delimiter) }
    const child = spawn(findProgram(name) ?? name, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    let output = ''
    let complaint = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text
    })
    child.once('error', error => reject(new ProgramFailure(`${name}: ${error.message}`, { cause: error })))
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output)
      else
        reject(new ProgramFailure(`${name}: ${complaint.trim().split('\n', 1)[0] || `ended with ${signal ?? code}`}`))
    })
    // it may end without reading all
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** What was tried, and the system's word for why it failed. */
export function kernelError(what: string, cause: unknown): PlaneError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new PlaneError('MSMQ_PLANE_KERNEL', 'kernel', `${what}: ${why}`, { cause, definite: false })
}
