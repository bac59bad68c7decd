import { createTrackedBody } from '../../protocol/tracked-body.js'
import { monotonicUs } from '../latency.js'
import type { BrokerName } from '../peers/broker.js'
import { connectBroker } from '../peers/clients/connect.js'
import { processorUs } from '../processor.js'
import type { Address } from './address.js'

export interface PeerRoleOptions {
  readonly broker: BrokerName
  readonly at: Address
}

export interface PublishRun {
  readonly queue: string
  /** In every body. */
  readonly sender: number
  readonly messages: number
  readonly bodyBytes: number
  /** Most messages on their way, not yet confirmed. */
  readonly unconfirmedMax: number
}

export interface PublishedRun {
  readonly fromUs: number
  readonly untilUs: number
  readonly processorUs: number
  readonly confirmed: number
  readonly refused: number
}

/** Messages handed over in a row before the connection may get on with sending them. */
const IN_A_ROW_MAX = 64

/** An application that publishes to another broker as fast as it confirms. */
export async function startPeerPublisher({ broker, at }: PeerRoleOptions) {
  const client = await connectBroker(broker, at)
  return {
    create: (queue: string): Promise<void> => client.create(queue),
    delete: (queue: string): Promise<void> => client.delete(queue),
    /** Resolves when the broker has answered for each message. */
    publish: ({ queue, sender, messages, bodyBytes, unconfirmedMax }: PublishRun): Promise<PublishedRun> =>
      new Promise(resolve => {
        const fromUs = monotonicUs()
        const processorFromUs = processorUs()
        let published = 0
        let confirmed = 0
        let refused = 0
        let filling = false
        const answered = (error: Error | null) => {
          if (error === null) confirmed += 1
          else refused += 1
          if (confirmed + refused === messages) {
            const used = processorUs() - processorFromUs
            resolve({ fromUs, untilUs: monotonicUs(), processorUs: used, confirmed, refused })
          } else fillSoon()
        }
        const fillSoon = () => {
          if (filling || published === messages) return
          filling = true
          setImmediate(fill)
        }
        const fill = () => {
          filling = false
          for (let count = 0; count < IN_A_ROW_MAX; count++) {
            if (published === messages || published - confirmed - refused >= unconfirmedMax) return
            published += 1
            client.publish(queue, createTrackedBody({ sender, number: published, bodySize: bodyBytes }), answered)
          }
          fillSoon()
        }
        fill()
      }),
    close: (): Promise<void> => client.close(),
  }
}
