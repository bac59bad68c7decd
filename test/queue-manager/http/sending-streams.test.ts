import t from 'tap'
import type { SrmpMessage, Stream } from '../../../protocol/srmp/message.js'
import { HttpMachine, type HttpMachineOptions, type Post } from '../../fixtures/http-machine.js'
import { decisionOf, finalReceipt, START_S, streamReceipt } from '../../fixtures/http-messages.js'
import { guidOf } from '../../fixtures/sim-tests.js'

/* Streams as the sender keeps them ([MC-MQSRM] 3.1.7.2.3, 3.1.5.1.8, 3.1.6.2). */

const TO = 'DIRECT=http://10.0.0.2/msmq/private$/tx'
const RETRY_MS = 20_000
const DEADXACT = 'system$;deadxact'
const JOURNAL = 'system$;journal'
const OWN_ORDER_QUEUE = 'http://local/msmq/private$/order_queue$'

function machine(settingsOf: Readonly<Record<string, number>> = {}, more: HttpMachineOptions = {}): HttpMachine {
  const here = new HttpMachine({ settingsOf, ...more })
  here.onPost = () => 200
  return here
}

function streamOf(post: Post | undefined): Stream {
  if (!post?.message.stream) throw new Error('no stream message was posted')
  return post.message.stream
}

/** Where the stream's receipts are to go, in lower case: URLs of queues are the same in any. */
function receiptsTo(post: Post | undefined): string | undefined {
  return streamOf(post).sendReceiptsTo?.toLowerCase()
}

/** A final receipt for a message that was posted. */
function ended(post: Post | undefined, messageClass: number, index: number): SrmpMessage {
  const { streamId, current } = streamOf(post)
  const id = (post as Post).message.id
  const commitmentReceipt = { decidedAtS: START_S, decision: decisionOf(messageClass), id }
  return finalReceipt(streamId, current, messageClass, { index, more: { commitmentReceipt } })
}

/** `current<previous`, with `*` where it starts the stream. */
function places(posts: readonly Post[]): string[] {
  return posts
    .map(streamOf)
    .map(({ current, previous, sendReceiptsTo }) => `${current}<${previous ?? 0}${sendReceiptsTo === null ? '' : '*'}`)
}

/** The receiver acknowledges up to `lastOrdinal` of the stream that was posted last. */
function acknowledge(here: HttpMachine, stream: Stream, lastOrdinal: number, index = 500 + lastOrdinal): void {
  here.post(streamReceipt(stream.streamId, lastOrdinal, { index }))
}

t.test('a transaction is numbered once, starts its stream, and says where receipts go', async t => {
  const here = machine()
  t.equal(here.sendTogether(TO, ['a', 'b', 'c']), 'accepted')
  t.strictSame(places(here.posts), ['1<0*', '2<1', '3<2'])
  const streams = here.posts.map(streamOf)
  t.equal(receiptsTo(here.posts[0]), OWN_ORDER_QUEUE)
  t.ok(streams.every(({ streamId }) => streamId.guid === guidOf(1)))
  t.equal(new Set(streams.map(({ streamId }) => JSON.stringify(streamId))).size, 1)
  t.strictSame(
    here.posts.map(({ message }) => [message.durable, message.msmq?.priority]),
    [
      [true, 0],
      [true, 0],
      [true, 0],
    ],
  )
  t.match(
    here.posts.map(({ message }) => message.msmq?.eod),
    [{ first: true, last: false }, null, { first: false, last: true }],
  )
  here.sendTogether(TO, ['d'])
  t.strictSame(places(here.posts.slice(3)), ['4<3'])
  t.match(here.posts[3]?.message.msmq?.eod, { first: true, last: true })
})

