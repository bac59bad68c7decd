import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { freePort } from '../../cli/qm-http.js'
import { type Client, connect } from '../../control/client.js'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess } from '../fixtures/mqlab-in-process.js'
import { type QmChild, startQm, temporaryDirectory } from '../fixtures/qm-child.js'
import { postedRaw, statusOf } from '../fixtures/raw-http.js'

/* Two queue managers that talk over HTTP, each a process as a user starts it. */

const TLS = join(process.cwd(), 'test/fixtures/tls')
const CERTIFICATE = ['--cert', join(TLS, 'cert.pem'), '--key', join(TLS, 'key.pem')]
const QUEUES = ['private$\\plain', 'private$\\acks', 'private$\\orders:transactional'].flatMap(name => [
  '--queue',
  name,
])
/** On a machine under load everything takes its time. */
const WAIT_MS = 60_000

interface Ready {
  readonly http: { readonly address: string; readonly port: number } | null
  readonly https: { readonly address: string; readonly port: number } | null
  readonly metrics: string
}

interface Running extends QmChild {
  readonly ready: Ready
  readonly control: string
  readonly client: Client
}

async function running(t: Test, name: string, address: string, ...args: string[]): Promise<Running> {
  const control = join(temporaryDirectory(t), 'control.sock')
  const listen = ['--name', name, '--address', address, '--port', '0', '--control', control, '--metrics', '0']
  const child = startQm(t, ...listen, '--http', '0', '--set', 'OrderAckTimeout=50', ...QUEUES, ...args)
  const ready = JSON.parse(await child.line()) as Ready
  const client = await connect(control)
  t.teardown(() => client.close())
  return { ...child, ready, control, client }
}

const url = ({ ready: { http } }: Running, queue: string) =>
  `DIRECT=HTTP://${http?.address}:${http?.port}/msmq/private$/${queue}`

