import { Command } from 'commander'
import { several } from './client-values.js'
import { writeJson, writeText } from './output.js'
import { type QmConfig, type QmFlags, qmConfig } from './qm-config.js'
import { httpOptions } from './qm-http.js'
import type { RunningQueueManager } from './qm-process.js'
import { toldToStop } from './serving.js'
import { settingRows, settingsPage, settingsTable } from './settings-text.js'

/* `mqlab qm`: one queue manager on this machine's network, until it is told to stop. */

interface QmOptions extends QmFlags {
  settings?: true
  markdown?: true
  json?: true
}

export function qmCommand(): Command {
  const command = new Command('qm')
    .description('run a queue manager that others can talk to, until SIGINT or SIGTERM')
    .option('--config <file>', 'YAML file that says all of the following, and more; flags win')
    .option('--name <name>', 'computer name, at most 15 characters (default: that of the --data directory)')
    .option('--dns-name <name>', 'second name that DIRECT=OS names may have for this machine')
    .option('--address <ip>', 'own IP address to listen on; 0.0.0.0 for all (default: 127.0.0.1)')
    .option('--port <number>', 'TCP port to listen on; 0 for any (default: the setting MsmqIpPort, 1801)')
    .option('--guid <guid>', 'identifier of the queue manager (default: that of the --data directory, or a new one)')
    .option('--data <directory>', 'keep messages, queues and settings there (default: in memory, gone at the end)')
    .option('--queue <name>', "queue to have, 'private$\\NAME' or 'private$\\NAME:transactional'; repeatable", several)
    .option(
      '--set <Name=value>',
      'setting by its MSMQ registry name, such as CleanupInterval=1000; repeatable',
      several,
    )
    .option('--control <endpoint>', 'where mqlab send, receive, … reach it: socket path, HOST:PORT, or off')
    .option('--control-token <file>', 'file with the token that clients of a control HOST:PORT must show')
    .option('--metrics <[address:]port>', 'answer Prometheus at http://ADDRESS:PORT/metrics, on loopback only')
    .option('--pcap <file>', 'write all that it sends and receives as a capture (pcapng); TLS is left out')
  return httpOptions(command)
    .option('--log-level <level>', 'log on stderr: trace, debug, info, warn, error or silent (default: info)')
    .option('--settings', 'list every setting with default, unit, range and meaning, and end')
    .option('--markdown', 'with --settings: as docs/settings.md')
    .option('--json', 'also print each message that arrives or is discarded, as JSON; with --settings: one a line')
    .addHelpText('after', '\nThe first line on stdout says that it is ready, and where: {"ready":true,...}.')
    .addHelpText('after', 'The first signal closes sessions and store in order; a second one ends at once.')
    .action((options: QmOptions) => (options.settings ? listSettings(options) : runQueueManager(options)))
}

async function listSettings({ json, markdown }: QmOptions): Promise<void> {
  if (json) for (const row of settingRows()) await writeJson(row)
  else await writeText(markdown ? settingsPage() : settingsTable())
}

function runQueueManager(options: QmOptions): Promise<void> {
  return runUntilTold(qmConfig(options), options.json === true)
}

/**
 * A queue manager until SIGINT or SIGTERM. Its first line on stdout says that it is ready, with what `started` adds to it;
 * that may return something to be called before the end.
 */
export async function runUntilTold(
  config: QmConfig,
  json: boolean,
  started: (running: RunningQueueManager) => Started = () => ({}),
): Promise<void> {
  const stopped = toldToStop()
  const { startQueueManager } = await import('./qm-process.js')
  const running = await startQueueManager(config, json)
  const { ready = {}, stopping } = started(running)
  await writeJson({ ...running.ready, ...ready })
  const why = await stopped
  stopping?.()
  await running.stop(why)
}

export interface Started {
  readonly ready?: Readonly<Record<string, unknown>>
  readonly stopping?: () => void
}
