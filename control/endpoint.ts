import { lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { createConnection, isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { OptionError } from '../protocol/errors.js'
import { ControlError } from './errors.js'

/* Where a queue manager listens for those who work with it, and how they find it:
 *
 *   1. what is given: a path or HOST:PORT              --control, connect()
 *   2. the environment variable MQLAB_CONTROL           the same two forms
 *   3. DATA/control.sock                                of a queue manager that keeps its data in DATA
 *   4. the one socket in the runtime directory that     NAME.sock, of one that keeps its messages in memory; or a link
 *      somebody listens on                              to that of one that has a data directory
 *
 * An NLB cluster has no data, a variable of its own, and NAME.nlb: neither is taken for the other. */

/** A Unix socket, or a TCP port. */
export type ControlEndpoint = { readonly path: string } | { readonly host: string; readonly port: number }

/** What can be found by its control socket. */
export interface ControlKind {
  readonly what: string
  /** Of its socket in the runtime directory. */
  readonly suffix: string
  /** The environment variable that names an endpoint. */
  readonly variable: string
  /** By what one of several is named. */
  readonly namedBy: string
  /** What to do where none runs. */
  readonly remedy: string
}

export const QUEUE_MANAGER: ControlKind = {
  what: 'queue manager',
  suffix: '.sock',
  variable: 'MQLAB_CONTROL',
  namedBy: '--data, --control or MQLAB_CONTROL',
  remedy: "start one with: mqlab qm --name NAME --queue 'private$\\q' (or name its --data or --control)",
}

export const NLB_CLUSTER: ControlKind = {
  what: 'NLB cluster',
  suffix: '.nlb',
  variable: 'MQLAB_NLB_CONTROL',
  namedBy: '--cluster, --control or MQLAB_NLB_CONTROL',
  remedy: 'start one with: mqlab nlb CONFIG.yaml (or name its --control)',
}

export const CONTROL_SOCKET_NAME = 'control.sock'
/** What fits into the system's address of a Unix socket, with its terminator: 108 bytes on Linux, 104 elsewhere. */
const PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103
const PROBE_MS = 1000
const SOCKETS_PROBED_MAX = 64

/** `HOST:PORT` or a path. @throws OptionError MSMQ_OPTION_CONTROL */
export function parseControlEndpoint(text: string): ControlEndpoint {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^/\\:]+)):(\d{1,5})$/i.exec(text)
  const allowed = `HOST:PORT, or the path of a Unix socket of at most ${PATH_BYTES_MAX} bytes`
  if (match === null) {
    if (text === '' || text.includes('\0') || Buffer.byteLength(text) > PATH_BYTES_MAX)
      throw new OptionError('MSMQ_OPTION_CONTROL', 'control', text, allowed)
    return { path: text }
  }
  const port = Number(match[3])
  if (port < 1 || port > 65_535) throw new OptionError('MSMQ_OPTION_CONTROL', 'control', text, allowed)
  return { host: match[1] ?? match[2]!, port }
}

