import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { controlBench, TOKEN } from '../fixtures/control-bench.js'
import { type CommandResult, mqlab, objects } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'
import { RUNTIME } from '../fixtures/runtime-directory.js'

/*
 * send, receive, peek, queues, purge and outgoing, as a person or a script runs them: each once with each of its exit
 * codes as a process (`started`), and otherwise within this one (`run`).
 */

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

const withObjects = (result: CommandResult) => ({ ...result, json: () => objects(result.stdout) })

async function bench(t: Test, options: Parameters<typeof controlBench>[1] = {}) {
  const { client, endpoint, driver } = await controlBench(t, options)
  const environment = { MQLAB_CONTROL: endpoint }
  const started = async (...args: string[]) => withObjects(await mqlab(args, environment))
  const feed = (input: string, ...args: string[]) => mqlab(args, environment, input)
  const run = async (...args: string[]) => withObjects(await mqlabInProcess(args, environment))
  return { client, endpoint, driver, started, feed, run }
}

t.test('queues are made, listed, changed and deleted', async t => {
  const { run, started } = await bench(t)
  t.match(await run('queues'), { code: 0, stderr: /has no queues; make one with/ })
  t.match(await started('queues', 'create', 'orders', '--label', 'what people want', '--quota', '1024'), {
    code: 0,
    stdout: /name +private\$\\orders\nlabel +what people want\n[\s\S]*quota 1\.0 MB/,
  })
  const created = await run('queues', 'create', 'private$\\t', '--transactional', '--journal', 'on', '--json')
  t.match(created.json(), [{ name: 'private$\\t', transactional: true, journal: true, created: /^20\d\d-.*Z$/ }])
  const again = await started('queues', 'create', 'ORDERS')
  t.equal(again.code, 2)
  t.match(again.stderr, /^mqlab: [^\n]*ORDERS[^\n]*\n$/)
  const listed = await run('queues')
  t.match(listed.stdout, /private\$\\orders +0 +0 B +1\.0 MB +what people want\n/)
  t.match(listed.stdout, /private\$\\t +0 +0 B +- +transactional +0 in journal\n/)
  t.strictSame(
    (await run('queues', '--json')).json().map(({ name }) => name),
    ['private$\\orders', 'private$\\t'],
  )
  t.ok((await run('queues', 'list', '--system', '--json')).json().length > 4)
  t.match(await run('queues', 'set', 'orders', '--quota', 'none', '--access', 'everyone:send', '--json'), {
    code: 0,
    stdout: /"quotaKB":null.*"access":\[\{"who":"everyone"/,
  })
  t.match(await run('queues', 'delete', 'orders', 't'), {
    code: 0,
    stdout: 'deleted private$\\orders\ndeleted private$\\t\n',
  })
  const gone = await run('queues', 'show', 'orders')
  t.equal(gone.code, 2)
  t.match(gone.stderr, /BENCH has no queue orders; it has none/)
})

t.test('messages go in and come out, for people', async t => {
  const { client, run, started, feed } = await bench(t)
  await client.createQueue({ name: 'private$\\orders' })
  t.match(await started('send', 'orders', 'hello', '--label', 'greeting', '--priority', '5'), {
    code: 0,
    stdout: '1 message to private$\\orders: accepted\n',
  })
  await feed('one\ntwo\nthree\n', 'send', 'orders', '-', '--each-line')
  const listed = await started('peek', 'orders')
  t.match(listed.stdout, /^lookup id +age +pri +delivery +size +label +body\n/)
  t.match(listed.stdout, / 5 +express +5 B +greeting +hello\n/)
  t.equal(listed.stdout.split('\n').length, 6)
  t.match(await run('peek', 'orders', '--count', '1'), { stderr: /and 3 more/ })
  t.match(await run('receive', 'orders'), { code: 0, stdout: /label +greeting\n[\s\S]*body +5 bytes\nhello\n/ })
  t.match(await started('receive', 'orders', '--body', 'raw'), { code: 0, stdout: 'one' })
  t.match(await run('receive', 'orders', '--body', 'hex'), { code: 0, stdout: /^000000 {2}74 77 6f +two\n$/ })
  t.match(await run('receive', 'orders', '--body', 'text', '--all'), { code: 0, stdout: 'three\n' })
  t.match(await started('receive', 'orders'), {
    code: 1,
    stdout: '',
    stderr: 'mqlab: no message in private$\\orders\n',
  })
  t.match(await run('receive', 'orders', '--timeout', '0.1', '--json'), { code: 1, stdout: '', stderr: '' })
  t.match(await started('peek', 'orders'), { code: 1, stderr: /no message/ })

  const binary = Buffer.from([0, 1, 2, 250]).toString('latin1')
  writeFileSync(join(RUNTIME, 'body'), Buffer.from(binary, 'latin1'))
  await run('send', 'orders', '--file', join(RUNTIME, 'body'), '--count', '2')
  t.match(await run('peek', 'orders'), { stdout: / 000102fa\n/ })
  t.match(await started('purge', 'orders'), { code: 0, stdout: 'private$\\orders: 2 messages purged\n' })
})

t.test('what is shown of a message cannot steer the terminal', async t => {
  const { client, run } = await bench(t)
  await client.createQueue({ name: 'private$\\q' })
  const queue = await client.open('private$\\q')
  await queue.send({ label: 'a\u001b[31mred\u0007\nline', body: 'x\u001b]0;title\u0007' })
  for (const args of [
    ['peek', 'q'],
    ['peek', 'q', '--long'],
    ['receive', 'q'],
  ])
    t.notMatch((await run(...args)).stdout.replaceAll('\n', ''), /\p{Cc}/u)
})

t.test('messages go in and come out, for scripts', async t => {
  const { client, run } = await bench(t)
  await client.createQueue({ name: 'private$\\q' })
  await client.createQueue({ name: 'private$\\t', transactional: true })
  const sent = (await run('send', 'q', 'first', '--json', '--count', '2')).json()
  t.match(sent, [{ good: true, outcome: 'accepted' }, { good: true }])
  const [one, two] = sent.map(({ id }) => id as string)
  const peeked = (await run('peek', 'q', '--json')).json()
  t.match(peeked, [{ id: one, text: 'first', bodyBytes: 5, queue: 'private$\\q' }, { id: two }])
  t.match((await run('receive', 'q', '--id', two!, '--json', '--body', 'raw')).json(), [{ id: two, body: 'Zmlyc3Q=' }])
  t.match((await run('receive', 'q', '--lookup', String(peeked[0]!.lookupId), '--json')).json(), [{ id: one }])
  t.match(await run('receive', 'q', '--id', one!), { code: 1 })

  t.match(await run('send', 't', 'a', '--count', '3', '--transaction'), { code: 0 })
  t.match((await run('receive', 't', '--count', '3', '--transaction', '--json')).json(), [
    { transaction: { first: true, last: false } },
    {},
    { transaction: { first: false, last: true } },
  ])
  await run('send', 't', 'alone')
  t.match((await run('receive', 't', '--json')).json(), [{ transaction: { first: true, last: true }, text: 'alone' }])
  const receiving = run('receive', 'q', '--timeout', '60', '--json', '--correlation', one!)
  await client.send({
    destination: (await client.open('private$\\q')).formatName!,
    body: 'answer',
    correlationId: one!,
  })
  t.match((await receiving).json(), [{ text: 'answer', correlationId: one }])
})

t.test('acknowledgements are waited for', async t => {
  const { client, run, started } = await bench(t)
  await client.createQueue({ name: 'private$\\q' })
  t.match(await run('send', 'q', 'x', '--wait', 'reach'), { code: 0, stdout: /in the queue/ })
  const queue = await client.open('private$\\q')
  await queue.receive()
  const sending = run('send', 'q', 'y', '--wait', 'receive', '--json')
  await queue.receive({ timeoutMs: 60_000 })
  t.match((await sending).json(), [{ good: true, outcome: 'ACK_RECEIVE' }])
  t.match(await started('send', 'q', 'z', '--wait', 'receive', '--timeout', '0.2'), {
    code: 1,
    stdout: /nothing came in time/,
  })
  await queue.receive()
  const late = await run('send', 'q', 'z', '--wait', 'receive', '--ttbr', '0')
  t.match(late, { code: 1, stdout: /NACK_RECEIVE_TIMEOUT/ })
  t.strictSame(
    (await client.queues()).filter(({ system }) => !system).map(({ name }) => name),
    ['private$\\q'],
  )
})

t.test('outgoing queues are listed, shown, paused, resumed and given up', async t => {
  const { run, started } = await bench(t)
  t.match(await run('outgoing'), { code: 0, stderr: /no outgoing queues/ })
  t.match(await run('send', '--to', 'DIRECT=TCP:127.0.97.20\\private$\\far', 'x', '--count', '2'), { code: 0 })
  t.match(await started('outgoing'), { stdout: /DIRECT=TCP:127\.0\.97\.20\\private\$\\far +\w[\w ]* +2 +\d+ B/ })
  t.match(await run('outgoing', 'pause', 'far'), { code: 0, stdout: /: paused\n$/ })
  t.match((await run('outgoing', '--json')).json(), [{ paused: true, state: 'ONHOLD', messages: 2 }])
  t.match(await run('outgoing', 'resume', 'far'), { code: 0, stdout: /: resumed\n$/ })
  t.match(await run('outgoing', 'show', 'far'), { code: 0, stdout: /state +\w[\s\S]*messages +2, / })
  t.match(await run('outgoing', 'purge', 'far'), { code: 0, stdout: /2 messages given up/ })
  t.match(await started('outgoing', 'pause', 'nowhere'), { code: 2, stderr: /no outgoing queue nowhere/ })
})

t.test('a temporary queue manager sends where none runs', async t => {
  const { client } = await bench(t, { address: '127.0.97.30', port: 1801 })
  await client.createQueue({ name: 'private$\\q' })
  await client.createQueue({ name: 'private$\\t', transactional: true })
  const to = (queue: string) => ['send', '--to', `DIRECT=TCP:127.0.97.30\\private$\\${queue}`]
  const [plain, transactional, reach, receive, nobody] = await Promise.all([
    mqlab([...to('q'), 'plain']),
    mqlabInProcess([...to('t'), 'one', '--delivery', 'transactional', '--count', '2', '--json']),
    mqlabInProcess([...to('q'), 'reach', '--wait', 'reach']),
    mqlab([...to('q'), 'receive', '--wait', 'receive', '--ttbr', '1']),
    mqlabInProcess(['send', '--to', 'DIRECT=TCP:127.0.97.31\\private$\\q', 'x', '--timeout', '2']),
  ])
  t.match(plain, { code: 0, stdout: /taken, by session ack \(sent from 127\./ })
  t.equal(transactional.code, 0, transactional.stderr)
  t.match(objects(transactional.stdout), [
    { good: true, outcome: 'acknowledged' },
    { good: true, outcome: 'acknowledged' },
  ])
  t.match(reach, { code: 0, stdout: /in the queue/ })
  t.match(receive, { code: 1, stdout: /NACK_RECEIVE_TIMEOUT/ })
  t.match(nobody, { code: 1, stdout: /nothing came in time \(ECONNREFUSED\)/ })
  t.match((await client.list('private$\\q', 10)).map(({ body }) => body.toString()).sort(), ['plain', 'reach'])
  t.equal((await client.list('private$\\t', 10)).length, 2)
})

t.test('a receive that waits ends at once when it is interrupted', async t => {
  const { client, endpoint, driver } = await bench(t)
  await client.createQueue({ name: 'private$\\q' })
  const { engine } = driver
  const waits = new Promise<void>(resolve => {
    const receive = engine.receive.bind(engine)
    engine.receive = (...asked) => {
      resolve()
      return receive(...asked)
    }
  })
  const environment = { ...process.env, MQLAB_CONTROL: endpoint }
  const child = spawn(process.execPath, [MAIN, 'receive', 'q', '--timeout', 'forever'], {
    env: environment,
    stdio: 'ignore',
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = new Promise(resolve => child.once('exit', (code, signal) => resolve([code, signal])))
  await Promise.race([waits, ended])
  child.kill('SIGINT')
  t.strictSame(await ended, [1, null])
})

t.test('a control socket on TCP wants the token', async t => {
  const { client, endpoint } = await bench(t, { tcp: true })
  await client.createQueue({ name: 'private$\\q' })
  const file = join(RUNTIME, 'token')
  writeFileSync(file, `${TOKEN}\n`)
  t.match(await mqlabInProcess(['queues', '--control', endpoint, '--token-file', file]), {
    code: 0,
    stdout: /private\$\\q/,
  })
  t.match(await mqlabInProcess(['queues', '--control', endpoint]), { code: 2, stderr: /token is missing or wrong/ })
  t.match(await mqlabInProcess(['queues', '--control', endpoint, '--token-file', `${file}2`]), {
    code: 2,
    stderr: /--token-file/,
  })
})

t.test('what cannot be is one line and exit code 2', async t => {
  const { client, endpoint } = await bench(t)
  await client.createQueue({ name: 'private$\\q' })
  await client.createQueue({ name: 'private$\\t', transactional: true })
  const rows: [string[], RegExp][] = [
    [['send'], /a queue, or --to/],
    [['send', 'q', 'two', 'words'], /too many arguments/],
    [['send', 'nosuch', 'x'], /BENCH has no queue nosuch; it has private\$\\q, private\$\\t/],
    [['send', 'q', 'x', '--delivery', 'transactional'], /private\$\\q is not transactional/],
    [['send', 't', 'x', '--delivery', 'express'], /transactional messages only/],
    [['send', 'q', 'x', '--ack', 'reach'], /--admin-queue/],
    [['send', 'q', 'x', '--ack', 'maybe'], /--ack/],
    [['send', 'q', 'x', '--wait', 'sent'], /only with a temporary/],
    [['send', 'deadletter', 'x'], /only be read/],
    [['send', 'q', '--file', join(RUNTIME, 'none')], /--file/],
    [['send', 'q', 'x', '--label', 'l'.repeat(300)], /[Ll]abel/],
    [['receive', 'q', '--transaction'], /not transactional/],
    [['receive', 'q', '--count', '0'], /--count/],
    [['receive', 'q', '--id', 'x'], /message id/],
    [['receive', 'q', '--id', 'x', '--lookup', '1'], /cannot be used with/],
    [['queues', 'create', 'a;b'], /a;b/],
    [['queues', 'create', 'x', '--access', 'nonsense'], /--access/],
    [
      ['peek', 'q', '--control', join(RUNTIME, 'nobody.sock')],
      /no queue manager answers at .*start one with: mqlab qm/,
    ],
    [['send', '--to', 'DIRECT=nothing', 'x', '--temporary'], /DIRECT=nothing/],
    [['send', '--to', `PRIVATE=${client.guid}\\1`, 'x', '--temporary'], /only DIRECT=TCP/],
  ]
  const run = mqlabOnceStarted()
  for (const [args, said] of rows) {
    const { code, stderr } = await run(args, { MQLAB_CONTROL: endpoint })
    t.equal(code, 2, args.join(' '))
    t.match(stderr, said)
    t.match(stderr, /^mqlab: [^\n]*\n$/)
  }
  t.match(await mqlabInProcess(['queues']), { code: 2, stderr: /no queue manager runs here; start one with: mqlab qm/ })
  t.match(await mqlabInProcess(['queues', '--control', endpoint]), { code: 0 })
})
