import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { Command } from 'commander'
import { OptionError } from '../protocol/errors.js'
import { parseGuid } from '../protocol/guid.js'
import type { Note } from '../queue-manager/notes.js'
import { QueueManager } from '../queue-manager/queue-manager.js'
import { createSettings } from '../queue-manager/settings.js'
import { MemoryStore } from '../store/memory-store.js'
import { Driver } from '../transport/driver.js'
import { TransportError } from '../transport/errors.js'
import { createResolver } from '../transport/resolver.js'
import { fail, log, writeJson } from './output.js'

/* `mqlab qm`: one queue manager on this machine's network, until it is told to stop. */

interface QmOptions {
  name: string
  address: string
  port?: string
  guid?: string
  queue?: string[]
  set?: string[]
  data?: string
  json?: true
}

const NAME_CHARACTERS_MAX = 15
const TRANSACTIONAL = ':transactional'
/** What `--json` tells of each message. */
const REPORTED_NOTES: ReadonlySet<Note['kind']> = new Set(['arrived', 'discarded'])

export function qmCommand(): Command {
  const several = (value: string, before: string[] = []) => [...before, value]
  return new Command('qm')
    .description('run a queue manager that others can talk to, until SIGINT or SIGTERM')
    .requiredOption('--name <name>', `computer name, at most ${NAME_CHARACTERS_MAX} characters`)
    .option('--address <ip>', 'own IP address to listen on; 0.0.0.0 for all', '127.0.0.1')
    .option('--port <number>', 'TCP port to listen on; 0 for any (default: the setting MsmqIpPort, 1801)')
    .option('--guid <guid>', 'identifier of the queue manager (default: a new one)')
    .option('--queue <name>', "queue to open, 'private$\\NAME' or 'private$\\NAME:transactional'; repeatable", several)
    .option(
      '--set <Name=value>',
      'setting by its MSMQ registry name, such as CleanupInterval=1000; repeatable',
      several,
    )
    .option('--data <directory>', 'durable storage; not available yet')
    .option('--json', 'also print each message that arrives or is discarded, as JSON')
    .addHelpText('after', '\nThe first line on stdout says that it is ready, and where: {"ready":true,...}.')
    .addHelpText('after', 'Messages are kept in memory and are gone when the command ends.')
    .action(runQueueManager)
}

async function runQueueManager(options: QmOptions): Promise<void> {
  const driver = createQueueManager(options)
  const engine = driver.engine
  const stopped = new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  const { address, port } = await driver.start().catch(error => {
    // The system's own error names the address and what can be done.
    throw error instanceof TransportError ? error.cause : error
  })
  try {
    for (const { name, transactional } of (options.queue ?? []).map(queueOf))
      driver.call((engine, now) => engine.createQueue(now, { name, transactional }))
  } catch (error) {
    await driver.stop()
    throw error instanceof OptionError ? refused(error) : error
  }
  const own = engine.localQueues().filter(({ number }) => number > 0)
  const queues = own.map(({ name, number, transactional }) => ({ name, number, transactional }))
  await writeJson({ ready: true, name: engine.name, guid: engine.guid, address, port, queues })
  await stopped
  log('mqlab qm: closing sessions')
  await driver.stop()
}

function createQueueManager(options: QmOptions): Driver<QueueManager> {
  const { name, address } = options
  if (options.data !== undefined)
    fail('--data: there is no durable storage yet; leave it out, messages then live as long as the command')
  if (name.length === 0 || name.length > NAME_CHARACTERS_MAX || /[\s\\/:*?"<>|]/.test(name))
    fail(
      `--name ${JSON.stringify(name)}: allowed are 1 to ${NAME_CHARACTERS_MAX} characters, no blanks nor \\ / : * ? " < > |`,
    )
  if (isIP(address) === 0)
    fail(`--address ${JSON.stringify(address)}: allowed is an IP address of this machine, or 0.0.0.0`)
  try {
    const settings = createSettings(Object.fromEntries((options.set ?? []).map(settingOf)))
    const wildcard = address === '0.0.0.0' || address === '::'
    const engine = new QueueManager({
      name,
      guid: options.guid === undefined ? randomUUID() : parseGuid(options.guid),
      addresses: wildcard ? machineAddresses() : [address],
      settings,
      sequenceTimeStamp: Math.floor(Date.now() / 1000),
      notes: options.json === true,
    })
    return new Driver({
      engine,
      store: new MemoryStore(),
      resolver: createResolver({ names: { [name]: [wildcard ? '127.0.0.1' : address] }, system: true }),
      listen: { address, port: portOf(options.port ?? String(settings.MsmqIpPort)) },
      ...(isLoopback(address) && { localAddress: address }),
      ...(settings.EnablePingService === 1 && { pingPort: settings.MsmqIpPingPort }),
      onNote: note => {
        if (REPORTED_NOTES.has(note.kind)) void writeJson(note)
      },
    })
  } catch (error) {
    throw error instanceof OptionError ? refused(error) : error
  }
}

function refused(error: OptionError): never {
  return fail(error.message, { cause: error })
}

function queueOf(text: string): { name: string; transactional: boolean } {
  const transactional = text.toLowerCase().endsWith(TRANSACTIONAL)
  const name = transactional ? text.slice(0, -TRANSACTIONAL.length) : text
  if (name.includes(':')) fail(`--queue ${JSON.stringify(text)}: after a colon only "transactional" is allowed`)
  return { name: /^private\$\\/i.test(name) ? name : `private$\\${name}`, transactional }
}

function settingOf(text: string): [string, number] {
  const [name = '', value = ''] = text.split(/=(.*)/s)
  if (name === '' || value.trim() === '' || Number.isNaN(Number(value)))
    fail(`--set ${JSON.stringify(text)}: allowed is Name=number, such as CleanupInterval=1000`)
  return [name, Number(value)]
}

function portOf(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535)
    fail(`--port ${JSON.stringify(text)}: allowed is a whole number from 0 to 65535`)
  return port
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap(addresses => (addresses ?? []).map(({ address }) => address))
}

/** Nodes on one machine are told apart by their 127.x addresses; elsewhere the system knows best which is reachable. */
function isLoopback(address: string): boolean {
  return address.startsWith('127.') && address !== '127.0.0.1'
}
