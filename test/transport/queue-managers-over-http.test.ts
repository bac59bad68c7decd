import t, { type Test } from 'tap'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { MemoryStore } from '../../store/memory-store.js'
import { Driver } from '../../transport/driver.js'
import { exchangeAcrossCrashes, QUEUE } from '../fixtures/crash-exchange.js'
import { until } from '../fixtures/raw-peer.js'

const PORT = 8092

/** A queue manager on 127.0.97.PLACE that takes HTTP, over a store that outlives it. */
async function running(t: Test, place: number, store: MemoryStore): Promise<Driver<QueueManager>> {
  const address = `127.0.97.${place}`
  store.reopen()
  const engine = new QueueManager({
    name: `M${place}`,
    guid: `00000000-0000-4000-8000-0000000097${String(place).padStart(2, '0')}`,
    addresses: [address],
    http: { host: address, port: PORT },
    settings: createSettings({
      HttpRetransmissionTimeout: 100,
      OrderAckTimeout: 50,
      SeqResend13Time: 0.3,
    }),
    sequenceTimeStamp: place,
    notes: false,
    stored: store.load(),
    packets: store,
  })
  const driver = new Driver({
    engine,
    store,
    resolver: query => (query.kind === 'name' ? [query.name] : []),
    listen: { address, port: 0 },
    http: { address, port: PORT },
    localAddress: address,
    limits: { lingerMs: 300 },
  })
  await driver.start()
  t.teardown(() => driver.stop())
  return driver
}

t.test('crashes on both sides: what was accepted arrives once and in order', t =>
  exchangeAcrossCrashes(t, running, `DIRECT=HTTP://127.0.97.2:${PORT}/msmq/private$/orders`),
)

t.test('large messages, and many small ones, in order; stopping in the middle loses nothing', async t => {
  const store = new MemoryStore()
  const to = await running(t, 3, new MemoryStore())
  to.call((engine, now) => engine.createQueue(now, { name: QUEUE, transactional: true }))
  let from = await running(t, 4, store)
  const destination = `DIRECT=HTTP://127.0.97.3:${PORT}/msmq/private$/orders`
  const sizes = Array.from({ length: 200 }, (_, n) => (n % 50 === 0 ? 3_000_000 : n))
  for (const [n, size] of sizes.entries())
    from.call((engine, now) => engine.sendTransaction(now, [{ destination, body: Buffer.alloc(size, n) }]))
  await until(() => to.engine.peek(QUEUE, 1000).length > 20)
  await from.stop()
  from = await running(t, 4, store)
  await until(() => to.engine.peek(QUEUE, 1000).length >= 200 && from.engine.counters.outgoingMessages === 0)
  const received = to.engine.peek(QUEUE, 1000).map(({ message }) => message.properties.body)
  t.strictSame(
    received.map(({ length }) => length),
    sizes,
  )
  t.ok(received.every((body, n) => body.every(byte => byte === n)))
  t.equal(from.engine.counters.outgoingMessages, 0)
})