t.test('200 does not let go of it; the receipt does, up to the number it says', async t => {
  const here = machine()
  here.sendTogether(TO, ['a', 'b', 'c'], { journalPositive: false })
  const stream = streamOf(here.posts[0])
  t.equal(here.outgoing, 3)
  t.match(here.engine.outgoingQueues(), [{ unacknowledged: 3, inFlight: 0 }])
  acknowledge(here, stream, 2)
  t.equal(here.outgoing, 1)
  acknowledge(here, stream, 2)
  acknowledge(here, stream, 1)
  t.equal(here.outgoing, 1, 'stale ones change nothing')
  acknowledge(here, stream, 3)
  t.equal(here.outgoing, 0)
  t.strictSame(
    here.engine.localQueues().filter(({ messages }) => messages > 0),
    [],
    'and nothing stays in the order queue (A17)',
  )
  t.strictSame(
    here.notesOf('order-ack-received').map(({ number, removed }) => [number, removed]),
    [
      [2, 2],
      [2, 0],
      [1, 0],
      [3, 1],
    ],
  )
})

t.test('a receipt that is not for it', async t => {
  const here = machine()
  here.sendTogether(TO, ['a', 'b'])
  const { streamId } = streamOf(here.posts[0])
  const { guid, sequence } = streamId
  const wrong = [
    { guid: guidOf(9), sequence },
    { guid, sequence: { ...sequence, ordinal: sequence.ordinal + 1 } },
    { guid, sequence: { ...sequence, timeStamp: sequence.timeStamp + 1 } },
  ]
  for (const [index, id] of wrong.entries()) {
    t.equal(here.status(streamReceipt(id, 2, { index })), 200)
    t.equal(here.outgoing, 2)
  }
  t.equal(here.status(streamReceipt(streamId, 2, { to: 'http://elsewhere/msmq/private$/order_queue$' })), 400)
  t.equal(here.outgoing, 2)
  t.strictSame(
    here.notesOf('order-ack-received').map(({ result, removed }) => [result, removed]),
    wrong.map(() => ['unknown-sequence', 0]),
  )
})

t.test('a receipt comes before the answer to its message', async t => {
  const here = machine()
  here.onPost = null
  here.sendTogether(TO, ['a', 'b'])
  acknowledge(here, streamOf(here.posts[0]), 2)
  here.answerAll()
  t.equal(here.outgoing, 0)
  here.pass(60_000)
  t.equal(here.posts.length, 2)
  here.sendTogether(TO, ['c'])
  t.strictSame(places(here.posts.slice(2)), ['1<0*'])
})

t.test('without a receipt everything is sent again, byte for byte, by the table (A3)', async t => {
  const here = machine()
  here.sendTogether(TO, ['a', 'b'])
  const texts = here.takePosts().map(({ text }) => text)
  const steps = [30, 30, 30, 300, 300, 300, 1_800, 1_800, 1_800, 21_600, 21_600]
  for (const [index, seconds] of steps.entries()) {
    here.pass(seconds * 1_000 - 50)
    t.strictSame(here.posts, [], `${index + 1}: not before ${seconds} s`)
    here.pass(100)
    t.strictSame(
      here.takePosts().map(({ text }) => text),
      texts,
      `${index + 1}: after ${seconds} s`,
    )
    here.pass(-50)
  }
  t.match(
    here.notesOf('resend').map(({ stage, messages }) => [stage, messages]),
    steps.map((_, index) => [index + 1, 2]),
  )
})

t.test('a receipt that acknowledges something starts the table again; one that does not, does not', async t => {
  const here = machine()
  here.sendTogether(TO, ['a', 'b', 'c'])
  const stream = streamOf(here.posts[0])
  here.pass(100_000)
  t.equal(here.takePosts().length, 12, 'sent, and three times again')
  acknowledge(here, stream, 1)
  here.pass(29_900)
  t.strictSame(here.posts, [])
  here.pass(200)
  t.strictSame(places(here.takePosts()), ['2<1', '3<2'])
  here.pass(60_200)
  t.equal(here.takePosts().length, 4)
  acknowledge(here, stream, 1, 777)
  here.pass(200_000)
  t.strictSame(here.posts, [], 'five minutes it is')
})

t.test('the settings of the table are those of order acks', async t => {
  const here = machine({ SeqResend13Time: 1, SeqResend46Time: 2, SeqResend79Time: 3, SeqResend10Time: 4 })
  here.sendTogether(TO, ['a'])
  here.pass(60_000)
  const gaps = here.posts.slice(1).map(({ atMs }, index) => Math.round((atMs - here.posts[index]!.atMs) / 1_000))
  t.strictSame(gaps.slice(0, 12), [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])
})

