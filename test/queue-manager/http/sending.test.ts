import { createPrivateKey, X509Certificate } from 'node:crypto'
import t from 'tap'
import { MP_FLAGS } from '../../../protocol/binary/message-properties-header.js'
import { sidBytes } from '../../../protocol/sid.js'
import { NEVER_S } from '../../../protocol/srmp/message.js'
import { NO_KEYS } from '../../../queue-manager/security/security-keys.js'
import { HttpMachine, type HttpMachineOptions, type Post } from '../../fixtures/http-machine.js'
import { START_S } from '../../fixtures/http-messages.js'
import { ALICE_CERTIFICATE, ALICE_KEY } from '../../fixtures/security-keys.js'
import { guidOf } from '../../fixtures/sim-tests.js'

/* How messages outside streams are sent, and what becomes of them by the answer ([MC-MQSRM] 3.1.7.2.5). */

const TO = 'DIRECT=http://10.0.0.2/msmq/private$/plain'
const DEAD = 'system$;deadletter'
const JOURNAL = 'system$;journal'
const RETRY_MS = 20_000

function machine(settingsOf: Readonly<Record<string, number>> = {}, more: HttpMachineOptions = {}): HttpMachine {
  return new HttpMachine({ settingsOf, ...more })
}

function bodyOf({ message }: Post): string {
  return message.body?.bytes.toString() ?? ''
}

t.test('a message with every property, and with none', async t => {
  const here = machine()
  const correlationId = Buffer.from('0123456789abcdefghij')
  here.send('DIRECT=HTTP://10.0.0.2:8080/MSMQ/Private$/Plain', 'the body', {
    label: 'a label',
    priority: 6,
    timeToReachQueueS: 100,
    timeToBeReceivedS: 1_000,
    acknowledgements: MP_FLAGS.PA | MP_FLAGS.PR | MP_FLAGS.NR,
    adminQueue: 'DIRECT=http://local/msmq/private$/admin',
    responseQueue: 'DIRECT=https://local/msmq/private$/replies',
    journalNegative: true,
    journalPositive: true,
    correlationId,
    applicationTag: 4711,
    bodyType: 8,
    extension: Buffer.from('an extension'),
  })
  const [first] = here.takePosts()
  t.match(first?.connection, { address: '10.0.0.2', port: 8080, secure: false, host: '10.0.0.2' })
  t.equal(first?.request.method, 'POST')
  t.equal(first?.request.target, '/msmq/private$/plain', 'in lower case, as the product writes it')
  t.strictSame(
    first?.request.headers.find(([name]) => name === 'Host'),
    ['Host', '10.0.0.2:8080'],
  )
  t.match(first?.message, {
    action: 'MSMQ:a label',
    to: 'http://10.0.0.2:8080/MSMQ/Private$/Plain',
    id: { guid: guidOf(1) },
    via: 'https://local/msmq/private$/replies',
    sentAtS: START_S,
    expiresAtS: START_S + 1_000,
    durable: true,
    deliveryReceiptTo: 'http://local/msmq/private$/admin',
    commitmentReceiptRequest: {
      sendTo: 'http://local/msmq/private$/admin',
      positiveOnly: true,
      negativeOnly: true,
    },
    stream: null,
    streamReceipt: null,
    deliveryReceipt: null,
    commitmentReceipt: null,
    msmq: {
      class: 0,
      priority: 6,
      journal: true,
      deadLetter: true,
      correlation: correlationId,
      trace: false,
      app: 4711,
      bodyType: 8,
      eod: null,
      sourceQmGuid: guidOf(1),
      ttrqS: START_S + 100,
    },
  })
  t.equal(first && bodyOf(first), 'the body')
  t.equal(first?.message.body?.contentId, `body@${guidOf(1)}`)
  t.equal(first?.message.extension?.bytes.toString(), 'an extension')

  here.send('DIRECT=HTTP://10.0.0.2/msmq/plain', '', { delivery: 'express' })
  const [second] = here.takePosts()
  t.match(second?.message, {
    action: 'MSMQ:',
    to: 'http://10.0.0.2/msmq/plain',
    via: null,
    expiresAtS: NEVER_S,
    durable: false,
    deliveryReceiptTo: null,
    commitmentReceiptRequest: null,
    msmq: { priority: 3, journal: false, deadLetter: false, ttrqS: START_S + 345_600 },
    body: null,
  })
  t.equal(second?.request.headers.find(([name]) => name === 'Content-Type')?.[1], 'text/xml')
})

