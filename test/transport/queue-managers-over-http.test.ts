import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { MemoryStore } from '../../store/memory-store.js'
import { Driver } from '../../transport/driver.js'

const QUEUE = 'private$\\orders'
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

function bodies(driver: Driver<QueueManager>): string[] {
  return driver.engine.peek(QUEUE, 10_000).map(({ message }) => message.properties.body.toString())
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !condition() && Date.now() < deadline; ) await sleep(10)
}

t.test('crashes on both sides: what was accepted arrives once and in order', async t => {
  const stores = { from: new MemoryStore(), to: new MemoryStore() }
  const expected = Array.from({ length: 60 }, (_, n) => `message ${n}`)
  const destination = `DIRECT=HTTP://127.0.97.2:${PORT}/msmq/private$/orders`
  const offer = (driver: Driver<QueueManager>, first: number) => {
    for (let n = first; n < first + 20; n += 2)
      driver.call((engine, now) =>
        engine.sendTransaction(
          now,
          [0, 1].map(more => ({ destination, body: Buffer.from(`message ${n + more}`) })),
        ),
      )
  }

  let from = await running(t, 1, stores.from)
  offer(from, 0)
  await sleep(20)
  from.kill()
  from = await running(t, 1, stores.from)
  t.equal(from.engine.counters.outgoingMessages, 20, 'kept over a crash with nobody there to send to')

  let to = await running(t, 2, stores.to)
  to.call((engine, now) => engine.createQueue(now, { name: QUEUE, transactional: true }))
  await until(() => bodies(to).length === 20)
  to.kill()
  offer(from, 20)
  to = await running(t, 2, stores.to)
  await until(() => bodies(to).length === 40)
  from.kill()
  from = await running(t, 1, stores.from)
  offer(from, 40)
  await until(() => bodies(to).length >= 60 && from.engine.counters.outgoingMessages === 0)
  t.strictSame(bodies(to), expected)
  t.equal(from.engine.counters.outgoingMessages, 0, 'and every receipt came home')
})

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
