import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mqlab, objects } from '../fixtures/mqlab-command.js'
import { mqlabInProcess } from '../fixtures/mqlab-in-process.js'
import { SRMP_VECTORS, srmpVector, vectorBytes } from '../fixtures/srmp-vectors.js'

const mqlabDecode = (args: readonly string[], input: string | Buffer) => mqlab(['decode', '--srmp', ...args], {}, input)

t.test('a file for each vector: an object for each, malformed ones in their places', async t => {
  const directory = t.testdir()
  const files = SRMP_VECTORS.map(vector => {
    const file = join(directory, `${vector.name}.http`)
    writeFileSync(file, vectorBytes(vector))
    return file
  })
  const { code, stdout } = await mqlabInProcess(['decode', '--srmp', ...files])
  t.equal(code, 2, 'some are malformed')
  const results = objects(stdout)
  t.equal(results.length, SRMP_VECTORS.length)
  for (const [index, vector] of SRMP_VECTORS.entries()) {
    const result = results[index]!
    if (vector.expectStatus === 400) {
      t.match(
        result,
        {
          file: files[index],
          error: { code: /^MSMQ_DECODE_SRMP_/, structure: String, field: String, offset: Number },
        },
        vector.name,
      )
    } else t.has(result, vector.fields, vector.name)
  }
})

t.test('requests and responses one after the other', async t => {
  const request = vectorBytes(srmpVector('d-stream-first'))
  const response = vectorBytes(srmpVector('4.3-response-to-message'))
  const broken = vectorBytes(srmpVector('d-neg-no-to'))
  const { code, stdout } = await mqlabDecode(
    [],
    Buffer.concat([request, Buffer.from('\r\n'), response, broken, request, Buffer.from('\n')]),
  )
  t.equal(code, 2)
  const results = objects(stdout)
  t.match(results, [
    { form: 'request', kind: 'user', http: { method: 'POST', headers: { host: 'farm' } } },
    { form: 'response', status: 200 },
    { error: { field: 'to', section: '[MC-MQSRM] 2.2.4.2' } },
    { form: 'request', kind: 'user' },
  ])
  t.equal(results.length, 4)
  const good = await mqlabDecode(['-'], Buffer.concat([request, request]))
  t.equal(good.code, 0)
})

t.test('a message that is cut ends the listing', async t => {
  const request = vectorBytes(srmpVector('d-stream-first'))
  const { code, stdout } = await mqlabDecode([], Buffer.concat([request, request.subarray(0, -1)]))
  t.equal(code, 2)
  t.match(objects(stdout), [{ form: 'request' }, { error: { code: 'MSMQ_DECODE_SRMP_TRUNCATED' } }])
})

t.test('XML by itself', async t => {
  const request = vectorBytes(srmpVector('4.3-delivery-receipt')).toString()
  const envelope = `\n<?xml version="1.0"?>${request.slice(request.indexOf('<se:'))}`.trimStart()
  const results = await mqlabDecode([], envelope)
  t.equal(results.code, 0)
  t.has(objects(results.stdout)[0], { ...srmpVector('4.3-delivery-receipt').fields, form: 'fragment' })
  const broken = await mqlabDecode([], '<Msmq><Class>x</Class></Msmq>')
  t.equal(broken.code, 2)
  t.match(objects(broken.stdout), [{ error: { structure: 'Msmq', field: String } }])
})

t.test('what is no HTTP, and what cannot be read', async t => {
  const { code, stdout } = await mqlabDecode([], Buffer.from([0x10, 0, 3, 1, 76, 73, 79, 82]))
  t.equal(code, 2)
  t.match(objects(stdout), [{ error: { code: 'MSMQ_DECODE_SRMP_TRUNCATED' } }])
  for (const args of [['no-such-file'], ['--flat'], ['--stream']]) {
    const failed = await mqlabInProcess(['decode', '--srmp', ...args])
    t.equal(failed.code, 2, args.join(' '))
    t.match(failed.stderr, /^mqlab: .+\n$/)
  }
})
