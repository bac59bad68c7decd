import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { mqlab, objects } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'

interface Vector {
  name: string
  transport: string
  hex: string
  fields: Record<string, unknown>
}
const file = JSON.parse(readFileSync(join(process.cwd(), 'test/fixtures/mqqb.json'), 'utf8')) as {
  vectors: Vector[]
  malformed: Vector[]
  streams: { packets: string[]; offsets: number[] }[]
}
const mqlabDecode = (args: readonly string[], input: string | Buffer) => mqlab(['decode', ...args], {}, input)
/** From a file, for the standard input is the test's. */
function decodeFile(t: Test, args: readonly string[], input: string | Buffer) {
  const name = join(t.testdir({}), 'input')
  writeFileSync(name, input)
  return mqlabInProcess(['decode', ...args, name])
}

t.test('--flat: a line in, an object out, in order; malformed ones in their places', async t => {
  const good = file.vectors.filter(vector => vector.transport === 'tcp-1801')
  const bad = file.malformed.filter(vector => vector.transport === 'tcp-1801')
  const lines = ['# a comment', '', ...good.flatMap((vector, i) => [vector.hex, bad[i]?.hex ?? 'not hex'])]
  const { code, stdout } = await mqlabDecode(['--flat'], lines.join('\r\n'))
  t.equal(code, 2)
  const results = objects(stdout)
  t.equal(results.length, 2 * good.length)
  for (const [index, vector] of good.entries()) {
    t.match(results[2 * index], vector.fields, vector.name)
    t.match(results[2 * index + 1], { error: { code: /^MSMQ_DECODE_/, message: String } }, 'malformed')
  }
  t.strictSame(Object.keys(results.at(-1)!.error as object), [
    'code',
    'structure',
    'field',
    'offset',
    'section',
    'message',
  ])
})

t.test('pings, with blanks inside the line', async t => {
  const pings = file.vectors.filter(vector => vector.transport === 'udp-3527')
  const { code, stdout } = await decodeFile(
    t,
    ['--flat', '--ping'],
    pings.map(({ hex }) => hex.match(/../g)!.join(' ')).join('\n'),
  )
  t.equal(code, 0)
  for (const [index, result] of objects(stdout).entries()) t.match(result, pings[index]!.fields)
  t.equal(objects(stdout).length, pings.length)
})

t.test('--stream: hexadecimal text or raw bytes', async t => {
  const stream = file.streams[0]!
  const bytes = Buffer.concat(
    stream.packets.map(name => Buffer.from(file.vectors.find(vector => vector.name === name)!.hex, 'hex')),
  )
  const text = bytes.toString('hex').replace(/.{100}/g, '$&\n')
  for (const input of [bytes, text]) {
    const { code, stdout } = await mqlabDecode(['--stream', '--flat'], input)
    t.equal(code, 0)
    t.strictSame(
      objects(stdout).map(packet => packet.Offset),
      stream.offsets,
    )
  }
  const cut = await decodeFile(t, ['--stream'], bytes.subarray(0, -3))
  t.equal(cut.code, 2)
  t.match(objects(cut.stdout).at(-1), { Offset: 1504, error: { code: 'MSMQ_DECODE_TRUNCATED' } })
  t.equal(objects(cut.stdout).length, stream.packets.length)
})

t.test('nested by default; --table a listing', async t => {
  const { hex } = file.vectors.find(vector => vector.name === 'user_multiqueue_direct')!
  const nested = await decodeFile(t, [], hex)
  t.equal(nested.code, 0)
  t.match(objects(nested.stdout)[0], {
    BaseHeader: { Flags: { Raw: 3, PR: 3 } },
    MultiQueueFormatHeader: { Destination: { Elements: [{ DirectFormatName: 'OS:s\\q' }, { FormatType: 3 }] } },
  })
  const table = await decodeFile(t, ['--table'], hex)
  t.match(table.stdout, /^MessagePropertiesHeader$/m)
  t.match(table.stdout, /^ +56 +4 {2}MessageID +107 \(0x0000006b\)$/m)
  const rows = await decodeFile(t, ['--table', '--json'], hex)
  let next = 0
  for (const row of objects(rows.stdout)[0] as unknown as { offset: number; size: number }[]) {
    if (row.offset !== next) t.fail(`a gap before byte ${row.offset}`)
    next = row.offset + row.size
  }
  t.equal(next, hex.length / 2, 'the listing covers every byte once')
})

t.test('what cannot be read: one line, exit 2', async t => {
  const mqlab = mqlabOnceStarted()
  for (const args of [['no-such-file'], ['--stream', 'no-such-file'], ['test'], ['--stream', '--ping', '-']]) {
    const { code, stdout, stderr } = await mqlab(['decode', ...args])
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /^mqlab: .+\n$/)
  }
})
