import { Command, Option } from 'commander'
import type { Client, LocalQueueView, QueueChanges, QueueOptions } from '../control/client.js'
import { accessRuleText, parseAccessRule } from '../queue-manager/security/access-control.js'
import { age, oneLine, size, trimmed } from './client-message-text.js'
import { type ClientOptions, withClient, withClientOptions } from './client-options.js'
import { newQueueName, queueNamed } from './client-queue-names.js'
import { onOrOff, several, sizeOrNone, wholeNumber } from './client-values.js'
import { log, styled, table, writeJson, writeText } from './output.js'

/* `mqlab queues`: the queues of a running queue manager. */

interface PropertyOptions extends ClientOptions {
  label?: string
  quota?: number
  journal?: boolean
  journalQuota?: number
  privacy?: 'none' | 'optional' | 'body'
  authenticate?: boolean
  basePriority?: number
  access?: string[]
}

interface CreateOptions extends PropertyOptions {
  transactional?: true
  public?: true
  number?: number
  guid?: string
}

const LABEL_COLUMNS_MAX = 40
const U32_MAX = 0xffffffff

export function queuesCommand(): Command {
  const command = new Command('queues')
    .description('list, create, change and delete queues')
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(showCommand())
    .addCommand(createCommand())
    .addCommand(setCommand())
    .addCommand(deleteCommand())
  return command.addHelpText('after', '\nIn names, private$\\ may be left out: orders is private$\\orders.')
}

function listCommand(): Command {
  return withClientOptions(new Command('list').description('all queues, with what is in them'))
    .option('--system', 'also the queues of the system')
    .action((options: ClientOptions & { system?: true }) => withClient(options, client => list(client, options)))
}

async function list(client: Client, { json, system }: ClientOptions & { system?: true }): Promise<void> {
  const all = await client.queues()
  // Of the system's queues, those are worth a look that hold something.
  const shown = all.filter(queue => system || !queue.system || queue.messages > 0)
  if (json) {
    for (const queue of shown) await writeJson(queueJson(queue))
    return
  }
  if (shown.length === 0) {
    log(`${client.name} has no queues; make one with: mqlab queues create orders`)
    return
  }
  const rows = shown.flatMap(queue => [
    [
      queue.name,
      queue.messages,
      size(queue.bytes),
      queue.quotaKB === null ? null : size(queue.quotaKB * 1024),
      queue.transactional ? 'transactional' : '',
      queue.journal || queue.journalMessages > 0 ? `${queue.journalMessages} in journal` : '',
      trimmed(oneLine(queue.label), LABEL_COLUMNS_MAX),
    ],
    ...queue.subqueues.map(part => [`  ;${part.name}`, part.messages, size(part.bytes), null, '', '', '']),
  ])
  await writeText(table(rows, ['queue', 'messages', 'bytes', 'quota', '', '', 'label']))
}

function showCommand(): Command {
  return withClientOptions(new Command('show').description('every property of a queue'))
    .argument('<queue>')
    .action((given: string, options: ClientOptions) =>
      withClient(options, async client => show((await queueNamed(client, given)).view, options)),
    )
}

async function show(queue: LocalQueueView, { json }: ClientOptions): Promise<void> {
  if (json) {
    await writeJson(queueJson(queue))
    return
  }
  const rows: [string, string][] = [
    ['name', queue.name],
    ['label', oneLine(queue.label)],
    [
      queue.guid === null ? 'number' : 'guid',
      queue.guid ?? `${queue.number} (hexadecimal ${queue.number.toString(16)})`,
    ],
    ['transactional', yesNo(queue.transactional)],
    ['messages', `${queue.messages.toLocaleString('en-US')}, ${size(queue.bytes)}, quota ${quota(queue.quotaKB)}`],
    [
      'journal',
      `${yesNo(queue.journal)}; ${queue.journalMessages.toLocaleString('en-US')} messages, ${size(queue.journalBytes)}, quota ${quota(queue.journalQuotaKB)}`,
    ],
    ...queue.subqueues.map((part): [string, string] => [
      `subqueue ${part.name}`,
      `${part.messages.toLocaleString('en-US')} messages, ${size(part.bytes)}`,
    ]),
    ['privacy', queue.privacy],
    ['authenticate', yesNo(queue.authenticate)],
    ['base priority', String(queue.basePriority)],
    ['access', queue.access.length === 0 ? 'everybody may send' : queue.access.map(accessRuleText).join('; ')],
    ['created', timeText(queue.createdMs)],
    ['modified', timeText(queue.modifiedMs)],
  ]
  await writeText(table(rows.map(([name, value]) => [styled('dim', name), value])))
}

