import t from 'tap'
import { createRandom } from '../../../lab/sim/random.js'
import { Scheduler } from '../../../lab/sim/scheduler.js'
import { SimStore } from '../../../lab/sim/sim-store.js'
import { SimWorld } from '../../../lab/sim/world.js'
import type { StoreOperation } from '../../../queue-manager/actions.js'
import type { StoreError } from '../../../store/store.js'
import { addNode, direct, PLAIN_QUEUE } from '../../fixtures/sim-tests.js'

function createStore(options = {}) {
  const scheduler = new Scheduler()
  const store = new SimStore(scheduler, createRandom(1), options)
  const results: string[] = []
  const ask = (name: string, operations: readonly StoreOperation[]) =>
    store.write(operations, error => results.push(`${name} ${error === null ? 'done' : (error as StoreError).code}`))
  const write = (name: string, operations: readonly StoreOperation[]) => {
    ask(name, operations)
    scheduler.runFor(1)
  }
  return { scheduler, store, results, ask, write }
}

const row = (key: number, bytes: number): StoreOperation => ({
  table: 'message',
  key,
  value: { queue: 'q' },
  packet: new Uint8Array(bytes),
})
const gone = (key: number): StoreOperation => ({ table: 'message', key, value: null })

t.test('a full disk refuses what makes it larger, takes what makes it smaller, and recovers', async t => {
  const { store, results, write } = createStore()
  write('first', [row(1, 1_000)])
  store.capacityBytes = store.bytes + 100
  write('too much', [row(2, 1_000)])
  write('small', [row(3, 10)])
  write('exchange', [gone(1), row(4, 900)])
  store.capacityBytes = Number.POSITIVE_INFINITY
  write('again', [row(5, 1_000)])
  t.strictSame(results, ['first done', 'too much MSMQ_STORE_FULL', 'small done', 'exchange done', 'again done'])
  t.strictSame(store.keys('message'), [3, 4, 5])
  write('empty', [gone(3), gone(4), gone(5)])
  t.equal(store.bytes, 0)
})

t.test('writes fail one by one, or while the disk is away; none of a failed one is there', async t => {
  const { store, results, write } = createStore()
  store.failuresLeft = 1
  write('one', [row(1, 1), row(2, 1)])
  write('two', [row(3, 1)])
  store.failing = true
  write('three', [row(4, 1)])
  store.failing = false
  write('four', [row(5, 1)])
  t.strictSame(results, ['one MSMQ_STORE_IO', 'two done', 'three MSMQ_STORE_IO', 'four done'])
  t.strictSame(store.keys('message'), [3, 5])
  t.strictSame(store.failures, { MSMQ_STORE_IO: 2 })
})

t.test(
  'what waits with packets fails with the one before it; what waits without, or is asked for later, does not',
  async t => {
    const { scheduler, store, results, ask, write } = createStore({ delayMs: 10 })
    store.failuresLeft = 1
    ask('first', [row(1, 1)])
    ask('rests on it', [row(2, 1)])
    ask('takes away', [gone(1)])
    scheduler.runFor(10)
    ask('later', [row(3, 1)])
    scheduler.runFor(100)
    write('', [])
    t.strictSame(results.slice(0, 4), [
      'first MSMQ_STORE_IO',
      'rests on it MSMQ_STORE_IO',
      'takes away done',
      'later done',
    ])
    t.strictSame(store.keys('message'), [3])
  },
)

t.test('a crash keeps the first few of the writes under way, each whole', async t => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 50; seed++) {
    const scheduler = new Scheduler()
    const store = new SimStore(scheduler, createRandom(seed), { delayMs: 10 })
    for (const first of [1, 3, 5]) store.write([row(first, 1), row(first + 1, 1)], () => t.fail('nobody is told'))
    store.crash()
    scheduler.runFor(100)
    seen.add(store.keys('message').join())
  }
  t.strictSame([...seen].sort(), ['', '1,2', '1,2,3,4', '1,2,3,4,5,6'])
})

t.test('holds the queue manager to the contract of packet tables', async t => {
  const { store, write } = createStore()
  write('', [row(5, 1)])
  t.throws(() => write('', [row(5, 1)]), /the key 5 of the table message is not above 5/)
  t.throws(() => write('', [{ table: 'message', key: 6, value: {} }]), /carries no packet/)
  t.throws(() => write('', [{ table: 'queue', key: 'q', value: {}, packet: new Uint8Array(1) }]), /must not carry/)
  write('', [gone(5)])
  store.crash()
  t.throws(() => write('', [row(5, 1)]), /not above 5/, 'across restarts too')
})

t.test('a damaged packet, a disk that cannot be read', async t => {
  const { scheduler, store, ask } = createStore()
  ask('', [row(1, 3)])
  t.throws(() => store.packet('message', 1), { code: 'MSMQ_STORE_MISSING' }, 'not durable yet')
  scheduler.runFor(1)
  t.equal(store.packet('message', 1).length, 3)
  store.corruptPacket('message', 1)
  t.throws(() => store.packet('message', 1), { code: 'MSMQ_STORE_CORRUPT' })
  store.unreadable = true
  t.throws(() => [...store.load()], { code: 'MSMQ_STORE_CORRUPT' })
})

