import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { MQQB_DERIVED } from '../../../capture/wireshark/derived-fields.js'
import { contentsOf, expertName, filterName } from '../../../capture/wireshark/filter-names.js'
import { dissectorLua } from '../../../capture/wireshark/generate.js'
import { fieldRows } from '../../../protocol/binary/field-table.js'
import { flatFields, flatPing } from '../../../protocol/binary/flat.js'
import type { FlatFields } from '../../../protocol/binary/flat-fields.js'
import { decodePacket, encodePacket } from '../../../protocol/binary/packet.js'
import { PACKET_LAYOUT } from '../../../protocol/binary/packet-layout.js'
import { decodePing, PING_LAYOUT } from '../../../protocol/binary/ping.js'
import { arbitraryPacket } from '../../fixtures/arbitrary-packets.js'
import { CaptureBytes } from '../../fixtures/capture-bytes.js'
import { LayoutReader } from '../../fixtures/layout-reader.js'
import { pdmlFields, runTshark, type ShownField, tsharkSkip } from '../../fixtures/tshark.js'

/* What tshark shows of a packet is what the decoder reads in it: every field, its place and its value. */

const lua = dissectorLua()
/** By filter; padding has none. */
const TYPES = new Map(
  contentsOf([...PACKET_LAYOUT, PING_LAYOUT]).fields.map(({ structure, field }) => [
    filterName(structure.structure, field.field),
    field.type,
  ]),
)
const derived = new Set(MQQB_DERIVED.map(({ filter }) => filter))

const vectors = (
  JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as {
    vectors: { name: string; transport: string; hex: string }[]
  }
).vectors

/** Each packet in a connection of its own, in one segment; pings in a datagram. */
function captureOf(packets: readonly { bytes: Buffer; isPing: boolean }[]): Buffer {
  const capture = new CaptureBytes()
  packets.forEach(({ bytes, isPing }, index) => {
    const from = { address: `10.1.${index >> 8}.${index & 255}`, port: 40_000 }
    if (isPing) capture.udp(from, { address: '10.0.0.2', port: 3527 }, bytes)
    else capture.connection(from, { address: '10.0.0.2', port: 1801 }).send(0, bytes, 65_000)
  })
  return capture.pcap()
}

/** Where what tshark shows differs from what the decoder says; empty as it should be. */
function differences(shown: readonly ShownField[], bytes: Buffer, isPing: boolean): string[] {
  const start = shown[0]?.pos ?? 0
  const fields = shown.filter(({ name }) => !derived.has(name) && !EXPERT.test(name))
  const flat = isPing ? flatPing(decodePing(bytes)) : flatFields(decodePacket(bytes))
  const placed = fields.filter(({ value, size }) => value.length === 2 * size)
  const rest = fields.filter(({ value, size }) => value.length !== 2 * size)
  const inner = isPing ? [] : innerRows(bytes)
  const expected = [...fieldRows(bytes, isPing), ...inner].map(row => {
    const hex = bytes.toString('hex', row.offset, row.offset + row.size)
    return `${filterName(row.structure, row.field.replace(/\.\d+\./, '.#.'))} ${row.offset} ${row.size} ${hex}${valueText(row.value)}`
  })
  const found = placed
    .filter(({ name }) => !isFlag(name))
    .map(field => `${field.name} ${field.pos - start} ${field.size} ${field.value}${shownText(field)}`)
  return [
    ...missing(expected, found).map(line => `only the decoder: ${line}`),
    ...missing(found, expected).map(line => `only tshark: ${line}`),
    ...flagDifferences(shown, flat, isPing),
    ...warningDifferences(shown, flat),
    ...rest.filter(({ name }) => !isFlag(name)).map(({ name }) => `${name} has no bytes`),
  ]
}

const EXPERT = /^mqqb\.(?:malformed|warning|note)\./
const FLAG = /\.(?:flags|operatingsystem)\.[a-z_0-9]+$/
const isFlag = (name: string): boolean => FLAG.test(name)

function innerRows(bytes: Buffer): LayoutReader['inner'] {
  const reader = new LayoutReader(bytes)
  reader.read(PACKET_LAYOUT)
  return reader.inner
}

/** Numbers, GUIDs and plain text are compared as they are read; other bytes only as they stand there. */
function valueText(value: number | string | Buffer): string {
  if (typeof value === 'number') return ` ${value}`
  return typeof value === 'string' && isPlain(value) ? ` ${value}` : ''
}