t.test('trouble on the way stops the wait for the receipt: all is sent again in order (3.1.7.2.5)', async t => {
  const here = machine()
  here.onPost = () => 503
  here.sendTogether(TO, ['a', 'b', 'c'])
  t.ok(here.connections[0]?.closed)
  here.pass(95_000)
  t.strictSame(here.notesOf('resend'), [], 'nothing was sent that could have been acknowledged')
  here.takePosts()
  here.onPost = () => 200
  here.pass(21_000)
  t.strictSame(places(here.takePosts()), ['1<0*', '2<1', '3<2'])
  here.pass(31_000)
  t.strictSame(places(here.takePosts()), ['1<0*', '2<1', '3<2'], 'thirty seconds later')
})

t.test('trouble after some were answered: those wait for their receipt as before', async t => {
  const here = machine()
  here.onPost = null
  here.sendTogether(TO, ['a', 'b', 'c'])
  const [a, b] = here.open
  here.answer(a, 200)
  here.answer(b, 503)
  here.takePosts()
  here.onPost = () => 200
  here.pass(RETRY_MS + 500)
  t.strictSame(places(here.takePosts()).slice(-2), ['2<1', '3<2'])
  here.pass(31_000)
  t.strictSame(places(here.takePosts()), ['1<0*', '2<1', '3<2'])
})

t.test('a plain message fails in the queue of a stream that waits for its receipt', async t => {
  const here = machine()
  here.sendTogether(TO, ['a'])
  here.onPost = () => 503
  here.send(TO, 'plain', { delivery: 'express', timeToReachQueueS: 5 })
  here.onPost = () => 200
  here.takePosts()
  here.pass(60_000)
  t.strictSame(places(here.takePosts()), ['1<0*'])
})

t.test('a stream ends when nothing waits any more; the next one has a higher number (3.1.1.2)', async t => {
  const here = machine()
  const sequences: number[] = []
  for (let round = 1; round <= 4; round += 1) {
    here.sendTogether(TO, ['a', 'b'])
    const posts = here.takePosts()
    t.strictSame(places(posts), ['1<0*', '2<1'])
    const stream = streamOf(posts[0])
    sequences.push(stream.streamId.sequence.timeStamp * 2 ** 32 + stream.streamId.sequence.ordinal)
    acknowledge(here, stream, 2, round)
    t.equal(here.outgoing, 0)
    if (round % 2 === 0) here.restart()
  }
  t.strictSame(
    sequences,
    [...sequences].sort((one, other) => one - other),
  )
  t.equal(new Set(sequences).size, 4)
})

t.test('each queue has its own stream (A11)', async t => {
  const here = machine()
  here.sendTogether(TO, ['a'])
  here.sendTogether('DIRECT=http://10.0.0.2/msmq/private$/other', ['b'])
  here.sendTogether('DIRECT=http://10.0.0.3/msmq/private$/tx', ['c'])
  t.strictSame(places(here.posts), ['1<0*', '1<0*', '1<0*'])
  const ids = here.posts.map(post => JSON.stringify(streamOf(post).streamId))
  t.equal(new Set(ids).size, 3)
})

t.test('across a restart: the same numbers and bytes, and the stream goes on', async t => {
  const here = machine()
  here.sendTogether(TO, ['a', 'b'])
  const before = here.takePosts()
  here.restart()
  here.sendTogether(TO, ['c'])
  here.pass(31_000)
  const after = here.takePosts()
  t.strictSame(places(after).slice(0, 3), ['1<0*', '2<1', '3<2'])
  t.strictSame(
    after.slice(0, 2).map(({ text }) => text),
    before.map(({ text }) => text),
  )
  acknowledge(here, streamOf(before[0]), 3)
  t.equal(here.outgoing, 0)
})

