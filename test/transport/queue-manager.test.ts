import { createConnection } from 'node:net'
import t, { type Test } from 'tap'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { MemoryStore } from '../../store/memory-store.js'
import { Driver } from '../../transport/driver.js'
import { bodies, exchangeAcrossCrashes, QUEUE } from '../fixtures/crash-exchange.js'
import { until } from '../fixtures/raw-peer.js'

/** A queue manager on 127.0.96.PLACE:1801 over a store that outlives it. */
async function running(t: Test, place: number, store: MemoryStore): Promise<Driver<QueueManager>> {
  const address = `127.0.96.${place}`
  store.reopen()
  const engine = new QueueManager({
    name: `M${place}`,
    guid: `00000000-0000-4000-8000-0000000096${String(place).padStart(2, '0')}`,
    addresses: [address],
    settings: createSettings({ TryConnectInterval: 50, OrderAckTimeout: 50, SeqResend13Time: 0.3 }),
    sequenceTimeStamp: place,
    notes: false,
    stored: store.load(),
    packets: store,
  })
  const listen = { address, port: 1801 }
  const driver = new Driver({
    engine,
    store,
    resolver: () => [],
    listen,
    localAddress: address,
    limits: { lingerMs: 300 },
  })
  await driver.start()
  t.teardown(() => driver.stop())
  return driver
}

t.test('crashes on both sides: what was accepted arrives once and in order', t =>
  exchangeAcrossCrashes(t, running, `DIRECT=TCP:127.0.96.2\\${QUEUE}`),
)

t.test('a burst of connections that say nothing: the others go on', async t => {
  const to = await running(t, 3, new MemoryStore())
  to.call((engine, now) => engine.createQueue(now, { name: QUEUE }))
  const idle = Array.from({ length: 1500 }, () => createConnection({ host: '127.0.96.3', port: 1801 }))
  for (const socket of idle) socket.on('error', () => undefined)
  t.teardown(() => {
    for (const socket of idle) socket.destroy()
  })
  const from = await running(t, 4, new MemoryStore())
  const message = { destination: `DIRECT=TCP:127.0.96.3\\${QUEUE}`, body: Buffer.from('still here') }
  from.call((engine, now) => engine.send(now, message))
  await until(() => bodies(to).length === 1)
  t.strictSame(bodies(to), ['still here'])
  await until(() => to.engine.counters.connectionsAccepted > 1500)
  t.equal(to.engine.counters.connectionsAccepted, 1501)
})
