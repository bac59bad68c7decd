import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createTrackedBody } from '../../protocol/tracked-body.js'
import type { ReceivedMessage } from '../../queue-manager/queued-message.js'
import { enterMessage } from '../../receivers/consumer.js'
import { ReceiverLedger } from '../../receivers/receiver-ledger.js'
import { monotonicUs } from '../latency.js'
import { processorUs } from '../processor.js'
import { type EngineRoleOptions, type RunningEngine, runEngine } from './engine.js'

/** Memory of this process. Pages of the database that are mapped belong to the file cache and are not in here. */
export interface Memory {
  /** Resident and of no file: `RssAnon` where Linux tells, everything resident elsewhere. */
  readonly residentBytes: number
  /** JavaScript objects and buffers in use, after a collection. */
  readonly usedBytes: number
}

export interface Opened {
  /** From the opening of the store until the queue manager works. */
  readonly elapsedUs: number
  readonly processorUs: number
  readonly memory: Memory
  /** Messages in its queues, by queue. */
  readonly waiting: Readonly<Record<string, number>>
}

export interface Filling {
  readonly queue: string
  /** Of every body. */
  readonly sender: number
  readonly messages: number
  readonly bodyBytes: number
}

export interface Taking {
  /** One queue after another. */
  readonly queues: readonly string[]
  /** Messages taken out of each. */
  readonly each: number
}

export interface Taken {
  readonly elapsedUs: number
  /** Distinct messages. */
  readonly delivered: number
  /** Greatest number of all. */
  readonly highest: number
  readonly duplicateCopies: number
  readonly reordered: number
  readonly foreign: number
}

/** Messages sent before their outcomes are waited for. */
const FILL_BATCH = 2000
const TAKE_BATCH = 256

/** A queue manager over a store that it finds, without peers: its application fills its queues and reads them. */
export async function startQueueKeeper(options: EngineRoleOptions) {
  let running: RunningEngine | null = null
  let whenReceived: ((messages: readonly ReceivedMessage[]) => void) | null = null
  let unanswered = 0
  let refused = 0
  let whenAnswered: (() => void) | null = null

  const open = async (): Promise<RunningEngine> =>
    await runEngine(options, false, {
      onOutcome: (_request, outcome) => {
        unanswered -= 1
        if (outcome !== 'accepted') refused += 1
        if (unanswered === 0) whenAnswered?.()
      },
      onReceived: (_request, _queue, messages) => whenReceived?.(messages),
    })
  const opened = (): RunningEngine => {
    if (running === null) throw new Error('the queue manager is not open')
    return running
  }

  return {
    open: async (): Promise<Opened> => {
      const fromUs = monotonicUs()
      const processorFromUs = processorUs()
      running = await open()
      const elapsedUs = monotonicUs() - fromUs
      const usedUs = processorUs() - processorFromUs
      const queues = running.engine.localQueues().filter(({ name }) => name.startsWith('private$'))
      const waiting = Object.fromEntries(queues.map(({ name, messages }) => [name, messages]))
      return { elapsedUs, processorUs: usedUs, memory: readMemory(), waiting }
    },
    memory: readMemory,
    /** Sends to a local queue, made when it is new; resolves with how many were refused when all are on disk. */
    fill: async ({ queue, sender, messages, bodyBytes }: Filling): Promise<number> => {
      const { engine, host } = opened()
      if (engine.queue(queue) === null) host.call((engine, now) => engine.createQueue(now, { name: queue }))
      refused = 0
      const destination = `DIRECT=TCP:${options.address}\\${queue}`
      for (let first = 1; first <= messages; first += FILL_BATCH) {
        const last = Math.min(first + FILL_BATCH - 1, messages)
        const answered = new Promise<void>(resolve => {
          whenAnswered = resolve
        })
        unanswered = last - first + 1
        host.call((engine, now) => {
          for (let number = first; number <= last; number++)
            engine.send(now, {
              destination,
              body: createTrackedBody({ sender, number, bodySize: bodyBytes }),
              delivery: 'recoverable',
            })
        })
        await answered
      }
      await opened().durable()
      return refused
    },
    /** Batches of 256, each asked for when the one before has come; over when the removals are on disk. */
    take: async ({ queues, each }: Taking): Promise<Taken> => {
      const { host, durable } = opened()
      const ledger = new ReceiverLedger()
      const fromUs = monotonicUs()
      for (const queue of queues) {
        let left = each
        while (left > 0) {
          const messages = await new Promise<readonly ReceivedMessage[]>(resolve => {
            whenReceived = resolve
            host.call((engine, now) => engine.receive(now, queue, Math.min(left, TAKE_BATCH)))
          })
          if (messages.length === 0) break
          left -= messages.length
          for (const message of messages) enterMessage(ledger, queue, message, 0, 0, false)
        }
      }
      await durable()
      const elapsedUs = monotonicUs() - fromUs
      const { senders, foreign, bodyFailures } = ledger.data()
      const sum = (pick: (row: (typeof senders)[number]) => number) => senders.reduce((all, row) => all + pick(row), 0)
      return {
        elapsedUs,
        delivered: sum(row => row.delivered),
        highest: Math.max(0, ...senders.map(row => row.copies.length)),
        duplicateCopies: sum(row => row.duplicateCopies),
        reordered: sum(row => row.outOfOrder),
        foreign: foreign + bodyFailures,
      }
    },
    close: async (): Promise<void> => await running?.stop(),
  }
}

function readMemory(): Memory {
  const { rss } = process.memoryUsage()
  const residentBytes = anonymousBytes() ?? rss
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return { residentBytes, usedBytes: heapUsed + external }
}

function anonymousBytes(): number | null {
  try {
    const kilobytes = /^RssAnon:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return kilobytes === undefined ? null : Number(kilobytes) * 1024
  } catch {
    return null
  }
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}
