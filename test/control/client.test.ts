import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { ControlError, type Message } from '../../control/client.js'
import { loadSecurityKeys } from '../../queue-manager/security/security-keys.js'
import { controlBench } from '../fixtures/control-bench.js'
import { ALICE_CERTIFICATE, ALICE_KEY, ALICE_SID } from '../fixtures/security-keys.js'

t.test('a message keeps everything that it was sent with', async t => {
  const { client } = await controlBench(t)
  await client.createQueue({ name: 'private$\\orders' })
  await client.createQueue({ name: 'private$\\answers' })
  const orders = await client.open('private$\\orders')
  const answers = await client.open('private$\\answers')
  const extension = Buffer.from([1, 2, 3])
  const before = Math.floor(Date.now() / 1000) * 1000
  const { ids } = await orders.send({
    body: 'grüße',
    label: 'an order',
    priority: 6,
    delivery: 'recoverable',
    timeToBeReceivedS: 600,
    acknowledgements: ['reach', 'not-receive'],
    adminQueue: answers.formatName!,
    responseQueue: 'DIRECT=TCP:127.0.0.1\\private$\\answers',
    journalNegative: true,
    correlationId: '99999999-2222-4333-8444-000000000009\\77',
    applicationTag: 5,
    bodyType: 30,
    extension,
  })
  t.match(ids, [/^11111111-2222-4333-8444-000000000001\\\d+$/])
  const message = (await orders.receive()) as Message
  t.match(message, {
    id: ids[0],
    label: 'an order',
    bodyType: 30,
    priority: 6,
    delivery: 'recoverable',
    class: 'NORMAL',
    correlationId: '99999999-2222-4333-8444-000000000009\\77',
    timeToBeReceivedS: 600,
    destination: orders.formatName,
    adminQueue: answers.formatName,
    responseQueue: 'DIRECT=TCP:127.0.0.1\\private$\\answers',
    acknowledgements: ['reach', 'not-receive'],
    journalNegative: true,
    journalPositive: false,
    applicationTag: 5,
    authenticated: false,
    encrypted: false,
    transaction: null,
    abortCount: 0,
    moveCount: 0,
  })
  t.equal(message.body.toString(), 'grüße')
  t.strictSame(message.extension, extension)
  t.ok(message.sentTime.getTime() >= before && message.arrivedTime.getTime() >= before)

  const ack = (await answers.receiveByCorrelationId(ids[0]!, { timeoutMs: 60_000 })) as Message
  t.match(ack, { class: 'ACK_REACH_QUEUE', correlationId: ids[0] })
  t.equal(await orders.receive(), null)
})

t.test('bodies of 4 MB, many at once, come whole and in order', async t => {
  const { client } = await controlBench(t)
  await client.createQueue({ name: 'private$\\large' })
  const large = await client.open('private$\\large')
  const body = Buffer.alloc(4 * 1024 * 1024 - 2000)
  for (let n = 0; n < 5; n++) {
    body.fill(n)
    await large.send({ body, label: String(n) })
  }
  await t.rejects(large.send({ body: Buffer.alloc(4 * 1024 * 1024 + 1) }), { code: 'MSMQ_CONTROL_REQUEST' })
  await t.rejects(large.send({ body: Buffer.alloc(4 * 1024 * 1024) }), { code: 'MSMQ_ENCODE_SIZE' })
  const listed = await large.list(100)
  t.strictSame(
    listed.map(({ label }) => label),
    ['0', '1', '2', '3'],
    'a listing of large messages is short',
  )
  const received = [...(await large.receiveMany(100)), ...(await large.receiveMany(100))]
  t.strictSame(
    received.map(({ label }) => label),
    ['0', '1', '2', '3', '4'],
  )
  for (const { body: got, label } of received)
    t.ok(got.length === body.length && got.every(byte => byte === Number(label)))
})

