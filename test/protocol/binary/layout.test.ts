import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { type FieldRow, fieldRows } from '../../../protocol/binary/field-table.js'
import { flatFields } from '../../../protocol/binary/flat.js'
import type { LayoutPart } from '../../../protocol/binary/layout.js'
import { decodePacket, encodePacket } from '../../../protocol/binary/packet.js'
import { PACKET_LAYOUT } from '../../../protocol/binary/packet-layout.js'
import { decodePing, encodePing, PING_LAYOUT } from '../../../protocol/binary/ping.js'
import { DecodeError } from '../../../protocol/errors.js'
import { arbitraryPacket } from '../../fixtures/arbitrary-packets.js'
import { LayoutFault, LayoutReader } from '../../fixtures/layout-reader.js'
import { createRandom, mutate } from '../../fixtures/mutations.js'
import { SUITE_SEED } from '../../fixtures/suite-seed.js'

/* The tables that programs are generated from say the same as the decoders, of good packets and of bad ones. */

const vectors = JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as {
  vectors: { name: string; transport: string; hex: string; fields: Record<string, unknown>; warnings: string[] }[]
  malformed: { name: string; transport: string; hex: string }[]
}

interface Reading {
  readonly rows: readonly FieldRow[]
  /** `code structure.field`, null when there is none. */
  readonly fault: string | null
}

function byDecoder(bytes: Buffer, isPing: boolean): Reading {
  try {
    return { rows: fieldRows(bytes, isPing), fault: null }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { rows: [], fault: `${error.code} ${error.structure}.${error.field}` }
  }
}

function byLayout(bytes: Buffer, isPing: boolean): Reading & { reader: LayoutReader } {
  const reader = new LayoutReader(bytes)
  const layout: readonly LayoutPart[] = isPing ? [PING_LAYOUT] : PACKET_LAYOUT
  try {
    reader.read(layout)
    return { rows: reader.rows, fault: null, reader }
  } catch (error) {
    if (!(error instanceof LayoutFault)) throw error
    return { rows: [], fault: `${error.code} ${error.field}`, reader }
  }
}

/** Every field inside a field stands in the decoder's flat listing, with the same value. */
function innerFaults(bytes: Buffer, reader: LayoutReader): string[] {
  const flat = flatFields(decodePacket(bytes))
  return reader.inner.flatMap(({ structure, field, value }) => {
    if (`${structure}.${field}` === 'ExtensionHeader.Headers') return []
    const expected = flat[`${structure}.${field}`] ?? flat[`${structure}.${field}.Raw`]
    const found = Buffer.isBuffer(value) ? value.toString('hex') : value
    return found === expected ? [] : [`${structure}.${field}: ${found}, not ${expected}`]
  })
}

const warningsIn = (reader: LayoutReader): string[] =>
  reader.remarks.map(rule => rule.code).filter(code => code.startsWith('W_'))

for (const vector of vectors.vectors) {
  t.test(vector.name, async t => {
    const bytes = Buffer.from(vector.hex, 'hex')
    const isPing = vector.transport === 'udp-3527'
    const { rows, fault, reader } = byLayout(bytes, isPing)
    t.equal(fault, null)
    t.strictSame(rows, fieldRows(bytes, isPing))
    t.equal(
      rows.reduce((sum, row) => sum + row.size, 0),
      bytes.length,
      'every byte belongs to a field',
    )
    if (isPing) return
    t.strictSame(innerFaults(bytes, reader), [])
    t.strictSame(warningsIn(reader).sort(), [...vector.warnings].sort())
  })
}

t.test('what is malformed is refused for the same reason', async t => {
  for (const { name, transport, hex } of vectors.malformed) {
    const isPing = transport === 'udp-3527'
    const bytes = Buffer.from(hex, 'hex')
    const expected = byDecoder(bytes, isPing)
    t.not(expected.fault, null, name)
    t.equal(byLayout(bytes, isPing).fault, expected.fault, name)
  }
})

t.test('any packet', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(arbitraryPacket, packet => {
        const bytes = encodePacket(packet)
        const { rows, fault, reader } = byLayout(bytes, false)
        assert.equal(fault, null)
        assert.deepEqual(rows, fieldRows(bytes))
        assert.deepEqual(innerFaults(bytes, reader), [])
        assert.deepEqual(warningsIn(reader).sort(), [...((flatFields(packet).Warnings ?? []) as string[])].sort())
      }),
      { numRuns: 2000, seed: SUITE_SEED },
    ),
  )
})

t.test('any damaged packet', async t => {
  const random = createRandom(SUITE_SEED)
  const originals = [
    ...vectors.vectors.filter(({ transport }) => transport !== 'udp-3527').map(({ hex }) => Buffer.from(hex, 'hex')),
    ...fc.sample(arbitraryPacket, { numRuns: 200, seed: 7 }).map(packet => encodePacket(packet)),
  ]
  const faults = new Set<string>()
  let different = ''
  for (let round = 0; round < 8000; round++) {
    const bytes = mutate(originals[random(originals.length)]!, random)
    const expected = byDecoder(bytes, false)
    const found = byLayout(bytes, false)
    if (expected.fault !== null) faults.add(expected.fault.split(' ')[0]!)
    try {
      assert.equal(found.fault, expected.fault)
      assert.deepEqual(found.rows, expected.rows)
    } catch (error) {
      different = `${bytes.toString('hex')}: ${(error as Error).message}`
      break
    }
  }
  t.equal(different, '')
  t.ok(faults.size > 20, `${faults.size} kinds of faults were met`)
})

t.test('any damaged ping', async t => {
  const random = createRandom(3527)
  const ping = encodePing({ flags: 3, cookie: 7, qmGuid: '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01' })
  let refused = 0
  for (let round = 0; round < 2000; round++) {
    const bytes = mutate(ping, random)
    const expected = byDecoder(bytes, true)
    if (expected.fault !== null) refused++
    const { rows, fault } = byLayout(bytes, true)
    if (fault !== expected.fault || rows.length !== expected.rows.length) t.fail(bytes.toString('hex'))
  }
  t.ok(refused > 100 && refused < 2000, `${refused} were refused`)
  t.equal(decodePing(ping).cookie, 7)
})
