import t from 'tap'
import { sequenceIdText } from '../../../protocol/sequence-id.js'
import { RECEIPTS_TO, streamMessage } from '../../fixtures/http-messages.js'
import { httpMachine, TX } from '../../fixtures/http-receiver.js'
import { guidOf } from '../../fixtures/sim-tests.js'

/* Stream receipts: when they go, where, and what they say ([MC-MQSRM] 3.1.3.2, 3.1.6.3). */

type Here = ReturnType<typeof httpMachine>

/** When, for which stream (its ordinal) and up to which number the machine acknowledged. */
function receipts(here: Here): readonly (readonly [ordinal: number, lastOrdinal: number])[] {
  return here
    .takePosts()
    .flatMap(({ message: { streamReceipt } }) =>
      streamReceipt === null ? [] : [[streamReceipt.streamId.sequence.ordinal, streamReceipt.lastOrdinal] as const],
    )
}

function machine(settingsOf: Readonly<Record<string, number>> = {}): Here {
  const here = httpMachine({ settingsOf })
  here.onPost = () => 200
  return here
}

t.test('one goes half a second after a lone message, as the product writes it', async t => {
  const here = machine()
  here.post(streamMessage({ current: 1 }, { to: 'http://local/msmq/private$/TX' }))
  here.pass(499)
  t.strictSame(here.posts, [])
  here.pass(2)
  t.equal(here.posts.length, 1)
  const { request, message, connection } = here.posts[0]!
  t.match(connection, { address: '10.0.0.2', port: 80, secure: false })
  t.equal(request.target, '/msmq/private$/order_queue$')
  t.strictSame(
    request.headers.filter(([name]) => name !== 'Content-Length'),
    [
      ['Host', '10.0.0.2'],
      ['Content-Type', 'text/xml'],
      ['SOAPAction', '"MSMQMessage"'],
      ['Proxy-Accept', 'NonInteractiveClient'],
    ],
  )
  t.match(message, {
    action: 'MSMQ:QM Ordering Ack',
    to: RECEIPTS_TO,
    via: 'http://local/msmq/private$/TX',
    id: { guid: guidOf(1) },
    expiresAtS: 0x7fffffff,
    durable: false,
    deliveryReceiptTo: null,
    commitmentReceiptRequest: null,
    stream: null,
    streamReceipt: { streamId: { guid: guidOf(2), sequence: { ordinal: 1, timeStamp: 100 } }, lastOrdinal: 1 },
    deliveryReceipt: null,
    commitmentReceipt: null,
    msmq: { class: 255, priority: 0, app: 0, bodyType: 0, hashAlgorithm: 0, sourceQmGuid: guidOf(1) },
    body: null,
    extension: null,
  })
  t.strictSame(message.msmq?.correlation, Buffer.alloc(20))
  t.equal(message.msmq?.ttrqS, (message.sentAtS ?? 0) + 345_600)
  t.match(here.notesOf('order-ack-sent'), [
    {
      destination: /^DIRECT=HTTP:\/\/10\.0\.0\.2\/msmq\/private\$\/order_queue\$$/i,
      sequence: sequenceIdText({ ordinal: 1, timeStamp: 100 }),
      number: 1,
    },
  ])
  here.pass(60_000)
  t.equal(here.posts.length, 1, 'and no other')
})

t.test('every message taken puts it off, for ten seconds at most', async t => {
  const here = machine()
  for (let number = 1; number <= 250; number += 1) {
    here.post(streamMessage({ current: number }))
    here.pass(100)
  }
  here.pass(1_000)
  const posts = here.takePosts()
  const offsets = posts.map(({ atMs }) => Math.round((atMs - 1_000) / 100) / 10)
  t.equal(posts.length, 3, `at ${offsets} s`)
  t.ok(Math.abs(offsets[0]! - 10) <= 0.6 && Math.abs(offsets[1]! - offsets[0]! - 10) <= 0.8, `at ${offsets} s`)
  const covered = posts.map(({ message }) => message.streamReceipt?.lastOrdinal ?? 0)
  t.ok(Math.abs(covered[0]! - 100) <= 6, `the first covers ${covered[0]}`)
  t.equal(covered.at(-1), 250)
})

t.test('the settings of order acks are theirs as well', async t => {
  const here = machine({ OrderAckTimeout: 50, SeqMaxAckDelay: 1 })
  here.post(streamMessage({ current: 1 }))
  here.pass(51)
  t.strictSame(receipts(here), [[1, 1]])
  for (let number = 2; number <= 60; number += 1) {
    here.post(streamMessage({ current: number }))
    here.pass(30)
  }
  const [first] = receipts(here)
  t.ok(first![1] > 20 && first![1] < 45, `${first}`)
})

