import t from 'tap'
import {
  BYTE_ORDERS,
  type ByteOrder,
  block,
  enhanced,
  interfaceBlock,
  options,
  packed,
  pad4,
  readBytes,
  section,
} from '../../fixtures/capture-file-bytes.js'
import { createRandom } from '../../fixtures/mutations.js'

const NOW_US = 1_700_000_000_000_000n

function data(size: number, fill = size): Buffer {
  return Buffer.alloc(size, fill)
}

for (const order of BYTE_ORDERS) {
  t.test(`every kind of block that carries packets, ${order}-endian`, async t => {
    const bytes = Buffer.concat([
      section(order),
      interfaceBlock(order, 1, 100, [
        [1, 'a comment'],
        [2, 'eth0'],
        [3, 'towards the balancer'],
        [9, Buffer.of(9)],
        [11, '\0tcp port 1801'],
        [12, 'Windows Server'],
        [14, packed(order, [8, 3600])],
      ]),
      interfaceBlock(order, 113),
      enhanced(order, 0, NOW_US * 1000n + 250n, data(61), [
        [2, packed(order, [4, 1])],
        [1, 'first'],
        [1, 'sécond'],
        [4, packed(order, [8, 2])],
      ]),
      enhanced(order, 1, NOW_US, data(62), [], 1514),
      block(order, 3, packed(order, [4, 150], data(100))),
      block(
        order,
        2,
        packed(
          order,
          [2, 1],
          [2, 3],
          [4, Number(NOW_US >> 32n)],
          [4, Number(NOW_US & 0xffffffffn)],
          [4, 5],
          [4, 6],
          pad4(data(5)),
        ),
      ),
      // Secrets, a custom block and one that nobody knows are passed over.
      block(order, 10, data(40)),
      block(order, 0xbad, data(8)),
      block(order, 0x1234, data(8)),
      enhanced(order, 1, NOW_US + 1n, data(0)),
    ])
    const { frames, report } = await readBytes(bytes)
    t.strictSame(report.troubles, [])
    t.strictSame(
      frames.map(frame => [frame.ref.number, frame.on.index, frame.bytes, frame.originalLength, frame.comments]),
      [
        [1, 0, data(61), 61, ['first', 'sécond']],
        [2, 1, data(62), 1514, null],
        [3, 0, data(100), 150, null],
        [4, 1, data(5), 6, null],
        [5, 1, data(0), 0, null],
      ],
    )
    const now = Number(NOW_US)
    t.strictSame(
      frames.map(frame => frame.ref.timeUs),
      [now + 3600e6 + 0.25, now, now + 3600e6 + 0.25, now, now + 1],
    )
    t.match(frames[0]?.on, {
      linkType: 1,
      snapLength: 100,
      name: 'eth0',
      description: 'towards the balancer',
      ticksPerSecond: 1e9,
      filter: 'tcp port 1801',
      system: 'Windows Server',
      comments: ['a comment'],
    })
    t.match(frames[1]?.on, { linkType: 113, name: null, ticksPerSecond: 1e6 })
    t.equal(report.dropped, 5, 'packets tell what was lost before them')
    t.match(report.notes, [/^Blocks of unknown kinds.*: 1\.$/, /^Packets without a time.*: 1\.$/])
  })

  t.test(`names of addresses, ${order}-endian`, async t => {
    const record = (type: number, value: Buffer) => packed(order, [2, type], [2, value.length], pad4(value))
    const bytes = Buffer.concat([
      section(order),
      interfaceBlock(order),
      block(
        order,
        4,
        Buffer.concat([
          record(1, Buffer.from('\x0a\0\0\x07one\0one.lab\0', 'latin1')),
          record(3, Buffer.from('\0\0\0\0\0\x01mac\0')),
          record(2, Buffer.concat([Buffer.from('20010db8000000000000000000000001', 'hex'), Buffer.from('six\0')])),
          record(2, Buffer.concat([Buffer.alloc(16), Buffer.from('none\0')])),
          packed(order, [2, 0], [2, 0]),
          options(order, [[2, 'a name server']]),
        ]),
      ),
      enhanced(order, 0, NOW_US, data(60)),
    ])
    const { names, report } = await readBytes(bytes)
    t.strictSame(names, [
      ['10.0.0.7', ['one', 'one.lab']],
      ['2001:db8::1', ['six']],
      ['::', ['none']],
    ])
    t.strictSame(report.troubles, [])
  })

  t.test(`what the interfaces lost, ${order}-endian`, async t => {
    const statistics = (on: number, ...list: [number, number][]) =>
      block(
        order,
        5,
        packed(
          order,
          [4, on],
          [4, 0],
          [4, 0],
          options(
            order,
            list.map(([code, count]) => [code, packed(order, [8, count])]),
          ),
        ),
      )
    const part = (ifDropped: number, systemDropped: number) =>
      Buffer.concat([
        section(order),
        interfaceBlock(order),
        interfaceBlock(order),
        enhanced(order, 0, NOW_US, data(60)),
        statistics(0, [4, 100], [5, 1]),
        statistics(0, [4, 200], [5, ifDropped], [7, systemDropped]),
        statistics(1, [5, 10]),
        statistics(9, [5, 1000]),
      ])
    const { report } = await readBytes(Buffer.concat([part(3, 4), part(0, 0)]))
    t.equal(report.dropped, 27, 'the last count of each interface of each section')
    t.strictSame(report.troubles, [])
  })
}

