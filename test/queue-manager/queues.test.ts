import t from 'tap'
import { MP_FLAGS } from '../../protocol/binary/message-properties-header.js'
import { MessageClass } from '../../protocol/message-class.js'
import { LocalMachine } from '../fixtures/local-machine.js'
import { guidOf } from '../fixtures/sim-tests.js'

const Q = 'private$\\q'
const ADMIN = 'private$\\admin'
const ALL_ACKS = MP_FLAGS.PA | MP_FLAGS.PR | MP_FLAGS.NA | MP_FLAGS.NR
const asking = { acknowledgements: ALL_ACKS, adminQueue: `DIRECT=OS:local\\${ADMIN}` }

function machine(options: object = {}, settings: Readonly<Record<string, number>> = {}): LocalMachine {
  const here = new LocalMachine(settings)
  here.call((engine, now) => engine.createQueue(now, { name: ADMIN }))
  here.call((engine, now) => engine.createQueue(now, { name: Q, ...options }))
  return here
}

function classes(here: LocalMachine): number[] {
  return here.engine.peek(ADMIN, 100).map(({ message }) => message.properties.messageClass)
}

t.test('properties, their defaults, limits, and that they outlive a restart', async t => {
  const here = machine()
  t.match(here.engine.queue(Q), {
    label: '',
    transactional: false,
    quotaKB: null,
    journal: false,
    journalQuotaKB: null,
    privacy: 'optional',
    authenticate: false,
    basePriority: 0,
    access: [],
    system: false,
  })
  const changes = {
    label: 'orders',
    quotaKB: 500,
    journal: true,
    journalQuotaKB: 7,
    privacy: 'body' as const,
    authenticate: true,
    basePriority: -3,
    type: guidOf(5),
    access: [{ who: 'everyone', allow: ['send' as const] }],
  }
  here.pass(5_000)
  here.call((engine, now) => engine.setQueue(now, Q.toUpperCase(), changes))
  const before = here.engine.queue(Q)
  t.match(before, changes)
  t.ok(before!.modifiedMs > before!.createdMs)
  here.restart()
  t.strictSame(here.engine.queue(Q), before)
  const refused: [object, RegExp][] = [
    [{ label: 'x'.repeat(125) }, /label .*124/],
    [{ quotaKB: -1 }, /quotaKB/],
    [{ privacy: 'secret' }, /privacy .*optional/],
    [{ basePriority: 32_768 }, /basePriority .*32767/],
    [{ type: 'x' }, /type .*GUID/],
  ]
  for (const [bad, message] of refused)
    t.throws(() => here.call((engine, now) => engine.setQueue(now, Q, bad)), { code: 'MSMQ_OPTION_RANGE', message })
  t.strictSame(here.engine.queue(Q), before)
})

t.test('a change that the store does not take is undone', async t => {
  const here = machine({ quotaKB: 5 })
  const set = (changes: object) => here.call((engine, now) => engine.setQueue(now, Q, changes))
  here.pass(5_000)
  set({ label: 'kept' })
  const kept = here.engine.queue(Q)
  here.pass(5_000)
  here.failing = true
  set({ label: 'lost', journal: true })
  t.strictSame(here.engine.queue(Q), kept)
  here.failing = false
  here.restart()
  t.strictSame(here.engine.queue(Q), kept)
  // two under way together
  here.holding = true
  set({ label: 'first' })
  set({ quotaKB: 6 })
  t.match(here.engine.queue(Q), { label: 'first', quotaKB: 6 }, 'in force at once')
  here.failing = true
  here.release(1)
  here.failing = false
  here.release()
  t.match(here.engine.queue(Q), { label: 'first', quotaKB: 6 }, 'the second is stored as it stood then')
  const both = here.engine.queue(Q)
  here.holding = true
  set({ label: 'third' })
  set({ quotaKB: 7 })
  here.failing = true
  here.release()
  here.failing = false
  t.strictSame(here.engine.queue(Q), both)
  here.restart()
  t.strictSame(here.engine.queue(Q), both)
})

