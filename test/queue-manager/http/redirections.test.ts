import t from 'tap'
import type { SrmpMessage } from '../../../protocol/srmp/message.js'
import type { HttpRequest } from '../../../queue-manager/actions.js'
import { NO_REDIRECTIONS, type Redirections } from '../../../queue-manager/http/redirections.js'
import type { HttpMachine, Post } from '../../fixtures/http-machine.js'
import {
  bytesOf,
  encodedRequest,
  type MessageSpec,
  START_S,
  srmpMessage,
  streamMessage,
} from '../../fixtures/http-messages.js'
import { httpMachine, PLAIN, TX } from '../../fixtures/http-receiver.js'

/* Where arriving messages go, and what a machine that stores and forwards them changes ([MC-MQSRM] 3.1.5.1.3; A15, A16). */

const VIRTUAL = 'http://shop.example.com/msmq/private$/orders'
const BACK_END = 'http://10.0.0.3/msmq/private$/orders'
const DEAD = 'system$;deadletter'
const DEADXACT = 'system$;deadxact'
const RETRY_MS = 20_000

function machine(redirections: Partial<Redirections>, settingsOf: Readonly<Record<string, number>> = {}): HttpMachine {
  return httpMachine({ settingsOf, http: { redirections: { ...NO_REDIRECTIONS, ...redirections } } })
}

/** A front end for the back end at 10.0.0.3. */
function frontEnd(settingsOf: Readonly<Record<string, number>> = {}): HttpMachine {
  return machine({ inbound: [{ from: VIRTUAL, to: BACK_END }] }, settingsOf)
}

const plain = (spec: MessageSpec = {}) => srmpMessage({ to: VIRTUAL, ...spec })
const inStream = (current: number, spec: MessageSpec = {}) => streamMessage({ current }, { to: VIRTUAL, ...spec })

/** What must come through unchanged: method, body, and all headers but those of the hop. */
function unchanged({ method, headers, body }: HttpRequest) {
  const kept = headers.filter(([name]) => !/^(host|content-length)$/i.test(name))
  return [method, kept, bytesOf(body).toString('latin1')]
}

function hostOf(post: Post | undefined): string | undefined {
  return post?.request.headers.find(([name]) => name === 'Host')?.[1]
}

t.test('where a message goes, by the tables and its address', async t => {
  const inbound = [
    { from: VIRTUAL, to: BACK_END },
    { from: 'http://shop.example.com/msmq/here', to: 'http://LOCAL/msmq/private$/plain' },
    { from: 'http://shop.example.com/msmq/https', to: 'https://10.0.0.3:8443/msmq/private$/orders' },
    { from: 'http://*.example.com/msmq/literal', to: BACK_END },
    { from: 'http://farm.example.com/*', to: 'http://10.0.0.4/msmq/all' },
    { from: 'http://farm.example.com/msmq/never', to: 'http://10.0.0.5/msmq/never' },
    { from: 'http://local/msmq/private$/tx', to: 'http://10.0.0.6/msmq/private$/taken' },
  ]
  const rows: readonly (readonly [url: string, transparent: boolean, goes: string | null])[] = [
    [VIRTUAL, false, BACK_END],
    ['HTTP://SHOP.example.com:80/MSMQ/Private$/Orders', false, BACK_END],
    ['http://shop.example.com\\msmq\\private$\\orders', false, BACK_END],
    ['https://shop.example.com/msmq/private$/orders', false, null],
    ['http://shop.example.com:81/msmq/private$/orders', false, null],
    ['http://shop.example.com/msmq/private$/orders2', false, null],
    ['http://shop.example.com/msmq/here', false, 'here'],
    ['http://shop.example.com/msmq/https', false, 'https://10.0.0.3:8443/msmq/private$/orders'],
    ['http://any.example.com/msmq/literal', false, null],
    ['http://farm.example.com/msmq/private$/x', false, 'http://10.0.0.4/msmq/all'],
    ['http://farm.example.com/msmq/never', false, 'http://10.0.0.4/msmq/all'],
    ['http://local/msmq/private$/plain', false, 'here'],
    ['http://local/msmq/private$/tx', false, 'http://10.0.0.6/msmq/private$/taken'],
    ['http://10.0.0.9/msmq/private$/q', false, null],
    ['http://10.0.0.9/msmq/private$/q', true, 'http://10.0.0.9/msmq/private$/q'],
    ['https://10.0.0.9:444/msmq/q', true, 'https://10.0.0.9:444/msmq/q'],
    [VIRTUAL, true, BACK_END],
    ['http://local/msmq/private$/plain', true, 'here'],
    ['http://local/msmq/private$/nothing', true, null],
  ]
  for (const [url, transparent, goes] of rows) {
    const here = machine({ inbound, transparent })
    t.equal(here.status(srmpMessage({ to: url })), goes === null ? 400 : 200, `${url}: status`)
    t.equal(here.bodies(PLAIN).length, goes === 'here' ? 1 : 0, `${url}: here`)
    if (goes === null || goes === 'here') {
      t.strictSame(here.posts, [], url)
      continue
    }
    const target = new URL(goes)
    const [post] = here.posts
    const port = target.port === '' ? (target.protocol === 'https:' ? 443 : 80) : Number(target.port)
    t.match(post?.connection, { address: target.hostname, port, secure: target.protocol === 'https:' }, url)
    t.match(post?.request, { target: target.pathname.toLowerCase(), secure: target.protocol === 'https:' }, url)
    t.equal(hostOf(post), target.host, url)
    t.equal(post?.message.to, url, 'the envelope says what it said')
  }
})