t.test('sections of different byte orders, each with interfaces of its own', async t => {
  const parts = [...BYTE_ORDERS, ...BYTE_ORDERS].map((order, at) =>
    Buffer.concat([section(order), interfaceBlock(order, at), enhanced(order, 0, NOW_US + BigInt(at), data(60 + at))]),
  )
  const { frames, report } = await readBytes(Buffer.concat(parts), { windowBytes: 4096, pieceBytes: 5 })
  t.strictSame(
    frames.map(({ ref, on, bytes }) => [ref.number, on.index, on.linkType, bytes.length]),
    [0, 1, 2, 3].map(at => [at + 1, at, at, 60 + at]),
  )
  t.equal(report.frames, 4)
})

t.test('blocks that are longer than the window', async t => {
  const sizes = [60, 5000, 200_000, 61]
  const bytes = Buffer.concat([
    section('big'),
    interfaceBlock('big'),
    ...sizes.map((size, at) => enhanced('big', 0, NOW_US, data(size, at))),
  ])
  const { frames } = await readBytes(bytes, { windowBytes: 4096, pieceBytes: 3000 })
  t.strictSame(
    frames.map(frame => frame.bytes),
    sizes.map((size, at) => data(size, at)),
  )
})

function numbered(order: ByteOrder, count: number): { bytes: Buffer; offsets: number[] } {
  const parts = [section(order), interfaceBlock(order)]
  const offsets: number[] = []
  for (let at = 0; at < count; at++) {
    offsets.push(parts.reduce((sum, part) => sum + part.length, 0))
    parts.push(enhanced(order, 0, NOW_US + BigInt(at), data(60 + (at % 9), at)))
  }
  return { bytes: Buffer.concat(parts), offsets }
}

for (const order of BYTE_ORDERS) {
  t.test(`a block that is damaged is named, and blocks after it are found, ${order}-endian`, async t => {
    const { bytes: whole, offsets } = numbered(order, 30)
    const at = offsets[12]!
    const end = offsets[13]!
    const word = (offset: number, value: number) => (bytes: Buffer) => {
      if (order === 'little') bytes.writeUInt32LE(value, offset)
      else bytes.writeUInt32BE(value, offset)
    }
    const cases: [string, RegExp, (bytes: Buffer) => void][] = [
      ['too long', /claims 4294967292 bytes/, word(at + 4, 0xfffffffc)],
      ['no multiple of 4', /claims 99 bytes/, word(at + 4, 99)],
      ['too short', /claims 8 bytes/, word(at + 4, 8)],
      ['another length', /two lengths differ/, word(at + 4, 64)],
      ['another length at the end', /two lengths differ/, word(end - 4, 64)],
      ['longer than the file', /a block of which \d+ bytes are there/, word(at + 4, 1_000_000)],
    ]
    for (const [name, what, damage] of cases) {
      const bytes = Buffer.from(whole)
      damage(bytes)
      const { frames, report } = await readBytes(bytes, { windowBytes: 4096 })
      t.strictSame(
        frames.map(frame => frame.bytes[0]),
        Array.from({ length: 30 }, (_, number) => number).filter(number => number !== 12),
        `${name}: one packet is missing`,
      )
      t.match(report.troubles, [{ kind: 'damaged', offset: at, what }])
      t.match(report.troubles[0]?.what, `${end - at} bytes were skipped`)
    }
  })
}