t.test('names and numbers are given once, also after a queue was deleted and across restarts', async t => {
  const here = machine()
  const create = (options: { name: string }) => here.call((engine, now) => engine.createQueue(now, options))
  t.throws(() => create({ name: 'PRIVATE$\\Q' }), {
    code: 'MSMQ_OPTION_TAKEN',
    message: /^queue "PRIVATE\$\\Q": allowed is/,
  })
  t.throws(() => create({ name: 'private$\\a\nb' }), { message: /^queue "private\$\\a\\u\{a\}b": allowed is/ })
  for (const name of ['private$\\', 'private$\\a;b', 'a\\b', '', 'x'.repeat(125), 'system$;journal'])
    t.throws(() => create({ name }), { code: 'MSMQ_OPTION_RANGE' }, JSON.stringify(name))
  for (const name of ['private$\\order_queue$', 'private$\\admin_queue$', 'private$\\notify_queue$'])
    t.throws(() => create({ name }), { code: 'MSMQ_OPTION_TAKEN' }, name)
  const { number } = create({ name: 'private$\\gone' })
  here.call((engine, now) => engine.deleteQueue(now, 'private$\\gone'))
  here.restart()
  t.equal(create({ name: 'private$\\gone' }).number, number + 1)
  const open = here.call((engine, now) => engine.createQueue(now, { name: 'open', guid: guidOf(8) }))
  t.match(open, { name: 'open', guid: guidOf(8) }, 'a public queue')
})

t.test('system queues are there, and stay', async t => {
  const here = machine()
  const system = here.engine.localQueues().filter(queue => queue.system)
  t.strictSame(system.map(({ name }) => name).sort(), [
    'private$\\admin_queue$',
    'private$\\mqis_queue$',
    'private$\\notify_queue$',
    'private$\\order_queue$',
    'system$;deadletter',
    'system$;deadxact',
    'system$;journal',
  ])
  for (const { name } of system) {
    t.throws(() => here.call((engine, now) => engine.deleteQueue(now, name)), { code: 'MSMQ_OPTION_SYSTEM_QUEUE' })
    t.throws(() => here.call((engine, now) => engine.setQueue(now, name, { label: 'mine' })), {
      code: 'MSMQ_OPTION_SYSTEM_QUEUE',
    })
  }
})

t.test('a purge tells who asked to know, and nobody of copies', async t => {
  const here = machine({ journal: true })
  here.put(Q, 'a', asking)
  here.put(Q, 'b')
  t.equal(
    here.call((engine, now) => engine.purge(now, Q)),
    2,
  )
  t.strictSame(here.bodies(Q), [])
  t.strictSame(classes(here), [MessageClass.ACK_REACH_QUEUE, MessageClass.NACK_Q_PURGED])
  here.put(Q, 'c', asking)
  here.take(Q)
  t.strictSame(here.bodies(`${Q};journal`), ['c'])
  const told = classes(here).length
  t.equal(
    here.call((engine, now) => engine.purge(now, `${Q};journal`)),
    1,
  )
  t.equal(classes(here).length, told)
  here.restart()
  t.strictSame([here.bodies(Q), here.bodies(`${Q};journal`)], [[], []])
  t.equal(classes(here).length, told)
})

t.test('deleting a queue ends what waits on it, and tells who asked to know', async t => {
  const here = machine()
  here.put(Q, 'a', asking)
  const waiting = here.start(Q, { by: { correlationId: Buffer.alloc(20, 1) }, timeoutMs: 60_000 })
  here.call((engine, now) => engine.deleteQueue(now, Q))
  t.equal(here.read(waiting)?.error, 'MQ_ERROR_QUEUE_DELETED')
  t.strictSame(classes(here), [MessageClass.ACK_REACH_QUEUE, MessageClass.NACK_Q_DELETED])
  t.throws(() => here.take(Q), { code: 'MSMQ_OPTION_QUEUE' })
  t.throws(() => here.put(Q, 'b'), { code: 'MSMQ_OPTION_FORMAT_NAME' })
  here.restart()
  t.equal(here.engine.queue(Q), null)
  t.equal(classes(here).length, 2)
})

t.test('a queue that could not be deleted is there again, with its messages', async t => {
  const here = machine()
  here.put(Q, 'a')
  here.failing = true
  here.call((engine, now) => engine.deleteQueue(now, Q))
  here.failing = false
  t.strictSame(here.bodies(Q), ['a'])
  here.restart()
  t.strictSame(here.bodies(Q), ['a'])
})

