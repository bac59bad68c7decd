import t from 'tap'
import type { SeenConnection } from '../../../capture/tcp/seen-connection.js'
import { FollowedConnection, parseFollowTarget } from '../../../diagnosis/output/followed-connection.js'
import { SeenTraffic, type TrafficMachine } from '../../fixtures/seen-traffic.js'

const S1: TrafficMachine = { qmId: 'aaaaaaaa-0000-0000-0000-000000000001', address: '10.0.1.1', uptimeMs: 86_400_000 }
const R1: TrafficMachine = { qmId: 'bbbbbbbb-0000-0000-0000-000000000001', address: '10.0.2.1', uptimeMs: 7_200_000 }

function follow(target: string, play: (traffic: SeenTraffic) => void): FollowedConnection {
  const followed = new FollowedConnection(parseFollowTarget(target)!)
  play(new SeenTraffic(followed))
  return followed
}

t.test('what names a connection', async t => {
  t.strictSame(parseFollowTarget('12'), { id: 12 })
  t.strictSame(parseFollowTarget('10.0.0.7:49152-10.0.0.5:1801'), { one: '10.0.0.7:49152', other: '10.0.0.5:1801' })
  t.strictSame(parseFollowTarget('[FE80::1]:1801-[fe80::2]:2'), { one: 'fe80::1:1801', other: 'fe80::2:2' })
  for (const text of ['', 'x', '10.0.0.7-10.0.0.5', '-1', '10.0.0.7:49152'])
    t.equal(parseFollowTarget(text), null, text)
})

t.test('every packet in a line, acks with the frames that they are for', async t => {
  const { lines } = follow('1', traffic => {
    traffic.session(S1, R1).express()
    const out = traffic.session(S1, R1)
    out.transactional({ number: 1 })
    out.express()
    out.sessionAck(2)
    out.end('reset', 1, { idleUs: 61e6, forged: true })
  })
  t.match(
    lines.map(({ direction, text }) => `${direction} ${text}`),
    [
      /^null connection 1 opens$/,
      /^0 EstablishConnection request of aaaaaaaa-.* to whoever is there, 86400\.\d{3} s after its system started$/,
      /^1 EstablishConnection response of bbbbbbbb-/,
      /^0 ConnectionParameters request: window 64, ack timeout 20000 ms, recoverable 1000 ms$/,
      /^1 ConnectionParameters response/,
      /^0 UserMessage 2, transactional, 6 bytes, number 1 of sequence 6553f100:00000001, from aaaaaaaa-.* to TCP:10\.0\.0\.5/,
      /^0 UserMessage 3, express, 6 bytes, from/,
      /^1 SessionAck; acknowledges 2 packets \(frames 12 to 13\)$/,
      /^1 ends: reset, by somebody else in its name after 61\.000 s of silence$/,
    ],
  )
  t.strictSame(
    lines.filter(({ wrong }) => wrong).map(({ at }) => at.number),
    [15],
  )
})

t.test('by its two ends, in either order; what is left unacknowledged', async t => {
  const play = (traffic: SeenTraffic) => {
    const out = traffic.session(S1, R1)
    out.express()
    out.end()
  }
  for (const target of ['10.0.1.1:49152-10.0.2.1:1801', '10.0.2.1:1801-10.0.1.1:49152']) {
    const { lines } = follow(target, play)
    t.equal(lines.at(-1)?.text, 'ends: fin; 1 packets were not acknowledged', target)
  }
  t.strictSame(follow('9', play).lines, [])
})

t.test('without its beginning, or after a hole, acks are not matched', async t => {
  let followed = new FollowedConnection({ id: 0 })
  const traffic = new SeenTraffic(followed)
  const late = traffic.connection('10.0.1.1', '10.0.2.1', { opening: 'none' })
  t.match(followed.lines[0], { text: /began before the capture/, wrong: true })
  followed.trouble(late, 1, 'zero-window', traffic.next())
  t.match(followed.lines[1], { text: /takes no more/, wrong: true })

  followed = new FollowedConnection({ id: 0 })
  const other = new SeenTraffic(followed)
  const out = other.session(S1, R1)
  out.express()
  followed.hole(out.connections[0] as SeenConnection, 0, 1460, 'never-captured', other.next())
  out.express()
  out.sessionAck(3)
  t.match(followed.lines.at(-3)?.text, /^1,460 bytes are missing here: they were never captured$/)
  t.match(followed.lines.at(-1)?.text, /^SessionAck/)
})
