import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect } from '../../control/client.js'
import { renderRawRequest } from '../../protocol/srmp/request.js'
import type { Endpoint, HttpRequest } from '../../queue-manager/actions.js'
import { BackEnd } from '../fixtures/back-end.js'
import { bytesOf, encodedRequest, type MessageSpec, srmpMessage } from '../fixtures/http-messages.js'
import { comesTrue } from '../fixtures/http-peers.js'
import { startMqlab, temporaryDirectory } from '../fixtures/qm-child.js'
import { postedRaw, statusOf } from '../fixtures/raw-http.js'

/* `mqlab front-end` in a process of its own, between posts by hand and a back end that is an ordinary HTTP server. */

const VIRTUAL = 'http://orders.example.com/msmq/private$/orders'
const FOUR_DAYS_S = 345_600

/** A message as it would be sent now. */
function messageNow(index: number, spec: MessageSpec = {}): HttpRequest {
  const nowS = Math.floor(Date.now() / 1000)
  const more = { sentAtS: nowS, ...spec.more }
  return encodedRequest(
    srmpMessage({ to: VIRTUAL, ...spec, index, msmq: { ttrqS: nowS + FOUR_DAYS_S, ...spec.msmq }, more }),
  )
}

/** Stream message `current` of the stream that begins with `start`. */
const inStream = (current: number) =>
  messageNow(current, { stream: { current, start: current === 1 ? 'http://sender/msmq/private$/order_queue$' : null } })

const mappingXml = (rows: readonly (readonly [from: string, to: string])[]) => {
  const rules = rows.map(([from, to]) => `<redirection><from>${from}</from><to>${to}</to></redirection>\n`)
  return `<?xml version="1.0"?>\n<redirections xmlns="msmq-queue-redirections.xml">\n${rules.join('')}</redirections>\n`
}

interface Folder {
  readonly path: string
  readonly config: string
}

/** A folder with a configuration and a directory of mapping files. */
function folderWith(t: Test, address: string, files: Record<string, string>, yaml = ''): Folder {
  const path = temporaryDirectory(t)
  mkdirSync(join(path, 'mapping'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, 'mapping', name), text)
  const config = join(path, 'fe.yaml')
  writeFileSync(
    config,
    `name: FE1
address: ${address}
port: 0
http: 0
data: ./data
control: ./control.sock
aliases: [orders.example.com]
mapping: ./mapping
${yaml.includes('settings:') ? '' : 'settings: { HttpRetransmissionTimeout: 200 }\n'}${yaml}`,
  )
  return { path, config }
}

async function frontEnd(t: Test, { config, path }: Folder, ...flags: string[]) {
  const child = startMqlab(t, 'front-end', config, ...flags)
  const ready = JSON.parse(await child.line()) as {
    http: Endpoint
    https: Endpoint | null
    redirections: Record<string, unknown>
    mapping: { files: string[]; ignored: { file: string; line: number }[] }
  }
  const post = async (...requests: HttpRequest[]) =>
    (await postedRaw(ready.http, requests.map(renderRawRequest))).map(statusOf)
  const client = async () => {
    const connected = await connect(join(path, 'control.sock'))
    t.teardown(() => connected.close())
    return connected
  }
  return { ...child, ready, post, client }
}

/** What came through as it was sent: all but where it goes. */
const content = ({ method, headers, body }: { method: string; headers: HttpRequest['headers']; body: Buffer }) => ({
  method,
  headers: headers.filter(([name]) => !/^(host|content-length|connection)$/i.test(name)),
  body: body.toString('latin1'),
})

