import { Command } from 'commander'
import { type ClientOptions, withClient, withClientOptions } from './client-options.js'
import { queueNamed } from './client-queue-names.js'
import { writeJson, writeText } from './output.js'

/* `mqlab purge`: takes everything out of queues. */

export function purgeCommand(): Command {
  return withClientOptions(new Command('purge').description('take all messages out of queues, and drop them'))
    .argument('<queues...>', "queues, journals or subqueues, such as orders, 'orders;journal' or deadletter")
    .addHelpText('after', '\nSenders that asked for negative acknowledgements get them (NACK_Q_PURGED).')
    .action((given: string[], options: ClientOptions) =>
      withClient(options, async client => {
        for (const each of given) {
          const { name } = await queueNamed(client, each)
          const messages = await client.purge(name)
          if (options.json) await writeJson({ queue: name, purged: messages })
          else
            await writeText(
              `${name}: ${messages.toLocaleString('en-US')} ${messages === 1 ? 'message' : 'messages'} purged\n`,
            )
        }
      }),
    )
}