t.test('a receive waits as long as it is told to, for what it is told to', async t => {
  const { client, connect } = await controlBench(t)
  await client.createQueue({ name: 'private$\\q' })
  const queue = await client.open('private$\\q')
  const startedMs = performance.now()
  t.equal(await queue.receive({ timeoutMs: 100 }), null)
  t.ok(performance.now() - startedMs >= 95)

  const waiting = queue.receive({ timeoutMs: Number.POSITIVE_INFINITY })
  const wanted = '99999999-2222-4333-8444-000000000009\\77'
  const waitingForOne = queue.receiveByCorrelationId(wanted, { timeoutMs: 60_000 })
  const other = await connect()
  const sender = await other.open('private$\\q')
  await sender.send({ body: 'first' })
  await sender.send({ body: 'other' })
  await sender.send({ body: 'wanted', correlationId: wanted })
  t.equal((await waiting)?.body.toString(), 'first')
  t.equal((await waitingForOne)?.body.toString(), 'wanted')
  t.equal((await queue.receive())?.body.toString(), 'other')
})

t.test('a receive that is aborted waits no longer, and takes nothing', async t => {
  const { client } = await controlBench(t)
  await client.createQueue({ name: 'private$\\q' })
  const queue = await client.open('private$\\q')
  const controller = new AbortController()
  const waiting = queue.receive({ timeoutMs: Number.POSITIVE_INFINITY, signal: controller.signal })
  const ended = t.rejects(waiting, { message: 'enough' })
  await client.status()
  controller.abort(new Error('enough'))
  await ended
  await queue.send({ body: 'for somebody else' })
  t.equal((await queue.receive())?.body.toString(), 'for somebody else')
  await t.rejects(queue.receive({ signal: AbortSignal.abort(new Error('before')) }), { message: 'before' })
})

t.test('messages are found by id, by place, and one after the other', async t => {
  const { client } = await controlBench(t)
  await client.createQueue({ name: 'private$\\q' })
  const queue = await client.open('private$\\q')
  const ids: string[] = []
  for (const [body, priority] of [
    ['a', 3],
    ['b', 5],
    ['c', 3],
  ] as const)
    ids.push((await queue.send({ body, priority })).ids[0]!)
  const bodies: string[] = []
  for await (const { body } of queue.messages()) bodies.push(body.toString())
  t.strictSame(bodies, ['b', 'a', 'c'])
  const last = await queue.peek({ by: { which: 'last' } })
  t.equal(last?.body.toString(), 'c')
  t.equal((await queue.peek({ by: { lookupId: last!.lookupId, which: 'previous' } }))?.body.toString(), 'a')
  t.equal((await queue.receiveByLookupId(last!.lookupId))?.body.toString(), 'c')
  t.equal(await queue.receiveByLookupId(last!.lookupId), null)
  t.equal((await queue.receiveById(ids[0]!))?.body.toString(), 'a')
  t.equal(await queue.receiveById(ids[0]!), null)
  await t.rejects(queue.receiveById('no id'), { code: 'MSMQ_OPTION_RANGE' })
})

t.test('a transaction is all or nothing', async t => {
  const { client, connect } = await controlBench(t)
  for (const name of ['in', 'out']) await client.createQueue({ name: `private$\\${name}`, transactional: true })
  const input = await client.open('private$\\in')
  const output = await client.open('private$\\out')
  await client.sendTransaction([
    { destination: input.formatName!, body: '1' },
    { destination: input.formatName!, body: '2' },
  ])
  await t.rejects(
    client.transaction(async transaction => {
      t.equal((await input.receive({ transaction }))?.body.toString(), '1')
      await output.send({ body: 'one' }, { transaction })
      throw new Error('no')
    }),
    { message: 'no' },
  )
  t.equal(await output.peek(), null)
  t.match(await input.peek(), { abortCount: 1, transaction: { first: true, last: false } })

  const done = await client.transaction(async transaction => {
    const message = await input.receive({ transaction })
    await output.send({ body: `${message?.body} done` }, { transaction })
    t.equal(await output.peek(), null, 'nobody sees it before the commit')
    return message?.body.toString()
  })
  t.equal(done, '1')
  t.equal((await output.receive({ timeoutMs: 60_000 }))?.body.toString(), '1 done')
  t.equal((await input.peek())?.body.toString(), '2')

  const transaction = await client.begin()
  const other = await connect()
  await t.rejects(
    other.receive('private$\\in', { transaction }),
    refusal('MQ_ERROR_TRANSACTION_USAGE'),
    'a transaction belongs to its connection',
  )
  await transaction.abort()
  await t.rejects(transaction.commit(), refusal('MQ_ERROR_TRANSACTION_USAGE'))
})