t.test('hands messages on as they came, in their order, and nothing but target and Host is new', async t => {
  const backEnd = new BackEnd(t, '127.0.112.2')
  await backEnd.start()
  const folder = folderWith(t, '127.0.112.1', {
    'a.xml': mappingXml([[VIRTUAL, `http://${backEnd.place}/msmq/private$/Queue`]]),
  })
  const { post, ready, end, client } = await frontEnd(t, folder)
  t.strictSame(ready.redirections, {
    inbound: [{ from: VIRTUAL, to: `http://${backEnd.place}/msmq/private$/Queue` }],
    outbound: [],
    outboundExceptions: [],
    streamReceipts: [],
    defaultStreamReceipt: null,
    transparent: false,
  })
  t.strictSame(ready.mapping, { files: [join(folder.path, 'mapping', 'a.xml')], ignored: [] })

  const sent = [
    ...[1, 2, 3].map(inStream),
    messageNow(4, { durable: false, body: 'express, with --MSMQ - SOAP boundary, 292 inside' }),
    messageNow(5, { to: 'HTTP://ORDERS.example.com:80\\msmq\\private$\\orders' }),
    messageNow(6, { body: null }),
  ]
  t.strictSame(
    await post(...sent),
    sent.map(() => 200),
  )
  t.ok(await comesTrue(() => backEnd.requests.length >= sent.length), 'all of them arrive')
  t.equal(backEnd.requests.length, sent.length, 'once each')
  const texts = sent.map(request => content({ ...request, body: bytesOf(request.body) }))
  const got = backEnd.requests.map(content)
  const isOfStream = ({ body }: { body: string }) => body.includes('<Stream ')
  t.strictSame(got.filter(isOfStream), texts.slice(0, 3), 'a stream in its order')
  const byBody = (a: { body: string }, b: { body: string }) => (a.body < b.body ? -1 : 1)
  // The others may overtake them: an express message does not wait for a disk.
  t.strictSame(got.sort(byBody), texts.sort(byBody), 'to the byte')
  for (const { target, headers } of backEnd.requests) {
    t.equal(target, '/msmq/private$/queue')
    t.strictSame(
      headers.filter(([name]) => name.toLowerCase() === 'host').map(([, value]) => value),
      [backEnd.place],
    )
  }
  t.strictSame(
    await post(messageNow(7, { to: 'http://orders.example.com/msmq/private$/other' })),
    [400],
    'no such queue',
  )
  t.strictSame(await post(messageNow(8, { to: 'http://nobody/msmq/private$/orders' })), [400], 'not for this machine')
  const { counters } = await (await client()).status()
  t.match(counters, { httpRequests: sent.length + 2 })
  t.equal(await end('SIGTERM'), 0)
})

t.test('keeps what it answered 200 for while the back end is down, also when it is killed', async t => {
  const backEnd = new BackEnd(t, '127.0.112.4')
  await backEnd.start()
  const folder = folderWith(t, '127.0.112.3', {
    'a.xml': mappingXml([[VIRTUAL, `http://${backEnd.place}/msmq/private$/orders`]]),
  })
  await backEnd.stop()
  const first = await frontEnd(t, folder)
  const sent = [inStream(1), inStream(2), messageNow(3, { msmq: { priority: 0 } })]
  t.strictSame(await first.post(...sent), [200, 200, 200], 'while nobody is there')
  t.strictSame(await first.post(messageNow(4, { durable: false })), [200], 'an express one, which is not kept')
  t.equal(await first.end('SIGKILL'), 'SIGKILL')

  const second = await frontEnd(t, folder)
  const outgoing = await (await second.client()).outgoing()
  t.match(outgoing, [{ formatName: `DIRECT=HTTP://${backEnd.place}/msmq/private$/orders`, messages: 3 }])
  await backEnd.start()
  t.ok(await comesTrue(() => backEnd.requests.length >= 3), 'handed on once somebody is there')
  t.strictSame(
    backEnd.requests.map(({ body }) => body.toString('latin1')),
    sent.map(({ body }) => bytesOf(body).toString('latin1')),
  )
  // Once more, without a restart: down, up again.
  await backEnd.stop()
  t.strictSame(await second.post(messageNow(5)), [200])
  await backEnd.start()
  t.ok(await comesTrue(() => backEnd.requests.length >= 4))
  t.equal(await second.end('SIGTERM'), 0)
})

t.test('a message that the back end refuses is kept as a dead letter', async t => {
  const backEnd = new BackEnd(t, '127.0.112.6')
  backEnd.status = 400
  await backEnd.start()
  const folder = folderWith(t, '127.0.112.5', {
    'a.xml': mappingXml([[VIRTUAL, `http://${backEnd.place}/msmq/private$/orders`]]),
  })
  const { post, client, log } = await frontEnd(t, folder)
  t.strictSame(await post(inStream(1), messageNow(2)), [200, 200])
  const connected = await client()
  const held = async () => {
    const [plain, transactional] = [
      await connected.open('system$;deadletter'),
      await connected.open('system$;deadxact'),
    ]
    return [...(await plain.list(10)), ...(await transactional.list(10))].length
  }
  for (let waits = 0; waits < 3000 && (await held()) < 2; waits++) await new Promise(resolve => setTimeout(resolve, 10))
  t.equal(await held(), 2, 'nobody’s message is lost')
  t.equal(backEnd.requests.length, 2, 'each was tried once')
  t.ok(await comesTrue(() => log().some(({ event }) => event === 'dead-lettered')))
})

