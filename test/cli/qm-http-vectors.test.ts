import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect } from '../../control/client.js'
import { startQm, temporaryDirectory } from '../fixtures/qm-child.js'
import { postedRaw, statusOf } from '../fixtures/raw-http.js'

/* A queue manager that runs answers every published and derived request of [MC-MQSRM] as it has to. */

interface Vector {
  readonly name: string
  readonly type: 'request' | 'response' | 'fragment'
  readonly expectStatus?: number
  readonly rawBase64: string
  readonly fields: {
    readonly userType?: 'regular' | 'durable' | 'stream'
    readonly label?: string
    readonly body?: { readonly base64: string } | null
  }
}

const file = join(process.cwd(), 'test/fixtures/srmp.json')
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: readonly Vector[] }
const requests = vectors.filter(({ type }) => type === 'request')
const bytesOf = ({ rawBase64 }: Vector) => Buffer.from(rawBase64, 'base64')
/** Whom the documents' messages are for. */
const HOSTS = ['machine1', 'machine2', 'farm', 'sender1']
/** One queue takes transactional messages or the others, and the vectors have both for the same one. */
const isStream = ({ fields }: Vector) => fields.userType === 'stream'

async function queueManager(t: Test, transactional: boolean) {
  const suffix = transactional ? ':transactional' : ''
  const queues = ['simpleq', 'tsimpleq', 'orders', 'receipts'].map(name => `private$\\${name}${suffix}`)
  const control = join(temporaryDirectory(t), 'control.sock')
  const { line } = startQm(
    t,
    ...['--name', 'VECTORS', '--address', '127.0.96.1', '--port', '0', '--http', '0', '--control', control],
    // Derived ones all have the same identifier.
    ...['--set', 'RemoveDuplicateSize=0'],
    ...HOSTS.flatMap(host => ['--alias', host]),
    ...queues.flatMap(queue => ['--queue', queue]),
  )
  const ready = JSON.parse(await line()) as { http: { address: string; port: number } }
  t.equal(ready.http.address, '127.0.96.1')
  const client = await connect(control)
  t.teardown(() => client.close())
  return { http: ready.http, client }
}

/** Of queues that are not transactional: for every test. */
const plain = queueManager(t, false)

t.test('one request on a connection', async t => {
  t.ok(requests.length >= 12)
  for (const transactional of [false, true]) {
    const { http, client } = await (transactional ? queueManager(t, true) : plain)
    const mine = requests.filter(vector => isStream(vector) === transactional)
    for (const vector of mine) {
      const [answer] = await postedRaw(http, [bytesOf(vector)])
      t.equal(statusOf(answer), vector.expectStatus, vector.name)
      t.match(answer, /^Content-Length: 0$/im, vector.name)
    }
    // Those of the document are of 2007 and have expired; the others are in the queue as they were sent.
    const orders = await client.open('private$\\orders')
    const taken = mine.filter(({ expectStatus, name }) => name.startsWith('d-') && expectStatus === 200)
    const sent = taken.filter(({ fields }) => fields.userType !== undefined)
    const held = await orders.list(100)
    t.equal(held.length, sent.length)
    for (const [index, vector] of sent.entries()) {
      const { fields, name } = vector
      if (fields.body !== undefined) t.equal(held[index]?.body.toString('base64'), fields.body?.base64 ?? '', name)
      t.match(held[index]?.http?.envelope, /^<(se:)?Envelope.*<\/(se:)?Envelope>$/s, name)
      t.equal(held[index]?.http?.compoundMessage.toString('base64'), vector.rawBase64, name)
    }
    const { counters } = await client.status()
    t.equal(counters.httpRequests, mine.length)
    t.equal(counters.malformedRequests, mine.filter(({ expectStatus }) => expectStatus === 400).length)
  }
})

t.test('all on one connection, without waiting for answers, which come in order', async t => {
  const { http } = await plain
  const mine = requests.filter(vector => !isStream(vector))
  const answers = await postedRaw(http, [...mine, ...mine].map(bytesOf))
  t.strictSame(
    answers.map(statusOf),
    [...mine, ...mine].map(({ expectStatus }) => expectStatus),
  )
})

t.test('what does not belong here: another host, no such queue, the other kind of queue, no message', async t => {
  const { http, client } = await plain
  const orders = await client.open('private$\\orders')
  await orders.purge()
  const [stream] = requests.filter(isStream)
  const good = bytesOf(requests.find(({ name }) => name === 'd-no-body')!).toString('latin1')
  const changed = (what: string, by: string) => {
    t.ok(good.includes(what) && what.length === by.length, what)
    return Buffer.from(good.replaceAll(what, by), 'latin1')
  }
  const rows: readonly (readonly [Buffer, number, string])[] = [
    [changed('/farm/', '/barn/'), 400, 'another host'],
    [changed('private$/orders<', 'private$/nobody<'), 400, 'no such queue'],
    [bytesOf(stream!), 400, 'a transactional message'],
    [changed('Envelope', 'Enveloop'), 400, 'no envelope'],
    [Buffer.from('GET /msmq/private$/orders HTTP/1.1\r\nHost: farm\r\n\r\n'), 400, 'no POST'],
    [Buffer.from(good, 'latin1'), 200, 'the message itself'],
    [chunked(good), 200, 'the same in chunks'],
  ]
  for (const [bytes, status, what] of rows) {
    const [answer] = await postedRaw(http, [bytes])
    t.equal(statusOf(answer), status, what)
  }
  const held = await orders.list(10)
  t.equal(held.length, 2, 'the others left nothing')
  t.match(held[0]?.http?.envelope, /<to>http:\/\/farm\//)
  t.equal(held[1]?.http?.envelope, held[0]?.http?.envelope)
})

function chunked(request: string): Buffer {
  const [head = '', body = ''] = request.split('\r\n\r\n')
  const pieces = [body.slice(0, 100), body.slice(100)]
  const chunks = pieces.map(piece => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')
  const heads = head.replace(/^Content-Length: .*$/im, 'Transfer-Encoding: chunked')
  return Buffer.from(`${heads}\r\n\r\n${chunks}0\r\n\r\n`, 'latin1')
}