t.test(
  'target journaling copies what is received, and nothing that leaves otherwise; express ones too (MQ-7, MQ-8)',
  async t => {
    const here = machine({ journal: true, journalQuotaKB: 1 })
    here.put(Q, 'express', { delivery: 'express' })
    here.put(Q, 'late', { timeToBeReceivedS: 5 })
    here.put(Q, 'x'.repeat(800))
    t.strictSame(here.take(Q).bodies, ['express'])
    here.pass(6_000)
    t.strictSame(here.bodies(`${Q};journal`), ['express'])
    here.restart()
    t.strictSame(here.bodies(`${Q};journal`), ['express'], 'a journal is recoverable')
    here.take(Q)
    t.strictSame(here.bodies(`${Q};journal`), ['express'], 'a full journal discards')
    t.equal(here.engine.counters.copiesDropped, 1)
    t.equal(here.engine.queue(Q)?.journalMessages, 1)
  },
)

t.test('the first quota that is reached counts; what leaves makes room (MQ-12)', async t => {
  const body = 'x'.repeat(700)
  const queueFull = machine({ quotaKB: 2 })
  t.strictSame([queueFull.put(Q, body), queueFull.put(Q, body), queueFull.put(Q, body)].slice(1), [
    'accepted',
    'MQ_ERROR_INSUFFICIENT_RESOURCES',
  ])
  const [first] = queueFull.engine.peek(Q, 1)
  queueFull.call((engine, now) => engine.move(now, Q, first!.lookupId, 'aside'))
  t.equal(queueFull.put(Q, body), 'MQ_ERROR_INSUFFICIENT_RESOURCES', 'subqueues count for their queue')
  queueFull.take(`${Q};aside`)
  t.equal(queueFull.put(Q, body), 'accepted')
  const machineFull = machine({ quotaKB: 1_000 }, { MachineQuota: 2 })
  t.strictSame([machineFull.put(Q, body), machineFull.put(Q, body), machineFull.put(Q, body)].slice(1), [
    'accepted',
    'MQ_ERROR_INSUFFICIENT_RESOURCES',
  ])
  machineFull.take(Q)
  t.equal(machineFull.put(Q, body), 'accepted')
  t.equal(machineFull.engine.counters.systemBytes, 0)
})

t.test('positive and negative acknowledgements of what becomes of a message in a queue', async t => {
  const here = machine()
  for (const body of ['taken', 'expired']) here.put(Q, body, { ...asking, timeToBeReceivedS: 60 })
  here.take(Q)
  here.pass(61_000)
  t.strictSame(here.bodies(Q), [])
  t.strictSame(
    here.engine.peek(ADMIN, 10).map(({ message: { properties } }) => [properties.messageClass, `${properties.body}`]),
    [
      [MessageClass.ACK_REACH_QUEUE, ''],
      [MessageClass.ACK_REACH_QUEUE, ''],
      [MessageClass.ACK_RECEIVE, ''],
      [MessageClass.NACK_RECEIVE_TIMEOUT, 'expired'],
    ],
  )
})

t.test('that a message reached the queue is said before that it was received, though a read waits for it', async t => {
  for (const delivery of ['express', 'recoverable'] as const) {
    const here = machine()
    const read = here.start(Q, { timeoutMs: 1_000 })
    here.put(Q, 'awaited', { ...asking, delivery })
    t.strictSame(here.read(read)?.bodies, ['awaited'])
    t.strictSame(classes(here), [MessageClass.ACK_REACH_QUEUE, MessageClass.ACK_RECEIVE], delivery)
  }
})

