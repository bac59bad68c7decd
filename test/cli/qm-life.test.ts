import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { connect } from '../../control/client.js'
import { comesTrue } from '../fixtures/http-peers.js'
import { objects } from '../fixtures/mqlab-command.js'
import { mqlabInProcess } from '../fixtures/mqlab-in-process.js'
import { startQm, temporaryDirectory } from '../fixtures/qm-child.js'

/** Queue managers of this file, each on an address of its own. */
const ADDRESS = (n: number) => `127.0.94.${n}`

async function scrape(url: string): Promise<string> {
  const [response] = await once(request(url, { agent: false }).end(), 'response')
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return text
}

t.test('what was accepted is there after an end and after a kill; who it is, too', async t => {
  const data = join(temporaryDirectory(t), 'r1')
  const args = ['--data', data, '--address', ADDRESS(1), '--port', '0', '--metrics', '0']
  const queues = ['--queue', 'plain', '--queue', 'orders:transactional']
  const first = startQm(t, ...args, '--name', 'R1', ...queues, '--set', 'SeqResend13Time=5')
  const ready = JSON.parse(await first.line())
  t.match(ready, {
    name: 'R1',
    data,
    control: join(data, 'control.sock'),
    metrics: /^http:\/\/127\.0\.0\.1:\d+\/metrics$/,
  })

  const client = await connect(undefined, { data })
  const send = (body: string, delivery: 'express' | 'recoverable') =>
    client.send({ destination: `DIRECT=OS:R1\\private$\\plain`, body, delivery })
  await send('kept', 'recoverable')
  await send('lost', 'express')
  t.match(await scrape(ready.metrics), /^mqlab_queue_messages\{queue="private\$\\\\plain"\} 2$/m)
  await client.close()
  t.equal(await first.end('SIGTERM'), 0)
  t.match(first.log().at(-1), { event: 'stopped', level: 'info', qm: 'R1' })

  const second = startQm(t, ...args)
  t.match(JSON.parse(await second.line()), {
    name: 'R1',
    guid: ready.guid,
    queues: ready.queues,
  })
  const again = await connect(undefined, { data })
  const expressLost = () => second.log().find(({ event }) => event === 'express-lost')
  // the log has a pipe of its own
  await comesTrue(() => expressLost() !== undefined)
  t.match(expressLost(), { level: 'warn', count: 1 })
  t.equal((await again.settings()).SeqResend13Time, 5, 'settings are kept')
  const plain = await again.open('private$\\plain')
  t.same(
    (await plain.list(9)).map(({ body }) => body.toString()),
    ['kept'],
  )
  await again.send({ destination: 'DIRECT=OS:R1\\private$\\plain', body: 'kept too', delivery: 'recoverable' })
  t.equal(await second.end('SIGKILL'), 'SIGKILL')

  const third = startQm(t, ...args, '--set', 'SeqResend13Time=30')
  t.match(JSON.parse(await third.line()), { guid: ready.guid })
  const last = await connect(undefined, { data })
  t.equal((await last.settings()).SeqResend13Time, 30, 'and given anew')
  const left = await last.open('private$\\plain')
  t.same(
    (await left.list(9)).map(({ body }) => body.toString()),
    ['kept', 'kept too'],
  )
  await last.close()
  t.equal(await third.end('SIGINT'), 0)
})

t.test('a store has one owner, and one name', async t => {
  const data = join(temporaryDirectory(t), 'r2')
  const args = ['--data', data, '--address', ADDRESS(2), '--port', '0']
  const owner = startQm(t, ...args, '--name', 'R2', '--queue', 'q:transactional')
  const { guid } = JSON.parse(await owner.line())
  const refused = async (said: RegExp, ...more: string[]) => {
    const other = startQm(t, ...args, ...more)
    const [exitCode] = await once(other.child, 'close')
    t.equal(exitCode, 2)
    t.match(other.stderr(), said)
    t.match(other.stderr(), /^mqlab: [^\n]*\n$/)
  }
  await refused(new RegExp(`in use by process ${owner.child.pid}`), '--name', 'R2')
  t.equal(await owner.end('SIGTERM'), 0)
  const noLonger = async (said: RegExp, ...more: string[]) => {
    const { code, stderr } = await mqlabInProcess(['qm', ...args, ...more])
    t.equal(code, 2)
    t.match(stderr, said)
  }
  await noLonger(/--name R3: .* is the store of R2/, '--name', 'R3')
  await noLonger(/--guid .* is the store of the queue manager/, '--guid', '11111111-2222-4333-8444-555555555555')
  await refused(/queue private\$\\q: .*transactional true, which cannot become false/, '--queue', 'q')
  const back = startQm(t, ...args, '--guid', guid, '--name', 'r2')
  t.match(JSON.parse(await back.line()), { name: 'R2', guid })
  t.equal(await back.end('SIGTERM'), 0)
})

