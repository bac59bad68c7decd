import { connect } from 'node:net'

const PATIENCE_MS = 5000

/**
 * Commands to HAProxy's admin socket, all in one connection; what it answers to all of them. An order that was carried out
 * is answered with nothing. Rejects with the system's error, or when no answer comes within 5 s.
 */
export function askHaproxy(socketPath: string, ...commands: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({ path: socketPath, allowHalfOpen: true })
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no answer from the admin socket')))
    socket.setEncoding('utf8')
    socket.once('error', reject)
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.once('end', () => {
      socket.end()
      resolve(text.trim())
    })
    // in one line: it closes after the first
    socket.write(`${commands.join(';')}\n`)
  })
}

/** What `show stat` says of one server of one backend. */
export interface ServerStat {
  readonly backend: string
  readonly server: string
  readonly connections: number
  readonly active: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly connectErrors: number
}

/** Servers only: the lines of frontends and of whole backends are left out. Columns are found by their names. */
export function readServerStats(csv: string): ServerStat[] {
  const [head = '', ...lines] = csv.trim().split('\n')
  const columns = new Map(
    head
      .replace(/^# /, '')
      .split(',')
      .map((name, index) => [name, index]),
  )
  return lines.flatMap(line => {
    const cells = line.split(',')
    const cell = (name: string) => cells[columns.get(name) ?? -1] ?? ''
    const server = cell('svname')
    if (server === 'FRONTEND' || server === 'BACKEND' || server === '') return []
    const count = (name: string) => Number(cell(name)) || 0
    return [
      {
        backend: cell('pxname'),
        server,
        connections: count('stot'),
        active: count('scur'),
        bytesIn: count('bin'),
        bytesOut: count('bout'),
        connectErrors: count('econ'),
      },
    ]
  })
}