t.test('what is forwarded comes through byte for byte, whatever it is and however it was written', async t => {
  const product = encodedRequest(inStream(1, { label: 'Ünïcode', body: 'the body' }))
  const text = bytesOf(product.body).toString('latin1')
  const indented = text.replace('<properties', '\r\n    <properties')
  const lengthFixed = indented.replace(
    /Content-Length: (\d+)/,
    (_, size: string) => `Content-Length: ${Number(size) + 6}`,
  )
  const requests: readonly (readonly [string, HttpRequest])[] = [
    ['a stream message', product],
    ['in small pieces', { ...product, body: [...text].map(char => Buffer.from(char, 'latin1')) }],
    ['with blanks in its envelope', { ...product, body: [Buffer.from(lengthFixed, 'latin1')] }],
    ['with headers of its own', { ...product, headers: [...product.headers, ['X-Trace', 'a;b'], ['x-trace', 'c']] }],
    ['without a body', encodedRequest(plain({ body: null }))],
    ['a stream receipt', encodedRequest(srmpMessage({ to: VIRTUAL, label: 'QM Ordering Ack', msmq: { class: 255 } }))],
    [
      'an extension and an attachment',
      encodedRequest(
        plain({
          more: {
            extension: { contentId: 'extension@x', bytes: Buffer.from('ext') },
            attachments: [{ contentId: 'other@x', bytes: Buffer.from([0, 1, 2, 255]) }],
          },
        }),
      ),
    ],
    ['4 MB less a little', encodedRequest(plain({ body: 'x'.repeat(4_000_000) }))],
  ]
  for (const [what, request] of requests) {
    const here = frontEnd()
    t.equal(here.status(request), 200, what)
    t.strictSame(
      here.posts.map(post => unchanged(post.request)),
      [unchanged(request)],
      what,
    )
    t.equal(hostOf(here.posts[0]), '10.0.0.3', what)
    here.answer(here.takePosts()[0], 503)
    here.pass(RETRY_MS + 100)
    t.strictSame(
      here.posts.map(post => unchanged(post.request)),
      [unchanged(request)],
      `${what}: again`,
    )
    here.answerAll()
    t.equal(here.outgoing, 0, `${what}: 200 lets go of it`)
    here.pass(600_000)
    t.equal(here.posts.length, 1, `${what}: a stream message is not sent again for want of a receipt`)
    t.strictSame(here.notesOf('forwarded').length, 1)
  }
})

