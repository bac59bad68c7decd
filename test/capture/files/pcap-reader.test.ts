import t from 'tap'
import { BYTE_ORDERS, type ByteOrder, pcapHeader, pcapPacket, readBytes } from '../../fixtures/capture-file-bytes.js'
import { createRandom } from '../../fixtures/mutations.js'

const SECONDS = 1_700_000_000
const MICRO = 0xa1b2c3d4
const NANO = 0xa1b23c4d

function packets(count: number, size = (at: number) => 60 + 7 * at) {
  return Array.from({ length: count }, (_, at) => ({
    seconds: SECONDS + Math.floor(at / 4),
    fraction: (at % 4) * 1000 + 7,
    data: Buffer.alloc(size(at), at + 1),
  }))
}

function file(order: ByteOrder, list = packets(5), magic = MICRO): Buffer {
  return Buffer.concat([pcapHeader(order, magic), ...list.map(packet => pcapPacket(order, packet))])
}

for (const order of BYTE_ORDERS) {
  t.test(`every packet with its time, ${order}-endian`, async t => {
    const list = packets(9)
    for (const [magic, perMicrosecond] of [
      [MICRO, 1],
      [NANO, 1000],
    ] as const) {
      const { frames, report } = await readBytes(file(order, list, magic))
      t.strictSame(
        frames.map(({ bytes, ref }) => [bytes, ref]),
        list.map(({ seconds, fraction, data }, at) => [
          data,
          { number: at + 1, fileIndex: 0, timeUs: seconds * 1e6 + fraction / perMicrosecond },
        ]),
      )
      t.equal(frames[0]?.on.ticksPerSecond, 1e6 * perMicrosecond)
      t.match(report, { format: 'pcap', frames: 9, troubles: [], dropped: 0, bytes: file(order, list).length })
    }
  })

  t.test(`a header that claims too much is named, and packets after it are found, ${order}-endian`, async t => {
    const list = packets(40)
    const whole = file(order, list)
    const at = 24 + list.slice(0, 10).reduce((sum, { data }) => sum + 16 + data.length, 0)
    for (const value of [0xffffffff, 0x7fffffff, 600_000]) {
      const bytes = Buffer.from(whole)
      if (order === 'little') bytes.writeUInt32LE(value, at + 8)
      else bytes.writeUInt32BE(value, at + 8)
      const { frames, report } = await readBytes(bytes, { windowBytes: 4096, pieceBytes: 700 })
      t.strictSame(
        frames.map(frame => frame.bytes[0]),
        [...list.slice(0, 10), ...list.slice(11)].map(({ data }) => data[0]),
        'one packet is missing',
      )
      t.strictSame(
        report.troubles.map(({ kind, offset }) => ({ kind, offset })),
        [{ kind: 'damaged', offset: at }],
      )
      t.match(report.troubles[0]?.what, `a packet that claims ${value} bytes; `)
      t.match(report.troubles[0]?.what, `${16 + list[10]!.data.length} bytes were skipped`)
    }
  })
}

t.test('the same frames however the bytes arrive', async t => {
  const list = packets(30, at => (at * 977) % 3000)
  list[3] = { ...list[3]!, data: Buffer.alloc(9000, 3) }
  const bytes = file('little', list)
  for (const [windowBytes, pieceBytes] of [
    [4096, 1],
    [4096, 17],
    [4096, 4096],
    [65_536, 100_000],
  ] as const) {
    const { frames, report } = await readBytes(bytes, { windowBytes, pieceBytes })
    t.strictSame(
      frames.map(frame => frame.bytes),
      list.map(({ data }) => data),
    )
    t.strictSame(report.troubles, [])
  }
})

