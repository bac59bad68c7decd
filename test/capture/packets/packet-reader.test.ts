import t from 'tap'
import { AddressTexts } from '../../../capture/packets/address-texts.js'
import { PacketReader } from '../../../capture/packets/packet-reader.js'
import {
  CaptureBytes,
  type IpFields,
  ipFragments,
  ipPacket,
  LINK,
  type LinkFields,
  linkFrame,
  tcpSegment,
  udpDatagram,
} from '../../fixtures/capture-bytes.js'

const V4 = { from: '10.0.0.1', to: '10.0.0.2' }
const V6 = { from: 'fd00::1', to: 'fd00::2' }
const PAYLOAD = Buffer.from('payload of a segment')

function packetOf(ip: IpFields, payload = PAYLOAD): Buffer {
  const fields = { fromPort: 49_152, toPort: 1801, seq: 0x89abcdef, ack: 0xfedcba98, window: 513, payload }
  return ipPacket(ip, 6, tcpSegment(ip.from, ip.to, fields))
}

/** The TCP payload that each of these frames brings: its captured part and its size on the wire. */
function payloads(capture: CaptureBytes, reader = new PacketReader()): [string, number][] {
  return capture.frames.flatMap(frame => {
    if (reader.read(frame) !== 'tcp') return []
    const { packet, tcp } = reader
    return [[packet.bytes.toString('latin1', tcp.payloadOffset, tcp.payloadEnd), tcp.payloadSize] as [string, number]]
  })
}

t.test('every link type, with IPv4 and IPv6', async t => {
  const rows: [string, LinkFields, number?][] = [
    ['Ethernet', { linkType: LINK.ethernet }],
    ['a VLAN', { linkType: LINK.ethernet, vlans: [[0x8100, 5]] }],
    [
      'stacked VLANs',
      {
        linkType: LINK.ethernet,
        vlans: [
          [0x88a8, 7],
          [0x9100, 6],
          [0x8100, 5],
        ],
      },
    ],
    ['cooked', { linkType: LINK.cooked }],
    ['cooked 2', { linkType: LINK.cooked2 }],
    ['null', { linkType: LINK.null }],
    ['loop', { linkType: LINK.loop }],
    ['raw', { linkType: LINK.raw }],
    ['raw as BSD numbers it', { linkType: LINK.raw }, 12],
    ['raw as OpenBSD numbers it', { linkType: LINK.raw }, 14],
    ['IPv4', { linkType: LINK.ipv4 }],
    ['IPv6', { linkType: LINK.ipv6 }],
  ]
  for (const [name, link, linkType = link.linkType!] of rows) {
    const capture = new CaptureBytes(link, { linkType })
    const versions = linkType === LINK.ipv4 ? [V4] : linkType === LINK.ipv6 ? [V6] : [V4, V6]
    for (const ip of versions) capture.packet(packetOf(ip))
    t.strictSame(
      payloads(capture),
      versions.map(() => [PAYLOAD.toString(), PAYLOAD.length]),
      name,
    )
  }
})

t.test('the fields of a TCP header, and where they come from', async t => {
  const reader = new PacketReader()
  const capture = new CaptureBytes({ fromMac: '02:aa:bb:cc:dd:ee', toMac: '02:11:22:33:44:55' })
  t.equal(reader.read(capture.packet(packetOf({ ...V4, ttl: 57, id: 0xabcd }))), 'tcp')
  const { packet, tcp } = reader
  t.match(tcp, { fromPort: 49_152, toPort: 1801, seq: 0x89abcdef | 0, ack: 0xfedcba98 | 0, flags: 0x10, window: 513 })
  t.match(packet, { version: 4, ttl: 57, ipId: 0xabcd, protocol: 6 })
  t.equal(new AddressTexts().mac(packet.frame, packet.fromMacOffset), '02:aa:bb:cc:dd:ee')
  t.equal(new AddressTexts().mac(packet.frame, packet.toMacOffset), '02:11:22:33:44:55')
})

