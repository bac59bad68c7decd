import { Command } from 'commander'
import type { Client, OutgoingQueueView } from '../control/client.js'
import { age, size } from './client-message-text.js'
import { type ClientOptions, withClient, withClientOptions } from './client-options.js'
import { isHttp } from './client-queue-names.js'
import { fail, log, styled, table, writeJson, writeText } from './output.js'

/* `mqlab outgoing`: what waits to be sent to other queue managers, and how the sending goes. */

export function outgoingCommand(): Command {
  return new Command('outgoing')
    .description('list, pause, resume and purge outgoing queues')
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(showCommand())
    .addCommand(changeCommand('pause', 'send nothing more from outgoing queues', (client, name) => client.pause(name)))
    .addCommand(changeCommand('resume', 'send again from paused ones', (client, name) => client.resume(name)))
    .addCommand(
      changeCommand('purge', 'give up all messages in outgoing queues', (client, name) => client.purgeOutgoing(name)),
    )
    .addHelpText('after', '\nOutgoing queues are known by their format names, or by a part of one that only one has.')
}

function listCommand(): Command {
  return withClientOptions(new Command('list').description('all outgoing queues')).action((options: ClientOptions) =>
    withClient(options, async client => {
      const queues = await client.outgoing()
      if (options.json) for (const queue of queues) await writeJson(queue)
      else if (queues.length === 0) log(`${client.name} has no outgoing queues: nothing was sent to other machines`)
      else await writeText(listing(queues))
    }),
  )
}

function listing(queues: readonly OutgoingQueueView[]): string {
  const rows = queues.map(queue => [
    queue.formatName,
    stateText(queue),
    queue.messages,
    size(queue.bytes),
    queue.unacknowledged,
    queue.unprocessed,
    queue.peer ?? queue.nextHops.join(', '),
    queue.lastFailure ?? '',
  ])
  return table(rows, ['destination', 'state', 'messages', 'bytes', 'unacked', 'unread', 'next hop', 'last failure'])
}

/** As the MSMQ snap-in words it. */
function stateText({ state }: OutgoingQueueView): string {
  const words = state === 'ONHOLD' ? 'on hold' : state.toLowerCase()
  return state === 'CONNECTED' ? styled('green', words) : words
}

function showCommand(): Command {
  return withClientOptions(new Command('show').description('everything about one, with its last connections'))
    .argument('<destination>')
    .action((given: string, options: ClientOptions) =>
      withClient(options, async client => {
        const queue = await outgoingNamed(client, given)
        if (options.json) await writeJson(queue)
        else await writeText(details(queue, Date.now()))
      }),
    )
}

function details(queue: OutgoingQueueView, nowMs: number): string {
  const { sequence } = queue
  const ago = (ms: number | null) => (ms === null ? 'never' : `${age(nowMs - ms)} ago`)
  const rows: [string, string][] = [
    ['destination', queue.formatName],
    ['state', stateText(queue) + (queue.paused && queue.state !== 'ONHOLD' ? ', paused' : '')],
    [
      'messages',
      `${queue.messages.toLocaleString('en-US')}, ${size(queue.bytes)}, ${queue.inFlight} of them under way`,
    ],
    [
      'unacknowledged',
      `${queue.unacknowledged.toLocaleString('en-US')} transactional messages without their ${isHttp(queue.formatName) ? 'stream receipt' : 'order ack'}`,
    ],
    [
      'unprocessed',
      `${queue.unprocessed.toLocaleString('en-US')} journaled ones that the receiver took, and that were not read so far`,
    ],
    ['next hops', queue.nextHops.length === 0 ? 'not known' : queue.nextHops.join(', ')],
    ['connected to', queue.peer ?? 'nobody'],
    ['last failure', queue.lastFailure ?? 'none'],
  ]
  if (sequence !== null)
    rows.push(
      [isHttp(queue.formatName) ? 'stream' : 'sequence', `${sequence.id}, next number ${sequence.nextNumber}`],
      [
        isHttp(queue.formatName) ? 'waiting for receipts' : 'waiting for acks',
        sequence.firstUnacknowledged === null
          ? 'none'
          : `numbers ${sequence.firstUnacknowledged} to ${sequence.lastUnacknowledged}`,
      ],
      ['acknowledged', `up to ${sequence.lastAcknowledged}, ${ago(sequence.lastAckMs)}`],
      [
        'resends',
        `${sequence.resendCount}, ${sequence.resendAtMs === null ? 'none to come' : `the next in ${age(sequence.resendAtMs - nowMs)}`}`,
      ],
    )
  const text = table(rows.map(([name, value]) => [styled('dim', name), value]))
  if (queue.connectionHistory.length === 0) return text
  const history = queue.connectionHistory.map(({ address, atMs, endedMs, reason, status }) => [
    ago(atMs),
    address,
    String(status).toLowerCase(),
    endedMs === null ? '' : `lasted ${age(endedMs - atMs)}`,
    reason ?? '',
  ])
  return `${text}\n${table(history, ['when', 'address', 'status', '', ''])}`
}

function changeCommand(
  name: string,
  description: string,
  change: (client: Client, formatName: string) => Promise<unknown>,
): Command {
  return withClientOptions(new Command(name).description(description))
    .argument('<destinations...>')
    .action((given: string[], options: ClientOptions) =>
      withClient(options, async client => {
        for (const each of given) {
          const { formatName } = await outgoingNamed(client, each)
          const messages = await change(client, formatName)
          if (options.json)
            await writeJson({ formatName, done: name, ...(typeof messages === 'number' && { messages }) })
          else await writeText(`${formatName}: ${doneText(name, messages)}\n`)
        }
      }),
    )
}

function doneText(name: string, messages: unknown): string {
  if (typeof messages !== 'number') return `${name}d`
  return `${messages.toLocaleString('en-US')} ${messages === 1 ? 'message' : 'messages'} given up`
}

/** By its whole format name, or by a part that no other has. */
async function outgoingNamed(client: Client, given: string): Promise<OutgoingQueueView> {
  const queues = await client.outgoing()
  const wanted = given.toLowerCase()
  const exact = queues.find(({ formatName }) => formatName.toLowerCase() === wanted)
  if (exact !== undefined) return exact
  const fitting = queues.filter(({ formatName }) => formatName.toLowerCase().includes(wanted))
  if (fitting.length === 1) return fitting[0]!
  const names = (fitting.length > 0 ? fitting : queues).map(({ formatName }) => formatName)
  const there = names.length === 0 ? 'there are none' : names.slice(0, 10).join(', ')
  return fail(
    fitting.length > 1
      ? `several outgoing queues fit ${given}: ${there}`
      : `${client.name} has no outgoing queue ${given}; ${there} (mqlab outgoing lists them)`,
  )
}