t.test('a transactional message that its receiver rejects (class 0xC004)', async t => {
  const here = machine({ transactional: true })
  const message = { destination: `DIRECT=OS:local\\${Q}`, body: Buffer.from('unwanted'), ...asking }
  here.call((engine, now) => engine.sendTransaction(now, [message]))
  const id = here.call((engine, now) => engine.begin(now))
  const [received] = here.take(Q, { transaction: id }).messages
  const rejected = here.call((engine, now) => engine.reject(now, Q, received!.lookupId, id))
  t.equal(here.outcome(rejected), 'accepted')
  t.strictSame(classes(here), [MessageClass.ACK_REACH_QUEUE], 'not before the commit')
  here.call((engine, now) => engine.commit(now, id))
  t.strictSame(classes(here), [MessageClass.ACK_REACH_QUEUE, MessageClass.NACK_RECEIVE_REJECTED])
  t.strictSame(here.bodies(Q), [])
})

t.test(
  'dead letters of what comes to nothing on this machine, with the reason as their class (MQ-8, MQ-9)',
  async t => {
    for (const transactional of [false, true]) {
      const here = machine({ transactional })
      const send = (body: string, more: object = {}) => {
        const message = {
          destination: `DIRECT=OS:local\\${Q}`,
          body: Buffer.from(body),
          journalNegative: true,
          ...more,
        }
        here.call((engine, now) => (transactional ? engine.sendTransaction(now, [message]) : engine.send(now, message)))
      }
      send('expires', { timeToBeReceivedS: 5 })
      send('is purged')
      here.pass(6_000)
      here.call((engine, now) => engine.purge(now, Q))
      send('is read')
      here.take(Q)
      here.restart()
      const dead = here.engine.peek(transactional ? 'system$;deadxact' : 'system$;deadletter', 10)
      t.strictSame(
        dead.map(({ message: { properties } }) => [`${properties.body}`, properties.messageClass]),
        [
          ['expires', MessageClass.NACK_RECEIVE_TIMEOUT],
          ...(transactional ? [['is purged', MessageClass.NACK_Q_PURGED]] : []),
        ],
      )
      t.strictSame(here.bodies(transactional ? 'system$;deadletter' : 'system$;deadxact'), [])
    }
  },
)

t.test('a refused move leaves no subqueue', async t => {
  const here = machine()
  here.outcome(here.call((engine, now) => engine.move(now, Q, 5, 'aside')))
  t.strictSame(here.engine.queue(Q)?.subqueues, [])
})

t.test('access rules decide who receives and who peeks', async t => {
  const here = machine({ access: [{ who: 'S-1-5-21-1-2-3-1001', allow: ['peek'] }] })
  here.put(Q, 'a')
  const as = { sid: 'S-1-5-21-1-2-3-1001' }
  t.strictSame(here.take(Q, { peek: true, as }).bodies, ['a'])
  t.equal(here.take(Q, { as }).error, 'MQ_ERROR_ACCESS_DENIED')
  t.equal(here.take(Q, { peek: true, as: { sid: 'S-1-5-21-9-9-9-9' } }).error, 'MQ_ERROR_ACCESS_DENIED')
  t.equal(
    here.take(`${Q};journal`, { peek: true, as }).error,
    'MQ_ERROR_ACCESS_DENIED',
    'a journal has a right of its own',
  )
  t.strictSame(here.take(Q).bodies, ['a'], 'this machine itself may')
})

t.test(
  'a queue that is deleted while the store takes a message for it: a crash at any write leaves a store that opens',
  async t => {
    for (let writes = 0; writes <= 4; writes += 1) {
      const here = machine()
      here.holding = true
      here.put(Q, 'late')
      here.call((engine, now) => engine.deleteQueue(now, Q))
      for (let write = 0; write < writes; write += 1) here.release(1)
      here.restart()
      here.release()
      t.equal(here.engine.queue(Q) === null, writes >= 2, `${writes} writes`)
      here.restart()
      t.equal(here.engine.queue(Q) === null, writes >= 2, `${writes} writes, opened again`)
      t.strictSame([...here.store.load()].filter(({ table }) => table === 'message').length, writes === 1 ? 1 : 0)
    }
  },
)

t.test('that a message reached its queue is acknowledged in the same write', async t => {
  const here = machine()
  here.holding = true
  here.put(Q, 'a', { ...asking, journalPositive: true })
  here.release(1)
  here.restart()
  here.release()
  t.strictSame(here.bodies(Q), ['a'])
  t.strictSame(classes(here), [MessageClass.ACK_REACH_QUEUE])
  t.equal(here.bodies('system$;journal').length, 1)
})