t.test('temporary trouble of the back end is none of the sender', async t => {
  const backEnd = new BackEnd(t, '127.0.112.8')
  backEnd.status = 503
  await backEnd.start()
  const folder = folderWith(t, '127.0.112.7', {
    'a.xml': mappingXml([[VIRTUAL, `http://${backEnd.place}/msmq/private$/orders`]]),
  })
  const { post } = await frontEnd(t, folder)
  t.strictSame(await post(messageNow(1)), [200])
  t.ok(await comesTrue(() => backEnd.requests.length >= 2), 'it is tried again')
  backEnd.status = 200
  const tries = backEnd.requests.length
  t.ok(await comesTrue(() => backEnd.requests.length > tries))
  const bodies = new Set(backEnd.requests.map(({ body }) => body.toString('latin1')))
  t.equal(bodies.size, 1, 'with the same bytes each time')
})

t.test('what it holds is bounded: 500 when it is full, and room again when it could hand on', async t => {
  const backEnd = new BackEnd(t, '127.0.112.10')
  await backEnd.start()
  const folder = folderWith(
    t,
    '127.0.112.9',
    { 'a.xml': mappingXml([[VIRTUAL, `http://${backEnd.place}/msmq/private$/orders`]]) },
    'settings: { HttpRetransmissionTimeout: 200, MachineQuota: 64 }\n',
  )
  await backEnd.stop()
  const { post } = await frontEnd(t, folder)
  const body = 'x'.repeat(8_192)
  const statuses: (number | undefined)[] = []
  for (let index = 1; index <= 12; index++) statuses.push(...(await post(messageNow(index, { body }))))
  const taken = statuses.filter(status => status === 200).length
  t.ok(taken >= 2 && taken <= 8, `${taken} of 8 KB in 64 KB`)
  t.strictSame(statuses.slice(taken), new Array(12 - taken).fill(500))
  await backEnd.start()
  t.ok(await comesTrue(() => backEnd.requests.length >= taken))
  const again = async () => (await post(messageNow(20, { body })))[0]
  let status = await again()
  // what was handed on is taken out of the store, which takes its time
  for (let waits = 0; waits < 3000 && status === 500; waits++) {
    await new Promise(resolve => setTimeout(resolve, 10))
    status = await again()
  }
  t.equal(status, 200)
})

t.test('the tables of the configuration come before those of files, and a message may be for a queue here', async t => {
  const backEnd = new BackEnd(t, '127.0.112.12')
  await backEnd.start()
  const folder = folderWith(
    t,
    '127.0.112.11',
    { 'a.xml': mappingXml([['http://orders.example.com/*', `http://${backEnd.place}/msmq/private$/rest`]]) },
    `queues: [{ name: 'private$\\here' }]
inbound:
  - { from: ${VIRTUAL}, to: 'http://localhost/msmq/private$/here' }
transparent: true
`,
  )
  const { post, client } = await frontEnd(t, folder)
  const foreign = `http://${backEnd.place}/msmq/private$/Foreign`
  t.strictSame(
    await post(
      messageNow(1),
      messageNow(2, { to: 'http://orders.example.com/msmq/x' }),
      messageNow(3, { to: foreign }),
    ),
    [200, 200, 200],
  )
  t.ok(await comesTrue(() => backEnd.requests.length >= 2))
  t.strictSame(backEnd.requests.map(({ target }) => target).sort(), ['/msmq/private$/foreign', '/msmq/private$/rest'])
  const here = await (await client()).open('private$\\here')
  t.match(await here.list(10), [{ body: Buffer.from('body 1') }])
})

