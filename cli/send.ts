import { Command } from 'commander'
import {
  type Acknowledgement,
  type Client,
  ControlError,
  type SendableMessage,
  type SentMessage,
} from '../control/client.js'
import { clientFailure, connectClient } from './client-options.js'
import { queueNamed } from './client-queue-names.js'
import { EXIT_NOT_AS_EXPECTED, fail, log, writeJson, writeText } from './output.js'
import { flagHost, flagPem } from './qm-http.js'
import { messagesToSend, type SendOptions, sendOptions, type Wait } from './send-options.js'
import { AcknowledgementWatch } from './send-watch.js'
import type { TemporaryQueueManager } from './temporary-queue-manager.js'

/* `mqlab send`: messages into queues of a running queue manager, through it to queues elsewhere, or, where none runs,
 * through one that lives as long as the command. */

/** Messages that are sent and not accepted. */
const WINDOW = 64
/** Messages that are accepted, and whose acknowledgements are waited for. */
const UNACKNOWLEDGED_MAX = 4096

export function sendCommand(): Command {
  return sendOptions(
    new Command('send')
      .description('send messages to a queue, or straight to a format name')
      .argument('[args...]', 'QUEUE [TEXT], or with --to: [TEXT]; a TEXT of - is standard input'),
  )
    .addHelpText(
      'after',
      '\nWith --to and no queue manager running, a temporary one sends, and waits for the session ack,',
    )
    .addHelpText(
      'after',
      'or for the order ack of transactional messages; its messages are recoverable if nothing else',
    )
    .addHelpText('after', 'is said, for express ones are acknowledged late; --wait reach and --wait receive wait for')
    .addHelpText('after', 'administration acknowledgements.')
    .addHelpText('after', 'Exit code 0: what was waited for came. 1: it did not, or the answer is no.')
    .action((args: string[], options: SendOptions) => run(args, options))
}

/** Where to and how; the same for all messages of the command. */
interface Route {
  readonly client: Client
  readonly temporary: TemporaryQueueManager | null
  readonly destination: string
  /** For people. */
  readonly shown: string
  readonly transactional: boolean
  readonly wait: Wait
}

async function run(args: readonly string[], options: SendOptions): Promise<void> {
  const [queue, text] = options.to === undefined ? args : [undefined, args[0]]
  if (options.to === undefined && queue === undefined)
    fail('missing: a queue, or --to and a format name; see mqlab send --help')
  if (args.length > (options.to === undefined ? 2 : 1))
    fail(`${JSON.stringify(args.at(-1))}: too many arguments; put the text of the message in quotes`)
  if (options.file !== undefined && text !== undefined) fail('--file: the text of the message is given twice')
  if (options.timeout * 1000 > 2 ** 31 - 1) fail(`--timeout ${options.timeout}: allowed are at most 24 days`)
  let route: Route | null = null
  try {
    route = await routeFor(queue, options)
    await sendAll(route, text, options)
  } catch (error) {
    throw clientFailure(error)
  } finally {
    if (route?.temporary) await route.temporary.close()
    else await route?.client.close()
  }
}

async function routeFor(queue: string | undefined, options: SendOptions): Promise<Route> {
  const wantsTransaction = options.delivery === 'transactional' || options.transaction === true
  if (queue !== undefined) {
    const client = await connectClient(options)
    try {
      const { name, view } = await queueNamed(client, queue)
      const { formatName } = await client.open(name)
      if (formatName === null) fail(`${name} can only be read`)
      if (!view.transactional && wantsTransaction) fail(`${name} is not transactional`)
      if (view.transactional && options.delivery !== undefined && options.delivery !== 'transactional')
        fail(`--delivery ${options.delivery}: ${name} takes transactional messages only`)
      const wait = checkedWait(options.wait ?? 'accepted', false)
      return { client, temporary: null, destination: formatName, shown: name, transactional: view.transactional, wait }
    } catch (error) {
      await client.close()
      throw error
    }
  }
  const destination = options.to as string
  const common = { destination, shown: destination, transactional: wantsTransaction }
  const client = options.temporary ? null : await connectIfRunning(options)
  if (client !== null) {
    try {
      return { ...common, client, temporary: null, wait: checkedWait(options.wait ?? 'accepted', false) }
    } catch (error) {
      await client.close()
      throw error
    }
  }
  const wait = checkedWait(options.wait ?? 'session-ack', true)
  const ca = flagPem('--ca', options.ca)
  const httpName = options.httpName === undefined ? undefined : flagHost('--http-name', options.httpName)
  const { TemporaryQueueManager } = await import('./temporary-queue-manager.js')
  const temporary = await TemporaryQueueManager.start({
    destination,
    port: options.port,
    ...(ca !== undefined && { ca }),
    ...(httpName !== undefined && { httpName }),
  })
  const wantsReceipts = wantsTransaction || wait === 'reach' || wait === 'receive'
  if (temporary.httpUrl !== null && wantsReceipts && !options.json) log(`receipts come to ${temporary.httpUrl}/msmq/`)
  if (temporary.unreachable !== null && wantsReceipts) {
    await temporary.close()
    const what = wantsTransaction ? 'the order ack of a transactional message' : 'an administration acknowledgement'
    fail(
      `${what} comes to the sender's port ${options.port}, and ${temporary.unreachable}; send with the queue manager that runs there`,
    )
  }
  return { ...common, client: temporary.client, temporary, wait }
}

