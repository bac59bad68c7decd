import type { Address } from '../../roles/address.js'
import type { BrokerClient, BrokerName } from '../broker.js'

/** Connects with the broker's own client, which is a dependency of the tests and loaded only here. */
export async function connectBroker(name: BrokerName, address: Address): Promise<BrokerClient> {
  switch (name) {
    case 'rabbitmq':
    case 'rabbitmq-quorum':
      return await (await import('./rabbitmq.js')).connectRabbitmq(address, name === 'rabbitmq-quorum')
    case 'nats':
      return await (await import('./nats.js')).connectNats(address)
    case 'redis':
      return await (await import('./redis.js')).connectRedis(address)
  }
}