t.test('files that cannot be used are ignored with an event, and a change while it runs is told once', async t => {
  const good = mappingXml([[VIRTUAL, 'http://127.0.112.14/msmq/private$/orders']])
  const folder = folderWith(t, '127.0.112.13', {
    'b.xml': good,
    'a.xml': '<redirections xmlns="msmq-queue-redirections.xml">\n<redirection>',
    notes: '<redirections>\n</redirections>',
  })
  const { ready, log, end } = await frontEnd(t, folder)
  const [a, b, notes] = ['a.xml', 'b.xml', 'notes'].map(name => join(folder.path, 'mapping', name))
  t.match(ready.mapping, {
    files: [b],
    ignored: [
      { file: a, line: 2 },
      { file: notes, line: 1 },
    ],
  })
  t.ok(await comesTrue(() => log().filter(({ event }) => event === 'mapping-ignored').length === 2))
  t.match(
    log().filter(({ event }) => event === 'mapping-ignored'),
    [
      { level: 'warn', id: 2156, file: a, fault: 'not-xml' },
      { level: 'warn', id: 2156, file: notes, fault: 'namespace-wrong', line: 1 },
    ],
  )
  const changes = () => log().filter(({ event }) => event === 'mapping-changed')
  t.strictSame(changes(), [])
  writeFileSync(b!, good.replace('orders</to>', 'others</to>'))
  t.ok(await comesTrue(() => changes().length === 1))
  writeFileSync(join(folder.path, 'mapping', 'c.xml'), good)
  t.equal(await end('SIGTERM'), 0)
  t.equal(changes().length, 1)
})

t.test('HTTPS on both sides', async t => {
  const file = (name: string) => join(process.cwd(), 'test/fixtures/tls', name)
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map(name => readFileSync(file(name), 'utf8'))
  const backEnd = new BackEnd(t, '127.0.112.16', { cert: cert!, key: key! })
  await backEnd.start()
  const [from, to] = [
    'https://orders.example.com/msmq/private$/q',
    `https://target.example:${backEnd.port}/msmq/private$/q`,
  ]
  const folder = folderWith(
    t,
    '127.0.112.15',
    { 'a.xml': mappingXml([[from, to]]) },
    `https: 0
cert: ${file('cert.pem')}
key: ${file('key.pem')}
ca: ${file('ca.pem')}
names: { target.example: 127.0.112.16 }
`,
  )
  const { ready } = await frontEnd(t, folder)
  const { address: host, port } = ready.https!
  const { target, headers, body } = messageNow(1, { to: from })
  const posted = request({
    host,
    port,
    ca,
    servername: 'target.example',
    method: 'POST',
    path: target,
    headers: Object.fromEntries(headers),
  })
  const bytes = bytesOf(body)
  // In chunks, without a Content-Length.
  posted.write(bytes.subarray(0, 100))
  posted.end(bytes.subarray(100))
  const [answer] = await once(posted, 'response')
  t.equal(answer.statusCode, 200)
  answer.resume()
  t.ok(await comesTrue(() => backEnd.requests.length === 1))
  const [got] = backEnd.requests
  t.equal(got?.body.toString('latin1'), bytes.toString('latin1'))
  t.strictSame(
    got?.headers.filter(([name]) => /^(content-length|transfer-encoding)$/i.test(name)).map(([, value]) => value),
    [String(bytes.length)],
    'with its length',
  )
})

t.test('the supported configuration: through a front end to a back end, whose receipts go past it', async t => {
  const backEnd = startMqlab(
    t,
    ...['qm', '--name', 'BACK', '--address', '127.0.112.18', '--port', '0', '--http', '0', '--alias', '127.0.112.17'],
    ...['--queue', 'private$\\orders:transactional', '--control', join(temporaryDirectory(t), 'be.sock')],
  )
  const place = JSON.parse(await backEnd.line()) as { http: Endpoint; control: string }
  const queue = 'msmq/private$/orders'
  const folder = folderWith(t, '127.0.112.17', {
    'a.xml': mappingXml([['http://127.0.112.17*', `http://127.0.112.18:${place.http.port}/${queue}`]]),
  })
  const { ready, client } = await frontEnd(t, folder)
  const destination = `DIRECT=HTTP://127.0.112.17:${ready.http.port}/${queue}`
  const send = startMqlab(
    t,
    'send',
    '--temporary',
    '--to',
    destination,
    '--delivery',
    'transactional',
    '--count',
    '3',
    'a',
  )
  const [exitCode] = await once(send.child, 'close')
  t.equal(exitCode, 0, `every message has its stream receipt: ${send.stderr()}`)
  const connected = await connect(place.control)
  t.teardown(() => connected.close())
  const orders = await connected.open('private$\\orders')
  t.strictSame(
    (await orders.list(10)).map(({ body }) => String(body)),
    ['a', 'a', 'a'],
  )
  const { counters } = await (await client()).status()
  t.match(counters, { forwarded: 3, orderAcksReceived: 0 }, 'the front end handed on three and saw no receipt')
})