t.test('what a client leaves open is undone when it goes', async t => {
  const { client, connect, server } = await controlBench(t)
  await client.createQueue({ name: 'private$\\t', transactional: true })
  const queue = await client.open('private$\\t')
  await client.sendTransaction([{ destination: queue.formatName!, body: 'kept' }])
  const other = await connect()
  const transaction = await other.begin()
  t.equal((await other.receive('private$\\t', { transaction })).length, 1)
  const waiting = t.rejects(other.receive('private$\\t', { timeoutMs: Number.POSITIVE_INFINITY }), {
    code: 'MSMQ_CONTROL_CLOSED',
    definite: false,
  })
  await other.status()
  t.equal(await queue.peek(), null)
  await other.close()
  await waiting
  while (server.connections > 1) await sleep(5)
  t.match(await queue.receive({ timeoutMs: 60_000 }), { abortCount: 1 })
  await client.sendTransaction([{ destination: queue.formatName!, body: 'for us' }])
  t.equal((await queue.receive({ timeoutMs: 60_000 }))?.body.toString(), 'for us', 'the other no longer waits')
})

t.test('subqueues, rejection, dead letters', async t => {
  const { client } = await controlBench(t)
  await client.createQueue({ name: 'private$\\t', transactional: true })
  await client.createQueue({ name: 'private$\\acks' })
  const queue = await client.open('private$\\t')
  const acks = await client.open('private$\\acks')
  await client.sendTransaction([
    { destination: queue.formatName!, body: 'bad', adminQueue: acks.formatName!, acknowledgements: ['not-receive'] },
  ])
  const bad = (await queue.peek({ timeoutMs: 60_000 })) as Message
  await queue.move(bad, 'poison')
  t.equal(await queue.peek(), null)
  const poison = await client.open('private$\\t;poison')
  t.equal(poison.formatName, null)
  await t.rejects(poison.send({ body: '' }), refusal('MQ_ERROR_ACCESS_DENIED'))
  const moved = (await poison.peek()) as Message
  t.equal(moved.moveCount, 1)
  await poison.move(moved, null)
  await client.transaction(async transaction => {
    const message = (await queue.receive({ transaction })) as Message
    await queue.reject(message, { transaction })
  })
  t.match(await acks.receive({ timeoutMs: 60_000 }), { class: 'NACK_RECEIVE_REJECTED' })
  await t.rejects(queue.move(1, 'x'), refusal('MQ_ERROR_MESSAGE_NOT_FOUND'))
})

t.test('a signed message says who sent it, and is believed', async t => {
  const keys = loadSecurityKeys({
    sid: ALICE_SID,
    signing: { privateKey: ALICE_KEY, certificate: ALICE_CERTIFICATE },
  })
  const { client } = await controlBench(t, { security: { keys, randomBytes } })
  await client.createQueue({ name: 'private$\\signed', authenticate: true })
  const queue = await client.open('private$\\signed')
  for (const sign of [true, { hash: 'sha256', version: 3 } as const]) {
    await queue.send({ body: 'by Alice', sign })
    t.match(await queue.receive({ timeoutMs: 60_000 }), { authenticated: true, senderId: ALICE_SID, encrypted: false })
  }
  await t.rejects(queue.send({ body: 'by anybody' }), refusal('MQ_ERROR_INSUFFICIENT_PROPERTIES'))
  const direct = 'DIRECT=TCP:127.0.97.9\\private$\\q'
  await t.rejects(client.send({ destination: direct, body: 'secret', encrypt: true }), ControlError)
  await t.rejects(client.send({ destination: direct, sign: { hash: 'md4' as 'md5' } }), {
    code: 'MSMQ_CONTROL_REQUEST',
  })
})

