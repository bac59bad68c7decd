import t from 'tap'
import { LocalMachine } from '../fixtures/local-machine.js'

const PLAIN = 'private$\\plain'
const ONE = 'private$\\one'
const TWO = 'private$\\two'

function machine(): LocalMachine {
  const here = new LocalMachine()
  here.call((engine, now) => engine.createQueue(now, { name: PLAIN }))
  for (const name of [ONE, TWO]) here.call((engine, now) => engine.createQueue(now, { name, transactional: true }))
  return here
}

const begin = (here: LocalMachine) => here.call((engine, now) => engine.begin(now))
const commit = (here: LocalMachine, id: number) => here.call((engine, now) => engine.commit(now, id))
const abort = (here: LocalMachine, id: number) => here.call((engine, now) => engine.abort(now, id))

t.test('sends to several queues and receives come about together, at the commit', async t => {
  const here = machine()
  here.putTogether(ONE, 'a', 'b', 'c')
  const id = begin(here)
  t.strictSame(here.take(ONE, { max: 2, transaction: id }).bodies, ['a', 'b'])
  t.equal(here.put(TWO, 'x', {}, id), 'accepted')
  t.equal(here.put(ONE, 'd', {}, id), 'accepted')
  t.strictSame(here.bodies(TWO), [], 'not before the commit')
  t.strictSame(here.bodies(ONE), ['c'], 'and what was received is locked')
  t.equal(here.outcome(commit(here, id)), 'accepted')
  t.strictSame(here.bodies(TWO), ['x'])
  t.strictSame(here.bodies(ONE), ['c', 'd'])
  here.restart()
  t.strictSame([here.bodies(ONE), here.bodies(TWO)], [['c', 'd'], ['x']])
})

t.test('an abort puts messages back in their places and counts; a crash is an abort', async t => {
  const here = machine()
  here.putTogether(ONE, 'a', 'b', 'c')
  const id = begin(here)
  t.strictSame(here.take(ONE, { by: { lookupId: here.engine.peek(ONE, 2)[1]!.lookupId }, transaction: id }).bodies, [
    'b',
  ])
  here.put(TWO, 'x', {}, id)
  t.equal(here.outcome(abort(here, id)), 'accepted')
  t.strictSame(here.bodies(ONE), ['a', 'b', 'c'])
  t.strictSame(
    here.engine.peek(ONE, 3).map(({ abortCount }) => abortCount),
    [0, 1, 0],
  )
  t.strictSame(here.bodies(TWO), [])
  const open = begin(here)
  here.take(ONE, { transaction: open })
  here.put(TWO, 'y', {}, open)
  here.restart()
  t.strictSame(here.bodies(ONE), ['a', 'b', 'c'])
  t.strictSame(
    here.engine.peek(ONE, 3).map(({ abortCount }) => abortCount),
    [0, 1, 0],
    'kept across the crash',
  )
  t.strictSame(here.bodies(TWO), [])
})

t.test('a commit that the store does not take has not come about', async t => {
  const here = machine()
  here.putTogether(ONE, 'a')
  const id = begin(here)
  here.take(ONE, { transaction: id })
  here.put(TWO, 'x', {}, id)
  here.failing = true
  t.equal(here.outcome(commit(here, id)), 'MQ_ERROR_MESSAGE_STORAGE_FAILED')
  here.failing = false
  t.strictSame([here.bodies(ONE), here.bodies(TWO)], [['a'], []])
  t.equal(here.engine.counters.messageBytes, here.engine.queue(ONE)?.bytes)
  here.restart()
  t.strictSame([here.bodies(ONE), here.bodies(TWO)], [['a'], []])
})

t.test('what does not go in a transaction', async t => {
  const here = machine()
  here.put(PLAIN, 'a')
  const id = begin(here)
  t.equal(here.take(PLAIN, { transaction: id }).error, 'MQ_ERROR_TRANSACTION_USAGE')
  t.equal(here.put(PLAIN, 'b', {}, id), 'MQ_ERROR_TRANSACTION_USAGE')
  t.equal(here.put(ONE, 'b'), 'MQ_ERROR_TRANSACTION_USAGE', 'nor a plain message into a transactional queue')
  t.equal(here.take(ONE, { transaction: id + 1 }).error, 'MQ_ERROR_TRANSACTION_SEQUENCE')
  t.equal(here.outcome(commit(here, id)), 'accepted', 'an empty one')
  t.equal(here.outcome(commit(here, id)), 'MQ_ERROR_TRANSACTION_SEQUENCE', 'not twice')
  t.equal(here.outcome(abort(here, id)), 'MQ_ERROR_TRANSACTION_SEQUENCE')
  t.throws(() => here.put(ONE, 'b', {}, id), { code: 'MSMQ_OPTION_TRANSACTION' })
})

t.test('purged while locked: gone after the abort; the commit receives it all the same', async t => {
  for (const commits of [false, true]) {
    const here = machine()
    here.putTogether(ONE, 'a', 'b')
    const id = begin(here)
    here.take(ONE, { transaction: id })
    t.equal(
      here.call((engine, now) => engine.purge(now, ONE)),
      2,
    )
    t.strictSame(here.bodies(ONE), [])
    t.equal(here.engine.queue(ONE)?.messages, 1, 'the locked one is still there')
    t.equal(here.outcome(commits ? commit(here, id) : abort(here, id)), 'accepted')
    t.equal(here.engine.queue(ONE)?.messages, 0)
    here.restart()
    t.strictSame(here.bodies(ONE), [])
  }
})

