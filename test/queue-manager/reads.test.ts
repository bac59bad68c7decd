import t from 'tap'
import { buildMessageIdentifier } from '../../protocol/binary/build.js'
import { StoreError } from '../../store/store.js'
import { LocalMachine } from '../fixtures/local-machine.js'
import { guidOf } from '../fixtures/sim-tests.js'

const PLAIN = 'private$\\plain'
const TX = 'private$\\tx'

function machine(settings: Readonly<Record<string, number>> = {}): LocalMachine {
  const made = new LocalMachine(settings)
  made.call((engine, now) => engine.createQueue(now, { name: PLAIN }))
  made.call((engine, now) => engine.createQueue(now, { name: TX, transactional: true }))
  return made
}

t.test('messages come by priority, then in the order of their arrival (MQ-6)', async t => {
  const here = machine()
  for (const [body, priority] of [
    ['a3', 3],
    ['b7', 7],
    ['c0', 0],
    ['d7', 7],
    ['e3', 3],
  ] as const)
    here.put(PLAIN, body, { priority, delivery: body === 'd7' ? 'express' : 'recoverable' })
  t.strictSame(here.bodies(PLAIN), ['b7', 'd7', 'a3', 'e3', 'c0'])
  const ids = here.engine.peek(PLAIN, 10).map(({ lookupId }) => lookupId)
  t.strictSame(
    ids.toSorted((one, other) => one - other),
    ids,
    'lookup identifiers order as the queue does',
  )
  t.strictSame(here.take(PLAIN, 2).bodies, ['b7', 'd7'])
  t.strictSame(here.take(PLAIN, 10).bodies, ['a3', 'e3', 'c0'])
  t.match(here.take(PLAIN), { bodies: [], error: 'MQ_ERROR_IO_TIMEOUT' })
})

t.test('by lookup identifier: this, next, previous, first, last, seen or taken', async t => {
  const here = machine()
  for (const body of ['a', 'b', 'c', 'd']) here.put(PLAIN, body)
  const [a, b, c, d] = here.engine.peek(PLAIN, 4).map(({ lookupId }) => lookupId) as [number, number, number, number]
  const peek = (by: object) => here.take(PLAIN, { peek: true, by: by as never })
  t.strictSame(peek({ lookupId: b }).bodies, ['b'])
  t.strictSame(peek({ lookupId: b, which: 'next' }).bodies, ['c'])
  t.strictSame(peek({ lookupId: b, which: 'previous' }).bodies, ['a'])
  t.strictSame(peek({ which: 'first' }).bodies, ['a'])
  t.strictSame(peek({ which: 'last' }).bodies, ['d'])
  t.equal(peek({ lookupId: d, which: 'next' }).error, 'MQ_ERROR_MESSAGE_NOT_FOUND')
  t.equal(peek({ lookupId: a, which: 'previous' }).error, 'MQ_ERROR_MESSAGE_NOT_FOUND')
  t.strictSame(here.take(PLAIN, { by: { lookupId: c } }).bodies, ['c'])
  t.equal(peek({ lookupId: c }).error, 'MQ_ERROR_MESSAGE_NOT_FOUND')
  t.strictSame(peek({ lookupId: c, which: 'next' }).bodies, ['d'], 'also from where a message was')
  t.strictSame(here.bodies(PLAIN), ['a', 'b', 'd'])
})

t.test('by message id and by correlation', async t => {
  const here = machine()
  const correlationId = buildMessageIdentifier(guidOf(9), 77)
  here.put(PLAIN, 'a')
  here.put(PLAIN, 'b', { correlationId })
  const id = here.engine.peek(PLAIN, 1)[0]?.message.user.messageId
  t.strictSame(here.take(PLAIN, { by: { correlationId } }).bodies, ['b'])
  t.equal(here.take(PLAIN, { by: { correlationId } }).error, 'MQ_ERROR_MESSAGE_NOT_FOUND')
  t.equal(here.take(PLAIN, { by: { messageId: `${guidOf(2)}\\${id}` } }).error, 'MQ_ERROR_MESSAGE_NOT_FOUND')
  t.strictSame(here.take(PLAIN, { by: { messageId: `${guidOf(1)}\\${id}` } }).bodies, ['a'])
  t.throws(() => here.take(PLAIN, { by: { messageId: 'seven' } }), { code: 'MSMQ_OPTION_RANGE' })
})

