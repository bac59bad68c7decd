import t from 'tap'
import { evidenceFrames } from '../../../diagnosis/output/evidence-frames.js'
import { EvidenceHandshakes } from '../../../diagnosis/output/evidence-handshakes.js'
import { captureFinding, evidence, frameRef } from '../../fixtures/diagnosed-capture.js'
import { SeenTraffic } from '../../fixtures/seen-traffic.js'

const S1 = { qmId: 'aaaaaaaa-0000-0000-0000-000000000001', address: '10.0.1.1', uptimeMs: 1 }
const R1 = { qmId: 'bbbbbbbb-0000-0000-0000-000000000001', address: '10.0.2.1', uptimeMs: 1 }

const found = (...frames: number[]) =>
  captureFinding('order-ack-misrouted', [
    evidence(
      frames.map(number => frameRef(number, number)),
      'an ack',
      { reservations: ['a hole'] },
    ),
  ])

t.test('each frame says why it is evidence, once, and not without end', async t => {
  const frames = evidenceFrames([found(7, 9), found(9), found(7, 9)])
  t.strictSame([...frames.get(0)!.keys()].toSorted(), [7, 9])
  t.strictSame(frames.get(0)!.get(7), ['order-ack-misrouted (NLB-11): an ack Not proven: a hole.'])
  t.equal(frames.get(0)!.get(9)?.length, 2)
  const many = Array.from({ length: 50 }, (_, number) => found(number + 100, 7))
  const comments = evidenceFrames(many).get(0)!.get(7)!
  t.equal(comments.length, 8)
  t.match(comments.at(-1), /^and 43 more findings rest on this frame$/)
})

t.test('the beginnings of the connections that evidence lies in, and of no other', async t => {
  // each session is a connection's first frame, and four of the handshake
  const finder = new EvidenceHandshakes(evidenceFrames([found(12)]))
  const traffic = new SeenTraffic(finder)
  traffic.session(S1, R1).express()
  const second = traffic.session(S1, R1)
  t.equal(traffic.frame, 11)
  second.express()
  second.express()
  second.end()
  traffic.session(S1, R1).express()
  t.strictSame(
    [...finder.frames.get(0)!.keys()].toSorted((a, b) => a - b),
    [7, 8, 9, 10, 11, 12],
  )
  t.match(finder.frames.get(0)!.get(7), [/^the beginning of connection 1, 10\.0\.1\.1:\d+ → 10\.0\.2\.1:1801/])
  t.match(finder.frames.get(0)!.get(12), [/^order-ack-misrouted/], 'evidence keeps its own words')
})
