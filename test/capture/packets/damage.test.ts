import t from 'tap'
import { PacketReader, type Transport } from '../../../capture/packets/packet-reader.js'
import {
  CaptureBytes,
  type IpFields,
  ipFragments,
  ipPacket,
  linkFrame,
  tcpSegment,
} from '../../fixtures/capture-bytes.js'
import { createRandom } from '../../fixtures/mutations.js'

const V4: IpFields = { from: '10.0.0.1', to: '10.0.0.2' }
const V6: IpFields = { from: 'fd00::1', to: 'fd00::2' }
const TCP_CHECKSUM_V4 = 14 + 20 + 16

/** What is read of frames, one after the other. */
class Reading {
  readonly #reader: PacketReader
  readonly #capture = new CaptureBytes()

  constructor(ignoreChecksums = false) {
    this.#reader = new PacketReader(ignoreChecksums)
  }

  frame(bytes: Buffer, originalLength?: number): Transport {
    return this.#reader.read(this.#capture.frame(bytes, originalLength))
  }

  right(times: number, ip = V4): this {
    for (let time = 0; time < times; time++) this.frame(frameOf(ip, 40 + time))
    return this
  }

  get counts() {
    return this.#reader.counts
  }
}

function frameOf(ip: IpFields, size: number, seq = 1): Buffer {
  const payload = Buffer.alloc(size, 'payload of some size ')
  return linkFrame(ipPacket(ip, 6, tcpSegment(ip.from, ip.to, { fromPort: 49_152, toPort: 1801, seq, payload })))
}

t.test(
  'any bit that flips between the addresses and the last byte is noticed, and nothing is lost otherwise',
  async t => {
    for (const [ip, from] of [
      [V4, 14],
      [V6, 14 + 8],
    ] as const) {
      const size = frameOf(ip, 100).length
      let undamaged = 0
      for (let bit = from * 8; bit < size * 8; bit++) {
        const reading = new Reading().right(20, ip)
        const frame = frameOf(ip, 100)
        frame[bit >> 3] = frame[bit >> 3]! ^ (1 << (bit & 7))
        // version, header sizes, protocol: then it is no packet of TCP, or none at all
        if (reading.frame(frame) === 'tcp') undamaged += 1
      }
      t.equal(undamaged, 0, `${ip.from}: believed`)
    }
  },
)

t.test('what is left to the network card is believed: no checksum, or the sum over the addresses alone', async t => {
  const pseudo = (ip: IpFields, length: number) => {
    const addresses = [ip.from, ip.to].flatMap(address => address.split('.').map(Number))
    let sum = 6 + length
    for (let at = 0; at < addresses.length; at += 2) sum += addresses[at]! * 256 + addresses[at + 1]!
    return (sum & 0xffff) + (sum >> 16)
  }
  for (const checksum of [0, pseudo(V4, 1020), ~pseudo(V4, 1020) & 0xffff, pseudo(V4, 0)]) {
    const reading = new Reading().right(20)
    const frame = frameOf(V4, 1000)
    frame.writeUInt16BE(checksum, TCP_CHECKSUM_V4)
    t.equal(reading.frame(frame), 'tcp', checksum.toString(16))
    frame.writeUInt16BE(checksum ^ 0x0100, TCP_CHECKSUM_V4)
    t.equal(reading.frame(frame), 'damaged')
  }
  const noHeaderChecksum = frameOf(V4, 100)
  noHeaderChecksum.writeUInt16BE(0, 14 + 10)
  t.equal(new Reading().right(20).frame(noHeaderChecksum), 'tcp')
})

t.test('what was cut by the capturing program, or put together by a card, is believed', async t => {
  const reading = new Reading().right(20)
  const frame = frameOf(V4, 1000)
  frame[100] = 0
  t.equal(reading.frame(frame.subarray(0, 200), frame.length), 'tcp', 'cut')
  const merged = frameOf(V4, 2400)
  merged[100] = 0
  t.equal(reading.frame(merged), 'tcp', 'longer than any other')
  reading.frame(frameOf(V4, 4000))
  t.equal(reading.frame(merged), 'damaged', 'once longer ones were right')
})

t.test('a sender none of whose checksums is right has its reasons; another that was damaged has none', async t => {
  const reading = new Reading()
  const rewritten: IpFields = { from: '192.168.7.7', to: '10.0.0.2' }
  const wrong = (ip: IpFields) => {
    const frame = frameOf(ip, 500)
    frame[200] = frame[200]! ^ 1
    return frame
  }
  t.equal(reading.frame(wrong(rewritten)), 'tcp', 'nothing is known yet')
  reading.right(100)
  const first = Array.from({ length: 16 }, () => reading.frame(wrong(rewritten)))
  t.ok(
    first.slice(0, 10).every(transport => transport === 'damaged'),
    'few are judged by what others do',
  )
  t.equal(reading.frame(wrong(rewritten)), 'tcp')
  t.equal(reading.frame(wrong(V4)), 'damaged')
  t.equal(reading.right(1).counts.tcp, 100 + 1 + 1 + 1 + first.filter(transport => transport === 'tcp').length)
})