t.test('reads wait, in their order, for what fits them', async t => {
  const here = machine()
  const correlationId = buildMessageIdentifier(guidOf(9), 1)
  const reply = here.start(PLAIN, { by: { correlationId }, timeoutMs: 5_000 })
  const peek = here.start(PLAIN, { peek: true, timeoutMs: 5_000 })
  const first = here.start(PLAIN, { timeoutMs: Number.POSITIVE_INFINITY })
  const second = here.start(PLAIN, { timeoutMs: 2_000 })
  const cancelled = here.start(PLAIN, { timeoutMs: 9_000 })
  here.call((engine, now) => engine.cancel(now, cancelled))
  t.equal(here.read(cancelled)?.error, 'MQ_ERROR_OPERATION_CANCELLED')
  here.put(PLAIN, 'one')
  t.strictSame(here.read(peek)?.bodies, ['one'])
  t.strictSame(here.read(first)?.bodies, ['one'])
  t.equal(here.read(second), undefined)
  here.pass(1_999)
  t.equal(here.read(second), undefined)
  here.pass(1)
  t.equal(here.read(second)?.error, 'MQ_ERROR_IO_TIMEOUT')
  here.put(PLAIN, 'two')
  here.put(PLAIN, 'answer', { correlationId })
  t.strictSame(here.read(reply)?.bodies, ['answer'])
  t.strictSame(here.bodies(PLAIN), ['two'])
  const stopped = here.start(TX, { timeoutMs: 60_000 })
  here.call((engine, now) => engine.stop(now))
  t.equal(here.read(stopped)?.error, 'MQ_ERROR_OPERATION_CANCELLED')
})

t.test(
  'a receive is answered when the removal is durable; if the store fails the message is back in its place',
  async t => {
    const here = machine()
    for (const body of ['a', 'b', 'c']) here.put(PLAIN, body)
    here.holding = true
    const request = here.start(PLAIN, 2)
    t.equal(here.read(request), undefined)
    t.strictSame(here.bodies(PLAIN), ['c'], 'nobody else gets them meanwhile')
    here.failing = true
    here.release()
    t.match(here.read(request), { bodies: [], error: 'MQ_ERROR_MESSAGE_STORAGE_FAILED' })
    t.strictSame(here.bodies(PLAIN), ['a', 'b', 'c'])
    here.failing = false
    t.strictSame(here.take(PLAIN, 5).bodies, ['a', 'b', 'c'])
    here.restart()
    t.strictSame(here.bodies(PLAIN), [])
  },
)

t.test('packets that are not in memory are read again', async t => {
  const here = machine({ ResidentPacketsKB: 0 })
  for (let number = 0; number < 50; number += 1) here.put(PLAIN, `message ${number}`)
  const whole = Array.from({ length: 50 }, (_, number) => `message ${number}`)
  t.strictSame(here.bodies(PLAIN), whole)
  here.restart()
  t.strictSame(here.bodies(PLAIN), whole)
  t.strictSame(here.take(PLAIN, 50).bodies, whole)
  t.equal(here.engine.counters.messageBytes, 0)
})

t.test('a packet that the store has lost is an error of the read, and harms no other message', async t => {
  const here = machine({ ResidentPacketsKB: 0 })
  for (const body of ['a', 'b']) here.put(PLAIN, body)
  const [a, b] = here.engine.peek(PLAIN, 2).map(({ lookupId }) => lookupId) as [number, number]
  const packet = here.store.packet.bind(here.store)
  here.store.packet = (table, key) => {
    if (key === a % 2 ** 48) throw new StoreError('MSMQ_STORE_CORRUPT', 'the packet is damaged')
    return packet(table, key)
  }
  t.equal(here.take(PLAIN).error, 'MQ_ERROR_MESSAGE_STORAGE_FAILED')
  t.strictSame(here.take(PLAIN, { by: { lookupId: b } }).bodies, ['b'])
  t.equal(here.engine.queue(PLAIN)?.messages, 1, 'it is not thrown away')
})

t.test('arrived tells when a queue has something again', async t => {
  const here = machine()
  here.put(PLAIN, 'a')
  here.put(PLAIN, 'b')
  t.strictSame(here.arrived, [PLAIN])
  here.take(PLAIN, 2)
  here.put(PLAIN, 'c')
  t.strictSame(here.arrived, [PLAIN, PLAIN])
})