t.test('where receipts are to go: own name and port, or by the tables', async t => {
  const redirections = {
    inbound: [],
    outbound: [],
    outboundExceptions: [],
    streamReceipts: [{ from: 'http://10.0.0.2/msmq/*', to: 'http://farm.example.com/msmq/private$/orderack' }],
    defaultStreamReceipt: 'http://proxy.example.com/acks/msmq',
    transparent: false,
  }
  const rows = [
    [{}, TO, OWN_ORDER_QUEUE],
    [{ http: { host: 'me.example.com' } }, TO, 'http://me.example.com/msmq/private$/order_queue$'],
    [{ http: { port: 8080 } }, TO, 'http://local:8080/msmq/private$/order_queue$'],
    [{ http: { securePort: 8443 } }, TO.replace('http:', 'https:'), 'https://local:8443/msmq/private$/order_queue$'],
    [{}, TO.replace('http:', 'https:'), 'https://local/msmq/private$/order_queue$'],
    [{ http: { redirections } }, TO, 'http://farm.example.com/msmq/private$/orderack'],
    [{ http: { redirections } }, TO.replace('.2/', '.4/'), 'http://proxy.example.com/acks/msmq'],
  ] as const
  for (const [options, destination, expected] of rows) {
    const here = machine({}, options)
    here.sendTogether(destination, ['a', 'b'])
    t.equal(receiptsTo(here.posts[0]), expected)
    t.equal(receiptsTo(here.posts[1]), undefined)
  }
})

t.test('400 for one of a stream: dead-lettered, and the rest finds its way (A24)', async t => {
  // the receiver's stream rule, in five lines, decides what came
  for (const refused of [1, 2, 3]) {
    const here = machine()
    const came: string[] = []
    let known: { readonly id: string; readonly number: number } | null = null
    here.onPost = ({ message: { stream, body } }) => {
      const { streamId, current, previous, sendReceiptsTo } = stream!
      const id = JSON.stringify(streamId)
      const text = body!.bytes.toString()
      if (text === `${refused}`) return 400
      const before = previous ?? current - 1
      const isNew = sendReceiptsTo !== null && current === 1 && known?.id !== id
      const isNext = known?.id === id && current > known.number && before <= known.number
      if (!isNew && !isNext) return 200
      known = { id, number: current }
      came.push(text)
      return 200
    }
    here.sendTogether(TO, ['1', '2', '3'], { journalNegative: true })
    for (let round = 0; round < 10 && here.outgoing > 0; round += 1) {
      here.pass(40_000)
      if (known !== null) {
        const { id, number } = known as { id: string; number: number }
        here.post(streamReceipt(JSON.parse(id), number, { index: 900 + round }))
      }
    }
    const others = ['1', '2', '3'].filter(text => text !== `${refused}`)
    t.strictSame(came, others, `without ${refused}`)
    t.strictSame(here.bodies(DEADXACT), [`${refused}`])
    t.equal(here.outgoing, 0)
  }
})

t.test('one expires in the middle: later ones say what was really before them (3.1.7.2.3, A24)', async t => {
  const rows = [
    ['the lower one waits as well', 0, ['1<0*', '3<1']],
    ['the lower one was acknowledged', 1, ['3<1']],
  ] as const
  for (const [what, acknowledged, expected] of rows) {
    const here = machine()
    const [stream] = ((): Stream[] => {
      here.sendTogether(TO, ['1'])
      here.sendTogether(TO, ['2'], { timeToReachQueueS: 20 })
      here.sendTogether(TO, ['3'])
      return here.posts.map(streamOf)
    })()
    if (acknowledged > 0) acknowledge(here, stream!, acknowledged)
    here.takePosts()
    here.pass(29_000)
    t.equal(here.outgoing, 2 - acknowledged, `${what}: it expired`)
    here.pass(32_000)
    t.strictSame(places(here.takePosts()).slice(0, expected.length), expected, what)
  }
})

t.test('all before it expired and nothing was acknowledged: a new stream begins (A24)', async t => {
  const here = machine()
  here.sendTogether(TO, ['1'], { timeToReachQueueS: 20 })
  here.sendTogether(TO, ['2'])
  const [old] = here.takePosts().map(streamOf)
  here.pass(65_000)
  const [again] = here.takePosts()
  t.strictSame(places([again!]), ['1<0*'])
  t.notSame(streamOf(again).streamId, old?.streamId)
  t.equal(again?.message.body?.bytes.toString(), '2')
  acknowledge(here, streamOf(again), 1)
  t.equal(here.outgoing, 0)
})

