import { Command } from 'commander'
import type { Client, Message } from '../control/client.js'
import {
  age,
  type BodyFormat,
  bodyPreview,
  messageJson,
  oneLine,
  size,
  terminalColumns,
  trimmed,
} from './client-message-text.js'
import { bodyOption, type ClientOptions, withClient, withClientOptions } from './client-options.js'
import { queueNamed } from './client-queue-names.js'
import { secondsOrForever, wholeNumber } from './client-values.js'
import { EXIT_NOT_AS_EXPECTED, log, table, writeJson, writeText } from './output.js'
import { printMessage, type SelectorOptions, selectorOf, selectorOptions } from './receive.js'

/* `mqlab peek`: what is in a queue, left where it is. */

interface PeekOptions extends ClientOptions, SelectorOptions {
  count: number
  all?: true
  timeout: number
  long?: true
  body?: BodyFormat
}

const LABEL_COLUMNS_MAX = 30

export function peekCommand(): Command {
  const command = new Command('peek')
    .description('list the messages in a queue, which stay there')
    .argument('<queue>', "queue, such as orders, 'private$\\orders;journal' or deadletter")
    .option('--count <number>', 'the first so many', wholeNumber(1, 1_000_000), 20)
    .option('--all', 'all of them')
    .option('--timeout <seconds>', 'wait for a message if there is none; forever', secondsOrForever, 0)
    .option('--long', 'everything about each message')
  return withClientOptions(selectorOptions(command))
    .addOption(bodyOption())
    .addHelpText('after', '\nExit code 0: there is a message. 1: there is none.')
    .action((queue: string, options: PeekOptions) => withClient(options, client => run(client, queue, options)))
}

async function run(client: Client, given: string, options: PeekOptions): Promise<void> {
  const { name, view } = await queueNamed(client, given)
  const queue = await client.open(name)
  const selector = selectorOf(options)
  const first = await queue.peek({ timeoutMs: options.timeout * 1000, ...selector })
  if (first === null) {
    if (!options.json) log(`mqlab: no message in ${name}`)
    process.exitCode = EXIT_NOT_AS_EXPECTED
    return
  }
  const one = selector.by !== undefined
  const inFull = one || options.long || options.body !== undefined
  const wanted = one ? 1 : options.all ? Number.POSITIVE_INFINITY : options.count
  const listed: Message[] = []
  let seen = 0
  for await (const message of one ? [first] : queue.messages()) {
    seen += 1
    if (options.json) await writeJson(messageJson(message, name, options.body))
    else if (inFull) await printMessage(message, name, options)
    else
      listed.push({
        ...message,
        body: Buffer.from(message.body.subarray(0, 512)),
        bodySize: message.body.length,
      } as Listed)
    if (seen >= wanted) break
  }
  if (options.json || inFull) return
  await writeText(listing(listed as Listed[], Date.now()))
  const more = name === view.name ? view.messages - seen : 0
  if (more > 0)
    log(`… and ${more.toLocaleString('en-US')} more; --count or --all shows them, --long everything about each`)
}

interface Listed extends Message {
  readonly bodySize: number
}

function listing(messages: readonly Listed[], nowMs: number): string {
  const rows = messages.map(message => [
    String(message.lookupId),
    age(nowMs - message.arrivedTime.getTime()),
    message.priority,
    message.delivery,
    message.classCode === 0 ? '' : message.class,
    size(message.bodySize),
    trimmed(oneLine(message.label), LABEL_COLUMNS_MAX),
  ])
  const header = ['lookup id', 'age', 'pri', 'delivery', 'class', 'size', 'label']
  const plain = messages.every(({ classCode }) => classCode === 0)
  const without = <T>(cells: readonly T[]) => cells.filter((_, column) => !plain || column !== 4)
  const head = table(rows.map(without), without(header)).trimEnd().split('\n')
  const width = Math.max(...head.map(line => line.length))
  const room = terminalColumns() - width - 2
  if (room < 8) return `${head.join('\n')}\n`
  return head
    .map((line, index) => {
      const body = index === 0 ? 'body' : trimmed(bodyPreview(messages[index - 1]!), room)
      return `${`${line.padEnd(width)}  ${body}`.trimEnd()}\n`
    })
    .join('')
}
