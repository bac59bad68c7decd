import { mkdirSync } from 'node:fs'
import type { BrokerServer, MissingBroker } from './broker.js'
import { findProgram, startServer } from './server-program.js'

const PLACES = ['redis-server', '/usr/bin/redis-server', '/usr/local/bin/redis-server']

/** Redis with a stream and a consumer group that works as a queue. */
export function findRedis(): BrokerServer | MissingBroker {
  const program = findProgram(PLACES, ['--version'], /v=([\d.]+)/)
  if (program === null) return { missing: 'Redis is not installed (Debian: redis-server)' }
  const { path, version } = program
  return {
    brokers: [
      {
        name: 'redis',
        title: `Redis Streams ${version}`,
        settings:
          'appendonly, appendfsync always: an answer comes after the log was synced; no snapshots; ' +
          '@redis/client, pipelined XADD; XREADGROUP of up to 512, then XACK and XDEL of them together',
      },
    ],
    start: async (folder, listen) => {
      mkdirSync(folder, { recursive: true })
      const settings = {
        bind: listen.address,
        port: `${listen.port}`,
        dir: folder,
        appendonly: 'yes',
        appendfsync: 'always',
        save: '',
        daemonize: 'no',
      }
      const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
      return await startServer(path, { args, readyAt: listen })
    },
  }
}
