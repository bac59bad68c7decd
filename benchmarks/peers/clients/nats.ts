import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Address } from '../../roles/address.js'
import type { BrokerClient } from '../broker.js'

const CONSUMER = 'receiver'
const UNACKNOWLEDGED_MAX = 16_384
const PULL_MESSAGES = 2048
const PUBLISH_TIMEOUT_MS = 30_000

/** One connection; a queue is a stream whose messages go when they are acknowledged. */
export async function connectNats({ address, port }: Address): Promise<BrokerClient> {
  const connection = await connect({ servers: `${address}:${port}` })
  const manager = await jetstreamManager(connection)
  const client = jetstream(connection)
  return {
    create: async queue => {
      await manager.streams.add({
        name: queue,
        subjects: [queue],
        storage: StorageType.File,
        retention: RetentionPolicy.Workqueue,
      })
      await manager.consumers.add(queue, {
        durable_name: CONSUMER,
        ack_policy: AckPolicy.Explicit,
        max_ack_pending: UNACKNOWLEDGED_MAX,
      })
    },
    delete: async queue => {
      await manager.streams.delete(queue)
    },
    publish: (queue, body, confirmed) => {
      client.publish(queue, body, { timeout: PUBLISH_TIMEOUT_MS }).then(() => confirmed(null), confirmed)
    },
    consume: async (queue, take) => {
      const consumer = await client.consumers.get(queue, CONSUMER)
      const messages = await consumer.consume({
        max_messages: PULL_MESSAGES,
        callback: message => {
          const { data } = message
          take(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
          message.ack()
        },
      })
      return {
        stop: async () => {
          await messages.close()
          await connection.flush()
        },
      }
    },
    close: async () => {
      await connection.close()
    },
  }
}