t.test('what is asked of the receiver, by the acknowledgements wanted', async t => {
  const sendTo = 'http://local/msmq/private$/admin'
  const rows = [
    [0, null, null],
    [MP_FLAGS.PA, sendTo, null],
    [MP_FLAGS.PR, null, { sendTo, positiveOnly: true, negativeOnly: false }],
    [MP_FLAGS.NR, null, { sendTo, positiveOnly: false, negativeOnly: true }],
    [MP_FLAGS.NA, null, null],
    [MP_FLAGS.PA | MP_FLAGS.NR, sendTo, { sendTo, positiveOnly: false, negativeOnly: true }],
  ] as const
  for (const [acknowledgements, deliveryReceiptTo, commitmentReceiptRequest] of rows) {
    const here = machine()
    here.send(TO, 'x', { acknowledgements, adminQueue: `DIRECT=${sendTo}` })
    t.match(here.posts[0]?.message, { deliveryReceiptTo, commitmentReceiptRequest }, `flags ${acknowledgements}`)
  }
})

t.test('where it connects: names are looked up, HTTPS and ports are kept', async t => {
  const hosts = { 'shop.example.com': '10.0.0.8' }
  const rows = [
    ['http://10.0.0.2/msmq/private$/q', '10.0.0.2', 80, false, '10.0.0.2'],
    ['https://10.0.0.2/msmq/private$/q', '10.0.0.2', 443, true, '10.0.0.2'],
    ['http://shop.example.com/msmq/private$/q', '10.0.0.8', 80, false, 'shop.example.com'],
    ['https://shop.example.com:8443/msmq/private$/q', '10.0.0.8', 8443, true, 'shop.example.com'],
  ] as const
  for (const [url, address, port, secure, host] of rows) {
    const here = machine({}, { hosts })
    here.send(`DIRECT=${url}`, 'x')
    t.match(here.connections, [{ address, port, secure, host }], url)
    t.match(here.posts, [{ message: { to: url }, request: { secure } }], url)
  }
  const here = machine({}, { hosts })
  here.send('DIRECT=http://nobody.example.com/msmq/private$/q', 'x')
  here.pass(60_000)
  t.strictSame(here.connections, [])
  t.equal(here.outgoing, 1, 'it waits')
})

t.test('an answer, and what becomes of the message', async t => {
  const FINAL = [200, 400]
  for (const status of [
    200, 400, 100, 201, 204, 301, 302, 304, 401, 403, 404, 405, 413, 429, 500, 501, 502, 503, 504,
  ]) {
    const here = machine()
    here.send(TO, 'x', { journalNegative: true, journalPositive: true })
    const { text, connection } = here.posts[0]!
    here.answer(here.takePosts()[0], status)
    const isFinal = FINAL.includes(status)
    t.equal(here.outgoing, isFinal ? 0 : 1, `${status}: waiting`)
    t.equal(here.bodies(JOURNAL).length, status === 200 ? 1 : 0, `${status}: in the journal`)
    t.equal(here.bodies(DEAD).length, status === 400 ? 1 : 0, `${status}: dead`)
    t.equal(connection.closed === null, isFinal, `${status}: the connection`)
    here.pass(100)
    t.strictSame(here.posts, [], `${status}: not again at once`)
    here.pass(RETRY_MS)
    t.strictSame(
      here.posts.map(post => post.text),
      isFinal ? [] : [text],
      `${status}: sent again, byte for byte`,
    )
    t.strictSame(
      here.notesOf('http-answered').map(note => note.status),
      status === 200 ? [] : [status],
    )
  }
})

t.test('a message that was refused and wants no dead-letter queue is gone', async t => {
  const here = machine()
  here.send(TO, 'x')
  here.answer(here.posts[0], 400)
  t.strictSame([here.outgoing, here.bodies(DEAD).length], [0, 0])
})

t.test('400 is one more trouble on the way where HttpBadRequestIsFinal is 0 (A5)', async t => {
  const here = machine({ HttpBadRequestIsFinal: 0 })
  here.send(TO, 'x', { journalNegative: true })
  here.answer(here.posts[0], 400)
  here.pass(RETRY_MS + 100)
  t.equal(here.posts.length, 2)
  t.strictSame(here.bodies(DEAD), [])
  here.answer(here.posts[1], 200)
  t.equal(here.outgoing, 0)
})