t.test('address families of all systems, in both byte orders', async t => {
  for (const linkType of [LINK.null, LINK.loop]) {
    for (const family of [2, 10, 23, 24, 28, 30]) {
      for (const bigEndian of [false, true]) {
        const head = Buffer.alloc(4)
        if (bigEndian) head.writeUInt32BE(family, 0)
        else head.writeUInt32LE(family, 0)
        const capture = new CaptureBytes({ linkType })
        capture.frame(Buffer.concat([head, packetOf(family === 2 ? V4 : V6)]))
        t.equal(payloads(capture).length, 1, `family ${family} on link type ${linkType}, big-endian ${bigEndian}`)
      }
    }
    const appleTalk = new CaptureBytes({ linkType })
    appleTalk.frame(Buffer.concat([Buffer.of(16, 0, 0, 0), packetOf(V4)]))
    t.strictSame(payloads(appleTalk), [])
  }
})

t.test('a tag behind a cooked header', async t => {
  const tag = Buffer.from('00050800', 'hex')
  for (const [linkType, typeOffset, size] of [
    [LINK.cooked, 14, 16],
    [LINK.cooked2, 0, 20],
  ] as const) {
    const frame = linkFrame(packetOf(V4), { linkType })
    frame.writeUInt16BE(0x8100, typeOffset)
    const capture = new CaptureBytes({ linkType })
    capture.frame(Buffer.concat([frame.subarray(0, size), tag, frame.subarray(size)]))
    t.equal(payloads(capture).length, 1)
  }
})

t.test('padding is no payload, options are skipped', async t => {
  const capture = new CaptureBytes()
  capture.packet(packetOf(V4, Buffer.alloc(0)))
  capture.packet(packetOf(V4, Buffer.from('x')), { padding: 40 })
  capture.packet(packetOf({ ...V4, options: Buffer.alloc(40, 1) }))
  const segment = tcpSegment(V4.from, V4.to, {
    fromPort: 1,
    toPort: 2,
    seq: 3,
    options: Buffer.alloc(40, 1),
    payload: PAYLOAD,
  })
  capture.packet(ipPacket(V4, 6, segment))
  t.strictSame(payloads(capture), [
    ['', 0],
    ['x', 1],
    [PAYLOAD.toString(), 20],
    [PAYLOAD.toString(), 20],
  ])
})

t.test('a length of 0 is that of a sender that leaves cutting to its card', async t => {
  const large = Buffer.alloc(20_000, 'large ')
  for (const ip of [V4, V6]) {
    const capture = new CaptureBytes()
    capture.packet(packetOf({ ...ip, lengthField: 0 }, large))
    capture.packet(packetOf({ ...ip, lengthField: 0 }, large), {}, 1000)
    const [whole, cut] = payloads(capture)
    t.strictSame(whole, [large.toString(), 20_000])
    t.equal(cut![1], 20_000)
    t.equal(cut![0].length, 1000 - 14 - 20 - (ip === V4 ? 20 : 40))
  }
})

t.test('wrong checksums are left to the cards that would have set them', async t => {
  const packet = packetOf(V4)
  packet.writeUInt16BE(0xdead, 10)
  packet.writeUInt16BE(0xdead, 36)
  const capture = new CaptureBytes()
  capture.packet(packet)
  t.equal(payloads(capture).length, 1)
})

t.test('extension headers of IPv6', async t => {
  const eight = Buffer.alloc(8)
  const sixteen = Buffer.alloc(16)
  sixteen[1] = 1
  const authentication = Buffer.alloc(24)
  authentication[1] = 4
  const extensions = [
    [0, eight],
    [43, sixteen],
    [60, eight],
    [51, authentication],
  ] as const
  const capture = new CaptureBytes()
  capture.packet(packetOf({ ...V6, extensions }))
  const truncated = capture.packet(packetOf({ ...V6, extensions }), {}, 14 + 40 + 20)
  t.equal(truncated.bytes.length, 74)
  const reader = new PacketReader()
  t.strictSame(payloads(capture, reader), [[PAYLOAD.toString(), 20]])
  t.match(reader.counts, { ipv6: 2, tcp: 1, cutHeaders: 1 })
})

