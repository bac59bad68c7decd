import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { fieldRows } from '../../../protocol/binary/field-table.js'
import { flatFields, nestFields } from '../../../protocol/binary/flat.js'
import {
  decodePacket,
  encodedSizeOf,
  encodePacket,
  encodePacketInto,
  type Packet,
  wireSizeOf,
} from '../../../protocol/binary/packet.js'
import { PacketFramer } from '../../../protocol/binary/packet-framer.js'
import { ERROR_CODES, type ErrorCode } from '../../../protocol/error-codes.js'
import { DecodeError } from '../../../protocol/errors.js'
import { arbitraryPacket } from '../../fixtures/arbitrary-packets.js'
import { createRandom, mutate } from '../../fixtures/mutations.js'
import { SUITE_SEED } from '../../fixtures/suite-seed.js'

const MUTANTS = Number(process.env.MQLAB_MUTANTS ?? 200_000)

const PARTS = [
  ...['EstablishConnection', 'ConnectionParameters', 'SessionAck', 'UserMessage', 'OrderAck', 'FinalAck'],
  ...['transaction', 'security', 'debug', 'srmpEnvelope', 'compoundMessage', 'soap', 'multiQueueFormat', 'session'],
  ...['trailing', 'sessionInside'],
] as const

t.setTimeout(300_000)

function frame(bytes: Buffer): Buffer[] {
  const packets: Buffer[] = []
  new PacketFramer().push(bytes, packet => packets.push(packet))
  return packets
}

t.test('what is encoded is decoded to the same, and the other way round', async t => {
  const seen = new Set<string>()
  const check = fc.property(arbitraryPacket, packet => {
    const bytes = Buffer.alloc(encodedSizeOf(packet), 0xaa)
    encodePacketInto(packet, bytes)
    const other = Buffer.alloc(bytes.length, 0x55)
    encodePacketInto(packet, other)
    if (!bytes.equals(other)) throw new Error('a byte was not written')
    const decoded = decodePacket(bytes)
    note(seen, decoded)
    // An acknowledgement drawn by chance is told by its contents.
    if (!isDeepStrictEqual(decoded, { ...packet, packetType: decoded.packetType })) throw new Error('other values')
    if (!encodePacket(decoded).equals(bytes)) throw new Error('encoding again gave other bytes')
    if (wireSizeOf(decoded) !== bytes.length) throw new Error('wireSizeOf disagrees')
    const framed = frame(bytes)
    if (framed.length !== 1 || !framed[0]!.equals(bytes)) throw new Error('the framer disagrees')
    JSON.stringify(nestFields(flatFields(decoded)))
    let next = 0
    for (const row of fieldRows(bytes)) {
      if (row.offset !== next) throw new Error(`the listing leaves bytes ${next} to ${row.offset} out`)
      next += row.size
    }
    if (next !== bytes.length) throw new Error(`the listing ends at byte ${next}`)
  })
  fc.assert(check, { numRuns: 3000, seed: SUITE_SEED, endOnFailure: true })
  for (const part of PARTS) t.ok(seen.has(part), `${part} was generated`)
})

function note(seen: Set<string>, packet: Packet): void {
  seen.add(packet.packetType)
  for (const [name, value] of Object.entries(packet)) {
    if (value !== null && value !== false && !(Buffer.isBuffer(value) && value.length === 0)) seen.add(name)
  }
}

t.test(`${MUTANTS} mutants: decoded faithfully or rejected with a DecodeError`, async t => {
  const samples = fc.sample(arbitraryPacket, { numRuns: 2000, seed: SUITE_SEED }).map(encodePacket)
  const random = createRandom(SUITE_SEED)
  // Most mutants end in an error whose stack nobody reads.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  t.teardown(() => {
    Error.stackTraceLimit = stackTraceLimit
  })
  let accepted = 0
  let rejected = 0
  for (let i = 0; i < MUTANTS; i++) {
    const mutant = mutate(samples[random(samples.length)]!, random)
    const verdict = faultOf(mutant)
    if (verdict === 'accepted') accepted++
    else if (verdict === 'rejected') rejected++
    else {
      t.fail(`seed ${SUITE_SEED}, mutant ${i}: ${verdict}`, { hex: mutant.toString('hex') })
      return
    }
  }
  t.comment(`seed ${SUITE_SEED}: ${accepted} accepted, ${rejected} rejected`)
  t.ok(accepted > MUTANTS / 20, 'a good part is accepted')
  t.ok(rejected > MUTANTS / 20, 'a good part is rejected')
})

function faultOf(mutant: Buffer): string {
  let packet: Packet | null = null
  try {
    packet = decodePacket(mutant)
  } catch (error) {
    if (!(error instanceof DecodeError)) return `decodePacket threw ${error}`
    if (ERROR_CODES[error.code as ErrorCode] === undefined) return `${error.code} is in no table`
    if (error.offset < 0 || error.offset > mutant.length) return `offset ${error.offset} lies outside: ${error.message}`
  }
  if (packet !== null && !encodePacket(packet).equals(mutant)) return 'encoding gave other bytes'
  const framer = new PacketFramer()
  const framed: Buffer[] = []
  try {
    framer.push(mutant, piece => framed.push(piece))
  } catch (error) {
    if (!(error instanceof DecodeError)) return `the framer threw ${error}`
  }
  if (framer.bytesHeld > mutant.length) return `${framer.bytesHeld} bytes held`
  if (packet === null) return 'rejected'
  if (framed.length !== 1 || !framed[0]!.equals(mutant)) return 'the framer does not see the packet the decoder sees'
  return 'accepted'
}