t.test('no answer: it is sent again every so often until it gets through', async t => {
  for (const every of [RETRY_MS, 500]) {
    const here = machine(every === RETRY_MS ? {} : { HttpRetransmissionTimeout: every })
    here.onPost = () => 'connection refused'
    here.send(TO, 'x')
    here.pass(every * 10 + 100)
    const offsets = here.posts.map(({ atMs }) => atMs - 1_000)
    const gaps = offsets.slice(1).map((at, index) => at - offsets[index]!)
    t.ok(here.posts.length >= 10 && here.posts.length <= 12, `${here.posts.length} attempts`)
    t.ok(
      gaps.every(gap => gap <= every * 1.05 && gap >= every * 0.5),
      `gaps of ${gaps} ms`,
    )
    t.equal(new Set(here.posts.map(({ text }) => text)).size, 1)
    here.onPost = () => 200
    here.pass(every * 1.05)
    t.equal(here.outgoing, 0)
  }
})

t.test('no answer at all: after HttpAnswerTimeout the connection is given up', async t => {
  for (const limit of [60_000, 3_000]) {
    const here = machine(limit === 60_000 ? {} : { HttpAnswerTimeout: limit })
    here.send(TO, 'x')
    here.pass(limit - 10)
    t.equal(here.connections[0]?.closed, null)
    here.pass(20)
    t.match(here.connections[0]?.closed, { how: 'abort' })
    const [post] = here.takePosts()
    here.pass(RETRY_MS + 100)
    t.strictSame(
      here.posts.map(({ text }) => text),
      [post?.text],
    )
    here.call((engine, now) => engine.httpAnswered(now, post!.exchange, 200))
    t.equal(here.outgoing, 1, 'an answer that comes after all is nobody’s')
    here.answerAll()
    t.equal(here.outgoing, 0)
  }
})

t.test('several are under way, as many as HttpPipelineDepth allows, in their order', async t => {
  for (const depth of [1, 3, 16]) {
    const here = machine(depth === 16 ? {} : { HttpPipelineDepth: depth })
    const bodies = Array.from({ length: 40 }, (_, index) => `${index}`)
    for (const body of bodies) here.send(TO, body)
    t.equal(here.open.length, depth)
    t.equal(here.connections.length, 1)
    for (let answered = 1; answered <= 40; answered += 1) {
      here.answer(here.open[0], 200)
      t.equal(here.open.length, Math.min(depth, 40 - answered))
      t.equal(here.outgoing, 40 - answered)
    }
    t.strictSame(here.posts.map(bodyOf), bodies)
    t.equal(here.connections.length, 1)
  }
})

t.test('the most urgent goes first', async t => {
  const here = machine({ HttpPipelineDepth: 1 })
  for (const priority of [3, 1, 7, 5, 7]) here.send(TO, `${priority}`, { priority })
  here.answerAll()
  t.strictSame(here.posts.map(bodyOf), ['3', '7', '7', '5', '1'])
})

t.test('one fails in the middle: it and what came after it is sent again, in order, and nothing else', async t => {
  for (const how of ['failure', 'status'] as const) {
    const here = machine()
    for (let index = 0; index < 10; index += 1) here.send(TO, `${index}`)
    const first = here.open
    for (const post of first.slice(0, 4)) here.answer(post, 200)
    const failing = first[4]!
    if (how === 'failure') here.fail(failing)
    else here.answer(failing, 503)
    t.ok(here.connections[0]?.closed)
    // what the host may still say of that connection counts no more
    for (const post of first.slice(5)) here.call((engine, now) => engine.httpFailed(now, post.exchange, 'reset'))
    here.takePosts()
    here.onPost = () => 200
    here.pass(RETRY_MS + 100)
    t.strictSame(here.posts.map(bodyOf), ['4', '5', '6', '7', '8', '9'], how)
    t.equal(here.connections.length, 2)
    t.equal(here.outgoing, 0)
  }
})

t.test('answers to nothing are ignored', async t => {
  const here = machine()
  here.send(TO, 'x')
  here.call((engine, now) => engine.httpAnswered(now, 4711, 200))
  here.call((engine, now) => engine.httpFailed(now, 4712, 'whatever'))
  t.equal(here.outgoing, 1)
  const [post] = here.posts
  here.answer(post, 200)
  here.call((engine, now) => engine.httpAnswered(now, post!.exchange, 500))
  here.call((engine, now) => engine.httpFailed(now, post!.exchange, 'reset'))
  here.pass(RETRY_MS)
  t.equal(here.posts.length, 1)
})

t.test('an idle connection is closed after CleanupInterval, and another one opened when it is wanted', async t => {
  const here = machine()
  here.onPost = () => 200
  here.send(TO, 'one')
  here.pass(290_000)
  t.equal(here.connections[0]?.closed, null)
  here.send(TO, 'two')
  here.pass(299_000)
  t.equal(here.connections[0]?.closed, null, 'an answer starts it again')
  here.pass(301_500)
  t.match(here.connections[0]?.closed, { how: 'graceful' })
  t.equal(here.connections.length, 1)
  here.send(TO, 'three')
  t.equal(here.connections.length, 2)
  t.equal(here.outgoing, 0)
})