t.test('a snap length cuts payloads, and headers', async t => {
  const capture = new CaptureBytes()
  const whole = linkFrame(packetOf(V4))
  for (let size = 0; size <= whole.length; size++) capture.packet(packetOf(V4), {}, size === 0 ? 1 : size)
  const reader = new PacketReader()
  const read = payloads(capture, reader)
  t.equal(read.length, PAYLOAD.length + 1, 'from where the TCP header is whole')
  for (const [index, [captured, size]] of read.entries()) {
    t.equal(captured, PAYLOAD.toString().slice(0, index))
    t.equal(size, PAYLOAD.length)
  }
  t.equal(reader.counts.cutHeaders, capture.frames.length - read.length)
})

t.test('what is no TCP is counted by what it is', async t => {
  const reader = new PacketReader()
  const ethernet = new CaptureBytes()
  const arp = linkFrame(packetOf(V4))
  arp.writeUInt16BE(0x0806, 12)
  ethernet.frame(arp)
  const llc = linkFrame(packetOf(V4))
  llc.writeUInt16BE(38, 12)
  ethernet.frame(llc)
  ethernet.packet(ipPacket(V4, 1, Buffer.alloc(16)))
  ethernet.packet(ipPacket(V6, 58, Buffer.alloc(16)))
  ethernet.packet(ipPacket(V4, 17, udpDatagram(V4.from, V4.to, 1, 2, PAYLOAD)))
  const badVersion = packetOf(V4)
  badVersion[0] = 0x55
  ethernet.packet(badVersion)
  const shortHeader = packetOf(V4)
  shortHeader[0] = 0x44
  ethernet.packet(shortHeader)
  const shortTcp = packetOf(V4)
  shortTcp[32] = 0x40
  ethernet.packet(shortTcp)
  const longTcp = packetOf(V4)
  longTcp[32] = 0xf0
  ethernet.packet(longTcp)
  const wireless = new CaptureBytes({}, { linkType: 105 })
  wireless.packet(packetOf(V4))
  wireless.packet(packetOf(V4))
  for (const frame of [...ethernet.frames, ...wireless.frames]) reader.read(frame)
  t.match(reader.counts, {
    frames: 11,
    ipv4: 4,
    ipv6: 1,
    tcp: 0,
    udp: 1,
    notIp: 2,
    otherProtocols: 2,
    malformed: 4,
    cutHeaders: 0,
  })
  t.strictSame([...reader.counts.unknownLinkTypes], [[105, 2]])
})

t.test('fragments of IPv4 and IPv6 in any order', async t => {
  const payload = Buffer.from(Array.from({ length: 3000 }, (_, index) => 32 + (index % 90)))
  for (const ip of [V4, V6]) {
    const segment = tcpSegment(ip.from, ip.to, { fromPort: 1, toPort: 2, seq: 3, payload })
    const pieces = ipFragments({ ...ip, id: 9 }, 6, segment, 800)
    t.equal(pieces.length, 4)
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
      [0, 1, 1, 2, 0, 3],
    ]) {
      const reader = new PacketReader()
      const capture = new CaptureBytes()
      for (const index of order) capture.packet(pieces[index]!)
      t.strictSame(payloads(capture, reader), [[payload.toString(), 3000]], `${ip.from}: ${order}`)
      t.equal(reader.counts.fragments, order.length - 1)
    }
  }
})

t.test('a fragment cut by the snap length ends what was captured, not what there was', async t => {
  const payload = Buffer.alloc(3000, 'p')
  const segment = tcpSegment(V4.from, V4.to, { fromPort: 1, toPort: 2, seq: 3, payload })
  const capture = new CaptureBytes()
  for (const [index, piece] of ipFragments(V4, 6, segment, 800).entries()) {
    capture.packet(piece, {}, index === 1 ? 200 : 0)
  }
  t.strictSame(payloads(capture), [['p'.repeat(800 - 20 + 200 - 34), 3000]])
})