t.test('queues of a file: made, changed where they differ, the rest left alone', async t => {
  const directory = temporaryDirectory(t)
  const config = join(directory, 'qm.yaml')
  const lines = ['name: R3', 'data: data', `address: ${ADDRESS(3)}`, 'port: 0', 'logLevel: silent']
  const write = (...queues: string[]) => writeFileSync(config, [...lines, 'queues:', ...queues, ''].join('\n'))
  write('  - { name: a, label: one, quotaKB: 5 }', "  - { name: private$\\b, number: 100, access: 'everyone:all' }")
  const properties = async (change?: (client: Awaited<ReturnType<typeof connect>>) => Promise<unknown>) => {
    const running = startQm(t, '--config', config)
    await running.line()
    const client = await connect(undefined, { data: join(directory, 'data') })
    await change?.(client)
    const queues = (await client.queues()).filter(({ system }) => !system)
    await client.close()
    t.equal(await running.end('SIGTERM'), 0)
    t.equal(running.stderr(), '', 'silent')
    return Object.fromEntries(queues.map(queue => [queue.name, queue]))
  }
  t.match(await properties(async client => (await client.open('a')).set({ journal: true })), {
    a: { label: 'one', quotaKB: 5, journal: true },
    'private$\\b': { number: 100, access: [{ who: 'everyone' }] },
  })
  write('  - { name: a, label: two, quotaKB: null }', '  - private$\\c')
  const bad = await mqlabInProcess(['qm', '--config', config])
  t.equal(bad.code, 2)
  t.match(bad.stderr, /^mqlab: .*qm\.yaml:8:5 queues\[1\]: "private\$\\\\c" is not a mapping\n$/)
  write('  - { name: A, label: two, quotaKB: null }')
  t.match(await properties(), {
    a: { label: 'two', quotaKB: null, journal: true },
    'private$\\b': { number: 100 },
  })
})

t.test('an end is orderly: waiting receives are answered, then sessions and store are closed', async t => {
  const data = join(temporaryDirectory(t), 'r4')
  const running = startQm(t, '--name', 'R4', '--data', data, '--address', ADDRESS(4), '--port', '0', '--queue', 'q')
  await running.line()
  const client = await connect(undefined, { data })
  const queue = await client.open('private$\\q')
  const waiting = queue.receive({ timeoutMs: Number.POSITIVE_INFINITY }).then(
    () => 'a message',
    error => error.code,
  )
  const sends = Array.from({ length: 200 }, (_, n) =>
    queue.send({ body: `n ${n}`, delivery: 'recoverable', label: 'x' }).then(
      () => true,
      () => false,
    ),
  )
  await sends[0]
  const ended = running.end('SIGTERM')
  t.match(await waiting, /^(MSMQ_CONTROL|a message)/)
  const accepted = (await Promise.all(sends)).filter(Boolean).length
  t.equal(await ended, 0)
  t.match(running.log().at(-1), { event: 'stopped', writesLost: 0 })

  const again = startQm(t, '--data', data, '--address', ADDRESS(4), '--port', '0')
  await again.line()
  const { messages } = (await (await connect(undefined, { data })).queues()).find(({ name }) => name === 'private$\\q')!
  const taken = (await waiting) === 'a message' ? 1 : 0
  t.ok(messages >= accepted - taken, `${messages} messages are there, ${accepted} were accepted`)
  t.equal(await again.end('SIGTERM'), 0)
})

t.test('a second signal does not wait', async t => {
  const running = startQm(t, '--name', 'R5', '--address', ADDRESS(5), '--port', '0', '--control', 'off')
  const ready = JSON.parse(await running.line())
  t.match(ready, { control: null, data: null, metrics: null })
  // Who keeps its side open is waited for, some seconds.
  const peer = createConnection({ host: ADDRESS(5), port: ready.port, allowHalfOpen: true })
  t.teardown(() => peer.destroy())
  peer.on('error', () => undefined).resume()
  await once(peer, 'connect')
  const closed = once(running.child, 'close')
  const told = once(peer, 'end')
  running.child.kill('SIGTERM')
  await told
  running.child.kill('SIGTERM')
  t.strictSame(await closed, [0, null])
  t.notMatch(running.stderr(), '"event":"stopped"', 'it did not come to an orderly end')
})

t.test('strangers fill neither the log nor the way of others', async t => {
  const running = startQm(
    t,
    '--name',
    'R6',
    '--address',
    ADDRESS(6),
    '--port',
    '0',
    '--metrics',
    '0',
    '--control',
    'off',
  )
  const { port, metrics } = JSON.parse(await running.line())
  for (let round = 0; round < 10; round += 1) {
    const strangers = Array.from({ length: 50 }, () => createConnection({ host: ADDRESS(6), port }))
    await Promise.all(
      strangers.map(socket => {
        socket.on('error', () => undefined).resume()
        socket.write(Buffer.alloc(600, 0x5a))
        return new Promise(resolve => socket.once('close', resolve))
      }),
    )
  }
  t.match(await scrape(metrics), /^mqlab_connections_closed_before_handshake_total 500$/m)
  t.equal(await running.end('SIGTERM'), 0)
  const log = running.log()
  t.ok(log.length < 100, `${log.length} lines`)
  const leftOut = log.filter(({ event }) => event === 'left-out').reduce((sum, { lines }) => sum + Number(lines), 0)
  const told = log.filter(({ event }) => event === 'session-closed').length
  t.equal(leftOut + told, 500, 'each is a line or counted')
})

t.test('lists its settings', async t => {
  const { code, stdout } = await mqlabInProcess(['qm', '--settings', '--json'])
  t.match(objects(stdout)[0], { name: /^A/, unit: /./, meaning: /./ })
  t.equal(code, 0)
})
