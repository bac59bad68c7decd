import { type ConsumeMessage, connect } from 'amqplib'
import type { Address } from '../../roles/address.js'
import type { BrokerClient } from '../broker.js'

const PREFETCH = 2048

/** One connection, with a channel that confirms what is published on it. */
export async function connectRabbitmq({ address, port }: Address, quorum: boolean): Promise<BrokerClient> {
  const connection = await connect({ protocol: 'amqp', hostname: address, port }, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  return {
    create: async queue => {
      await channel.assertQueue(queue, { durable: true, ...(quorum && { arguments: { 'x-queue-type': 'quorum' } }) })
    },
    delete: async queue => {
      await channel.deleteQueue(queue)
    },
    publish: (queue, body, confirmed) => {
      channel.sendToQueue(queue, body, { persistent: true }, confirmed)
    },
    consume: async (queue, take) => {
      const consuming = await connection.createChannel()
      await consuming.prefetch(PREFETCH)
      let newest: ConsumeMessage | null = null
      const acknowledge = () => {
        if (newest !== null) consuming.ack(newest, true)
        newest = null
      }
      const { consumerTag } = await consuming.consume(queue, message => {
        if (message === null) return
        take(message.content)
        // One ack for all that one read of the socket brought.
        if (newest === null) setImmediate(acknowledge)
        newest = message
      })
      return {
        stop: async () => {
          await consuming.cancel(consumerTag)
          acknowledge()
          // Answered in order: the broker has seen the acks before.
          await consuming.checkQueue(queue)
          await consuming.close()
        },
      }
    },
    close: () => connection.close(),
  }
}