t.test('it expires while it waits: dead-lettered as transactional', async t => {
  const here = machine()
  here.onPost = () => 'connection refused'
  here.sendTogether(TO, ['1'], { timeToReachQueueS: 50, journalNegative: true })
  here.pass(60_000)
  t.strictSame([here.outgoing, here.bodies(DEADXACT)], [0, ['1']])
})

/* Final receipts (3.1.5.1.9): where the sender wants to know whether a message was read. */

t.test('with DeadLetter the message is kept until its final receipt says what became of it', async t => {
  const rows = [
    ['read', 0x4000, false],
    ['deleted', 0x8001, true],
    ['queue deleted', 0xc000, true],
    ['purged', 0xc001, true],
    ['expired in the queue', 0xc002, true],
    ['rejected (A9)', 0xc004, true],
  ] as const
  for (const restarted of [false, true])
    for (const [what, messageClass, dead] of rows) {
      const title = `${what}${restarted ? ', after a restart' : ''}`
      const here = machine()
      here.sendTogether(TO, ['a', 'b'], { journalNegative: true })
      t.ok(here.posts[0]?.message.msmq?.deadLetter)
      const [a, b] = here.posts
      const { streamId } = streamOf(a)
      here.post(streamReceipt(streamId, 2, { index: 900 }))
      t.equal(here.outgoing, 0, 'it is no longer under way')
      t.strictSame(here.bodies(DEADXACT), [])
      if (restarted) here.restart()
      here.post(ended(a, messageClass, 901))
      t.strictSame(here.bodies(DEADXACT), dead ? ['a'] : [], title)
      if (dead) t.equal(here.engine.peek(DEADXACT, 1)[0]?.message.properties.messageClass, messageClass, title)
      here.post(ended(a, 0xc001, 902))
      t.strictSame(here.bodies(DEADXACT), dead ? ['a'] : [], `${title}: once`)
      here.post(ended(b, messageClass, 903))
      t.strictSame(here.bodies(DEADXACT), dead ? ['a', 'b'] : [], title)
      here.pass(120_000)
      t.equal(here.posts.filter(({ atMs }) => atMs > 2_000).length, 0, `${title}: nothing is sent again`)
      t.strictSame(
        here.engine.localQueues().filter(({ name, messages }) => messages > 0 && name !== DEADXACT),
        [],
      )
    }
})

t.test('a final receipt says that the message came, when no stream receipt did', async t => {
  const here = machine()
  here.sendTogether(TO, ['a', 'b'], { journalNegative: true })
  const { streamId } = streamOf(here.posts[0])
  here.post(ended(here.posts[1], 0xc001, 901))
  here.post(streamReceipt(streamId, 2, { index: 902 }))
  t.equal(here.outgoing, 0)
  t.strictSame(here.bodies(DEADXACT), ['b'])
  here.post(ended(here.posts[0], 0x4000, 903))
  t.strictSame(here.bodies(DEADXACT), ['b'])
})

t.test('a final receipt for nothing of ours', async t => {
  const here = machine()
  here.sendTogether(TO, ['a'], { journalNegative: true })
  const { streamId } = streamOf(here.posts[0])
  here.post(streamReceipt(streamId, 1, { index: 900 }))
  const other = { ...streamId, sequence: { ...streamId.sequence, ordinal: streamId.sequence.ordinal + 1 } }
  t.equal(here.status(finalReceipt(other, 1, 0xc001, { index: 901 })), 200)
  t.equal(here.status(finalReceipt(streamId, 7, 0xc001, { index: 902 })), 200)
  t.strictSame(here.bodies(DEADXACT), [])
})

t.test('JP: a stream message is in the journal once it is known to be in its queue', async t => {
  const here = machine()
  here.sendTogether(TO, ['a'], { journalPositive: true })
  const stream = streamOf(here.posts[0])
  t.strictSame(here.bodies(JOURNAL), [], 'not at 200')
  acknowledge(here, stream, 1)
  here.post(ended(here.posts[0], 0x4000, 950))
  t.strictSame(here.bodies(JOURNAL), ['a'])
  t.strictSame(here.bodies(DEADXACT), [])
})
