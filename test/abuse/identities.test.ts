import t, { type Test } from 'tap'
import { MP_FLAGS } from '../../protocol/binary/message-properties-header.js'
import type { Guid } from '../../protocol/guid.js'
import { MessageClass } from '../../protocol/message-class.js'
import { AbuseBench } from '../fixtures/abuse-bench.js'
import { TARGET_QUEUE, TARGET_SMALL_QUEUE, TARGET_TX_QUEUE } from '../fixtures/abuse-target.js'
import { finalAckMessage, orderAckMessage, plainMessage, transactionalMessage } from '../fixtures/messages.js'
import { ABUSER_GUID, type RawPeer, TARGET_GUID, until } from '../fixtures/raw-peer.js'
import { guidOf } from '../fixtures/sim-tests.js'

const MANY = 10_000
const TO = `DIRECT=OS:TARGET\\${TARGET_QUEUE}`
const TX_TO = `DIRECT=OS:TARGET\\${TARGET_TX_QUEUE}`
const INVENTED_TIME_STAMP = 0x77777777

let lastMessageId = 0

function nextMessageId(): number {
  lastMessageId += 1
  return lastMessageId
}

function invented(number: number): Guid {
  return guidOf(0x1000000 + number)
}

/** Sends `count` packets as fast as they are taken, and waits until the target has counted them all. */
async function flood(t: Test, bench: AbuseBench, peer: RawPeer, count: number, packet: (n: number) => Buffer) {
  const before = (await bench.target.counters()).counters.userMessagesReceived ?? 0
  for (let n = 0; n < count; n += 500) {
    peer.write(...Array.from({ length: Math.min(500, count - n) }, (_, index) => packet(n + index)))
    await until(() => peer.socket.writableLength < 1_000_000)
  }
  const all = await until(async () => {
    const { counters } = await bench.target.counters()
    return (counters.userMessagesReceived ?? 0) >= before + count || peer.ending !== null
  }, 30_000)
  t.ok(all && peer.ending === null, `${count} were taken in, and the session goes on`)
}

