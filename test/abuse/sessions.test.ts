import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { BASE_FLAGS } from '../../protocol/binary/base-header.js'
import { buildSessionAck } from '../../protocol/binary/build.js'
import { decodePacket } from '../../protocol/binary/packet.js'
import { PacketFramer } from '../../protocol/binary/packet-framer.js'
import type { SessionHeader } from '../../protocol/binary/session-header.js'
import { AbuseBench } from '../fixtures/abuse-bench.js'
import { TARGET_QUEUE } from '../fixtures/abuse-target.js'
import { plainMessage } from '../fixtures/messages.js'
import { createRandom, mutate } from '../fixtures/mutations.js'
import { ABUSER_GUID, ESTABLISHED_BYTES, establish, parameters, RawPeer, until } from '../fixtures/raw-peer.js'
import { guidOf } from '../fixtures/sim-tests.js'
import { SUITE_SEED } from '../fixtures/suite-seed.js'

const SESSION_ACK_BYTES = 36
const TO = `DIRECT=OS:TARGET\\${TARGET_QUEUE}`

let lastMessageId = 0

function message(body = 'from a stranger', delivery: 'express' | 'recoverable' = 'express', source = ABUSER_GUID) {
  lastMessageId += 1
  return plainMessage({ source, messageId: lastMessageId, to: TO, body, delivery })
}

function sessionAck(changes: Partial<SessionHeader>): Buffer {
  return buildSessionAck({
    ackSequenceNumber: 0,
    recoverableMsgAckSeqNumber: 0,
    recoverableMsgAckFlags: 0,
    userMsgSequenceNumber: 0,
    recoverableMsgSeqNumber: 0,
    windowSize: 64,
    reserved: 0,
    ...changes,
  })
}

