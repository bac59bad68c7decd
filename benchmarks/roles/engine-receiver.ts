import { Consumer } from '../../receivers/consumer.js'
import { ReceiverLedger } from '../../receivers/receiver-ledger.js'
import { type LatencySummary, monotonicUs } from '../latency.js'
import { processorUs } from '../processor.js'
import { type EngineRoleOptions, runEngine } from './engine.js'

/** How far the consumer has come in the present run. */
export interface ReceiverCount {
  readonly atUs: number
  readonly processorUs: number
  /** Copies taken out of the queue. */
  readonly received: number
}

/** What came of the one sender of a run. */
export interface ReceiverTally extends ReceiverCount {
  /** Distinct messages. */
  readonly delivered: number
  readonly highest: number
  readonly duplicateCopies: number
  readonly reordered: number
  /** Messages that are not the run's, or not as they were sent. */
  readonly foreign: number
  readonly sessionAcksSent: number
  readonly orderAcksSent: number
  /** From the intended send time to consumption; of a run that asked for it. */
  readonly latency: LatencySummary | null
}

export interface ReceiverRun {
  /** Each `private$\NAME`, created when new. */
  readonly queues: readonly string[]
  readonly transactional: boolean
  readonly sender: number
  readonly latency: boolean
  /** Default true. Otherwise messages stay in the queue until `consume`. */
  readonly consume?: boolean
}

const CONSUMED_TIMEOUT_MS = 30_000

/** A receiving queue manager whose application takes messages as fast as they come and enters each into a ledger. */
export async function startEngineReceiver(options: EngineRoleOptions) {
  let ledger = new ReceiverLedger()
  let consumer: Consumer | null = null
  let sender = 0
  let consuming = true
  let whenConsumed: { readonly count: number; readonly resolve: () => void } | null = null
  const { engine, host, durable, stored, stop } = await runEngine(options, false, {
    onArrived: queue => {
      if (consuming) consumer?.arrived(queue)
    },
    onReceived: (_request, queue, messages) => {
      consumer?.received(queue, messages)
      if (whenConsumed !== null && ledger.received >= whenConsumed.count) whenConsumed.resolve()
    },
  })
  const count = (): ReceiverCount => ({
    atUs: monotonicUs(),
    processorUs: processorUs(),
    received: ledger.received,
  })

  return {
    /** A new ledger, and a consumer that fills it from these queues, at once or when told to. */
    begin: (run: ReceiverRun): void => {
      consumer?.stop()
      const { queues, transactional } = run
      for (const name of queues)
        if (engine.queue(name) === null) host.call((engine, now) => engine.createQueue(now, { name, transactional }))
      sender = run.sender
      ledger = new ReceiverLedger({ latency: run.latency })
      consumer = new Consumer(host, ledger, { queues, verifyBodies: run.latency })
      consuming = run.consume !== false
      if (consuming) consumer.start()
    },
    consume: (): void => {
      consuming = true
      consumer?.start()
    },
    /** Resolves with the time when so many messages of the run had been taken out, for good; or when there is no hope
     *  left that they will, which the tally then shows. */
    consumed: async (count: number): Promise<number> => {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, CONSUMED_TIMEOUT_MS)
        const done = () => {
          clearTimeout(timer)
          resolve()
        }
        whenConsumed = { count, resolve: done }
        if (ledger.received >= count) done()
      })
      whenConsumed = null
      await durable()
      return monotonicUs()
    },
    count,
    stored,
    tally: (): ReceiverTally => {
      const { senders, foreign, bodyFailures, latency } = ledger.data()
      const row = senders.find(row => row.sender === sender)
      const others = senders.reduce((sum, row) => (row.sender === sender ? sum : sum + row.delivered), 0)
      return {
        ...count(),
        delivered: row?.delivered ?? 0,
        highest: row?.copies.length ?? 0,
        duplicateCopies: row?.duplicateCopies ?? 0,
        reordered: row?.outOfOrder ?? 0,
        foreign: foreign + bodyFailures + others,
        sessionAcksSent: engine.counters.sessionAcksSent,
        orderAcksSent: engine.counters.orderAcksSent,
        latency:
          latency === null
            ? null
            : {
                unit: 'us',
                count: latency.count,
                p50: latency.p50Us,
                p90: latency.p90Us,
                p99: latency.p99Us,
                p999: latency.p999Us,
                max: latency.maxUs,
              },
      }
    },
    close: stop,
  }
}
