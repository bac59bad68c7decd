import { Command, Option } from 'commander'
import type { Client, Message, MessageSelector, Queue, Transaction } from '../control/client.js'
import { type BodyFormat, bodyLines, messageJson, messageText } from './client-message-text.js'
import { bodyOption, type ClientOptions, withClient, withClientOptions } from './client-options.js'
import { queueNamed } from './client-queue-names.js'
import { secondsOrForever, wholeNumber } from './client-values.js'
import { EXIT_NOT_AS_EXPECTED, fail, log, writeJson, writeText } from './output.js'

/* `mqlab receive`: takes messages out of a queue of a running queue manager. */

export interface SelectorOptions {
  id?: string
  correlation?: string
  lookup?: number
}

interface ReceiveCommandOptions extends ClientOptions, SelectorOptions {
  count?: number
  all?: true
  timeout: number
  transaction?: true
  body?: BodyFormat
}

const COUNT_MAX = 1_000_000_000
const BATCH = 100

export function receiveCommand(): Command {
  const command = new Command('receive')
    .description('take messages out of a queue, and print them')
    .argument('<queue>', "queue, such as orders or 'private$\\orders;journal'")
    .addOption(new Option('--count <number>', 'so many messages (default: 1)').argParser(wholeNumber(1, COUNT_MAX)))
    .addOption(new Option('--all', 'all that there are, or come').conflicts('count'))
    .option('--timeout <seconds>', 'how long to wait for each message; forever', secondsOrForever, 0)
    .option('--transaction', 'all in one transaction, which commits once they are printed')
  return withClientOptions(selectorOptions(command))
    .addOption(bodyOption())
    .addHelpText('after', '\nExit code 0: something was received. 1: nothing came in time.')
    .action((queue: string, options: ReceiveCommandOptions) =>
      withClient(options, client => run(client, queue, options)),
    )
}

export function selectorOptions(command: Command): Command {
  return command
    .addOption(new Option('--id <id>', 'the message of that id, GUID\\NUMBER').conflicts(['correlation', 'lookup']))
    .addOption(new Option('--correlation <id>', 'the one that answers the message of that id').conflicts('lookup'))
    .option('--lookup <number>', 'the message of that lookup id', wholeNumber(0, Number.MAX_SAFE_INTEGER))
}

export function selectorOf({ correlation, id, lookup }: SelectorOptions): { by?: MessageSelector } {
  if (id !== undefined) return { by: { messageId: id } }
  if (correlation !== undefined) return { by: { correlationId: correlation } }
  return lookup === undefined ? {} : { by: { lookupId: lookup } }
}

async function run(client: Client, given: string, options: ReceiveCommandOptions): Promise<void> {
  const { name, view } = await queueNamed(client, given)
  const queue = await client.open(name)
  if (options.transaction && !view.transactional)
    fail(`--transaction: ${view.name} is not transactional; leave --transaction out`)
  const stop = new AbortController()
  const interrupt = () => stop.abort(new Interrupted())
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt)
  const print = (message: Message) => printMessage(message, name, options)
  const received = options.transaction
    ? await client.transaction(transaction => take(queue, options, stop.signal, print, transaction))
    : await take(queue, options, stop.signal, print)
  if (received > 0) return
  if (!options.json && !stop.signal.aborted) log(`mqlab: no message in ${name}${waitedText(options.timeout)}`)
  process.exitCode = EXIT_NOT_AS_EXPECTED
}

class Interrupted extends Error {}

/** Takes out what is asked for, prints each as it comes, and tells how many there were. */
async function take(
  queue: Queue,
  options: ReceiveCommandOptions,
  signal: AbortSignal,
  print: (message: Message) => Promise<void>,
  transaction?: Transaction,
): Promise<number> {
  const wanted = options.all ? Number.POSITIVE_INFINITY : (options.count ?? 1)
  const settings = {
    timeoutMs: options.timeout * 1000,
    signal,
    ...selectorOf(options),
    ...(transaction !== undefined && { transaction }),
  }
  let received = 0
  while (received < wanted && !signal.aborted) {
    let messages: Message[]
    try {
      // Printed one by one, so that what is cut short loses little; a transaction loses nothing.
      const max = transaction === undefined ? 1 : Math.min(BATCH, wanted - received)
      messages = await queue.receiveMany(max, settings)
    } catch (error) {
      if (error instanceof Interrupted) break
      throw error
    }
    if (messages.length === 0) break
    for (const message of messages) await print(message)
    received += messages.length
  }
  return received
}

function waitedText(timeoutS: number): string {
  return timeoutS === 0 ? '' : ` within ${timeoutS} s`
}

/** A message as the options want it. */
export async function printMessage(
  message: Message,
  queue: string,
  { body, json }: { body?: BodyFormat; json?: true },
): Promise<void> {
  if (json) await writeJson(messageJson(message, queue, body))
  else if (body === 'raw') await writeBytes(message.body)
  else if (body !== undefined) await writeText(bodyLines(message, body))
  else await writeText(`${messageText(message, 'text', Date.now())}\n`)
}

function writeBytes(bytes: Buffer): Promise<void> {
  return new Promise(resolve => process.stdout.write(bytes, () => resolve()))
}