async function until(what: string, reached: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT_MS
  while (!(await reached())) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`)
    await sleep(20)
  }
}

async function messages(client: Client, queue: string, count: number): Promise<string[]> {
  const from = await client.open(`private$\\${queue}`)
  const bodies: string[] = []
  while (bodies.length < count) {
    const message = await from.receive({ timeoutMs: WAIT_MS })
    if (message === null) break
    bodies.push(message.body.toString())
  }
  return bodies
}

/** Two that talk to each other; the last test that needs them ends them. */
const pair = (async () => {
  const a = await running(t, 'ALPHA', '127.0.97.1', '--http-name', '127.0.97.1')
  return { a, b: await running(t, 'BETA', '127.0.97.2') }
})()

const drained = (client: Client) => until('outgoing queues are empty', async () => (await unsent(client)) === 0)
const unsent = async (client: Client) => (await client.outgoing()).reduce((sum, queue) => sum + queue.messages, 0)

t.test('express, recoverable and transactional messages, and all their receipts', async t => {
  const { a, b } = await pair
  t.match(b.ready, { http: { address: '127.0.97.2' }, https: null })
  const acks = { adminQueue: url(a, 'acks'), acknowledgements: ['reach', 'receive', 'not-receive'] } as const

  await a.client.send({ destination: url(b, 'plain'), body: 'express', label: 'ä <b> & "c"', ...acks })
  await a.client.send({ destination: url(b, 'plain'), body: 'recoverable', delivery: 'recoverable', ...acks })
  const plain = await b.client.open('private$\\plain')
  const first = await plain.receive({ timeoutMs: WAIT_MS })
  t.match(first, { label: 'ä <b> & "c"', delivery: 'express', adminQueue: acks.adminQueue })
  t.match(first?.http?.envelope, /<action>MSMQ:ä &lt;b&gt; &amp; "c"<\/action>/)
  t.match(first?.http?.compoundMessage.toString('latin1'), /^POST \/msmq\/private\$\/plain HTTP\/1\.1\r\n/)
  t.same(await messages(b.client, 'plain', 1), ['recoverable'])

  const bodies = Array.from({ length: 30 }, (_, index) => `order ${index}`)
  for (let at = 0; at < bodies.length; at += 3)
    await a.client.transaction(async transaction => {
      for (const body of bodies.slice(at, at + 3))
        await a.client.send({ destination: url(b, 'orders'), body, ...acks }, { transaction })
    })
  t.same(await messages(b.client, 'orders', bodies.length), bodies, 'exactly once, in order')
  await drained(a.client)
  await drained(b.client)

  const classes = new Map<string, number>()
  const acknowledged = await a.client.open('private$\\acks')
  for (let n = 0; n < 2 * (bodies.length + 2); n += 1) {
    const ack = await acknowledged.receive({ timeoutMs: WAIT_MS })
    classes.set(String(ack?.class), (classes.get(String(ack?.class)) ?? 0) + 1)
  }
  t.same(Object.fromEntries(classes), { ACK_REACH_QUEUE: bodies.length + 2, ACK_RECEIVE: bodies.length + 2 })
  t.equal(await acknowledged.receive({ timeoutMs: 0 }), null)

  const { counters } = await a.client.status()
  t.ok(counters.httpPosts >= bodies.length + 2)
  const scrape = await (await fetch(a.ready.metrics)).text()
  t.match(scrape, /^mqlab_http_posts_answered_total\{status="200"\} [1-9]/m)
  t.match(scrape, /^mqlab_http_requests_answered_total\{status="200"\} [1-9]/m)
})

t.test('what the receiver refuses is given up, and both logs tell it', async t => {
  const { a, b } = await pair
  await a.client.send({ destination: url(b, 'nobody'), body: 'x', journalNegative: true })
  const deadLetters = await a.client.open('system$;deadletter')
  t.match(await deadLetters.receive({ timeoutMs: WAIT_MS }), { destination: url(b, 'nobody') })
  await drained(a.client)
  await until('the sender logs it', async () => a.log().some(({ event }) => event === 'http-answered'))
  await until('the receiver logs it', async () => b.log().some(({ event }) => event === 'http-refused'))
  t.match(
    a.log().find(({ event }) => event === 'http-answered'),
    { status: 400, queue: url(b, 'nobody') },
  )
  t.match(
    b.log().find(({ event }) => event === 'http-refused'),
    { status: 400, peer: '127.0.97.1' },
  )
})

t.test('what waits for a machine that is not there, as people are shown it', async t => {
  const { a, b } = await pair
  const far = `DIRECT=HTTP://127.0.97.12:${await freePort('127.0.97.12')}/msmq/private$/orders`
  for (const body of ['one', 'two']) await a.client.sendTransaction([{ destination: far, body }])
  await until('it was tried', async () => (await a.client.outgoing()).some(({ lastFailure }) => lastFailure !== null))
  const shown = (...args: string[]) => mqlabInProcess(['outgoing', ...args], { MQLAB_CONTROL: a.control })
  t.match(await shown(), { code: 0, stdout: /127\.0\.97\.12:\d+\/msmq\/private\$\/orders +\w+ +2 .* 2 .*ECONNREFUSED/ })
  const { stdout } = await shown('show', '127.0.97.12')
  t.match(stdout, /^unacknowledged +2 transactional messages without their stream receipt$/m)
  t.match(stdout, /^stream +[0-9a-f:]+, next number 3$/m)
  t.match(stdout, /^waiting for receipts +numbers 1 to 2$/m)
  t.match(await shown('purge', far, '--json'), { code: 0, stdout: /"done":"purge","messages":2/ })
  t.equal(await a.end('SIGTERM'), 0)
  t.equal(await b.end('SIGTERM'), 0)
})

t.test('by HTTPS, to a host that the certificate is for', async t => {
  const b = await running(t, 'BETA', '127.0.97.6', '--https', '0', ...CERTIFICATE, '--alias', 'target.example')
  const { https } = b.ready
  t.match(https, { address: '127.0.97.6' })
  const names = join(temporaryDirectory(t), 'a.yaml')
  writeFileSync(names, 'names: { target.example: 127.0.97.6 }\n')
  const a = await running(t, 'ALPHA', '127.0.97.5', ...['--config', names, '--ca', join(TLS, 'ca.pem')])
  const secure = `DIRECT=HTTPS://target.example:${https?.port}/msmq/private$/plain`
  await a.client.send({ destination: secure, body: 'sealed', delivery: 'recoverable' })
  t.same(await messages(b.client, 'plain', 1), ['sealed'])
  await drained(a.client)

  const other = await running(t, 'GAMMA', '127.0.97.7', '--config', names, '--set', 'HttpRetransmissionTimeout=200')
  await other.client.send({ destination: secure, body: 'not believed', delivery: 'recoverable' })
  await until('the certificate is refused', async () =>
    (await other.client.outgoing()).some(({ lastFailure }) =>
      /self.signed|verify|issuer|CERT/i.test(lastFailure ?? ''),
    ),
  )
  t.equal(await unsent(other.client), 1)
})

