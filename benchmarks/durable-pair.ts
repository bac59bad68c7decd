import type { Delivery } from '../senders/workload-spec.js'
import { BODY_BYTES, directName, judgeDelivery, RECEIVER_GUID, SENDER_GUID } from './engine-pair.js'
import type { Sample } from './figure.js'
import type { StartRole } from './processes.js'
import type { StoreChoice } from './roles/engine.js'

/** A sending and a receiving queue manager, each a process with a store of its own, and a counted number of messages. */
export interface DurablePair {
  sample(load: DurableLoad, messages: number): Promise<Sample>
}

export interface DurableLoad {
  readonly delivery: Delivery
  readonly perTransaction: number
  /** Most messages in the outgoing queue. */
  readonly outgoingMax: number
  /** Until when it counts. `filled`: until the sender has the last acknowledgement, which says that each message is
   *  on disk in the receiver's queue; the queue is read afterwards. `consumed`: an application takes messages out as
   *  they come, and the removal of the last one is on disk too. */
  readonly until: 'filled' | 'consumed'
}

export interface DurablePairOptions {
  readonly senderAddress: string
  readonly receiverAddress: string
  readonly senderStore: StoreChoice
  readonly receiverStore: StoreChoice
  /** Of both queue managers; those not given have their defaults. */
  readonly settings: Readonly<Record<string, number>>
}

export async function startDurablePair(start: StartRole, options: DurablePairOptions): Promise<DurablePair> {
  const { senderAddress, receiverAddress, settings } = options
  const receiver = await start('engine-receiver', {
    name: 'RECEIVER',
    address: receiverAddress,
    guid: RECEIVER_GUID,
    settings,
    store: options.receiverStore,
  })
  const sender = await start('engine-sender', {
    name: 'SENDER',
    address: senderAddress,
    guid: SENDER_GUID,
    settings,
    store: options.senderStore,
  })
  let runs = 0
  return {
    sample: async ({ delivery, perTransaction, outgoingMax, until }, messages) => {
      runs += 1
      const transactional = delivery === 'transactional'
      const queue = `private$\\${delivery}`
      const consume = until === 'consumed'
      await receiver.call('begin', { queues: [queue], transactional, sender: runs, latency: false, consume })
      const before = await receiver.call('tally')
      const run = await sender.call('run', {
        sender: runs,
        destinations: [directName(receiverAddress, queue)],
        delivery,
        perTransaction,
        bodyBytes: BODY_BYTES,
        outgoingMax,
        messages,
      })
      const after = await receiver.call('count')
      if (!consume) await receiver.call('consume')
      const consumedUs = await receiver.call('consumed', messages)
      const untilUs = consume ? Math.max(run.untilUs, consumedUs) : run.untilUs
      const [state, tally] = await Promise.all([sender.call('state'), receiver.call('tally')])
      return {
        value: (messages * 1e6) / (untilUs - run.fromUs),
        cost: {
          sendUs: run.processorUs / messages,
          receiveUs: (after.processorUs - before.processorUs) / messages,
        },
        verdict: judgeDelivery(state, tally, transactional ? tally.orderAcksSent - before.orderAcksSent : null),
      }
    },
  }
}
