import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import type { LabEvent } from '../lab/history.js'
import { HistoryError, type HistoryHeader, type HistoryRecord } from '../lab/history-format.js'
import { TimeOrder } from '../lab/history-order.js'
import { HistoryReader } from '../lab/history-reader.js'
import { journeyEnd } from '../lab/journey-end.js'
import type { JourneyStep, JourneyTarget } from '../lab/journey-state.js'
import { MessageJourney } from '../lab/message-journey.js'
import { findMessage, type MessageName, MessageNameError, parseMessageName } from '../lab/message-target.js'
import { nearestName } from '../lab/nearest-name.js'
import type { NodeReport } from '../lab/node-spec.js'
import { eventText } from '../lab/report/event-text.js'
import { HistorySummary } from './history-summary.js'
import { describeEnd, runSeconds, stepLine, targetText } from './history-text.js'
import { fail, styled, writeJson, writeText } from './output.js'

interface HistoryCommandOptions {
  readonly message?: string
  readonly node?: string
  readonly follow?: boolean
  readonly json?: boolean
}

/** A file that is being written is looked at so often. */
const POLL_MS = 200

export function historyCommand(): Command {
  return new Command('history')
    .description('look into the history of a run, which mqlab run --history wrote or is writing')
    .argument('<file>', 'the history of a run')
    .option('--message <message>', 'follow one message: S1#17, the 17th of S1; QMID\\number; or a MessageID')
    .option('--node <name>', 'what one machine, or the gateway, did and saw')
    .option('--follow', 'go on while the file is being written; without --message or --node: every event')
    .option('--json', 'print an object a line')
    .action(async (file: string, options: HistoryCommandOptions) => {
      try {
        await show(file, options)
      } catch (error) {
        if (error instanceof HistoryError) fail(error.message, { cause: error })
        if (error instanceof MessageNameError) fail(`${file}: --message ${options.message}: ${error.message}`)
        throw error
      }
    })
}

async function show(file: string, options: HistoryCommandOptions): Promise<void> {
  const { message, node, follow = false, json = false } = options
  if (message !== undefined && node !== undefined) fail('--message and --node: give one of them')
  if (message !== undefined) {
    const name = parseMessageName(message)
    if (name === null)
      fail(`--message ${message}: a message is S1#17, the 17th of S1; or QMID\\number, or a MessageID alone`)
    await showMessage(file, await find(file, name, follow), follow, json)
  } else if (node !== undefined || follow) await showEvents(file, node ?? null, follow, json)
  else await showSummary(file, json)
}

/** While the file grows, what is not in it yet may come. */
async function find(file: string, name: MessageName, follow: boolean): Promise<JourneyTarget> {
  for (;;) {
    const hasEnded = !follow || isOver(file)
    try {
      return findMessage(file, name)
    } catch (error) {
      if (hasEnded || !(error instanceof MessageNameError && error.mayCome)) throw error
    }
    await sleep(POLL_MS)
  }
}

function isOver(file: string): boolean {
  const reader = new HistoryReader(file, { kinds: new Set() })
  try {
    while (reader.next() !== null);
    return reader.hasEnded
  } finally {
    reader.close()
  }
}

async function showMessage(file: string, target: JourneyTarget, follow: boolean, json: boolean): Promise<void> {
  const reports = new Map<string, NodeReport>()
  const steps: JourneyStep[] = []
  let header: HistoryHeader | null = null
  let journey: MessageJourney | null = null
  const print = async (told: readonly JourneyStep[]): Promise<void> => {
    if (header === null) return
    for (const step of told.toSorted((a, b) => a.atMs - b.atMs))
      if (json) await writeJson({ atS: runSeconds(step.atMs - header.startedMs), ...step })
      else await writeText(stepLine(header, step))
  }
  const isOver = await read(file, follow, async record => {
    if (record.record === 'report') reports.set(record.report.node, record.report)
    if (record.record === 'header') {
      header = record.header
      journey = new MessageJourney(header, target)
      if (!json) await writeText(`${styled('bold', targetText(target))}\n`)
    }
    if (record.record !== 'events') return
    const told = record.events.flatMap(event => journey?.event(event) ?? [])
    if (follow) await print(told)
    else steps.push(...told)
  })
  await print(steps)
  if (header === null || journey === null) return
  const end = journeyEnd(target, (header as HistoryHeader).nodes, (journey as MessageJourney).copies, reports)
  if (json) await writeJson({ step: 'end', ended: isOver, ...end })
  else await writeText(describeEnd(end, isOver))
}

/** @param node null for all */
async function showEvents(file: string, node: string | null, follow: boolean, json: boolean): Promise<void> {
  let header: HistoryHeader | null = null
  let name = node
  await read(file, follow, async record => {
    if (record.record === 'header') {
      header = record.header
      if (node !== null) name = machineNamed(file, header, node)
    }
    if (record.record !== 'events' || header === null) return
    let text = ''
    for (const event of record.events) {
      if (name !== null && event.node !== name) continue
      text += json ? `${JSON.stringify(event)}\n` : stepLine(header, { ...stepOf(event) })
    }
    if (text !== '') await writeText(text)
  })
}

function stepOf(event: LabEvent): Omit<JourneyStep, 'step'> {
  return { atMs: event.atMs, node: event.node, text: eventText(event), wrong: false }
}

function machineNamed(file: string, { nodes, gateway }: HistoryHeader, wanted: string): string {
  const names = [...nodes.map(({ name }) => name), ...(gateway === null ? [] : [gateway.name])]
  const name = names.find(each => each.toLowerCase() === wanted.toLowerCase())
  if (name !== undefined) return name
  const near = nearestName(wanted, names)
  fail(
    `${file}: --node ${wanted}: no such machine; ${near === null ? '' : `did you mean ${near}? `}they are ${names.join(', ')}`,
  )
}

async function showSummary(file: string, json: boolean): Promise<void> {
  const reader = new HistoryReader(file)
  try {
    const summary = new HistorySummary()
    for (let record = reader.next(); record !== null; record = reader.next()) summary.add(record)
    if (json) await writeJson(summary.json(reader.offset))
    else await writeText(summary.text(file))
  } finally {
    reader.close()
  }
}

/** Hands over every record, events in the order of time. Whether the run's end was among them. */
async function read(file: string, follow: boolean, take: (record: HistoryRecord) => Promise<void>): Promise<boolean> {
  const reader = new HistoryReader(file)
  let order: TimeOrder | null = null
  const give = async (events: readonly LabEvent[]): Promise<void> => {
    if (events.length > 0) await take({ record: 'events', events })
  }
  try {
    for (;;) {
      const record = reader.next()
      if (record === null) {
        if (!follow || reader.hasEnded) break
        await give(order?.settled() ?? [])
        await sleep(POLL_MS)
      } else if (record.record === 'events') await give(order?.add(record.events) ?? [])
      else {
        if (record.record === 'header') order = new TimeOrder(record.header.world)
        await take(record)
      }
    }
    await give(order?.end() ?? [])
    return reader.hasEnded
  } finally {
    reader.close()
  }
}