t.test('a file that is cut anywhere gives the packets before the cut, and says where it was cut', async t => {
  const list = packets(4, () => 20)
  const whole = file('little', list)
  for (let size = 0; size <= whole.length; size++) {
    const { frames, report } = await readBytes(whole.subarray(0, size))
    const complete = size < 24 ? 0 : Math.floor((size - 24) / 36)
    t.equal(frames.length, complete, `${size} bytes`)
    const [trouble] = report.troubles
    if (size === 0 || size === 24) t.equal(trouble?.kind, 'empty')
    else if (size < 4) t.equal(trouble?.kind, 'foreign')
    else if (size < 24) t.match(trouble, { kind: 'truncated', offset: 0 })
    else if ((size - 24) % 36 === 0) t.equal(trouble, undefined)
    else t.match(trouble, { kind: 'truncated', offset: 24 + 36 * complete })
  }
})

t.test('bytes put in or taken out between packets cost those beside them only', async t => {
  const list = packets(60, at => 100 + (at % 5))
  const whole = file('little', list)
  const at = 24 + list.slice(0, 20).reduce((sum, { data }) => sum + 16 + data.length, 0)
  const random = createRandom(7)
  for (const size of [1, 2, 3, 5, 16, 100, 5000]) {
    const noise = Buffer.from(Array.from({ length: size }, () => random(256)))
    const longer = await readBytes(Buffer.concat([whole.subarray(0, at), noise, whole.subarray(at)]), {
      windowBytes: 4096,
    })
    t.equal(longer.frames.length, 60, `${size} bytes of noise`)
    t.match(longer.report.troubles, [{ kind: 'damaged', offset: at }])
  }
  for (const size of [1, 7, 16, 40]) {
    const shorter = await readBytes(Buffer.concat([whole.subarray(0, at), whole.subarray(at + size)]))
    t.ok(shorter.frames.length >= 57, `${size} bytes missing: ${shorter.frames.length} packets`)
    t.strictSame(
      shorter.frames.slice(0, 20).map(frame => frame.bytes),
      list.slice(0, 20).map(({ data }) => data),
    )
    t.equal(shorter.report.troubles[0]?.kind, 'damaged')
  }
})

t.test('snap length and frame check sequences', async t => {
  const packet = pcapPacket('little', { seconds: 1, fraction: 0, data: Buffer.alloc(96), originalLength: 1514 })
  const { frames } = await readBytes(Buffer.concat([pcapHeader('little', MICRO, 96, 0x24000001), packet]))
  t.match(frames, [{ originalLength: 1514, on: { linkType: 1, snapLength: 96, index: 0 } }])
  const noLimit = Buffer.concat([pcapHeader('little', MICRO, 0xffffffff), packet])
  t.equal((await readBytes(noLimit)).frames.length, 1)
})

t.test('a writer that is careless in all headers is believed', async t => {
  const careless = packets(8).map(packet => pcapPacket('little', { ...packet, originalLength: 1 }))
  const { frames, report } = await readBytes(Buffer.concat([pcapHeader('little'), ...careless]))
  t.equal(frames.length, 8)
  t.strictSame(report.troubles, [])
})

t.test('other versions are named', async t => {
  const header = pcapHeader('little')
  header.writeUInt16LE(1, 4)
  header.writeUInt16LE(3, 6)
  const { frames, report } = await readBytes(Buffer.concat([header, Buffer.alloc(100)]))
  t.equal(frames.length, 0)
  t.match(report.troubles, [{ kind: 'foreign', what: /version 1\.3/ }])
})

t.test('a million bytes without a packet are looked through once', async t => {
  const random = createRandom(3)
  const noise = Buffer.from(Uint32Array.from({ length: 250_000 }, () => random(2 ** 32)).buffer)
  const { frames, report } = await readBytes(Buffer.concat([file('little', packets(3)), noise]), { windowBytes: 4096 })
  t.equal(frames.length, 3)
  t.match(report.troubles, [{ kind: 'damaged', what: /no packet was found after it/ }])
})

t.test('packets that are months apart', async t => {
  const sparse = packets(12).map((packet, at) => ({ ...packet, seconds: SECONDS - 10 ** 9 + at * 10 ** 7 * (at % 3) }))
  const { frames, report } = await readBytes(file('big', sparse))
  t.equal(frames.length, 12)
  t.strictSame(report.troubles, [])
})