function createCommand(): Command {
  return propertyOptions(new Command('create').description('make a queue'))
    .argument('<queue>', 'name: orders is private$\\orders')
    .option('--transactional', 'takes messages of transactions, and only those')
    .option('--public', 'a public queue, whose name has no private$\\')
    .option('--number <number>', 'number of the private queue (default: the next free one)', wholeNumber(1, U32_MAX))
    .option('--guid <guid>', 'identifier of the public queue')
    .action((given: string, options: CreateOptions) =>
      withClient(options, async client => {
        const { guid, number, transactional } = options
        const name = newQueueName(given, options.public === true)
        const created: QueueOptions = {
          name,
          ...changesOf(options),
          ...(transactional && { transactional }),
          ...(number !== undefined && { number }),
          ...(guid !== undefined && { guid }),
        }
        await show(await client.createQueue(created), options)
      }),
    )
}

function setCommand(): Command {
  return propertyOptions(new Command('set').description('change properties of a queue'))
    .argument('<queue>')
    .action((given: string, options: PropertyOptions) =>
      withClient(options, async client => {
        const { name } = await queueNamed(client, given)
        await show(await client.setQueue(name, changesOf(options)), options)
      }),
    )
}

function deleteCommand(): Command {
  return withClientOptions(new Command('delete').description('delete queues, and what is in them'))
    .argument('<queues...>')
    .action((given: string[], options: ClientOptions) =>
      withClient(options, async client => {
        for (const each of given) {
          const { name, view } = await queueNamed(client, each)
          await client.deleteQueue(name)
          if (options.json) await writeJson({ deleted: name, messages: view.messages })
          else await writeText(`deleted ${name}${view.messages === 0 ? '' : `, with ${view.messages} messages`}\n`)
        }
      }),
    )
}

function propertyOptions(command: Command): Command {
  return withClientOptions(
    command
      .option('--label <text>', 'at most 124 characters')
      .option('--quota <KB>', 'messages in the queue, KB; none', sizeOrNone)
      .option('--journal <on|off>', 'keep copies of what is received', onOrOff)
      .option('--journal-quota <KB>', 'messages in the journal, KB; none', sizeOrNone)
      .addOption(
        new Option('--privacy <level>', 'takes unencrypted, any or encrypted messages').choices([
          'none',
          'optional',
          'body',
        ]),
      )
      .option('--authenticate <on|off>', 'takes signed messages only', onOrOff)
      .option('--base-priority <number>', 'of a public queue', wholeNumber(-32_768, 32_767))
      .option('--access <rule>', "who may do what, such as 'everyone:send' or 'S-1-5-7:!send'; repeatable", several),
  )
}

function changesOf(options: PropertyOptions): QueueChanges {
  const { access, authenticate, basePriority, journal, journalQuota, label, privacy } = options
  return {
    ...(label !== undefined && { label }),
    ...(options.quota !== undefined && { quotaKB: limit(options.quota) }),
    ...(journal !== undefined && { journal }),
    ...(journalQuota !== undefined && { journalQuotaKB: limit(journalQuota) }),
    ...(privacy !== undefined && { privacy }),
    ...(authenticate !== undefined && { authenticate }),
    ...(basePriority !== undefined && { basePriority }),
    ...(access !== undefined && { access: access.map(rule => parseAccessRule(rule, '--access')) }),
  }
}

function queueJson({ createdMs, modifiedMs, ...queue }: LocalQueueView): Record<string, unknown> {
  return { ...queue, created: new Date(createdMs).toISOString(), modified: new Date(modifiedMs).toISOString() }
}

const limit = (KB: number) => (KB === Number.POSITIVE_INFINITY ? null : KB)
const yesNo = (value: boolean) => (value ? 'yes' : 'no')
const quota = (KB: number | null) => (KB === null ? 'none' : size(KB * 1024))

function timeText(ms: number): string {
  return `${new Date(ms).toISOString()} (${age(Date.now() - ms)} ago)`
}
