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

/** A holder on a machine under load takes its time; one that answers later still holds the directory. */
const ANSWER_MS_MAX = 5_000

/** Pid of the process that holds a directory; `silent`: somebody holds it, and does not say who; null: nobody does. */
export type Holder = number | 'silent' | null

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
    const holder = await holderOf(directory)
    if (holder === null && attempt === 0) {
      if (!path.startsWith('\0')) rmSync(path, { force: true })
      continue
    }
    throw new StoreError(
      'MSMQ_STORE_LOCKED',
      `the store in ${directory} is in use by ${typeof holder === 'number' ? `process ${holder}` : 'another process'}; stop that one, or choose another directory`,
    )
  }
}

/** Who holds the directory; waits for an answer for at most some seconds. */
export function holderOf(directory: string): Promise<Holder> {
  return new Promise(resolve => {
    let text = ''
    const socket = connect(socketPath(directory))
    const answer = (otherwise: 'silent' | null) => {
      socket.destroy()
      const pid = Number.parseInt(text, 10)
      resolve(Number.isNaN(pid) ? otherwise : pid)
    }
    socket.setTimeout(ANSWER_MS_MAX, () => answer('silent'))
    socket.setEncoding('latin1')
    socket.on('data', chunk => {
      text += chunk
    })
    // nobody listens, or no longer
    socket.on('end', () => answer(null))
    socket.on('error', () => answer(null))
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
