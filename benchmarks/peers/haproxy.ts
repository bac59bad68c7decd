import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address } from '../roles/address.js'
import { findProgram, type RunningServer, type ServerProgram, startServer } from './server-program.js'

/** Ceiling (b): HAProxy, one thread, layer 4, or HTTP. */
export interface HaproxyRoute {
  /** Default `tcp`. */
  readonly mode?: 'tcp' | 'http'
  readonly listen: Address
  readonly to: Address
  /** Connections at one time, default 1,000. */
  readonly connectionsMax?: number
}

/** Debian installs it where only root's PATH looks. */
const PLACES = ['haproxy', '/usr/sbin/haproxy', '/usr/local/sbin/haproxy']

export function findHaproxy(): ServerProgram | null {
  return findProgram(PLACES, ['-v'], /version (\S+)/)
}

/** It listens on `readyAt` too, which refuses whatever connects: that shows readiness without opening a connection to the
 *  target. */
export async function startHaproxy(
  { path }: ServerProgram,
  route: HaproxyRoute,
  readyAt: Address,
): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'mqlab-haproxy-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(file, haproxyConfiguration(route, readyAt))
  try {
    const server = await startServer(path, { args: ['-db', '-f', file], readyAt })
    return { pid: server.pid, stop: () => server.stop().finally(removeFolder) }
  } catch (error) {
    removeFolder()
    throw error
  }
}

/** HAProxy's own defaults but for the one thread. `splice-auto` lets it move bytes without copying them where it judges that
 *  worth while, which can only raise the ceiling; by itself it would keep descriptors for a pipe to every fourth
 *  connection. */
export function haproxyConfiguration(route: HaproxyRoute, readyAt: Address): string {
  const { listen, to, mode = 'tcp', connectionsMax = 1000 } = route
  const lines = [
    'global',
    '  nbthread 1',
    `  maxconn ${connectionsMax}`,
    '  maxpipes 64',
    'defaults',
    `  mode ${mode}`,
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