t.test('a packet that is wrong within its block costs itself only', async t => {
  const { bytes, offsets } = numbered('little', 6)
  bytes.writeUInt32LE(5, offsets[1]! + 8)
  bytes.writeUInt32LE(5000, offsets[3]! + 20)
  const { frames, report } = await readBytes(bytes)
  t.strictSame(
    frames.map(frame => frame.ref.number),
    [1, 3, 5, 6],
    'numbers stay those of the file',
  )
  t.match(report.troubles, [
    { kind: 'damaged', offset: offsets[1], what: /interface 5, which is not described/ },
    { kind: 'damaged', offset: offsets[3], what: /a packet of 5000 bytes in a block with room for/ },
  ])
  t.equal(report.frames, 6)
})

t.test('times that no calendar has', async t => {
  const late = (1n << 64n) - 1n
  const odd = Buffer.concat([
    section('little'),
    interfaceBlock('little'),
    enhanced('little', 0, NOW_US, data(60)),
    enhanced('little', 0, late, data(61)),
    enhanced('little', 0, NOW_US + 5n, data(62)),
    interfaceBlock('little', 1, 0, [[14, packed('little', [8, (1n << 63n) - 1n])]]),
    enhanced('little', 1, NOW_US + 6n, data(63)),
  ])
  const { frames, report } = await readBytes(odd)
  t.strictSame(
    frames.map(frame => [frame.ref.timeUs, frame.bytes.length]),
    [
      [Number(NOW_US), 60],
      [Number(NOW_US), 61],
      [Number(NOW_US) + 5, 62],
      [Number(NOW_US) + 6, 63],
    ],
  )
  t.strictSame(
    report.troubles.map(({ kind, offset }) => [kind, offset]),
    [
      ['damaged', 28 + 20 + 92],
      ['damaged', 28 + 20 + 92 + 96 + 96],
    ],
  )
  t.match(report.troubles[0]?.what, /9999/)
})

t.test('bytes put in or taken out', async t => {
  const { bytes, offsets } = numbered('big', 40)
  const at = offsets[20]!
  const random = createRandom(5)
  for (const size of [1, 2, 4, 33, 10_000]) {
    const noise = Buffer.from(Array.from({ length: size }, () => random(256)))
    const longer = await readBytes(Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]), {
      windowBytes: 4096,
    })
    t.equal(longer.frames.length, 40, `${size} bytes of noise`)
    t.match(longer.report.troubles, [{ kind: 'damaged', offset: at }])
    if (size > 60) continue
    const shorter = await readBytes(Buffer.concat([bytes.subarray(0, at + 5), bytes.subarray(at + 5 + size)]))
    t.ok(shorter.frames.length >= 38, `${size} bytes missing: ${shorter.frames.length} packets`)
    t.equal(shorter.report.troubles[0]?.kind, 'damaged')
  }
})

t.test('a file that is cut anywhere gives the packets before the cut, and says where it was cut', async t => {
  const { bytes, offsets } = numbered('little', 3)
  for (let size = 4; size < bytes.length; size++) {
    const { frames, report } = await readBytes(bytes.subarray(0, size))
    t.equal(
      frames.length,
      Math.max(0, [...offsets, bytes.length].filter(offset => offset <= size).length - 1),
      `${size} bytes`,
    )
    t.equal(report.troubles.length, offsets.slice(1).includes(size) ? 0 : 1)
    const start = [0, 28, ...offsets].filter(offset => offset <= size).at(-1)!
    if (size > start) t.match(report.troubles, [{ kind: 'truncated', offset: start }])
  }
})

t.test('troubles are counted, not kept, where there are very many', async t => {
  const { bytes, offsets } = numbered('little', 300)
  for (const offset of offsets) bytes.writeUInt32LE(7, offset + 8)
  const { report } = await readBytes(bytes)
  t.equal(report.troubles.length, 100)
  t.equal(report.moreTroubles, 200)
})

t.test('interfaces without end', async t => {
  const many = Array.from({ length: 10_500 }, () => interfaceBlock('little'))
  const bytes = Buffer.concat([section('little'), ...many, enhanced('little', 9_999, NOW_US, data(60))])
  const { frames, report } = await readBytes(bytes)
  t.equal(frames[0]?.on.index, 9_999)
  t.match(report.troubles[0], { kind: 'damaged', what: /more than 10000 interfaces/ })
  t.equal(report.troubles.length + report.moreTroubles, 500)
})
