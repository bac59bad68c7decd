import fc from 'fast-check'
import t from 'tap'
import { addWords, checksum, folded } from '../../capture/checksum.js'
import { SUITE_SEED } from '../fixtures/suite-seed.js'

/** Word for word. */
function plainSum(bytes: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += bytes[at]! * 256 + (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000)
  return sum
}

t.test('the sum is the same wherever in memory the bytes lie, and however many they are', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(7), fc.nat(7), (content, before, behind) => {
      const memory = new Uint8Array(before + content.length + behind).fill(0xa5)
      memory.set(content, before)
      const view = memory.subarray(before >> 1)
      const start = before - (before >> 1)
      return folded(addWords(0, view, start, start + content.length)) === plainSum(content)
    }),
    { seed: SUITE_SEED, numRuns: 2000 },
  )
  t.pass('2,000 places')
})

t.test('pieces follow each other at even places', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 100, maxLength: 300 }), fc.nat(49), (bytes, half) => {
      const whole = addWords(0, bytes)
      return checksum(addWords(addWords(0, bytes, 0, half * 2), bytes, half * 2)) === checksum(whole)
    }),
    { seed: SUITE_SEED },
  )
  t.pass('wherever they are cut')
})