t.test('200 when it is stored; what is durable survives a crash, and goes on byte for byte', async t => {
  for (const [what, message] of [
    ['durable', plain()],
    ['stream', inStream(1)],
  ] as const) {
    const here = frontEnd()
    here.holding = true
    const request = here.post(message)
    here.pass(1_000)
    t.equal(request.status, null, what)
    t.strictSame(here.posts, [], `${what}: nor is it sent`)
    here.release()
    t.equal(request.status, 200, what)
    const [before] = here.takePosts()
    here.restart()
    here.pass(RETRY_MS + 100)
    t.strictSame(
      here.open.map(post => unchanged(post.request)),
      [unchanged(before!.request)],
      what,
    )
    here.answerAll()
    here.restart()
    here.pass(RETRY_MS + 100)
    t.equal(here.open.length, 0, `${what}: gone for good`)
  }
  const here = frontEnd()
  here.post(plain({ durable: false }))
  here.takePosts()
  here.restart()
  here.pass(RETRY_MS + 100)
  t.strictSame(here.posts, [], 'express ones are lost')
})

t.test('a disk that fails: 500, nothing is sent, and it may come again', async t => {
  const here = frontEnd()
  here.failing = true
  t.equal(here.status(inStream(1)), 500)
  here.failing = false
  t.strictSame([here.posts.length, here.outgoing], [0, 0])
  t.equal(here.status(inStream(1)), 200)
  t.equal(here.posts.length, 1)
})

t.test('streams and copies are not its affair: everything goes on, in the order it came', async t => {
  const here = frontEnd()
  const messages: readonly SrmpMessage[] = [
    inStream(2),
    inStream(1),
    inStream(1),
    inStream(7),
    plain({ index: 9 }),
    plain({ index: 9 }),
  ]
  for (const message of messages) t.equal(here.status(message), 200)
  here.answerAll()
  t.strictSame(
    here.posts.filter(({ message }) => message.stream !== null).map(({ message }) => message.stream?.current),
    [2, 1, 1, 7],
  )
  t.equal(here.posts.filter(({ message }) => message.stream === null).length, 2)
  t.equal(new Set(here.posts.map(({ connection }) => connection.id)).size, 1)
  here.pass(60_000)
  t.equal(here.posts.length, 6, 'and it acknowledges nothing')
})

t.test('the back end refuses: the message is dead-lettered, whatever its sender asked for', async t => {
  const rows = [
    ['durable', plain(), DEAD],
    ['stream', inStream(1), DEADXACT],
    ['durable with DeadLetter', plain({ msmq: { deadLetter: true } }), DEAD],
  ] as const
  for (const [what, message, queue] of rows) {
    const here = frontEnd()
    here.post(message)
    here.answer(here.posts[0], 400)
    t.equal(here.outgoing, 0, what)
    t.strictSame(here.bodies(queue), ['body 1'], what)
    here.restart()
    t.strictSame(here.bodies(queue), ['body 1'], `${what}: after a restart`)
  }
})

t.test('the back end is down: kept and repeated, in order', async t => {
  const here = frontEnd()
  here.onPost = () => 'connection refused'
  for (let current = 1; current <= 30; current += 1) here.post(inStream(current))
  here.pass(120_000)
  t.equal(here.outgoing, 30)
  here.takePosts()
  here.onPost = () => 200
  here.pass(RETRY_MS + 100)
  t.strictSame(
    here.posts.map(({ message }) => message.stream?.current),
    Array.from({ length: 30 }, (_, index) => index + 1),
  )
  t.equal(here.outgoing, 0)
})

t.test('it holds no more than MachineQuota: 500, and again when there is room', async t => {
  const here = frontEnd({ MachineQuota: 64 })
  const body = 'x'.repeat(10_000)
  let current = 1
  while (here.status(inStream(current, { body })) === 200 && current < 50) current += 1
  t.ok(current > 2 && current < 10, `${current - 1} were taken`)
  t.equal(here.status(inStream(current, { body })), 500)
  here.answer(here.open[0], 200)
  t.equal(here.status(inStream(current, { body })), 200)
})

t.test('what has expired is dropped with 200; what expires while it waits is dead-lettered', async t => {
  const here = frontEnd()
  t.equal(here.status(inStream(1, { msmq: { ttrqS: START_S - 1 } })), 200)
  t.strictSame([here.posts.length, here.outgoing], [0, 0])
  here.onPost = () => 503
  t.equal(here.status(inStream(1, { msmq: { ttrqS: START_S + 60 } })), 200)
  here.pass(70_000)
  t.equal(here.outgoing, 0)
  t.strictSame(here.bodies(DEADXACT), ['body 1'])
})

