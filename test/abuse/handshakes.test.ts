import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { AbuseBench } from '../fixtures/abuse-bench.js'
import { plainMessage } from '../fixtures/messages.js'
import {
  ABUSER_GUID,
  ESTABLISHED_BYTES,
  establish,
  established,
  parameters,
  type RawPeer,
  until,
} from '../fixtures/raw-peer.js'
import { guidOf } from '../fixtures/sim-tests.js'

// SessionInitializationTimeout of the target is 2 s where nothing else is said.

t.test('handshakes that are never completed', async t => {
  const bench = await AbuseBench.open(t, 2)

  await t.test('opened and left: closed by the initialization timer, answered nothing', async t => {
    const silent: RawPeer[] = []
    const halfway: RawPeer[] = []
    await bench.endures(
      t,
      async () => {
        const begunMs = performance.now()
        for (let n = 0; n < 150; n += 1) silent.push(await bench.connect())
        for (let n = 0; n < 50; n += 1) {
          const peer = await bench.connect()
          peer.write(establish())
          halfway.push(peer)
        }
        t.ok(await halfway.at(-1)?.got(572))
        t.ok(await silent[0]?.closed())
        t.ok(performance.now() - begunMs > 1_900, 'not closed at once')
        const all = await Promise.all([...silent, ...halfway].map(peer => peer.closed()))
        t.ok(all.every(Boolean), 'all are closed in the end')
      },
      { counters: { connectionsClosedBeforeHandshake: 200 }, unmoved: ['sessionsOpened', 'malformedPackets'] },
    )
    t.equal(
      silent.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
      0,
      'silence for the silent',
    )
    t.ok(
      halfway.every(({ bytes }) => bytes.equals(established())),
      'one answer for the others',
    )
  })

  await t.test('a byte now and then: the timer does not start again', async t => {
    await bench.endures(
      t,
      async () => {
        const peers = await Promise.all(Array.from({ length: 40 }, () => bench.connect()))
        const bytes = establish()
        let at = 0
        for (; at < bytes.length && peers.some(({ ending }) => ending === null); at += 1) {
          for (const peer of peers) peer.write(bytes.subarray(at, at + 1))
          await sleep(50)
        }
        t.ok(at < bytes.length / 2, 'long before the last byte')
        t.ok(await until(() => peers.every(({ ending }) => ending !== null)))
        t.equal(
          peers.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
          0,
        )
      },
      { counters: { connectionsClosedBeforeHandshake: 40 }, unmoved: ['malformedPackets'] },
    )
  })

  await bench.close(t)
})

t.test('handshakes that nobody may cut for being slow', async t => {
  const bench = await AbuseBench.open(t, 10, { settings: { SessionInitializationTimeout: 60_000 } })

  await t.test('a handshake byte by byte is one all the same', async t => {
    await bench.endures(
      t,
      async () => {
        const peer = await bench.connect()
        const bytes = Buffer.concat([establish(), parameters()])
        for (let at = 0; at < bytes.length; at += 1) {
          peer.write(bytes.subarray(at, at + 1))
          await new Promise(setImmediate)
        }
        t.ok(await peer.got(604))
        t.ok(peer.bytes.equals(Buffer.concat([established(), parameters()])))
        peer.end()
        t.ok(await peer.closed())
      },
      { counters: { sessionsOpened: 1, sessionsClosed: 1 } },
    )
  })

  await t.test('another ServerGuid than ours: refused by CS, and left to close', async t => {
    await bench.endures(
      t,
      async () => {
        const peer = await bench.connect()
        peer.write(establish(ABUSER_GUID, guidOf(99)))
        t.ok(await peer.got(572))
        await sleep(100)
        t.ok(peer.bytes.equals(established(ABUSER_GUID, true)))
        peer.end()
        t.ok(await peer.closed())
      },
      { counters: { sessionsRefused: 1 }, unmoved: ['sessionsOpened'] },
    )
  })

  await t.test('strangers cannot have megabytes held for them: a long packet is none of a handshake', async t => {
    const message = plainMessage({
      source: ABUSER_GUID,
      messageId: 1,
      to: 100,
      spec: { body: Buffer.alloc(4_000_000) },
    })
    await bench.endures(
      t,
      async () => {
        const peers = await Promise.all(Array.from({ length: 100 }, () => bench.connect()))
        for (const peer of peers) peer.write(message.subarray(0, 1_000_000))
        t.ok(await until(() => peers.every(({ ending }) => ending !== null)), 'closed at the beginning of it')
        t.equal(
          peers.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
          0,
        )
      },
      { counters: { outOfStatePackets: 100 }, unmoved: ['sessionsOpened'] },
    )
  })

  await bench.close(t)
})

t.test('MaxInSessions holds for those, too, who say that they pinged', async t => {
  // two of these are the witness's
  const bench = await AbuseBench.open(t, 8, { settings: { MaxInSessions: 4 } })
  const pinged = establish()
  pinged.writeUInt16LE(0x0210, 56)
  await bench.endures(
    t,
    async () => {
      const peers: RawPeer[] = []
      for (let n = 0; n < 6; n += 1) {
        const peer = await bench.connect()
        peer.write(pinged, parameters())
        t.ok(await until(() => peer.bytesReceived >= ESTABLISHED_BYTES || peer.ending !== null))
        peers.push(peer)
      }
      t.strictSame(
        peers.map(({ bytesReceived }) => bytesReceived),
        [ESTABLISHED_BYTES, ESTABLISHED_BYTES, 0, 0, 0, 0],
      )
      for (const peer of peers) peer.end()
      t.ok(await until(() => peers.every(({ ending }) => ending !== null)))
    },
    { counters: { sessionsRefused: 4, sessionsOpened: 2 } },
  )
  await bench.close(t)
})
