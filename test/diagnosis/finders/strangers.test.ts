import t from 'tap'
import type { Diagnosis } from '../../../diagnosis/diagnosis.js'
import { decodePacket } from '../../../protocol/binary/packet.js'
import { PacketFramer } from '../../../protocol/binary/packet-framer.js'
import { PING_FLAGS } from '../../../protocol/binary/ping.js'
import { DecodeError } from '../../../protocol/errors.js'
import { foundIn, RECEIVER, SENDER } from '../../fixtures/found-in.js'
import type { SeenTraffic } from '../../fixtures/seen-traffic.js'

/** What is wrong with bytes where a packet should begin. */
function faultOf(bytes: Buffer): DecodeError {
  try {
    new PacketFramer().push(bytes, packet => decodePacket(packet))
  } catch (error) {
    if (error instanceof DecodeError) return error
  }
  throw new Error('nothing is wrong with them')
}

/** Bytes that begin a connection, and end it. */
const begin = (bytes: Buffer) =>
  foundIn((traffic, diagnosis) => {
    const connection = traffic.connection(SENDER.address, RECEIVER.address)
    const at = traffic.next()
    diagnosis.malformed(connection, 0, faultOf(bytes), at, at)
    traffic.end(connection, 'fin', 1)
  })

t.test('strangers on the port', async t => {
  t.strictSame(begin(Buffer.from('GET / HTTP/1.1\r\n\r\n')).ids, ['not-msmq'])
  t.match(
    begin(Buffer.from('SSH-2.0-x\r\n')).of('not-msmq')?.first.text,
    /^10\.0\.1\.1 sent something else than MSMQ on/,
  )
})

t.test('a balancer’s preamble, in both of its forms', async t => {
  t.strictSame(begin(Buffer.from('PROXY TCP4 10.0.1.1 10.0.0.5 49152 1801\r\n')).ids, ['proxy-preamble'])
  t.strictSame(begin(Buffer.from('0d0a0d0a000d0a515549540a', 'hex')).ids, ['proxy-preamble'])
})

t.test(
  'where packets are damaged, malformed ones are not proven to have been sent so; and how many there were is told',
  t => {
    const { of } = foundIn((traffic, diagnosis) => {
      const session = traffic.session(SENDER, RECEIVER)
      session.express()
      diagnosis.damaged(traffic.next())
      diagnosis.damaged(traffic.next())
      const at = traffic.next()
      diagnosis.malformed(session.connections[0]!, 0, faultOf(Buffer.alloc(20, 0xee)), at, at)
      session.end('fin', 1)
    })
    t.match(of('malformed-packet'), {
      count: 1,
      proven: 0,
      first: { reservations: [/^packets are damaged, the first in/] },
    })
    t.match(of('packets-damaged'), {
      severity: 'notice',
      count: 1,
      first: { weight: 2, text: /^2 packets with wrong/ },
    })
    t.end()
  },
)

t.test('malformed packets of a session are one finding, of which the first is shown', t => {
  const { of, grave } = foundIn((traffic, diagnosis) => {
    const session = traffic.session(SENDER, RECEIVER)
    for (let count = 0; count < 3; count += 1) {
      const [first, last] = [traffic.next(), traffic.next()]
      diagnosis.malformed(session.connections[0]!, 0, faultOf(Buffer.alloc(20, 0xee)), first, last)
    }
    session.end('fin', 1)
  })
  t.strictSame(grave, ['malformed-packet'])
  t.match(of('malformed-packet'), {
    count: 1,
    proven: 1,
    first: { weight: 3, text: /VersionNumber at byte 0: 238, must be 16 .*; 3 packets/ },
  })
  t.end()
})

t.test('after a hole they prove nothing', t => {
  const { of } = foundIn((traffic, diagnosis) => {
    const session = traffic.session(SENDER, RECEIVER)
    const at = traffic.next()
    diagnosis.hole(session.connections[0]!, 0, 500, 'never-captured', at)
    diagnosis.malformed(session.connections[0]!, 0, faultOf(Buffer.alloc(20, 0xee)), at, at)
    session.end('fin', 1)
  })
  t.match(of('malformed-packet'), { count: 1, proven: 0 })
  t.end()
})

t.test('pings', async t => {
  const ping = (traffic: SeenTraffic, diagnosis: Diagnosis, cookie: number, isAnswer: boolean, flags = 0) => {
    const client = { address: SENDER.address, port: 60_000 }
    const server = { address: RECEIVER.address, port: 3527 }
    const [from, to] = isAnswer ? [server, client] : [client, server]
    const qmGuid = isAnswer ? RECEIVER.qmId : SENDER.qmId
    diagnosis.ping({
      from,
      to,
      ping: { packetType: 'Ping', flags, signature: 0x5548, cookie, qmGuid },
      at: traffic.next(),
    })
  }
  const answered = foundIn((traffic, diagnosis) => {
    ping(traffic, diagnosis, 1, false)
    ping(traffic, diagnosis, 1, true)
    traffic.wait(5)
    ping(traffic, diagnosis, 2, false)
    traffic.wait(0.5)
  })
  t.strictSame(answered.ids, [], 'the last one may be answered yet')
  const refused = foundIn((traffic, diagnosis) => {
    ping(traffic, diagnosis, 1, false)
    ping(traffic, diagnosis, 1, true, PING_FLAGS.RF)
  })
  t.strictSame(refused.ids, ['ping-refused'])
  t.equal(refused.of('ping-refused')?.first.frames.length, 2, 'ping and answer')
  const unanswered = (other: boolean) =>
    foundIn((traffic, diagnosis) => {
      if (other) ping(traffic, diagnosis, 0, true)
      for (let cookie = 1; cookie <= 3; cookie += 1) {
        ping(traffic, diagnosis, cookie, false)
        traffic.wait(5)
      }
      ping(traffic, diagnosis, 9, true)
    }).of('ping-unanswered')
  t.match(unanswered(true), { severity: 'notice', count: 1, first: { weight: 3, text: /did not answer 3 pings/ } })
})

t.test('what the capture lacks', async t => {
  const { ids, of } = foundIn((traffic, diagnosis) => {
    const whole = traffic.session(SENDER, RECEIVER)
    diagnosis.hole(whole.connections[0]!, 0, 12_000, 'never-captured', traffic.next())
    diagnosis.hole(whole.connections[0]!, 0, 345, 'never-captured', traffic.next())
    diagnosis.hole(whole.connections[0]!, 1, 99, 'snap-length', traffic.next())
    whole.end('capture-ended')
    const half = traffic.session(SENDER, RECEIVER)
    ;(half.connections[0] as { opening: string }).opening = 'none'
    ;(half.connections[0]!.frames as [number, number])[1] = 0
    half.end('capture-ended')
  })
  t.strictSame(ids, ['capture-hole', 'frames-cut-short', 'one-side-captured', 'began-before-capture'])
  t.match(
    of('capture-hole')?.first.text,
    /^12345 bytes that 10\.0\.1\.1 sent .* are missing in 2 places, before frame 6 first$/,
  )
  t.match(of('one-side-captured')?.first.text, /Nothing that 10\.0\.2\.1 sent/)
})
