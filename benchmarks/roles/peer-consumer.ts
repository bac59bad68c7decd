import { readTrackedBody } from '../../protocol/tracked-body.js'
import { ReceiverLedger } from '../../receivers/receiver-ledger.js'
import { monotonicUs } from '../latency.js'
import type { Consumption } from '../peers/broker.js'
import { connectBroker } from '../peers/clients/connect.js'
import { processorUs } from '../processor.js'
import type { PeerRoleOptions } from './peer-publisher.js'

/** What came out of one queue; the fields are those of a receiving queue manager's tally. */
export interface PeerTally {
  readonly atUs: number
  readonly processorUs: number
  readonly delivered: number
  readonly highest: number
  readonly duplicateCopies: number
  readonly reordered: number
  readonly foreign: number
}

const CONSUMED_TIMEOUT_MS = 30_000

/** An application that takes messages out of a queue of another broker as they come and enters each into a ledger. */
export async function startPeerConsumer({ broker, at }: PeerRoleOptions) {
  const client = await connectBroker(broker, at)
  let ledger = new ReceiverLedger()
  let consumption: Consumption | null = null
  let awaited: { readonly count: number; readonly resolve: () => void } | null = null

  return {
    processorUs,
    consume: async (queue: string): Promise<void> => {
      const current = new ReceiverLedger()
      ledger = current
      consumption = await client.consume(queue, body => {
        const identity = readTrackedBody(body)
        current.consumed(queue, identity, 0, 0)
        if (identity !== null && identity.bodySize !== body.length) current.bodyFailed()
        if (awaited !== null && current.received >= awaited.count) awaited.resolve()
      })
    },
    /** Resolves when so many messages have come and the broker has seen that they were taken; or when there is no hope
     *  left that they will. */
    consumed: async (count: number): Promise<PeerTally> => {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, CONSUMED_TIMEOUT_MS)
        const done = () => {
          clearTimeout(timer)
          resolve()
        }
        awaited = { count, resolve: done }
        if (ledger.received >= count) done()
      })
      awaited = null
      await consumption?.stop()
      consumption = null
      const atUs = monotonicUs()
      const { senders, foreign, bodyFailures } = ledger.data()
      const row = senders[0]
      return {
        atUs,
        processorUs: processorUs(),
        delivered: row?.delivered ?? 0,
        highest: row?.copies.length ?? 0,
        duplicateCopies: row?.duplicateCopies ?? 0,
        reordered: row?.outOfOrder ?? 0,
        foreign: foreign + bodyFailures + senders.slice(1).reduce((sum, other) => sum + other.delivered, 0),
      }
    },
    close: (): Promise<void> => client.close(),
  }
}