t.test('moved to a subqueue and back, alone and in a transaction, with what it was', async t => {
  const here = machine()
  here.putTogether(ONE, 'a', 'b', 'c')
  const [a, b] = here.engine.peek(ONE, 2).map(({ lookupId }) => lookupId) as [number, number]
  const move = (lookupId: number, from: string, subqueue: string | null, transaction?: number) =>
    here.outcome(here.call((engine, now) => engine.move(now, from, lookupId, subqueue, transaction)))
  t.equal(move(b, ONE, 'poison'), 'accepted')
  t.strictSame([here.bodies(ONE), here.bodies(`${ONE};poison`)], [['a', 'c'], ['b']])
  t.match(here.engine.peek(`${ONE};poison`, 1), [{ lookupId: b, moveCount: 1 }])
  const id = begin(here)
  t.equal(move(a, ONE, 'poison', id), 'accepted')
  t.equal(here.take(ONE, { by: { lookupId: a } }).error, 'MQ_ERROR_MESSAGE_LOCKED_UNDER_TRANSACTION')
  commit(here, id)
  t.strictSame([here.bodies(ONE), here.bodies(`${ONE};poison`)], [['c'], ['a', 'b']])
  here.restart()
  t.strictSame([here.bodies(ONE), here.bodies(`${ONE};poison`)], [['c'], ['a', 'b']])
  t.strictSame(here.engine.queue(ONE)?.subqueues, [
    { name: 'poison', messages: 2, bytes: here.engine.queue(`${ONE};poison`)?.bytes },
  ])
  t.equal(move(a, `${ONE};poison`, null), 'accepted')
  t.strictSame([here.bodies(ONE), here.bodies(`${ONE};poison`)], [['a', 'c'], ['b']])
  t.equal(move(999, ONE, 'poison'), 'MQ_ERROR_MESSAGE_NOT_FOUND')
  t.throws(() => move(a, ONE, 'jo;urnal'), { code: 'MSMQ_OPTION_RANGE' })
  here.failing = true
  t.equal(move(a, ONE, 'other'), 'MQ_ERROR_MESSAGE_STORAGE_FAILED')
  here.failing = false
  t.strictSame([here.bodies(ONE), here.bodies(`${ONE};other`)], [['a', 'c'], []])
})

t.test('a move in a transaction that is not open leaves everything as it was', async t => {
  const here = machine()
  here.putTogether(ONE, 'a')
  const [lookupId] = here.engine.peek(ONE, 1).map(message => message.lookupId) as [number]
  const ended = begin(here)
  commit(here, ended)
  for (const id of [ended, ended + 1])
    t.throws(() => here.call((engine, now) => engine.move(now, ONE, lookupId, 'poison', id)), {
      code: 'MSMQ_OPTION_TRANSACTION',
    })
  t.strictSame(here.engine.queue(ONE)?.subqueues, [], 'no subqueue is made for it')
  t.strictSame(here.take(ONE, { by: { lookupId } }).bodies, ['a'], 'and the message is not locked')
})

t.test('time to be received runs out while it is locked', async t => {
  const here = machine()
  const id = begin(here)
  here.put(ONE, 'a', { timeToBeReceivedS: 10 }, id)
  commit(here, id)
  const reader = begin(here)
  t.strictSame(here.take(ONE, { transaction: reader }).bodies, ['a'])
  here.pass(11_000)
  t.equal(here.engine.queue(ONE)?.messages, 1)
  abort(here, reader)
  t.equal(here.engine.queue(ONE)?.messages, 0)
})

t.test('a read that waits in a transaction ends with it', async t => {
  for (const commits of [false, true]) {
    const here = machine()
    here.putTogether(ONE, 'a')
    const id = begin(here)
    here.take(ONE, { transaction: id })
    const waiting = here.start(ONE, { transaction: id, timeoutMs: 60_000 })
    t.equal(here.outcome(commits ? commit(here, id) : abort(here, id)), 'accepted')
    t.match(here.read(waiting), { bodies: [], error: 'MQ_ERROR_TRANSACTION_SEQUENCE' })
    here.putTogether(ONE, 'b')
    t.strictSame(here.bodies(ONE), commits ? ['b'] : ['a', 'b'], 'and takes nothing afterwards')
  }
})

t.test('purged or expired while locked: a commit that fails does not lose hold of the message', async t => {
  for (const how of ['purge', 'expiry'] as const) {
    const here = machine()
    const message = { destination: `DIRECT=OS:local\\${ONE}`, body: Buffer.from('a'), timeToBeReceivedS: 60 }
    here.call((engine, now) => engine.sendTransaction(now, [message]))
    const id = begin(here)
    here.take(ONE, { transaction: id })
    if (how === 'purge') here.call((engine, now) => engine.purge(now, ONE))
    else here.pass(61_000)
    here.failing = true
    t.equal(here.outcome(commit(here, id)), 'MQ_ERROR_MESSAGE_STORAGE_FAILED')
    here.failing = false
    here.pass(120_000)
    t.match(here.engine.queue(ONE), { messages: 0, bytes: 0 }, how)
    here.restart()
    t.equal(here.engine.queue(ONE)?.messages, 0)
  }
})

t.test('a message whose time runs out while a failing store removes it expires all the same', async t => {
  const here = machine()
  here.put(PLAIN, 'a', { timeToBeReceivedS: 60 })
  here.holding = true
  here.start(PLAIN, 1)
  here.pass(61_000)
  here.failing = true
  here.release()
  here.failing = false
  t.strictSame(here.bodies(PLAIN), ['a'])
  here.pass(60_000)
  t.strictSame(here.bodies(PLAIN), [])
})
