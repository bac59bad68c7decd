import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerServer, MissingBroker } from './broker.js'
import { findProgram, startServer } from './server-program.js'

const PLACES = ['nats-server', '/usr/sbin/nats-server', '/usr/local/bin/nats-server']
/** The first whose file store can be told to sync before it confirms. */
const SYNC_ALWAYS_SINCE = [2, 10]

/** NATS JetStream with a stream in files that works as a queue. */
export function findNats(): BrokerServer | MissingBroker {
  const program = findProgram(PLACES, ['--version'], /v([\d.]+)/)
  if (program === null) return { missing: 'NATS is not installed (Debian: nats-server)' }
  const { path, version } = program
  const syncs = isAtLeast(version, SYNC_ALWAYS_SINCE)
  const disk = syncs
    ? 'sync_interval always: a confirm comes after the file was synced'
    : 'this version cannot sync before it confirms and does so every two minutes: NOT durable as the others are'
  return {
    brokers: [
      {
        name: 'nats',
        title: `NATS JetStream ${version}${syncs ? '' : ', not synced'}`,
        settings: `work-queue stream in files, ${disk}; @nats-io clients, publishing without waiting, pull consumer`,
      },
    ],
    start: async (folder, listen) => {
      mkdirSync(folder, { recursive: true })
      const file = join(folder, 'nats.conf')
      const jetstream = `store_dir: "${folder}"${syncs ? ', sync_interval: always' : ''}`
      writeFileSync(file, `listen: "${listen.address}:${listen.port}"\njetstream { ${jetstream} }\n`)
      return await startServer(path, { args: ['-c', file], readyAt: listen })
    },
  }
}

function isAtLeast(version: string, wanted: readonly number[]): boolean {
  const numbers = version.split('.').map(Number)
  for (const [index, number] of wanted.entries()) {
    const own = numbers[index] ?? 0
    if (own !== number) return own > number
  }
  return true
}
