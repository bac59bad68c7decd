import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { buildSessionAck } from '../../protocol/binary/build.js'
import { AbuseBench } from '../fixtures/abuse-bench.js'
import { plainMessage } from '../fixtures/messages.js'
import { createRandom } from '../fixtures/mutations.js'
import { ABUSER_GUID, establish, established, parameters, type RawPeer } from '../fixtures/raw-peer.js'
import { SUITE_SEED } from '../fixtures/suite-seed.js'

const FOREIGN: Readonly<Record<string, Buffer>> = {
  'an HTTP request': Buffer.from('GET / HTTP/1.1\r\nHost: msmq\r\n\r\n'),
  'a TLS hello': Buffer.from('16030100c8010000c40303'.padEnd(410, 'a5'), 'hex'),
  'an SSH banner': Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'),
  'a PROXY preamble, version 1': Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 40000 1801\r\n'),
  'a PROXY preamble, version 2': Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000201c00002029c400709', 'hex'),
  'an echo test': Buffer.from('echo? 12345\n'),
  'an SMB negotiation': Buffer.from('00000054ff534d4272000000001843c80000000000', 'hex'),
  'the version and no signature': Buffer.from(`105a0b00${'00'.repeat(60)}`, 'hex'),
  'the signature in the other byte order': Buffer.from(`105a0b00524f494c3c020000ffffffff${'00'.repeat(560)}`, 'hex'),
  'one byte of nothing': Buffer.of(0),
}

interface Malformed {
  readonly name: string
  readonly transport: string
  readonly hex: string
}

const { malformed } = JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as {
  malformed: Malformed[]
}

/** Each peer is to be closed in silence. */
async function metWithSilence(peers: readonly (readonly [string, RawPeer])[]): Promise<string[]> {
  const faults: string[] = []
  for (const [name, peer] of peers) {
    if (!(await peer.closed())) faults.push(`${name}: left open`)
    if (peer.bytesReceived > 0) faults.push(`${name}: answered ${peer.bytes.toString('hex')}`)
  }
  return faults
}

t.test('what arrives on port 1801 all day', async t => {
  const bench = await AbuseBench.open(t, 1)

  await t.test('bare connects: closed quietly, counted, nothing answered', async t => {
    const peers: RawPeer[] = []
    await bench.endures(
      t,
      async () => {
        for (let n = 0; n < 100; n += 1) {
          const peer = await bench.connect()
          peers.push(peer)
          if (n % 2 === 0) peer.end()
          else peer.reset()
        }
        await Promise.all(peers.map(peer => peer.closed()))
      },
      { counters: { connectionsClosedBeforeHandshake: 50 }, unmoved: ['malformedPackets', 'sessionsOpened'] },
    )
    t.equal(
      peers.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
      0,
      'not a byte',
    )
  })

  await t.test('bytes of other protocols: closed in silence at the first byte that tells', async t => {
    const random = createRandom(SUITE_SEED)
    const noise = Array.from({ length: 40 }, (_, n): [string, Buffer] => {
      const bytes = Buffer.from(Array.from({ length: 1 + random(2_000) }, () => random(256)))
      // in a quarter of the cases the first eight bytes are right, and the size may be anything
      if (n % 4 === 0) bytes.set(Buffer.from('105a0b004c494f52', 'hex').subarray(0, bytes.length))
      return [`noise ${n} of seed ${SUITE_SEED}`, bytes]
    })
    const cases = [...Object.entries(FOREIGN), ...noise]
    await bench.endures(
      t,
      async () => {
        const peers: [string, RawPeer][] = []
        for (const [name, bytes] of cases) {
          const peer = await bench.connect()
          peer.write(bytes)
          // what is too short to be judged ends with its sender
          if (bytes.length < 600) setTimeout(() => peer.end(), 500).unref()
          peers.push([name, peer])
        }
        t.strictSame(await metWithSilence(peers), [])
      },
      { counters: { malformedPackets: Object.keys(FOREIGN).length }, unmoved: ['sessionsOpened'] },
    )
  })

  await t.test('malformed packets, the scanner packet of CVE-2023-21554 among them: silence', async t => {
    const cases = malformed.filter(({ transport }) => transport.startsWith('tcp'))
    t.ok(cases.some(({ name }) => name === 'srmp_data_length_doubling_wraps') && cases.length > 10)
    await bench.endures(
      t,
      async () => {
        const peers: [string, RawPeer][] = []
        for (const { name, hex } of cases) {
          const peer = await bench.connect()
          peer.write(Buffer.from(hex, 'hex'))
          setTimeout(() => peer.end(), 500).unref()
          peers.push([name, peer])
        }
        t.strictSame(await metWithSilence(peers), [])
      },
      { counters: { malformedPackets: 10 }, unmoved: ['sessionsOpened'] },
    )
  })

  await t.test('packets out of their turn: silence, but for what came in turn', async t => {
    const message = plainMessage({ source: ABUSER_GUID, messageId: 1, to: 100 })
    const ack = buildSessionAck({
      ackSequenceNumber: 1,
      recoverableMsgAckSeqNumber: 0,
      recoverableMsgAckFlags: 0,
      userMsgSequenceNumber: 0,
      recoverableMsgSeqNumber: 0,
      windowSize: 64,
      reserved: 0,
    })
    const answer = established()
    const cases: readonly [string, readonly Buffer[], Buffer][] = [
      ['a user message first', [message], Buffer.alloc(0)],
      ['a session ack first', [ack], Buffer.alloc(0)],
      ['parameters first', [parameters(), establish()], Buffer.alloc(0)],
      ['the handshake twice at once', [establish(), establish(), parameters()], answer],
      ['a user message in mid-handshake', [establish(), message], answer],
      ['a session ack in mid-handshake', [establish(), ack], answer],
      ['parameters twice', [establish(), parameters(), parameters()], Buffer.concat([answer, parameters()])],
      ['the handshake again', [establish(), parameters(), establish()], Buffer.concat([answer, parameters()])],
    ]
    await bench.endures(
      t,
      async () => {
        for (const [name, packets, expected] of cases) {
          const peer = await bench.connect()
          peer.write(...packets)
          t.ok(await peer.closed(), `${name}: closed`)
          t.ok(peer.bytes.equals(expected), `${name}: ${peer.bytesReceived} bytes, and exactly those that are due`)
        }
      },
      { counters: { outOfStatePackets: cases.length } },
    )
  })

  await t.test('acks after the close change nothing', async t => {
    await bench.endures(
      t,
      async () => {
        const peer = await bench.connect({ allowHalfOpen: true })
        peer.write(parameters())
        t.ok(await peer.closed())
        for (let n = 0; n < 20 && !peer.socket.destroyed; n += 1) {
          peer.write(establish(), parameters())
          await sleep(5)
        }
        t.equal(peer.bytesReceived, 0)
        peer.socket.destroy()
      },
      { counters: { outOfStatePackets: 1 }, unmoved: ['sessionsOpened', 'malformedPackets'] },
    )
  })

  await bench.close(t)
})