t.test('queues are created, changed, emptied and deleted', async t => {
  const { client } = await controlBench(t)
  t.match(await client.createQueue({ name: 'private$\\q', label: 'mine', quotaKB: 100, number: 500 }), {
    name: 'private$\\q',
    label: 'mine',
    quotaKB: 100,
    number: 500,
    transactional: false,
    system: false,
  })
  await t.rejects(client.createQueue({ name: 'private$\\Q' }), {
    code: 'MSMQ_OPTION_TAKEN',
    mqError: 'MQ_ERROR_QUEUE_EXISTS',
  })
  const queue = await client.open('private$\\Q')
  t.match(await queue.set({ journal: true, quotaKB: null }), { journal: true, quotaKB: null, label: 'mine' })
  await queue.send({ body: 'x' })
  await queue.receive()
  const journal = await client.open('private$\\q;journal')
  t.equal((await journal.receive())?.body.toString(), 'x')
  await queue.send({ body: 'y' })
  t.equal(await queue.purge(), 1)
  t.match(await queue.properties(), { messages: 0 })
  const waiting = t.rejects(queue.receive({ timeoutMs: 60_000 }), refusal('MQ_ERROR_QUEUE_DELETED'))
  await queue.delete()
  await waiting
  await t.rejects(client.open('private$\\q'), refusal('MQ_ERROR_QUEUE_NOT_FOUND'))
  await t.rejects(client.receive('private$\\q'), { code: 'MSMQ_OPTION_QUEUE', mqError: 'MQ_ERROR_QUEUE_NOT_FOUND' })
  await t.rejects(client.deleteQueue('system$;deadletter'), ControlError)
  t.ok((await client.queues()).some(({ name, system }) => system && name === 'system$;deadxact'))
})

t.test('outgoing queues, paused and resumed; settings and counters', async t => {
  const { client } = await controlBench(t, { settings: { CleanupInterval: 1000 } })
  const formatName = 'DIRECT=TCP:127.0.97.9\\private$\\q'
  const far = await client.open(formatName)
  await far.send({ body: 'a' })
  await far.send({ body: 'b' })
  const [queue] = await client.outgoing()
  t.match(queue, { formatName, messages: 2 })
  await client.pause(formatName)
  t.match(await client.outgoing(), [{ paused: true, state: 'ONHOLD' }])
  await client.resume(formatName)
  t.match(await client.outgoing(), [{ paused: false }])
  t.equal(await client.purgeOutgoing(formatName), 2)
  await t.rejects(client.pause('DIRECT=TCP:127.0.97.10\\private$\\q'), ControlError)
  await t.rejects(client.open('DIRECT=no'), { code: 'MSMQ_OPTION_FORMAT_NAME' })
  t.equal((await client.settings()).CleanupInterval, 1000)
  const status = await client.status()
  t.match(status, { name: 'BENCH', processId: process.pid, guid: client.guid })
  t.type(status.counters.delivered, 'number')
})

t.test('a list of many queues comes whole', async t => {
  const { client } = await controlBench(t)
  const names = Array.from({ length: 1200 }, (_, n) => `private$\\q${n}`)
  await Promise.all(names.map(name => client.createQueue({ name, label: 'l'.repeat(124) })))
  const listed = (await client.queues()).filter(({ system }) => !system).map(({ name }) => name)
  t.strictSame(listed.sort(), names.sort())
})

t.test('a thousand requests under way are all answered, each with its own answer', async t => {
  const { client } = await controlBench(t)
  await client.createQueue({ name: 'private$\\q' })
  const queue = await client.open('private$\\q')
  const sent = await Promise.all(Array.from({ length: 3000 }, (_, n) => queue.send({ body: String(n) })))
  t.equal(new Set(sent.flatMap(({ ids }) => ids)).size, 3000)
  const received = await Promise.all(Array.from({ length: 3000 }, () => queue.receive()))
  t.strictSame(
    received.map(message => Number(message?.body)),
    Array.from({ length: 3000 }, (_, n) => n),
  )
})

const refusal = (mqError: string) => ({ code: 'MSMQ_CONTROL_REFUSED', mqError })