t.test('where all long packets are damaged, wrong headers now and then show that it is no habit', async t => {
  const reading = new Reading().right(3)
  const damaged = (at: number) => {
    const frame = frameOf(V4, 1400)
    frame[at] = frame[at]! ^ 0x10
    return frame
  }
  const judged = Array.from({ length: 300 }, (_, round) => reading.frame(damaged(round % 20 === 9 ? 14 + 8 : 700)))
  const believed = judged.flatMap((transport, round) => (transport === 'tcp' ? [round] : []))
  t.strictSame(believed, [], 'none is believed')
})

t.test('one damaged header does not turn the habit of a sender into damage', async t => {
  const rewritten: IpFields = { from: '192.168.7.7', to: '10.0.0.2' }
  const wrong = frameOf(rewritten, 500)
  wrong[200] = wrong[200]! ^ 1
  const reading = new Reading()
  for (let round = 0; round < 400; round++) reading.frame(wrong)
  const damagedHeader = frameOf(V4, 100)
  damagedHeader[14 + 8] = 1
  reading.right(1)
  t.equal(reading.frame(damagedHeader), 'damaged')
  t.equal(reading.frame(wrong), 'tcp', 'of so few wrong headers no segment is wrong each time')
})

t.test('packets that a card put together are believed with the header of the first, too', async t => {
  const merged = frameOf(V4, 2400)
  const first = frameOf(V4, 1200)
  merged.writeUInt16BE(first.readUInt16BE(14 + 10), 14 + 10)
  merged.writeUInt16BE(first.readUInt16BE(TCP_CHECKSUM_V4), TCP_CHECKSUM_V4)
  const reading = new Reading().right(20)
  t.equal(reading.frame(merged), 'tcp')
  const longer = frameOf(V4, 100)
  longer[14 + 2] = longer[14 + 2]! ^ 0x10
  t.equal(reading.frame(longer), 'damaged', 'not what only says that it is long')
  reading.frame(frameOf(V4, 4000))
  t.equal(reading.frame(merged), 'damaged', 'once longer ones were right')
})

t.test(
  'what many send rightly, and wrongly to one that a tool gave another address, is believed there, too',
  async t => {
    const toRewritten: IpFields = { from: '10.0.0.1', to: '192.168.7.7' }
    const reading = new Reading().right(100)
    const wrong = frameOf(toRewritten, 500)
    wrong[200] = wrong[200]! ^ 1
    for (let round = 0; round < 16; round++) {
      t.equal(reading.frame(wrong), 'damaged', 'what is usual in the capture')
      reading.right(1)
    }
    for (let round = 0; round < 100; round++) {
      t.equal(reading.frame(wrong), 'tcp')
      reading.right(1)
    }
    const damaged = frameOf(V4, 500)
    damaged[200] = damaged[200]! ^ 1
    t.equal(reading.frame(damaged), 'damaged', 'not elsewhere')
  },
)

t.test('a damaged fragment is left out, and with it the packet', async t => {
  const reading = new Reading().right(20)
  const payload = Buffer.alloc(3000, 'fragmented ')
  const segment = tcpSegment(V4.from, V4.to, { fromPort: 1, toPort: 1801, seq: 1, payload })
  const fragments = ipFragments({ ...V4, id: 7 }, 6, segment, 1000).map(fragment => linkFrame(fragment))
  t.strictSame(fragments.map(fragment => reading.frame(fragment)).at(-1), 'tcp', 'whole')
  fragments[1]![500] = fragments[1]![500]! ^ 4
  t.equal(fragments.map(fragment => reading.frame(fragment)).at(-1), 'damaged', 'its payload')
  fragments[1]![14 + 8] = 1
  t.strictSame(
    fragments.map(fragment => reading.frame(fragment)),
    [null, 'damaged', null, null],
    'its header',
  )
})

t.test('as asked, nothing is judged', async t => {
  const frame = frameOf(V4, 100)
  frame[100] = 0
  t.equal(new Reading(true).right(20).frame(frame), 'tcp')
})

t.test('one damaged byte among 500: hardly a packet is left, and none of those is false', async t => {
  const random = createRandom(5)
  const reading = new Reading()
  let believed = 0
  for (let round = 0; round < 2000; round++) {
    const frame = frameOf(V4, round % 3 === 0 ? 1000 : 0, round)
    let isDamaged = false
    for (let at = 14; at < frame.length; at++) {
      if (random(500) > 0) continue
      frame[at] = frame[at]! ^ (1 + random(255))
      isDamaged = isDamaged || at < frame.length
    }
    if (reading.frame(frame) === 'tcp' && isDamaged) believed += 1
  }
  t.ok(reading.counts.damaged > 400, `${reading.counts.damaged} left out`)
  t.ok(believed < 40, `${believed} believed`)
})