t.test('packets that cannot be read for a while', async t => {
  const { store, write } = createStore()
  write('', [row(1, 3)])
  store.readsFailing = true
  t.throws(() => store.packet('message', 1), { code: 'MSMQ_STORE_IO' })
  store.readsFailing = false
  t.equal(store.packet('message', 1).length, 3)
})

t.test('who changes a value after it was written, or after it was loaded, changes nothing on the disk', async t => {
  const { store, write } = createStore()
  const value = { list: [1, { deep: 'a' }], bytes: Buffer.from([1, 2]), text: 'x' }
  write('', [{ table: 'state', key: 'k', value }])
  const load = () => [...store.load()][0]!.value
  const expected = { list: [1, { deep: 'a' }], bytes: new Uint8Array([1, 2]), text: 'x' }
  const change = (changed: typeof value) => {
    changed.list[0] = 9
    Object.assign(changed.list[1]!, { deep: 'b' })
    changed.bytes[0] = 9
    changed.text = 'y'
  }
  change(value)
  t.strictSame(load(), expected)
  change(load() as unknown as typeof value)
  t.strictSame(load(), expected)
})

t.test('a disk that lies loses what it said was durable, with power only, the last first', async t => {
  const seen = new Map<string, number>()
  for (let seed = 1; seed <= 200; seed++) {
    const scheduler = new Scheduler()
    const store = new SimStore(scheduler, createRandom(seed))
    store.cacheMs = 1_000
    let told = 0
    const write = (operations: readonly StoreOperation[]) => {
      store.write(operations, error => {
        if (error === null) told++
      })
      scheduler.runFor(300)
    }
    write([row(1, 10), row(2, 10)])
    write([gone(1), row(3, 10), { table: 'queue', key: 'q', value: { state: 'new' } }])
    write([row(4, 10), gone(3), { table: 'queue', key: 'q', value: { state: 'newer' } }])
    write([row(5, 10)])
    t.equal(told, 4)
    const { bytes } = store
    store.crash('process')
    t.equal(store.bytes, bytes, 'the process is no matter')
    store.crash('power')
    const loaded = [...store.load()]
    const keys = loaded.flatMap(({ table, key }) => (table === 'message' ? [key] : []))
    const queue = loaded.find(({ table }) => table === 'queue')?.value
    const torn = keys.filter(key => {
      try {
        return store.packet('message', key as number).length !== 10
      } catch (error) {
        return (error as StoreError).code === 'MSMQ_STORE_CORRUPT'
      }
    })
    const found = `${keys} ${JSON.stringify(queue)} torn ${torn}`
    seen.set(found, (seen.get(found) ?? 0) + 1)
    if (keys.at(-1) === 2) store.write([row(3, 1)], () => undefined)
    else t.throws(() => store.write([row(keys.at(-1) as number, 1)], () => undefined), /not above/)
    store.crash('power')
    const again = [...store.load()].flatMap(({ table, key }) => (table === 'message' ? [key] : []))
    t.strictSame(again.slice(0, keys.length), keys, 'what is there now stays')
  }
  t.strictSame([...seen.keys()].sort(), [
    '1,2 undefined torn ',
    '2,3 {"state":"new"} torn ',
    '2,3 {"state":"new"} torn 3',
    '2,4 {"state":"newer"} torn ',
    '2,4 {"state":"newer"} torn 4',
    '2,4,5 {"state":"newer"} torn ',
    '2,4,5 {"state":"newer"} torn 5',
  ])
})

t.test('a queue manager on a disk that lies loses messages that it promised to keep, and no others', async t => {
  let lost = 0
  for (let seed = 1; seed <= 20; seed++) {
    const world = new SimWorld(seed)
    const node = addNode(world, 1)
    const accepted: string[] = []
    node.store.cacheMs = 500
    for (let number = 1; number <= 20; number++) {
      const body = `${number}`
      const sent = node.send({
        destination: direct(node, PLAIN_QUEUE),
        body: Buffer.from(body),
        delivery: 'recoverable',
      })
      world.runFor(100)
      if (sent.outcome === 'accepted') accepted.push(body)
    }
    t.equal(accepted.length, 20)
    node.crash('power')
    node.start()
    const { messages } = node.answer(PLAIN_QUEUE, { max: 100, peek: true })
    const bodies = messages.map(({ message }) => message.properties.body.toString())
    if (bodies.length > 0) t.ok(bodies.length >= 14, `${bodies.length} are there: only the last half second is lost`)
    t.strictSame(bodies, accepted.slice(0, bodies.length))
    lost += 20 - bodies.length
  }
  t.ok(lost > 0, `${lost} lost`)
})
