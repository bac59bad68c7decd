import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { MemoryStore } from '../../store/memory-store.js'
import { Driver } from '../../transport/driver.js'

const QUEUE = 'private$\\orders'

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

function bodies(driver: Driver<QueueManager>): string[] {
  return driver.engine.peek(QUEUE, 10_000).map(({ message }) => message.properties.body.toString())
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !condition() && Date.now() < deadline; ) await sleep(10)
}

t.test('crashes on both sides: what was accepted arrives once and in order', async t => {
  const stores = { from: new MemoryStore(), to: new MemoryStore() }
  const expected = Array.from({ length: 60 }, (_, n) => `message ${n}`)
  const destination = `DIRECT=TCP:127.0.96.2\\${QUEUE}`
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
  t.equal(from.engine.counters.outgoingMessages, 0, 'and every order ack came home')
})

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