t.test('each stream has its own', async t => {
  const here = machine()
  here.call((engine, now) => engine.createQueue(now, { name: 'private$\\other', transactional: true }))
  const other = { source: guidOf(3), index: 9 }
  here.post(streamMessage({ current: 1, ordinal: 1 }))
  here.post(streamMessage({ current: 1, ordinal: 2 }, { to: 'http://local/msmq/private$/other', index: 50 }))
  here.post(streamMessage({ current: 1, ordinal: 3, start: 'http://10.0.0.3/msmq/private$/order_queue$' }, other))
  here.post(streamMessage({ current: 2, ordinal: 1 }))
  here.pass(1_000)
  const said = here
    .takePosts()
    .map(({ message: { to, via, streamReceipt } }) => [
      to,
      via,
      streamReceipt?.streamId.guid,
      streamReceipt?.streamId.sequence.ordinal,
      streamReceipt?.lastOrdinal,
    ])
  const tx = 'http://local/msmq/private$/tx'
  t.strictSame(said.sort(), [
    [RECEIPTS_TO, 'http://local/msmq/private$/other', guidOf(2), 2, 1],
    [RECEIPTS_TO, tx, guidOf(2), 1, 2],
    ['http://10.0.0.3/msmq/private$/order_queue$', tx, guidOf(3), 3, 1],
  ])
})

t.test('a copy makes it acknowledge again; a message from the future, or of another stream, does not (A4)', async t => {
  const rows = [
    ['a copy of the last', { current: 3 }, [[1, 3]]],
    ['a copy of the first', { current: 1 }, [[1, 3]]],
    ['the one after the next', { current: 5 }, []],
    ['a stream not known, in the middle', { ordinal: 2, current: 3 }, []],
    ['an older stream', { ordinal: 0, current: 1 }, []],
  ] as const
  for (const restarted of [false, true])
    for (const [what, again, expected] of rows) {
      const here = machine()
      for (const current of [1, 2, 3]) here.post(streamMessage({ current }))
      here.pass(1_000)
      t.strictSame(receipts(here), [[1, 3]])
      if (restarted) here.restart()
      here.post(streamMessage(again))
      here.pass(499)
      t.strictSame(receipts(here), [])
      here.pass(1_000)
      t.strictSame(receipts(here), expected, `${what}${restarted ? ', after a restart (A13)' : ''}`)
      t.equal(here.bodies(TX).length, 3)
    }
})

t.test('the URL of the first message is kept over a restart (A13); a new stream brings a new one', async t => {
  const here = machine()
  here.post(streamMessage({ current: 1, start: 'http://10.0.0.5:8080/msmq/private$/Acks?SenderStream=XRntV' }))
  here.restart()
  here.post(streamMessage({ current: 2 }))
  here.pass(600)
  const [post] = here.takePosts()
  t.match(post?.connection, { address: '10.0.0.5', port: 8080 })
  t.equal(post?.message.to, 'http://10.0.0.5:8080/msmq/private$/Acks?SenderStream=XRntV')
  t.equal(post?.request.target, '/msmq/private$/acks?senderstream=xrntv')
  here.post(streamMessage({ current: 1, ordinal: 2, start: 'http://10.0.0.6/msmq/private$/acks' }, { index: 5 }))
  here.pass(600)
  t.equal(here.takePosts()[0]?.message.to, 'http://10.0.0.6/msmq/private$/acks')
})

t.test('what came before a crash and was not acknowledged is acknowledged after it', async t => {
  const here = machine()
  here.post(streamMessage({ current: 1 }))
  here.post(streamMessage({ current: 2 }))
  here.restart()
  here.pass(1_000)
  here.post(streamMessage({ current: 2 }))
  here.pass(1_000)
  t.strictSame(receipts(here).at(-1), [1, 2])
})

t.test('nothing is acknowledged that is not on disk', async t => {
  const here = machine()
  here.post(streamMessage({ current: 1 }))
  here.pass(1_000)
  t.strictSame(receipts(here), [[1, 1]])
  here.holding = true
  here.post(streamMessage({ current: 2 }))
  here.pass(15_000)
  here.post(streamMessage({ current: 1 }))
  here.pass(5_000)
  t.ok(receipts(here).every(([, lastOrdinal]) => lastOrdinal === 1))
  here.release()
  here.pass(11_000)
  t.strictSame(receipts(here).at(-1), [1, 2])
})

t.test('a gap that the sender told of is covered (3.1.1.3.2)', async t => {
  const here = machine()
  here.post(streamMessage({ current: 1 }))
  here.post(streamMessage({ current: 6, previous: 1 }))
  here.pass(600)
  t.strictSame(receipts(here), [[1, 6]])
})

t.test('a receipt that does not get through is sent again, as it is', async t => {
  const here = machine()
  const answers = [500, 'connection refused', 503]
  here.onPost = () => answers.shift() ?? 200
  here.post(streamMessage({ current: 1 }))
  here.pass(120_000)
  const posts = here.takePosts()
  t.equal(posts.length, 4)
  t.equal(new Set(posts.map(({ text }) => text)).size, 1)
  t.equal(here.outgoing, 0)
})

t.test('a URL that names no queue over HTTP is not acknowledged to, and the message is taken all the same', async t => {
  for (const start of ['ftp://10.0.0.2/msmq/private$/acks', 'http://10.0.0.2/elsewhere', 'nonsense', 'http://', '']) {
    const here = machine()
    const status = here.status(streamMessage({ current: 1, start }))
    t.ok(status === 200 || status === 400, `${start}: ${status}`)
    here.pass(2_000)
    t.strictSame(receipts(here), [], start)
    t.equal(here.bodies(TX).length, status === 200 ? 1 : 0)
  }
})