t.test('a stream for a queue that only a front end knows leaves no trace of a stream there', async t => {
  const here = frontEnd()
  here.post(inStream(1))
  here.answerAll()
  t.equal(here.status(streamMessage({ current: 2 }, { to: 'http://local/msmq/private$/tx' })), 200)
  t.strictSame(here.bodies(TX), [])
})

/* Outwards (3.1.1.1.9, 3.1.7.9; A21). */

t.test('the outbound table changes where it connects, and nothing that the message says', async t => {
  const rows = [
    ['http://far.example.com/msmq/private$/a', 'http://10.0.0.7/msmq/private$/proxy', '10.0.0.7', 80],
    ['http://far.example.com/msmq/private$/direct', null, null, null],
    ['http://near.example.com/msmq/private$/a', 'https://10.0.0.8:8443/msmq/x', '10.0.0.8', 8443],
    ['http://10.0.0.2/msmq/private$/a', null, '10.0.0.2', 80],
  ] as const
  const redirections = {
    outbound: [
      { from: 'http://far.example.com/*', to: 'http://10.0.0.7/msmq/private$/proxy' },
      { from: 'http://near.example.com/msmq/private$/a', to: 'https://10.0.0.8:8443/msmq/x' },
    ],
    outboundExceptions: ['http://far.example.com/msmq/private$/direct'],
  }
  for (const [url, , address, port] of rows) {
    const here = machine(redirections)
    here.send(`DIRECT=${url}`, 'x')
    if (address === null) {
      t.strictSame(here.connections, [], `${url}: nobody knows that name`)
      continue
    }
    t.match(here.connections, [{ address, port, secure: port === 8443 }], url)
    t.equal(here.posts[0]?.message.to, url)
  }
})

t.test('a front end with an outbound table: the next hop of what it forwards', async t => {
  const here = machine({
    inbound: [{ from: VIRTUAL, to: BACK_END }],
    outbound: [{ from: 'http://10.0.0.3/*', to: 'http://10.0.0.7/msmq/private$/relay' }],
  })
  here.post(inStream(1))
  t.match(here.connections, [{ address: '10.0.0.7', port: 80 }])
  t.equal(here.posts[0]?.message.to, VIRTUAL)
})

t.test(
  'a message of this machine to an address that is mapped inwards goes where the mapping says, or out',
  async t => {
    const here = frontEnd()
    here.sendTogether(`DIRECT=${BACK_END}`, ['mine'])
    here.post(inStream(1))
    const own = here.posts.find(({ message }) => message.to === BACK_END)
    const other = here.posts.find(({ message }) => message.to === VIRTUAL)
    t.ok(own !== undefined && other !== undefined)
    t.notSame(own?.message.stream?.streamId, other?.message.stream?.streamId)
    here.answerAll()
    t.equal(here.outgoing, 1, 'its own one waits for its receipt, the other one is gone')
    t.match(here.posts.filter(({ message }) => message === own?.message).length, 1)
    here.pass(31_000)
    t.equal(here.open.length, 1)
  },
)

t.test('a message of this machine to a URL of its own is delivered, exactly once', async t => {
  for (const transactional of [false, true]) {
    const here = httpMachine()
    // what it posts to itself comes in, as on a socket: when the call that posts it is over
    const pump = (): void => {
      for (let [post] = here.open; post !== undefined; [post] = here.open) {
        const { status } = here.post(post.request, { address: '10.0.0.1', port: 50_000 })
        if (status === null) throw new Error('no answer')
        here.answer(post, status)
      }
    }
    const to = `DIRECT=http://10.0.0.1/msmq/private$/${transactional ? 'tx' : 'plain'}`
    if (transactional) t.equal(here.sendTogether(to, ['a', 'b']), 'accepted')
    else for (const body of ['a', 'b']) t.equal(here.send(to, body), 'accepted')
    for (let round = 0; round < 5; round += 1) {
      pump()
      here.pass(10_000)
    }
    t.strictSame(here.bodies(transactional ? TX : PLAIN), ['a', 'b'])
    t.equal(here.outgoing, 0)
  }
})