t.test('identities invented by the ten thousand', { timeout: 120_000 }, async t => {
  const bench = await AbuseBench.open(t, 5, {
    settings: { TryConnectInterval: 60_000, MachineQuota: 65_536, SessionInitializationTimeout: 60_000 },
  })

  async function withSession(abuse: (peer: RawPeer) => Promise<void>): Promise<void> {
    const peer = await bench.connect()
    await peer.open()
    peer.countOnly()
    await abuse(peer)
    peer.reset()
  }

  await t.test('source queue managers: their tables end somewhere', async t => {
    await bench.endures(
      t,
      () =>
        withSession(peer =>
          flood(t, bench, peer, 3 * MANY, n => plainMessage({ source: invented(n), messageId: 1, to: TO, body: '' })),
        ),
      { counters: { delivered: 3 * MANY }, unmoved: ['duplicatesRejected'] },
    )
  })

  await t.test('the same message again and again: taken once', async t => {
    const same = plainMessage({ source: ABUSER_GUID, messageId: nextMessageId(), to: TO, body: '' })
    await bench.endures(t, () => withSession(peer => flood(t, bench, peer, MANY, () => same)), {
      counters: { duplicatesRejected: MANY - 1 },
    })
  })

  await t.test('sequences of which there is no beginning: refused, and not even order-acked', async t => {
    await bench.endures(
      t,
      () =>
        withSession(peer =>
          flood(t, bench, peer, MANY, n =>
            transactionalMessage({
              source: n % 2 === 0 ? ABUSER_GUID : invented(n),
              messageId: nextMessageId(),
              to: TX_TO,
              sequenceId: { ordinal: n + 1, timeStamp: INVENTED_TIME_STAMP },
              number: 2,
            }),
          ),
        ),
      { counters: { outOfSequenceRejected: MANY } },
    )
  })

  await t.test('order acks for what was never sent', async t => {
    await bench.endures(
      t,
      () =>
        withSession(peer =>
          flood(t, bench, peer, MANY, n =>
            orderAckMessage({
              source: ABUSER_GUID,
              messageId: nextMessageId(),
              to: bench.target.address,
              // in part of the time stamp that the target's own sequences have
              sequenceId: { ordinal: n + 1_000, timeStamp: n % 2 === 0 ? INVENTED_TIME_STAMP : 0x60000000 },
              number: n + 1,
            }),
          ),
        ),
      { counters: { orderAcksUnmatched: MANY } },
    )
  })

  await t.test('final acks for messages nobody knows', async t => {
    await bench.endures(
      t,
      () =>
        withSession(peer =>
          flood(t, bench, peer, MANY, n =>
            finalAckMessage({
              source: ABUSER_GUID,
              messageId: nextMessageId(),
              to: bench.target.address,
              messageClass: MessageClass.NACK_Q_DELETED,
              forSource: n % 2 === 0 ? TARGET_GUID : ABUSER_GUID,
              forMessageId: 0x70000000 + n,
              sequenceId: { ordinal: 1, timeStamp: INVENTED_TIME_STAMP },
              number: 1,
            }),
          ),
        ),
      { counters: { finalAcksUnmatched: MANY }, unmoved: ['deadLettered'] },
    )
  })

  await t.test('destinations that are not here, and names of 30,000 characters', async t => {
    await bench.endures(
      t,
      () =>
        withSession(async peer => {
          await flood(t, bench, peer, 2_000, n =>
            plainMessage({
              source: ABUSER_GUID,
              messageId: nextMessageId(),
              to: `TCP:192.0.2.1\\private$\\no${n}`,
              body: '',
            }),
          )
          await flood(t, bench, peer, 500, n =>
            plainMessage({
              source: ABUSER_GUID,
              messageId: nextMessageId(),
              to: `OS:${String(n).padEnd(30_000, 'x')}\\q`,
              body: '',
            }),
          )
        }),
      { counters: { discardedOtherwise: 2_000, discardedByNameValidation: 500 } },
    )
  })

  await t.test('a full queue refuses, and lets the others be', async t => {
    await bench.endures(
      t,
      () =>
        withSession(peer =>
          flood(t, bench, peer, 5_000, () =>
            plainMessage({
              source: ABUSER_GUID,
              messageId: nextMessageId(),
              to: `OS:TARGET\\${TARGET_SMALL_QUEUE}`,
              spec: { timeToBeReceived: 1 },
            }),
          ),
        ),
      { counters: { discardedOtherwise: 4_000 } },
    )
  })

  await t.test('queue managers to pass messages on to', async t => {
    await bench.endures(
      t,
      () =>
        withSession(peer =>
          flood(t, bench, peer, MANY, n =>
            plainMessage({
              source: ABUSER_GUID,
              messageId: nextMessageId(),
              to: 7,
              queueManager: invented(n % 10_000),
              body: '',
            }),
          ),
        ),
      { counters: { discardedOtherwise: 5_000 }, heapMiB: 64 },
    )
    const { outgoing } = await bench.target.stats()
    t.ok(outgoing.length <= 4_096, `${outgoing.length} outgoing queues`)
  })

  await t.test('administration queues to acknowledge to, once there is no room for more', async t => {
    await bench.endures(
      t,
      () =>
        withSession(peer =>
          flood(t, bench, peer, MANY, n =>
            plainMessage({
              source: ABUSER_GUID,
              messageId: nextMessageId(),
              to: TO,
              spec: {
                acknowledgements: MP_FLAGS.PA,
                admin: { type: 7, name: `TCP:${bench.abuserAddress(150)}\\private$\\admin${n}` },
              },
            }),
          ),
        ),
      { counters: { acknowledgementsDropped: MANY - 4_096, delivered: MANY }, heapMiB: 24 },
    )
  })

  await bench.close(t)
})
