import { Command } from 'commander'
import { MqlabError } from '../protocol/errors.js'
import { inspectStore, type StoreReport, type TableReport } from '../store/store-inspection.js'
import { fail, styled, table, writeJson, writeText } from './output.js'

/* `mqlab store`: looks into the data directory of a queue manager. */

interface InspectOptions {
  json?: true
  verify?: true
}

export function storeCommand(): Command {
  return new Command('store')
    .description('look into the data directory of a queue manager')
    .addCommand(inspectCommand())
}

function inspectCommand(): Command {
  return new Command('inspect')
    .description('what a data directory holds; changes nothing, also while a queue manager runs on it')
    .argument('<directory>', 'the --data of mqlab qm')
    .option('--verify', 'read every message and compare it with its checksum')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExit code 0: it can be read, and is whole as far as was looked. 2: it cannot, or is not.')
    .action(inspect)
}

async function inspect(directory: string, { json, verify }: InspectOptions): Promise<void> {
  let report: StoreReport
  try {
    report = await inspectStore(directory, verify === true)
  } catch (error) {
    if (error instanceof MqlabError) fail(error.message, { cause: error })
    throw error
  }
  if (json) await writeJson(reportJson(report))
  else await writeText(reportText(report))
}

function reportJson({ contents, ...report }: StoreReport): Record<string, unknown> {
  const { queues, outgoing, incomingSequences, outgoingSequences, awaitingFinalAck, unknownRows } = contents
  return { ...report, queues, outgoing, incomingSequences, outgoingSequences, awaitingFinalAck, unknownRows }
}

function reportText(report: StoreReport): string {
  const { contents, tables } = report
  const { queues, outgoing, incomingSequences, outgoingSequences } = contents
  const parts = [summary(report)]
  const title = (text: string) => styled('bold', text)
  const add = (name: string, header: string[], rows: (string | number | null)[][]) => {
    if (rows.length > 0) parts.push(`${title(name)}\n${table(rows, header)}`)
  }
  add(
    'Queues',
    ['queue', 'messages', 'bytes', ''],
    queues.map(each => [each.name, each.messages, each.bytes, each.transactional ? 'transactional' : '']),
  )
  add(
    'Outgoing queues',
    ['to', 'messages', 'transactional', 'bytes', ''],
    outgoing.map(each => [each.formatName, each.messages, each.transactional, each.bytes, each.paused ? 'paused' : '']),
  )
  add(
    'Sequences from others',
    ['queue', 'source', 'sequence', 'last taken'],
    incomingSequences.map(each => [each.queue, each.source, sequenceId(each), each.number]),
  )
  add(
    'Sequences to others',
    ['to', 'sequence', 'next', 'last acknowledged'],
    outgoingSequences.map(each => [each.queue, sequenceId(each), each.nextNumber, each.lastAcknowledged]),
  )
  add(
    'Tables',
    ['table', 'rows', 'bytes', 'packets', 'deleted packets'],
    tables.map(each => [each.table, each.rows, each.bytes, ...packetCells(each)]),
  )
  return parts.join('\n')
}

function summary(report: StoreReport): string {
  const { identity, contents, packetsVerified, structureChecked } = report
  const facts: (readonly [string, string])[] = [
    ['file', report.file],
    ['queue manager', identity === null ? 'none yet' : `${identity.name}  ${identity.guid}`],
    ['made', `${new Date(report.createdMs).toISOString()}, format ${report.version}`],
    ['in use', inUseText(report)],
    ['size', `${amount(report.fileBytes)}: ${amount(report.usedBytes)} used, ${amount(report.freeBytes)} free`],
    ['room', `${amount(report.diskBytes)} free on the disk; map ${amount(report.mapBytes)}`],
    ['commits', report.transactions.toLocaleString('en-US')],
    ['awaited', `${contents.awaitingFinalAck.toLocaleString('en-US')} final acknowledgements`],
    ['structure', structureChecked ? 'checked' : 'not checked while in use'],
    ['packets', packetsVerified === null ? 'not read; --verify does' : `${packetsVerified} read, all whole`],
  ]
  if (contents.unknownRows > 0) facts.push(['unknown', `${contents.unknownRows} rows that this version does not know`])
  return table(facts)
}

const packetCells = ({ table: name, packetBytes, deletedPacketBytes }: TableReport): (number | null)[] =>
  name === 'message' || name === 'outgoing' ? [packetBytes, deletedPacketBytes] : [null, null]

const sequenceId = ({ ordinal, timeStamp }: { ordinal: number; timeStamp: number }) => `${timeStamp}.${ordinal}`

function inUseText({ holder, structureChecked }: StoreReport): string {
  if (holder !== null) return `by process ${holder}`
  return structureChecked ? 'by nobody' : 'by a process that does not answer'
}

function amount(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB']
  let unit = 0
  let count = bytes
  for (; count >= 10_000 && unit < units.length - 1; unit++) count /= 1_024
  return `${Math.round(count).toLocaleString('en-US')} ${units[unit]}`
}
