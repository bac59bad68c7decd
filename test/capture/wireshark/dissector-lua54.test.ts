import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { DISSECTOR_FILE } from '../../../capture/wireshark/dissector-file.js'
import { findProgram } from '../../../gateway/planes/kernel/programs.js'
import { CaptureBytes } from '../../fixtures/capture-bytes.js'
import { SRMP_VECTORS, vectorBytes } from '../../fixtures/srmp-vectors.js'
import { runTshark, tsharkSkip } from '../../fixtures/tshark.js'

/* Wireshark 4.4 has Lua 5.4, which differs from the 5.2 of 4.0 in numbers. The dissector runs in a plain 5.4 here, with a
 * mock of what Wireshark gives it. */

const lua = findProgram('lua5.4')
const skip = lua === null ? 'lua5.4 not found: install it (Debian: apt-get install lua5.4)' : false

const file = JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as Record<
  'vectors' | 'malformed',
  { name: string; transport: string; hex: string; fields?: Record<string, unknown> }[]
>

function linesOf(numbers: 'float' | 'integer', input: readonly string[]): string[] {
  const mock = join(process.cwd(), 'test/fixtures/wireshark-mock.lua')
  const { status, stdout, stderr } = spawnSync(lua!, [mock, fileURLToPath(DISSECTOR_FILE), numbers], {
    encoding: 'utf8',
    input: `${input.join('\n')}\n`,
  })
  if (status !== 0) throw new Error(stderr)
  return stdout.trimEnd().split('\n')
}

const packetLine = ({ transport, hex }: { transport: string; hex: string }): string =>
  `${transport === 'udp-3527' ? 'udp' : 'tcp'} ${hex}`
const requests = SRMP_VECTORS.filter(({ type }) => type === 'request').map(vector => {
  const bytes = vectorBytes(vector)
  return `http ${bytes.toString('hex', bytes.indexOf('\r\n\r\n') + 4)}`
})

t.test('whatever numbers Wireshark gives', { skip }, async t => {
  const input = [...file.vectors, ...file.malformed].map(packetLine).concat(requests)
  const integers = linesOf('integer', input)
  t.equal(integers.length, input.length)
  t.strictSame(linesOf('float', input), integers)
  file.vectors.forEach(({ name, fields }, index) => {
    t.ok(integers[index]!.startsWith(String(fields!.PacketType)), `${name}: ${integers[index]}`)
  })
})

t.test('an envelope that is made to be wrong or slow', { skip }, async t => {
  const envelope = (to: string) =>
    `http ${Buffer.from(
      `<Envelope xmlns="http://schemas.xmlsoap.org/srmp/"><Header><path><to>${to}</to></path></Header></Envelope>`,
    ).toString('hex')}`
  for (const numbers of ['integer', 'float'] as const)
    t.strictSame(
      linesOf(numbers, [
        envelope('a&#xffffffffffffffff;&#18446744073709551615;b'),
        envelope(` a${' '.repeat(900_000)}b `),
      ]),
      [' SRMP user → a??b', ` SRMP user → a${' '.repeat(900_000)}b`],
    )
})

t.test('the same lines as in the Lua of tshark', { skip: skip || tsharkSkip }, async t => {
  const vectors = file.vectors.filter(({ transport }) => transport !== 'udp-3527')
  const capture = new CaptureBytes()
  vectors.forEach(({ hex }, index) => {
    const connection = capture.connection(
      { address: `10.1.0.${index}`, port: 40_000 },
      { address: '10.0.0.2', port: 1801 },
    )
    connection.send(0, Buffer.from(hex, 'hex'), 60_000)
  })
  const dissector = readFileSync(DISSECTOR_FILE, 'utf8')
  const { stdout } = runTshark(dissector, capture.pcap(), ['-T', 'fields', '-e', '_ws.col.Info'])
  t.strictSame(linesOf('integer', vectors.map(packetLine)), stdout.trimEnd().split('\n'))
})