/** The running queue manager, or null when there is none and none was named. */
async function connectIfRunning(options: SendOptions): Promise<Client | null> {
  const named = options.control !== undefined || options.data !== undefined || Boolean(process.env.MQLAB_CONTROL)
  try {
    return await connectClient(options)
  } catch (error) {
    if (!named && error instanceof ControlError && error.code === 'MSMQ_CONTROL_CONNECT') return null
    throw error
  }
}

/** Session acks can be watched only from inside. */
function checkedWait(wait: Wait, temporary: boolean): Wait {
  if (!temporary && (wait === 'sent' || wait === 'session-ack'))
    fail(
      `--wait ${wait}: only with a temporary queue manager; here accepted, reach or receive, and mqlab outgoing tells more`,
    )
  return wait
}

async function sendAll(route: Route, text: string | undefined, options: SendOptions): Promise<void> {
  const watch = await AcknowledgementWatch.start(route, options.timeout * 1000)
  try {
    const messages = prepared(messagesToSend(text, options), route, watch, options)
    let sent = 0
    let good = 0
    let last = ''
    const accepted = async ({ ids }: SentMessage) => {
      for (const id of ids) {
        sent += 1
        last = id
        const result = await watch.result(id)
        if (result.good) good += 1
        if (options.json) await writeJson({ id, destination: route.destination, ...result })
        else if (!result.good) await writeText(`${id}: ${result.outcome}\n`)
      }
    }
    if (options.transaction) await sendTogether(route.client, messages, accepted)
    else await sendEach(route, messages, accepted)
    if (sent > 0 && good === sent) await watch.settled(last)
    if (!options.json) await writeText(summary(sent, good, route))
    if (good < sent) process.exitCode = EXIT_NOT_AS_EXPECTED
  } finally {
    await watch.close()
  }
}

async function* prepared(
  messages: AsyncIterable<SendableMessage>,
  { destination, temporary, wait }: Route,
  watch: AcknowledgementWatch,
  { ack = [], delivery }: SendOptions,
): AsyncGenerator<SendableMessage & { readonly destination: string }> {
  const wanted: readonly Acknowledgement[] =
    wait === 'reach' ? ['reach', 'not-reach'] : wait === 'receive' ? ['receive', 'not-reach', 'not-receive'] : []
  for await (const message of messages)
    yield {
      ...message,
      destination,
      // Express messages are acknowledged as late as 10 s after they came; and who waits wants them to be kept.
      ...(temporary !== null && delivery === undefined && { delivery: 'recoverable' }),
      ...(watch.adminQueue !== null && {
        adminQueue: watch.adminQueue,
        acknowledgements: [...new Set([...ack, ...wanted])],
      }),
    }
}

type Addressed = SendableMessage & { readonly destination: string }

/** Each by itself, some of them under way at a time. */
async function sendEach(
  { client, transactional }: Route,
  messages: AsyncIterable<Addressed>,
  accepted: (sent: SentMessage) => Promise<void>,
): Promise<void> {
  const sendings: Promise<SentMessage>[] = []
  const results: Promise<void>[] = []
  for await (const message of messages) {
    const sending = transactional ? client.sendTransaction([message]) : client.send(message)
    const result = sending.then(accepted)
    // Looked at when its turn comes; until then a failure is not unhandled.
    result.catch(() => undefined)
    sendings.push(sending)
    results.push(result)
    if (sendings.length >= WINDOW) await sendings.shift()
    if (results.length >= UNACKNOWLEDGED_MAX) await results.shift()
  }
  for (const result of results) await result
}

/** All in one transaction: what is told of them is told when it has committed. */
async function sendTogether(
  client: Client,
  messages: AsyncIterable<Addressed>,
  accepted: (sent: SentMessage) => Promise<void>,
): Promise<void> {
  const all: SentMessage[] = []
  await client.transaction(async transaction => {
    for await (const message of messages) all.push(await client.send(message, { transaction }))
  })
  for (const sent of all) await accepted(sent)
}

function summary(sent: number, good: number, { shown, temporary, transactional, wait }: Route): string {
  const number = `${sent.toLocaleString('en-US')} ${sent === 1 ? 'message' : 'messages'}`
  const overHttp = temporary !== null && temporary.httpUrl !== null
  if (good < sent) return `${(sent - good).toLocaleString('en-US')} of ${number} to ${shown} came to nothing so far\n`
  const outcome =
    wait === 'accepted'
      ? 'accepted'
      : wait === 'sent'
        ? 'sent'
        : wait === 'reach'
          ? 'in the queue'
          : wait === 'receive'
            ? 'received by an application'
            : transactional
              ? `taken, by ${overHttp ? 'stream receipt' : 'order ack'}`
              : `taken, by ${overHttp ? 'HTTP status 200' : 'session ack'}`
  return `${number} to ${shown}: ${outcome}${temporary === null ? '' : ` (sent from ${temporary.address})`}\n`
}
