import { createHash } from 'node:crypto'
import { realpathSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { StoreError } from './store.js'

/* Who may write to a store is decided by who listens on one Unix socket. The kernel lets go of it when the process ends,
 * however it ends, so there is no stale lock to clear up; and whoever is refused can ask the holder for its pid.
 *
 * On Linux the socket is an abstract one, named after the directory: binding is atomic and leaves no file. It belongs to
 * a network namespace: two containers over the same directory do not see each other's. Elsewhere it is a file in the
 * directory; one that nobody answers on is taken away. */

const ANSWER_MS_MAX = 1_000

export interface StoreLock {
  release(): Promise<void>
}

/** Throws `MSMQ_STORE_LOCKED` when a live process holds the directory, this one included. */
export async function lockDirectory(directory: string): Promise<StoreLock> {
  const path = socketPath(directory)
  for (let attempt = 0; ; attempt++) {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.end(`${process.pid}\n`)
    })
    server.unref()
    if (await listened(server, path)) {
      return { release: () => new Promise(resolve => server.close(() => resolve())) }
    }
    const pid = await holderOf(directory)
    if (pid === null && attempt === 0) {
      if (!path.startsWith('\0')) rmSync(path, { force: true })
      continue
    }
    throw new StoreError(
      'MSMQ_STORE_LOCKED',
      `the store in ${directory} is in use by ${pid === null ? 'another process' : `process ${pid}`}; stop that one, or choose another directory`,
    )
  }
}

/** Pid of the process that holds the directory; null when none does, or none that answers. */
export function holderOf(directory: string): Promise<number | null> {
  return new Promise(resolve => {
    let text = ''
    const socket = connect(socketPath(directory))
    const answer = () => {
      socket.destroy()
      const pid = Number.parseInt(text, 10)
      resolve(Number.isNaN(pid) ? null : pid)
    }
    socket.setTimeout(ANSWER_MS_MAX, answer)
    socket.setEncoding('latin1')
    socket.on('data', chunk => {
      text += chunk
    })
    socket.on('end', answer)
    socket.on('error', answer)
  })
}

function listened(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') resolve(false)
      else reject(new StoreError('MSMQ_STORE_IO', `cannot lock the store: ${error.message}`, { cause: error }))
    })
    server.listen(path, () => resolve(true))
  })
}

function socketPath(directory: string): string {
  const real = realpathSync(directory)
  if (process.platform !== 'linux') return join(real, 'lock')
  return `\0mqlab-store-${createHash('sha256').update(real).digest('hex')}`
}
