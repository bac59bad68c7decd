import fc from 'fast-check'
import t from 'tap'
import { decodeGuid, encodeGuid, isGuid, NIL_GUID, parseGuid } from '../../protocol/guid.js'

const ROWS: readonly [name: string, hex: string, text: string][] = [
  ['groups swapped', '109a2c5f1e7b554c9d3a0a1b2c3d4e01', '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01'],
  ['published ping', 'd1587355509195954997b6e611ea26c6', '557358d1-9150-9595-4997-b6e611ea26c6'],
  ['nil', '00000000000000000000000000000000', NIL_GUID],
  ['all ones', 'ffffffffffffffffffffffffffffffff', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
]

t.test('rows', async t => {
  for (const [name, hex, text] of ROWS) {
    const bytes = Buffer.from(`aa${hex}bb`, 'hex')
    t.equal(decodeGuid(bytes, 1), text, name)
    const out = Buffer.alloc(18, 0xaa)
    encodeGuid(out, 1, text)
    t.equal(out.toString('hex'), `aa${hex}aa`, `${name}, encoded`)
    encodeGuid(out, 1, text.toUpperCase())
    t.equal(out.toString('hex'), `aa${hex}aa`, `${name}, encoded from upper case`)
  }
  t.equal(decodeGuid(Buffer.alloc(16), 0), NIL_GUID)
})

t.test('more GUIDs than the table has slots stay apart', async t => {
  const texts = fc.sample(fc.uuid(), { numRuns: 20_000, seed: 7 })
  const bytes = Buffer.alloc(16)
  let wrong = 0
  for (let round = 0; round < 2; round++) {
    for (const text of texts) {
      encodeGuid(bytes, 0, text)
      if (decodeGuid(bytes, 0) !== text) wrong++
    }
  }
  t.equal(wrong, 0)
})

t.test('GUIDs that differ in one bit are told apart', async t => {
  const bytes = Buffer.from('109a2c5f1e7b554c9d3a0a1b2c3d4e01', 'hex')
  const seen = new Set([decodeGuid(bytes, 0)])
  for (let bit = 0; bit < 128; bit++) {
    bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7))
    seen.add(decodeGuid(bytes, 0))
    bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7))
  }
  t.equal(seen.size, 129)
})

t.test('texts', async t => {
  t.ok(isGuid('5F2C9A10-7B1E-4C55-9D3A-0A1B2C3D4E01'))
  t.notOk(isGuid('5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e0'))
  t.notOk(isGuid('{5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01}'))
  t.equal(parseGuid('{5F2C9A10-7B1E-4C55-9D3A-0A1B2C3D4E01}'), '5f2c9a10-7b1e-4c55-9d3a-0a1b2c3d4e01')
  t.throws(() => parseGuid('nonsense'), { code: 'MSMQ_OPTION_GUID' })
  t.throws(() => encodeGuid(Buffer.alloc(16), 0, '5f2c9a10'), { code: 'MSMQ_OPTION_GUID' })
})
