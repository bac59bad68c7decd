import { createClient, RESP_TYPES } from '@redis/client'
import type { Address } from '../../roles/address.js'
import type { BrokerClient } from '../broker.js'

const GROUP = 'receivers'
const READ_MESSAGES = '512'
const BLOCK_MS = '50'

/** What XREADGROUP answers: of each stream its name and entries, of each entry its id and fields. */
type Reply = readonly (readonly [stream: Buffer, entries: readonly Entry[]])[] | null
type Entry = readonly [id: Buffer, fields: readonly Buffer[]]

/** One connection, whose client sends what is asked of it within a turn as one pipeline. Reading blocks, and therefore has
 *  a connection of its own. */
export async function connectRedis({ address, port }: Address): Promise<BrokerClient> {
  const opened = createClient({ socket: { host: address, port, noDelay: true }, RESP: 2 })
  opened.on('error', () => {})
  await opened.connect()
  const reading = opened.duplicate()
  reading.on('error', () => {})
  await reading.connect()
  const asBuffers = reading.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  return {
    create: async queue => {
      await opened.sendCommand(['XGROUP', 'CREATE', queue, GROUP, '0', 'MKSTREAM'])
    },
    delete: async queue => {
      await opened.sendCommand(['DEL', queue])
    },
    publish: (queue, body, confirmed) => {
      opened.sendCommand(['XADD', queue, '*', 'b', body]).then(() => confirmed(null), confirmed)
    },
    consume: async (queue, take) => {
      let stopped = false
      const read = [
        'XREADGROUP',
        'GROUP',
        GROUP,
        'one',
        'COUNT',
        READ_MESSAGES,
        'BLOCK',
        BLOCK_MS,
        'STREAMS',
        queue,
        '>',
      ]
      const pump = async () => {
        while (!stopped) {
          const reply = (await asBuffers.sendCommand(read)) as unknown as Reply
          const entries = reply?.[0]?.[1] ?? []
          if (entries.length === 0) continue
          for (const [, fields] of entries) take(fields[1] as Buffer)
          const ids = entries.map(([id]) => id)
          await Promise.all([
            opened.sendCommand(['XACK', queue, GROUP, ...ids]),
            opened.sendCommand(['XDEL', queue, ...ids]),
          ])
        }
      }
      const pumping = pump()
      return {
        stop: async () => {
          stopped = true
          await pumping
        },
      }
    },
    close: async () => {
      await reading.close()
      await opened.close()
    },
  }
}