t.test('it expires on the way: not sent any more, and dead-lettered', async t => {
  const here = machine()
  here.onPost = () => 503
  here.send(TO, 'x', { timeToReachQueueS: 50, journalNegative: true })
  here.pass(49_000)
  t.equal(here.outgoing, 1)
  const attempts = here.takePosts().length
  t.equal(attempts, 3)
  here.pass(5_000)
  t.equal(here.outgoing, 0)
  t.strictSame(here.bodies(DEAD), ['x'])
  here.pass(60_000)
  t.strictSame(here.posts, [])
})

t.test('a restart: durable messages are sent again as they were, express ones are gone', async t => {
  const here = machine()
  here.send(TO, 'durable')
  here.send(TO, 'express', { delivery: 'express' })
  const before = here.takePosts().map(({ text }) => text)
  t.equal(before.length, 2)
  here.restart()
  here.pass(RETRY_MS)
  t.strictSame(
    here.open.map(({ text }) => text),
    [before[0]],
  )
  here.answerAll()
  here.send(TO, 'next')
  const ids = [...before, ...here.posts.map(({ text }) => text)].map(text => /<id>([^<]*)/.exec(text)?.[1])
  t.equal(new Set(ids).size, 3, `no id is used twice: ${ids}`)
})

t.test('a message that is not on disk yet is not sent', async t => {
  const here = machine()
  here.holding = true
  here.send(TO, 'x')
  here.pass(1_000)
  t.strictSame(here.posts, [])
  here.release()
  t.equal(here.posts.length, 1)
})

t.test('signed and encrypted messages cannot be sent over HTTP', async t => {
  const certificate = new X509Certificate(ALICE_CERTIFICATE).raw
  const signing = { privateKey: createPrivateKey(ALICE_KEY), certificate }
  const keys = { ...NO_KEYS, sid: sidBytes('S-1-5-21-1-2-3-1000'), signing }
  for (const request of [{ sign: true }, { encrypt: true }, { sign: true, encrypt: true }]) {
    const here = machine({}, { security: { keys, randomBytes: size => Buffer.alloc(size, 7) } })
    for (const transactional of [false, true]) {
      const answer = transactional ? here.sendTogether(TO, ['x'], request) : here.send(TO, 'x', request)
      t.match(answer, /^MQ_ERROR_/, `${JSON.stringify(request)}: ${answer}`)
    }
    t.strictSame([here.outgoing, here.posts.length], [0, 0])
    t.equal(here.send(TO, 'x'), 'accepted')
  }
})

t.test('queues that are paused or purged', async t => {
  const here = machine({ HttpPipelineDepth: 1 })
  here.send(TO, 'one')
  const { formatName } = here.engine.outgoingQueues()[0]!
  here.send(TO, 'two', { journalNegative: true })
  here.call((engine, now) => engine.pauseOutgoing(now, formatName))
  here.answerAll()
  here.pass(60_000)
  t.strictSame(here.posts.map(bodyOf), ['one'])
  t.equal(
    here.call((engine, now) => engine.purgeOutgoing(now, formatName)),
    1,
  )
  t.strictSame(here.bodies(DEAD), ['two'])
  here.call((engine, now) => engine.resumeOutgoing(now, formatName))
  here.send(TO, 'three')
  here.answerAll()
  t.strictSame(here.posts.map(bodyOf), ['one', 'three'])
})

t.test('each destination has its own queue and connection', async t => {
  const here = machine()
  for (const queue of ['a', 'b', 'a']) here.send(`DIRECT=http://10.0.0.2/msmq/private$/${queue}`, queue)
  t.equal(here.connections.length, 2)
  t.equal(here.engine.outgoingQueues().length, 2)
  const [a] = here.engine.outgoingQueues()
  t.match(a, { messages: 2, inFlight: 2, peer: '10.0.0.2:80' })
  here.fail(here.open.find(post => bodyOf(post) === 'b'))
  t.equal(here.connections[0]?.closed, null, 'one that fails does not harm the other')
  here.answerAll()
  t.equal(here.outgoing, 1)
})

t.test('stop closes, and sends nothing more', async t => {
  const here = machine()
  here.send(TO, 'x')
  here.call((engine, now) => engine.stop(now))
  t.ok(here.connections[0]?.closed)
  here.pass(60_000)
  t.equal(here.posts.length, 1)
})