/** PDML has other letters too, and its own way to write some of them. */
const isPlain = (text: string): boolean => /^[\x20-\x7e]+$/.test(text)

function shownText({ name, show, size, value }: ShownField): string {
  const type = TYPES.get(name)
  if (type === undefined) return ` ${Buffer.from(value, 'hex').readUIntLE(0, size)}`
  if (type === 'bytes') return ''
  if (type === 'guid') return ` ${show}`
  if (type === 'text') return isPlain(Buffer.from(value.slice(0, -4), 'hex').toString('utf16le')) ? ` ${show}` : ''
  return ` ${Number(show)}`
}

function missing(from: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1)
  return from.filter(line => {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    return count <= 0
  })
}

/** Each field of a flags word is shown once, with its value. */
function flagDifferences(shown: readonly ShownField[], flat: FlatFields, isPing: boolean): string[] {
  const found = new Map(shown.filter(({ name }) => isFlag(name)).map(({ name, show }) => [name, Number(show)]))
  const expected = Object.entries(flat).flatMap(([name, value]) => {
    const [, word, flag] = /^(.*(?:Flags|OperatingSystem))\.([A-Z_0-9]+)$/.exec(name) ?? []
    if (word === undefined || flag === undefined || typeof value !== 'number') return []
    const [structure = '', ...field] = isPing ? ['Ping', word] : word.split('.')
    const filter = filterName(structure, field.join('.'))
    return [[`${filter}.${flag.toLowerCase()}`, value] as const]
  })
  const wrong = expected.filter(([name, value]) => found.get(name) !== value)
  const names = new Set<string>(expected.map(([name]) => name))
  return [
    ...wrong.map(([name, value]) => `${name} is ${found.get(name)}, not ${value}`),
    ...[...found.keys()].filter(name => !names.has(name)).map(name => `${name} is shown, and no flag`),
  ]
}

function warningDifferences(shown: readonly ShownField[], flat: FlatFields): string[] {
  const found = shown.filter(({ name }) => name.startsWith('mqqb.warning.')).map(({ name }) => name)
  const expected = ((flat.Warnings ?? []) as readonly string[]).map(code => expertName({ code }))
  return [...missing(expected, found), ...missing(found, expected)]
}

t.test('every field of every vector', { skip: tsharkSkip }, async t => {
  const packets = vectors.map(({ hex, transport }) => ({
    bytes: Buffer.from(hex, 'hex'),
    isPing: transport === 'udp-3527',
  }))
  const { stdout, stderr } = runTshark(lua, captureOf(packets), ['-T', 'pdml'])
  t.notOk(/Lua Error/.test(stderr + stdout), 'no Lua error')
  const frames = pdmlFields(stdout, 'mqqb.')
  t.equal(frames.length, packets.length)
  packets.forEach(({ bytes, isPing }, index) => {
    const shown = frames[index]!
    t.strictSame(differences(shown, bytes, isPing), [], vectors[index]!.name)
    const flat = isPing ? flatPing(decodePing(bytes)) : flatFields(decodePacket(bytes))
    t.equal(shown.find(({ name }) => name === 'mqqb.type')?.show, flat.PacketType)
    t.equal(shown.find(({ name }) => name === 'mqqb.length')?.show, String(flat.WireLength))
  })
})

t.test('every field of any packet', { skip: tsharkSkip }, async t => {
  const packets = fc
    .sample(arbitraryPacket, { numRuns: 400, seed: 1801 })
    .map(packet => ({ bytes: encodePacket(packet), isPing: false }))
  const { stdout, stderr } = runTshark(lua, captureOf(packets), ['-T', 'pdml'])
  t.notOk(/Lua Error/.test(stderr + stdout), 'no Lua error')
  const frames = pdmlFields(stdout, 'mqqb.')
  t.equal(frames.length, packets.length)
  let compared = 0
  for (const [index, { bytes }] of packets.entries()) {
    const wrong = differences(frames[index]!, bytes, false)
    compared += frames[index]!.length
    if (wrong.length === 0) continue
    t.strictSame(wrong, [], bytes.toString('hex'))
    break
  }
  t.comment(`${compared} fields compared`)
  t.ok(compared > 12_000)
})