t.test('a queue manager that ends and comes back has lost and doubled nothing', async t => {
  const data = temporaryDirectory(t)
  // Receipts have to find it again.
  const http = ['--http', String(await freePort('127.0.97.8')), '--http-name', '127.0.97.8']
  const settings = ['HttpRetransmissionTimeout=100', 'SeqResend13Time=1'].flatMap(each => ['--set', each])
  const b = await running(t, 'BETA', '127.0.97.9', ...settings)
  const start = () => running(t, 'ALPHA', '127.0.97.8', '--data', data, ...http, ...settings)
  const a = await start()
  const bodies = Array.from({ length: 20 }, (_, index) => `order ${index}`)
  for (const body of bodies) await a.client.sendTransaction([{ destination: url(b, 'orders'), body }])
  a.child.kill('SIGKILL')
  await once(a.child, 'close')
  const again = await start()
  t.same(await messages(b.client, 'orders', bodies.length), bodies)
  await drained(again.client)
  const orders = await b.client.open('private$\\orders')
  t.equal(await orders.receive({ timeoutMs: 0 }), null)
})

t.test('what cannot be is one line on stderr and exit code 2', async t => {
  const taken = createServer().listen(0, '127.0.97.10')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'no.pem'), 'not PEM\n')
  writeFileSync(join(directory, 'half.yaml'), `https: 8443\ncert: ${join(TLS, 'cert.pem')}\n`)
  writeFileSync(join(directory, 'idle.yaml'), `cert: ${join(TLS, 'cert.pem')}\n`)
  const no = join(directory, 'no.pem')
  type Rows = readonly (readonly [readonly string[], RegExp])[]
  const notToBeHad: Rows = [
    [['--http', String(port)], new RegExp(`cannot listen on 127\\.0\\.97\\.10:${port}: the address is in use`)],
    [['--http', '192.0.2.77:0'], /192\.0\.2\.77/],
  ]
  const notMeant: Rows = [
    [['--http', 'here:80'], /--http "here:80": allowed is PORT, or ADDRESS:PORT with an IP address/],
    [['--http', '80000'], /--http "80000": allowed is/],
    [['--https', '0'], /--https 0: HTTPS wants a certificate and its private key; give --cert FILE and --key FILE/],
    [['--https', '0', '--cert', join(TLS, 'cert.pem')], /give --key FILE/],
    [['--config', join(directory, 'half.yaml')], /half\.yaml https: 8443: HTTPS wants .*; give key\n/],
    [['--config', join(directory, 'idle.yaml')], /idle\.yaml cert: is for https, which is missing/],
    [CERTIFICATE, /--cert: is for --https \[ADDRESS:\]PORT, which is missing/],
    [
      ['--https', '0', '--cert', 'gone.pem', '--key', no],
      /--cert gone\.pem: cannot be read \(ENOENT\); name a PEM file/,
    ],
    [
      ['--https', '0', '--cert', no, '--key', no],
      /--cert, --key: allowed is a PEM certificate, and the private key of it/,
    ],
    [['--https', '0', '--cert', join(TLS, 'ca.pem'), '--key', join(TLS, 'key.pem')], /private key of it \(.*mismatch/i],
    [['--ca', no], /--ca: allowed is PEM certificates/],
    [['--ca', directory], /--ca .*: cannot be read \(EISDIR\)/],
    [['--alias', 'farm:80'], /--alias "farm:80": allowed is a host name or an IP address, without a port/],
    [['--http-name', 'http://me'], /--http-name "http:\/\/me": allowed is a host name/],
  ]
  for (const [run, rows] of [
    [mqlab, notToBeHad],
    [mqlabInProcess, notMeant],
  ] as const)
    for (const [args, said] of rows) {
      const { code, stderr } = await run(['qm', '--name', 'R', '--address', '127.0.97.10', '--port', '0', ...args])
      t.equal(code, 2, args.join(' '))
      t.match(stderr, said)
      t.match(stderr, /^mqlab: [^\n]*\n$/)
    }
})

t.test('everything on a machine that listens on loopback is localhost', async t => {
  const { ready } = await running(t, 'R', '127.0.0.1')
  const envelope = (host: string) =>
    '<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/" xmlns="http://schemas.xmlsoap.org/srmp/"><se:Header>' +
    '<path xmlns="http://schemas.xmlsoap.org/rp/" se:mustUnderstand="1"><action>MSMQ:x</action>' +
    `<to>http://${host}:${ready.http?.port}/msmq/private$/plain</to><id>uuid:1@00000000-0000-0000-0000-000000000001</id></path>` +
    '<properties se:mustUnderstand="1"><expiresAt>20380119T031407</expiresAt></properties></se:Header><se:Body/></se:Envelope>'
  const post = async (host: string) => {
    const body = envelope(host)
    const head = `POST /msmq/private$/plain HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/xml\r\n`
    const request = `${head}Content-Length: ${body.length}\r\n\r\n${body}`
    return statusOf((await postedRaw(ready.http!, [Buffer.from(request)]))[0])
  }
  for (const host of ['localhost', '127.0.0.1', 'r', 'R']) t.equal(await post(host), 200, host)
  t.equal(await post('elsewhere'), 400)
})
