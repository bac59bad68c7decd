import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { AbuseBench } from '../fixtures/abuse-bench.js'
import { TARGET_QUEUE } from '../fixtures/abuse-target.js'
import { plainMessage } from '../fixtures/messages.js'
import { createRandom, mutate } from '../fixtures/mutations.js'
import { ABUSER_GUID, establish, established, parameters, type RawPeer, until } from '../fixtures/raw-peer.js'
import { SUITE_SEED } from '../fixtures/suite-seed.js'

const TO = `OS:TARGET\\${TARGET_QUEUE}`

/** One for each of its queues; the order acks come to it without the gateway. */
const WITNESS_CONNECTIONS = 2

let lastMessageId = 0

function message(): Buffer {
  lastMessageId += 1
  return plainMessage({ source: ABUSER_GUID, messageId: lastMessageId, to: TO })
}

t.test('the same through a gateway', { timeout: 120_000 }, async t => {
  const bench = await AbuseBench.open(t, 7, { gateway: true })

  /** By how much the gateway's counters moved during an abuse. */
  async function counted(abuse: () => Promise<void>): Promise<(name: string) => number> {
    const { counters: before } = await bench.door.counters()
    await abuse()
    const { counters: after } = await bench.door.counters()
    return name => (after[name] ?? 0) - (before[name] ?? 0)
  }

  await t.test('bare connects, foreign bytes, half handshakes', async t => {
    const foreign = [
      '',
      'GET / HTTP/1.1\r\n\r\n',
      'SSH-2.0-x\r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 1 1801\r\n',
      '\r\n\r\n\0\r\nQUIT\n',
    ]
    const peers: RawPeer[] = []
    const halfway: RawPeer[] = []
    await bench.endures(
      t,
      async () => {
        const moved = await counted(async () => {
          for (let n = 0; n < 100; n += 1) {
            const peer = await bench.connect()
            const text = foreign[n % foreign.length] as string
            if (text === '') peer.end()
            else peer.write(Buffer.from(text, 'latin1'))
            peers.push(peer)
          }
          for (let n = 0; n < 20; n += 1) {
            const peer = await bench.connect()
            peer.write(establish())
            halfway.push(peer)
          }
          t.ok(await until(() => [...peers, ...halfway].every(({ ending }) => ending !== null)), 'all are closed')
        })
        t.equal(moved('undecodable'), 80, 'the gateway counts what it cannot read')
      },
      { counters: { malformedPackets: 80, connectionsClosedBeforeHandshake: 120 } },
    )
    t.equal(
      peers.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
      0,
      'silence',
    )
    t.ok(
      halfway.every(({ bytes }) => bytes.equals(established())),
      'one answer to one request',
    )
  })

  await t.test(`ends and resets anywhere, and damage (seed ${SUITE_SEED})`, async t => {
    const random = createRandom(SUITE_SEED)
    await bench.endures(t, async () => {
      const peers: RawPeer[] = []
      for (let n = 0; n < 200; n += 1) {
        const peer = await bench.connect()
        const second = n % 3 === 0 ? mutate(message(), random) : message()
        const bytes = Buffer.concat([establish(), parameters(), message(), second])
        peer.write(bytes.subarray(0, random(bytes.length)))
        if (random(2) === 0) await sleep(1)
        if (n % 2 === 0) peer.end()
        else peer.reset()
        peers.push(peer)
      }
      t.ok(await until(() => peers.every(({ ending }) => ending !== null)))
      const active = async () => (await bench.door.counters()).counters.active
      t.ok(await until(async () => (await active()) === WITNESS_CONNECTIONS), 'no connection is left behind')
    })
  })

  await t.test('a burst, opened and left', async t => {
    const count = 1_500
    const peers: RawPeer[] = []
    t.teardown(() => {
      for (const peer of peers) peer.socket.destroy()
    })
    await bench.endures(
      t,
      async () => {
        for (let n = 0; n < count; n += 250)
          peers.push(...(await Promise.all(Array.from({ length: 250 }, () => bench.connect()))))
        t.ok(await until(() => peers.every(({ ending }) => ending !== null)), 'the queue manager closes them')
        t.equal(
          peers.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
          0,
          'not a byte',
        )
      },
      { counters: { connectionsClosedBeforeHandshake: count }, rssMiB: 160 },
    )
  })

  await t.test('a peer that sends and never reads holds up nobody but itself', async t => {
    await bench.endures(
      t,
      async () => {
        const peer = await bench.connect({ abuser: 2 })
        t.ok(await peer.open({ windowSize: 1 }))
        peer.socket.pause()
        for (let n = 0; n < 60_000; n += 2_000) {
          peer.write(...Array.from({ length: 2_000 }, message))
          await until(() => peer.socket.writableLength < 2_000_000, 500)
        }
        peer.reset()
      },
      { counters: { sessionsClosed: 1 }, heapMiB: 24 },
    )
  })

  await bench.close(t)
})
