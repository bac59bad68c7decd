import type { Delivery } from '../senders/workload-spec.js'
import { lookUntil, sleep } from './benchmark.js'
import type { Sample, Verdict } from './figure.js'
import type { RoleProcess, StartRole } from './processes.js'
import type { ReceiverTally } from './roles/engine-receiver.js'
import type { SenderState } from './roles/engine-sender.js'

/** One sending and one receiving queue manager, each a process, and messages of 1 KB as fast as they go. */
export interface EnginePair {
  readonly receiverAddress: string
  sample(load: Load, durationMs: number): Promise<Sample>
}

export interface Load {
  readonly delivery: Delivery
  /** Messages in a transaction; 1 for express. */
  readonly perTransaction: number
  /** Most messages in the outgoing queue: what bounds the sender's memory. */
  readonly outgoingMax: number
  /** Address that the sender connects to; the receiver's own by default. */
  readonly via?: string
}

export interface EnginePairOptions {
  readonly senderAddress: string
  readonly receiverAddress: string
  /** Of both queue managers, beyond `BENCHMARK_SETTINGS`. */
  readonly settings?: Readonly<Record<string, number>>
}

export const BODY_BYTES = 1024

/** A session acknowledges every 32nd message at once and what is left over after 10 s: a tenth of one here, or each
 *  sample would end by waiting. While messages flow it changes nothing. */
export const BENCHMARK_SETTINGS = { IdleAckDelay: 100 } as const

export const SENDER_GUID = '4b1d0a5e-2f0a-4a7c-8d5e-90b6c1f7aa01'
export const RECEIVER_GUID = '4b1d0a5e-2f0a-4a7c-8d5e-90b6c1f7aa02'

/** Head of each sample that is not counted. */
const WARM_UP_SHARE = 0.15
const DRAIN_TIMEOUT_MS = 20_000

export async function startEnginePair(start: StartRole, options: EnginePairOptions): Promise<EnginePair> {
  const { senderAddress, receiverAddress } = options
  const settings = { ...BENCHMARK_SETTINGS, ...options.settings }
  const receiver = await start('engine-receiver', {
    name: 'RECEIVER',
    address: receiverAddress,
    guid: RECEIVER_GUID,
    settings,
  })
  const sender = await start('engine-sender', { name: 'SENDER', address: senderAddress, guid: SENDER_GUID, settings })
  let runs = 0
  return {
    receiverAddress,
    sample: async (load, durationMs) => {
      runs += 1
      const transactional = load.delivery === 'transactional'
      const queue = `private$\\${load.delivery}`
      await receiver.call('begin', { queues: [queue], transactional, sender: runs, latency: false })
      const before = await receiver.call('tally')
      await sender.call('start', {
        sender: runs,
        destinations: [directName(load.via ?? receiverAddress, queue)],
        delivery: load.delivery,
        perTransaction: load.perTransaction,
        bodyBytes: BODY_BYTES,
        outgoingMax: load.outgoingMax,
      })
      await sleep(durationMs * WARM_UP_SHARE)
      const [from, senderFrom] = await Promise.all([receiver.call('count'), sender.call('state')])
      await sleep(durationMs)
      // or a machine that stood still would have no rate
      await lookUntil(
        () => receiver.call('count'),
        ({ received }) => received > from.received,
        DRAIN_TIMEOUT_MS,
      )
      const [to, senderTo] = await Promise.all([receiver.call('count'), sender.call('state')])
      await sender.call('finish')
      const { state, tally } = await drained(sender, receiver)
      const received = to.received - from.received
      return {
        value: (received * 1e6) / (to.atUs - from.atUs),
        cost: {
          sendUs: (senderTo.processorUs - senderFrom.processorUs) / received,
          receiveUs: (to.processorUs - from.processorUs) / received,
        },
        verdict: judgeDelivery(state, tally, transactional ? tally.orderAcksSent - before.orderAcksSent : null),
      }
    },
  }
}

export function directName(address: string, queue: string): string {
  return `DIRECT=TCP:${address}\\${queue}`
}

/** Waits until the outgoing queue is empty and as many messages were taken out as were accepted. */
function drained(
  sender: RoleProcess<'engine-sender'>,
  receiver: RoleProcess<'engine-receiver'>,
): Promise<{ state: SenderState; tally: ReceiverTally }> {
  return lookUntil(
    async () => ({ state: await sender.call('state'), tally: await receiver.call('tally') }),
    ({ state, tally }) => state.outgoing === 0 && tally.received >= state.accepted,
    DRAIN_TIMEOUT_MS,
  )
}

/** What was promised held against what was delivered, message by message: numbers 1 to `offered`, each once, in order. */
export function judgeDelivery(
  sent: Pick<SenderState, 'offered' | 'accepted' | 'refused' | 'outgoing'>,
  tally: Pick<ReceiverTally, 'delivered' | 'highest' | 'duplicateCopies' | 'reordered' | 'foreign'>,
  orderAcks: number | null,
): Verdict {
  const { delivered, duplicateCopies, reordered, foreign } = tally
  const lost = sent.accepted - delivered
  const complaints = [
    sent.offered === 0 ? 'nothing was sent' : '',
    sent.accepted === sent.offered ? '' : `${sent.offered - sent.accepted} not accepted`,
    lost === 0 ? '' : `${lost} lost`,
    tally.highest === sent.offered ? '' : `the last delivered is ${tally.highest} of ${sent.offered}`,
    duplicateCopies === 0 ? '' : `${duplicateCopies} duplicate copies`,
    reordered === 0 ? '' : `${reordered} out of order`,
    foreign === 0 ? '' : `${foreign} foreign or damaged`,
    sent.outgoing === 0 ? '' : `${sent.outgoing} still in the outgoing queue`,
  ].filter(complaint => complaint !== '')
  return {
    ok: complaints.length === 0,
    says: complaints.length === 0 ? 'each once, in order, outgoing queue empty' : complaints.join(', '),
    counts: {
      sent: sent.accepted,
      delivered,
      lost,
      duplicated: duplicateCopies,
      reordered,
      ...(orderAcks !== null && { orderAcks }),
    },
  }
}