t.test('sessions that are abused', { timeout: 120_000 }, async t => {
  // nothing here waits for the initialization timer: it must not cut who only was slow
  const bench = await AbuseBench.open(t, 4, { settings: { SessionInitializationTimeout: 60_000 } })

  await t.test('a stream cut in two at every boundary is the same stream', async t => {
    const stream = Buffer.concat([establish(), parameters(), message('one'), message('two')])
    const cuts = Array.from({ length: stream.length }, (_, at) => at).filter(at => at % 9 === 0 || at >= 560)
    await bench.endures(
      t,
      async () => {
        for (let from = 0; from < cuts.length; from += 50) {
          const batch = await Promise.all(
            cuts.slice(from, from + 50).map(async cut => {
              const peer = await bench.connect()
              const fresh = Buffer.concat([establish(), parameters(), message('one'), message('two')])
              peer.write(fresh.subarray(0, cut))
              return { peer, rest: fresh.subarray(cut) }
            }),
          )
          await sleep(5)
          for (const { peer, rest } of batch) peer.write(rest)
          // the handshake, and one ack for both messages
          t.ok(
            (await Promise.all(batch.map(({ peer }) => peer.got(ESTABLISHED_BYTES + SESSION_ACK_BYTES)))).every(
              Boolean,
            ),
          )
          for (const { peer } of batch) peer.end()
        }
      },
      {
        counters: { sessionsOpened: cuts.length, sessionsClosed: cuts.length, delivered: 2 * cuts.length },
        unmoved: ['malformedPackets', 'outOfStatePackets', 'protocolViolations'],
      },
    )
  })

  await t.test(`ends and resets in the middle of anything (seed ${SUITE_SEED})`, async t => {
    const random = createRandom(SUITE_SEED)
    const count = 200
    await bench.endures(
      t,
      async () => {
        const peers: RawPeer[] = []
        for (let n = 0; n < count; n += 1) {
          const peer = await bench.connect()
          const bytes = Buffer.concat([establish(), parameters(), message(), message('two', 'recoverable'), message()])
          peer.write(bytes.subarray(0, random(bytes.length)))
          if (random(2) === 0) await sleep(1)
          if (n % 2 === 0) peer.end()
          else peer.reset()
          peers.push(peer)
        }
        t.ok(await until(() => peers.every(({ ending }) => ending !== null)))
      },
      { counters: { connectionsAccepted: count / 2 }, unmoved: ['malformedPackets', 'outOfStatePackets'] },
    )
  })

  await t.test(`sizes that lie and other damage in an open session (seed ${SUITE_SEED})`, async t => {
    const random = createRandom(SUITE_SEED)
    const sizes = [0, 1, 16, 63, 119, 0x00400001, 0x7fffffff, 0x80000000, 0xffffffff]
    const lies = sizes.map(size => {
      const bytes = Buffer.from(message())
      bytes.writeUInt32LE(size, 8)
      return bytes
    })
    // a SessionHeader that is announced but neither inside nor behind, when the headers end beyond PacketSize
    const announced = Buffer.from(message())
    announced[2] = (announced[2] as number) | BASE_FLAGS.SH
    announced.writeUInt32LE(announced.length - 40, 8)
    lies.push(announced)
    await bench.endures(
      t,
      async () => {
        const strict: RawPeer[] = []
        for (const lie of lies) {
          const peer = await bench.connect()
          t.ok(await peer.open())
          peer.write(lie)
          strict.push(peer)
        }
        t.ok(await until(() => strict.every(({ ending }) => ending !== null)), 'each lie closes its session')
        t.ok(
          strict.every(({ bytesReceived }) => bytesReceived === ESTABLISHED_BYTES),
          'and is answered nothing',
        )
        const damaged: RawPeer[] = []
        for (let n = 0; n < 300; n += 1) {
          // of a source of their own: a damaged MessageID must not be one that is used later
          const one = message('x', 'express', guidOf(4))
          const other = message('x', 'recoverable', guidOf(4))
          const peer = await bench.connect()
          peer.write(establish(), parameters(), mutate(one, random), mutate(other, random))
          damaged.push(peer)
          if (n % 50 === 49) await sleep(20)
        }
        await sleep(300)
        for (const peer of damaged) peer.end()
        t.ok(await until(() => damaged.every(({ ending }) => ending !== null)))
      },
      { counters: { malformedPackets: lies.length + 50 } },
    )
  })

  await t.test('a window ignored: ten thousand messages without waiting', async t => {
    const count = 10_000
    await bench.endures(
      t,
      async () => {
        const { strangers } = await bench.target.counters()
        const peer = await bench.connect()
        t.ok(await peer.open())
        peer.write(...Array.from({ length: count }, () => message()))
        t.ok(await until(async () => (await bench.target.counters()).strangers >= strangers + count), 'all are taken')
        t.equal(peer.ending, null, 'the specification does not call for closing')
        t.ok(await until(() => acksOf(peer).at(-1)?.ackSequenceNumber === count), 'and all acknowledged')
        const acks = acksOf(peer)
        t.equal(peer.bytesReceived, ESTABLISHED_BYTES + acks.length * SESSION_ACK_BYTES, 'nothing but acks')
        peer.end()
        await peer.closed()
      },
      { counters: { delivered: count, sessionsClosed: 1 } },
    )
  })

  await t.test('a peer that sends and never reads is read from no more', async t => {
    await bench.endures(
      t,
      async () => {
        const peer = await bench.connect({ abuser: 2 })
        t.ok(await peer.open({ windowSize: 1 }))
        peer.socket.pause()
        // with a window of 1 every message has its own ack, which nobody fetches
        let sent = 0
        const paused = async () => ((await bench.target.counters()).counters.readingPaused ?? 0) > 0
        for (; sent < 400_000 && !(await paused()); sent += 2_000) {
          peer.write(...Array.from({ length: 2_000 }, () => message('')))
          while (peer.socket.writableLength > 4_000_000 && !(await paused())) await sleep(5)
        }
        t.ok(await paused(), `after ${sent} messages`)
        const { strangers } = await bench.target.counters()
        for (let n = 0; n < 20; n += 1) {
          peer.write(...Array.from({ length: 2_000 }, () => message('')))
          await sleep(5)
        }
        t.ok((await bench.target.counters()).strangers - strangers < 20_000, 'what it sends now stays with it')
        peer.countOnly()
        peer.socket.resume()
        t.ok(await until(async () => (await bench.target.counters()).strangers - strangers >= 40_000), 'until it reads')
        peer.reset()
      },
      { counters: { readingPaused: 1, sessionsClosed: 1 }, heapMiB: 24 },
    )
  })

  await t.test('acknowledging what was never sent: closed, and nothing is taken for acknowledged', async t => {
    const claims: readonly [string, Partial<SessionHeader>][] = [
      ['messages', { ackSequenceNumber: 5 }],
      ['recoverable messages', { recoverableMsgAckSeqNumber: 1, recoverableMsgAckFlags: 1 }],
      ['far ahead', { recoverableMsgAckSeqNumber: 30_000, recoverableMsgAckFlags: 0xffffffff }],
      ['its own sending wrongly', { userMsgSequenceNumber: 9 }],
    ]
    await bench.endures(
      t,
      async () => {
        for (const [name, claim] of claims) {
          const peer = await bench.connect()
          t.ok(await peer.open())
          peer.write(sessionAck(claim))
          t.ok(await peer.closed(), `${name}: closed`)
          t.equal(peer.bytesReceived, ESTABLISHED_BYTES, 'without an answer')
        }
      },
      { counters: { protocolViolations: claims.length, sessionsClosed: claims.length } },
    )
  })

  await t.test('a destination that acknowledges the future, and then one that does not', async t => {
    const address = bench.abuserAddress(3)
    const accepted: RawPeer[] = []
    const waiting = async () => {
      const { outgoing } = await bench.target.stats()
      return outgoing.find(({ formatName }) => formatName.includes(address))?.messages ?? 0
    }
    const stop = await RawPeer.listen(t, address, peer => accepted.push(peer))
    await bench.endures(
      t,
      async () => {
        bench.target.send({ destination: `DIRECT=TCP:${address}\\private$\\q`, count: 3, transactional: false })
        for (const claim of [
          { ackSequenceNumber: 4 },
          { ackSequenceNumber: 3, recoverableMsgAckSeqNumber: 1, recoverableMsgAckFlags: 0xf },
        ]) {
          t.ok(await until(() => accepted.length > 0))
          const peer = accepted.shift() as RawPeer
          t.equal((await answerHandshake(peer)).length, 3, 'all three come')
          peer.write(sessionAck(claim))
          t.ok(await peer.closed())
          t.equal(await waiting(), 3, 'and stay where they are')
        }
        t.ok(await until(() => accepted.length > 0))
        const honest = accepted.shift() as RawPeer
        t.equal((await answerHandshake(honest)).length, 3)
        honest.write(sessionAck({ ackSequenceNumber: 3, recoverableMsgAckSeqNumber: 1, recoverableMsgAckFlags: 7 }))
        t.ok(await until(async () => (await waiting()) === 0), 'gone when they may')
      },
      { counters: { protocolViolations: 2, connectAttempts: 3 } },
    )
    stop()
  })

  await t.test('packets of four megabytes begun by the hundred and never ended', async t => {
    const count = 90
    const whole = plainMessage({ source: ABUSER_GUID, messageId: 1, to: TO, spec: { body: Buffer.alloc(4_190_000) } })
    const begun = whole.subarray(0, whole.length - 1)
    await bench.endures(
      t,
      async () => {
        const peers: RawPeer[] = []
        for (let n = 0; n < count; n += 1) {
          const peer = await bench.connect()
          if (!(await peer.open())) throw new Error('no session')
          peers.push(peer)
          peer.socket.write(begun)
          await until(() => peer.socket.writableLength === 0 || peer.ending !== null)
        }
        t.ok(await until(() => peers.some(({ ending }) => ending !== null)), 'the greediest are closed')
        const { externalBytes } = await bench.target.stats()
        const heldMiB = Math.round(externalBytes / 1024 / 1024)
        t.ok(heldMiB > 100 && heldMiB <= 290, `${heldMiB} MiB held for ${count} of them`)
        t.ok(peers.filter(({ ending }) => ending === null).length > 50, 'and no more than must be')
        for (const peer of peers) peer.reset()
      },
      { counters: { unfinishedPacketsGivenUp: 1, sessionsClosed: count }, rssMiB: 400 },
    )
  })

  await bench.close(t)
})

function packetsOf(peer: RawPeer) {
  const packets: ReturnType<typeof decodePacket>[] = []
  new PacketFramer().push(peer.bytes, bytes => packets.push(decodePacket(bytes)))
  return packets
}

function acksOf(peer: RawPeer): SessionHeader[] {
  return packetsOf(peer).flatMap(packet => (packet.packetType === 'SessionAck' ? [packet.session] : []))
}

/** The accepting side of the handshake; resolves with the user messages that follow. */
async function answerHandshake(peer: RawPeer) {
  await peer.got(572)
  const request = Buffer.from(peer.bytes.subarray(0, 572))
  // the response is the request with our GUID as ServerGuid
  request.fill(7, 36, 52)
  peer.write(request)
  await peer.got(ESTABLISHED_BYTES)
  peer.write(parameters())
  const messages = () => packetsOf(peer).filter(packet => 'user' in packet)
  await until(() => messages().length >= 3)
  return messages()
}
