import { createReadStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Command, Option } from 'commander'
import type { Acknowledgement, SendableMessage } from '../control/client.js'
import { ENCRYPTION_NAMES, HASH_NAMES } from '../queue-manager/security/security-request.js'
import { type ClientOptions, withClientOptions } from './client-options.js'
import { ACKNOWLEDGEMENT_WORDS, acknowledgements, seconds, wholeNumber } from './client-values.js'
import { fail } from './output.js'

export type Wait = 'accepted' | 'sent' | 'session-ack' | 'reach' | 'receive'

export interface SendOptions extends ClientOptions {
  to?: string
  file?: string
  eachLine?: true
  count: number
  label?: string
  priority?: number
  delivery?: 'express' | 'recoverable' | 'transactional'
  ttrq?: number
  ttbr?: number
  ack?: Acknowledgement[]
  adminQueue?: string
  responseQueue?: string
  deadLetterQueue?: string
  correlation?: string
  journal?: true
  deadLetter?: true
  applicationTag?: number
  bodyType?: number
  reportQueue?: string
  trace?: true
  sign?: true | (typeof HASH_NAMES)[number]
  encrypt?: true | (typeof ENCRYPTION_NAMES)[number]
  identify?: true
  transaction?: true
  wait?: Wait
  timeout: number
  port: number
  httpName?: string
  ca?: string
  temporary?: true
}

const U32_MAX = 0xffffffff

export function sendOptions(command: Command): Command {
  return withClientOptions(
    command
      .option(
        '--to <format name>',
        "send straight to it: 'DIRECT=TCP:192.0.2.7\\private$\\orders', 'DIRECT=HTTP://host/msmq/private$/orders'",
      )
      .option('--file <file>', 'the body is what the file holds; - is standard input')
      .option('--each-line', 'a message of each line of the input')
      .option('--count <number>', 'so many times', wholeNumber(1, 1_000_000_000), 1)
      .option('--label <text>', 'at most 249 characters')
      .option('--priority <number>', '0 to 7 (default: 3)', wholeNumber(0, 7))
      .addOption(
        new Option('--delivery <mode>', 'default: express, or what the queue takes').choices([
          'express',
          'recoverable',
          'transactional',
        ]),
      )
      .option('--transaction', 'all messages in one transaction')
      .option('--ttrq <seconds>', 'time to reach the queue', seconds)
      .option('--ttbr <seconds>', 'time to be received', seconds)
      .option('--ack <list>', `acknowledgements wanted: ${ACKNOWLEDGEMENT_WORDS}`, acknowledgements)
      .option('--admin-queue <format name>', 'where they go')
      .option('--response-queue <format name>', 'where answers are wanted')
      .option('--dead-letter-queue <format name>', 'own queue for what comes to nothing')
      .option('--correlation <id>', 'id of the message that this one answers, GUID\\NUMBER')
      .option('--journal', 'keep a copy in the journal of this machine')
      .option('--dead-letter', 'what comes to nothing goes to the dead-letter queue')
      .option('--application-tag <number>', '', wholeNumber(0, U32_MAX))
      .option('--body-type <number>', 'a VARIANT type', wholeNumber(0, U32_MAX))
      .option('--report-queue <format name>', 'PUBLIC=GUID, where report messages go')
      .option('--trace', 'report messages are wanted')
      .addOption(new Option('--sign [hash]', 'sign; default sha512').choices(HASH_NAMES))
      .addOption(new Option('--encrypt [algorithm]', 'encrypt the body; default aes-256').choices(ENCRYPTION_NAMES))
      .option('--identify', 'say who sends, without a signature')
      .addOption(
        new Option('--wait <for>', 'for what to wait').choices(['accepted', 'sent', 'session-ack', 'reach', 'receive']),
      )
      .option('--timeout <seconds>', 'how long to wait', seconds, 30)
      .option('--temporary', 'with --to: do not use the queue manager that runs')
      .option(
        '--port <number>',
        'with a temporary queue manager: port of the binary protocol',
        wholeNumber(1, 65_535),
        1801,
      )
      .option('--http-name <host>', '… how receipts over HTTP reach it (default: its address)')
      .option('--ca <file>', "… PEM file: certificates to believe for HTTPS (default: the platform's)"),
  )
}

/** The messages to send, one after the other, as they are needed. */
export async function* messagesToSend(text: string | undefined, options: SendOptions): AsyncGenerator<SendableMessage> {
  const properties = propertiesOf(options)
  if (options.eachLine) {
    for await (const line of linesOf(text, options.file))
      for (let n = 0; n < options.count; n += 1) yield { ...properties, body: line }
    return
  }
  const body = await bodyOf(text, options.file)
  for (let n = 0; n < options.count; n += 1) yield { ...properties, body }
}

function propertiesOf(options: SendOptions): SendableMessage {
  const { ack, adminQueue, applicationTag, bodyType, correlation, delivery, label, priority, responseQueue } = options
  if (ack !== undefined && adminQueue === undefined && options.wait !== 'reach' && options.wait !== 'receive')
    fail('--ack: acknowledgements go to a queue; name it with --admin-queue, or wait for them with --wait reach')
  return {
    ...(label !== undefined && { label }),
    ...(priority !== undefined && { priority }),
    ...(delivery === 'recoverable' && { delivery }),
    ...(options.ttrq !== undefined && { timeToReachQueueS: options.ttrq }),
    ...(options.ttbr !== undefined && { timeToBeReceivedS: options.ttbr }),
    ...(ack !== undefined && { acknowledgements: ack }),
    ...(adminQueue !== undefined && { adminQueue }),
    ...(responseQueue !== undefined && { responseQueue }),
    ...(options.deadLetterQueue !== undefined && { deadLetterQueue: options.deadLetterQueue }),
    ...(correlation !== undefined && { correlationId: correlation }),
    ...(options.journal && { journalPositive: true }),
    ...(options.deadLetter && { journalNegative: true }),
    ...(applicationTag !== undefined && { applicationTag }),
    ...(bodyType !== undefined && { bodyType }),
    ...(options.reportQueue !== undefined && { reportQueue: options.reportQueue }),
    ...(options.trace && { trace: true }),
    ...(options.sign !== undefined && { sign: options.sign === true ? true : { hash: options.sign } }),
    ...(options.encrypt !== undefined && { encrypt: options.encrypt === true ? true : { algorithm: options.encrypt } }),
    ...(options.identify && { identify: true }),
  }
}

async function bodyOf(text: string | undefined, file: string | undefined): Promise<string | Buffer> {
  if (file === '-' || (file === undefined && text === '-')) {
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array))
    return Buffer.concat(chunks)
  }
  if (file === undefined) return text ?? ''
  try {
    return readFileSync(file)
  } catch (error) {
    return fail(`--file ${file}: ${(error as Error).message}`, { cause: error })
  }
}

async function* linesOf(text: string | undefined, file: string | undefined): AsyncGenerator<string> {
  if (file === undefined && text !== undefined && text !== '-') {
    yield* text.split(/\r?\n/)
    return
  }
  const input = file === undefined || file === '-' ? process.stdin : createReadStream(file)
  let failure: Error | null = null
  input.once('error', (error: Error) => {
    failure = error
  })
  yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  // readline ends quietly when its input fails.
  if (failure !== null) fail(`--file ${file}: ${(failure as Error).message}`)
}
