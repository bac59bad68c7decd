import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import type { Address } from '../roles/address.js'
import type { BrokerServer, MissingBroker } from './broker.js'
import { findProgram, type RunningServer, startServer } from './server-program.js'

/** Not the command in the PATH: on Debian that becomes the user `rabbitmq` first, who may not write into our folder. */
const PLACES = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/opt/rabbitmq/sbin/rabbitmq-server']
const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000

const CLIENT = 'amqplib, one confirm channel, persistent, prefetch 2,048, acks for many at a time'

/** RabbitMQ with a classic durable queue, and with a quorum queue of one member, which is its replicated log. */
export function findRabbitmq(): BrokerServer | MissingBroker {
  const path = PLACES.find(existsSync)
  if (path === undefined) return { missing: 'RabbitMQ is not installed (Debian: rabbitmq-server)' }
  const title = `RabbitMQ ${versionOf(path)}`
  return {
    brokers: [
      {
        name: 'rabbitmq',
        title: `${title}, classic queue`,
        settings: `durable classic queue, publisher confirms; ${CLIENT}`,
      },
      {
        name: 'rabbitmq-quorum',
        title: `${title}, quorum queue`,
        settings: `quorum queue of one member, publisher confirms; ${CLIENT}`,
      },
    ],
    start: (folder, listen) => startRabbitmq(path, folder, listen),
  }
}

function versionOf(path: string): string {
  const folders = [join(dirname(path), '../lib'), join(dirname(path), '..')].filter(existsSync)
  const names = folders.flatMap(folder => readdirSync(folder))
  return /rabbitmq_server-([\d.]+)/.exec(names.join(' '))?.[1] ?? 'of an unknown version'
}

/** A node of its own below `folder`, without plugins. Erlang wants a port mapper and would leave one running that it
 *  started itself, so it gets one from us, which ends with the node. */
async function startRabbitmq(path: string, folder: string, listen: Address): Promise<RunningServer> {
  mkdirSync(folder, { recursive: true })
  const mapperAt = { address: '127.0.0.1', port: await freePort() }
  const epmd = findProgram(['epmd'], ['-help'], /(?:)/)?.path ?? 'epmd'
  const mapper = await startServer(epmd, {
    args: ['-port', `${mapperAt.port}`, '-address', mapperAt.address],
    readyAt: mapperAt,
  })
  try {
    writeFileSync(join(folder, 'rabbitmq.conf'), 'log.console = true\nlog.console.level = error\nlog.file = false\n')
    const server = await startServer(path, {
      args: [],
      env: {
        HOME: folder,
        // Without this the script stays between us and the node.
        RUNNING_UNDER_SYSTEMD: 'true',
        ERL_EPMD_PORT: `${mapperAt.port}`,
        RABBITMQ_NODENAME: `mqlab-${process.pid}@localhost`,
        RABBITMQ_NODE_IP_ADDRESS: listen.address,
        RABBITMQ_NODE_PORT: `${listen.port}`,
        RABBITMQ_DIST_PORT: `${await freePort()}`,
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
        RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
        RABBITMQ_LOG_BASE: join(folder, 'log'),
        RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
        RABBITMQ_CONF_ENV_FILE: '/dev/null',
      },
      readyAt: listen,
      readyTimeoutMs: READY_TIMEOUT_MS,
      stopTimeoutMs: STOP_TIMEOUT_MS,
    })
    return { pid: server.pid, stop: () => server.stop().finally(() => mapper.stop()) }
  } catch (error) {
    await mapper.stop()
    throw error
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const bound = server.address()
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : 0))
    })
  })
}