/** As {@link parseControlEndpoint} reads it. */
export function controlEndpointText(endpoint: ControlEndpoint): string {
  if ('path' in endpoint) return endpoint.path
  return isIP(endpoint.host) === 6 ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`
}

/** Where a queue manager or cluster listens if it is not told: in its data directory, or as NAME.sock (NAME.nlb) in the
 *  runtime directory, which is created. @throws OptionError MSMQ_OPTION_CONTROL: the path is too long, or not ours alone. */
export function defaultControlEndpoint(
  options: { data?: string | undefined; name: string },
  kind = QUEUE_MANAGER,
): { path: string } {
  if (options.data !== undefined) return socketPath(join(options.data, CONTROL_SOCKET_NAME))
  const directory = runtimeDirectory()
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (!isOursAlone(directory))
    throw new OptionError('MSMQ_OPTION_CONTROL', 'control', directory, 'a directory that belongs to this user alone')
  return socketPath(join(directory, options.name + kind.suffix))
}

/**
 * Has a socket that is elsewhere found by the name of its queue manager: NAME.sock in the runtime directory leads to it.
 * Returns what takes that away. Where it cannot be, or somebody of that name is there, the socket is found by its path alone.
 */
export async function announceControlSocket(name: string, path: string): Promise<() => void> {
  const nothing = () => undefined
  try {
    const link = defaultControlEndpoint({ name }).path
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) {
      if ((await probe(link)) === 'live') return nothing
      rmSync(link)
    }
    const target = resolve(path)
    symlinkSync(target, link)
    return () => {
      if (isLinkTo(link, target)) rmSync(link, { force: true })
    }
  } catch {
    return nothing
  }
}

function isLinkTo(link: string, target: string): boolean {
  return lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true && readlinkSync(link) === target
}

/**
 * The endpoint to connect to, by the rules above.
 * @throws ControlError MSMQ_CONTROL_CONNECT when there is none, MSMQ_CONTROL_CHOICE when there are several.
 */
export async function findControlEndpoint(
  given: { control?: string | undefined; data?: string | undefined } = {},
  kind = QUEUE_MANAGER,
): Promise<ControlEndpoint> {
  if (given.control !== undefined) return parseControlEndpoint(given.control)
  if (given.data !== undefined) return socketPath(join(given.data, CONTROL_SOCKET_NAME))
  const fromEnvironment = process.env[kind.variable]
  if (fromEnvironment) return parseControlEndpoint(fromEnvironment)
  const live = await liveSockets(kind)
  if (live.length === 1) return { path: live[0]! }
  if (live.length === 0) throw new ControlError('MSMQ_CONTROL_CONNECT', `no ${kind.what} runs here; ${kind.remedy}`)
  throw new ControlError(
    'MSMQ_CONTROL_CHOICE',
    `several ${kind.what}s run here: ${live.join(', ')}; name one with ${kind.namedBy}`,
  )
}

/** Sockets in the runtime directory that answer. */
async function liveSockets({ suffix }: ControlKind): Promise<string[]> {
  const directory = runtimeDirectory()
  let names: string[]
  try {
    if (!isOursAlone(directory)) return []
    names = readdirSync(directory).filter(name => name.endsWith(suffix))
  } catch {
    return []
  }
  const paths = names
    .sort()
    .slice(0, SOCKETS_PROBED_MAX)
    .map(name => join(directory, name))
  const states = await Promise.all(paths.map(probe))
  return paths.filter((_, index) => states[index] === 'live')
}

/** Does somebody listen? `stale`: a socket is there that nobody listens on. */
export function probe(path: string): Promise<'live' | 'stale' | 'none'> {
  return new Promise(settle => {
    const socket = createConnection({ path })
    const end = (state: 'live' | 'stale' | 'none') => {
      clearTimeout(timer)
      socket.destroy()
      settle(state)
    }
    // Somebody who listens but is too busy to take the connection is alive.
    const timer = setTimeout(() => end('live'), PROBE_MS)
    socket.once('connect', () => end('live'))
    socket.on('error', error => {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') end(isSocketOrLink(path) ? 'stale' : 'none')
      // The system says the same of a file that is no socket.
      else if (code === 'ECONNREFUSED') end(isSocketOrLink(path) ? 'stale' : 'none')
      else end(code === 'EAGAIN' ? 'live' : 'none')
    })
  })
}

function isSocketOrLink(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found?.isSocket() === true || found?.isSymbolicLink() === true
}

/** Others could put a socket of theirs into a directory that they may write to. */
function isOursAlone(directory: string): boolean {
  const found = lstatSync(directory, { throwIfNoEntry: false })
  if (found === undefined || !found.isDirectory()) return false
  return process.getuid === undefined || (found.uid === process.getuid() && (found.mode & 0o022) === 0)
}

function runtimeDirectory(): string {
  return join(process.env.XDG_RUNTIME_DIR || tmpdir(), `mqlab-${process.getuid?.() ?? 0}`)
}

function socketPath(path: string): { path: string } {
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return { path }
  throw new OptionError('MSMQ_OPTION_CONTROL', 'control', path, `a path of at most ${PATH_BYTES_MAX} bytes`)
}
