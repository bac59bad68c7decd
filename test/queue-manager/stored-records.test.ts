import t from 'tap'
import { createRandom } from '../../lab/sim/random.js'
import type { SimNode } from '../../lab/sim/sim-node.js'
import { SimWorld } from '../../lab/sim/world.js'
import { MP_FLAGS } from '../../protocol/binary/message-properties-header.js'
import { MqlabError } from '../../protocol/errors.js'
import {
  isPacketTable,
  type PacketTable,
  type StoredField,
  type StoredRecord,
  type StoredValue,
  type StoreKey,
  type StoreOperation,
  type StoreTable,
} from '../../queue-manager/actions.js'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { addNode, addressOf, direct, guidOf, PLAIN_QUEUE, SENDER_TIME_STAMP, TX_QUEUE } from '../fixtures/sim-tests.js'

const ALL = Number.MAX_SAFE_INTEGER
const NOW = { monotonicMs: 1_000, wallMs: 1_735_689_600_000 }
const TABLES: readonly StoreTable[] = [
  'state',
  'queue',
  'message-state',
  'identifier',
  'incoming-sequence',
  'outgoing-queue',
  'outgoing-sequence',
  'awaiting-final-ack',
  'message',
  'outgoing',
]

interface Disk {
  readonly number: number
  readonly rows: readonly StoreOperation[]
  readonly packets: ReadonlyMap<string, Uint8Array>
  /** Messages that whoever opens it must find. */
  readonly messages: number
}

/** What a sender and a receiver in the midst of everything have on their disks: rows in every table. */
function busyDisks(): Disk[] {
  const world = new SimWorld(1)
  const [one, two] = [1, 2].map(number => addNode(world, number, { httpPort: 80 })) as [SimNode, SimNode]
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    const plain = direct(to, PLAIN_QUEUE)
    const transactional = direct(to, TX_QUEUE)
    const wants = { acknowledgements: MP_FLAGS.PA | MP_FLAGS.NR, adminQueue: direct(from, PLAIN_QUEUE) }
    const send = (text: string) => {
      from.send({ destination: plain, body: Buffer.from(text), delivery: 'recoverable', label: text, ...wants })
      from.sendTransaction([{ destination: transactional, body: Buffer.from(text), journalPositive: true }])
      from.sendTransaction([{ destination: transactional, body: Buffer.from(text), timeToBeReceivedS: 100_000 }])
    }
    for (const text of ['first', 'second']) send(text)
    from.send({ destination: url(to, PLAIN_QUEUE), body: Buffer.from('over HTTP'), delivery: 'recoverable' })
    from.sendTransaction([{ destination: url(to, TX_QUEUE), body: Buffer.from('in a stream'), journalNegative: true }])
    from.send({ destination: direct(to, 'private$\\none'), body: Buffer.from('dead'), delivery: 'recoverable' })
    world.runFor(20_000)
    to.driver.call((engine, now) => {
      const transaction = engine.begin(now)
      engine.receive(now, TX_QUEUE, { transaction, max: 2 })
      engine.abort(now, transaction)
      engine.move(now, PLAIN_QUEUE, engine.peek(PLAIN_QUEUE, 1)[0]!.lookupId, 'aside')
    })
    world.runFor(20_000)
  }
  world.network.part(one.address, two.address)
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    for (let number = 1; number <= 3; number++) {
      from.send({ destination: direct(to, PLAIN_QUEUE), body: Buffer.from('waits'), delivery: 'recoverable' })
      from.sendTransaction([{ destination: direct(to, TX_QUEUE), body: Buffer.from('waits') }])
    }
    // its first message expires, so that the second one begins the stream anew
    for (const timeToReachQueueS of [5, 1_000])
      from.sendTransaction([{ destination: url(to, TX_QUEUE), body: Buffer.from('waits'), timeToReachQueueS }])
    from.driver.call((engine, now) => engine.pauseOutgoing(now, direct(to, PLAIN_QUEUE)))
  }
  world.runFor(200_000)
  return [one, two].map(diskOf)
}

function url(node: SimNode, queue: string): string {
  return `DIRECT=http://${node.address}/msmq/${queue.replace('\\', '/')}`
}

function diskOf(node: SimNode, index: number): Disk {
  const rows = [...node.store.load()]
  const packets = new Map(
    rows
      .filter(({ table }) => isPacketTable(table))
      .map(({ table, key }) => [`${table} ${key}`, node.store.packet(table as PacketTable, key as number)]),
  )
  const disk = { number: index + 1, rows, packets, messages: 0 }
  return { ...disk, messages: messagesIn(open(disk)) }
}

/** As a queue manager would be started on it. */
function open({ number, rows, packets }: Omit<Disk, 'messages'>): QueueManager {
  const engine = new QueueManager({
    name: `N${number}`,
    guid: guidOf(number),
    addresses: [addressOf(number)],
    settings: createSettings({ ResidentPacketsKB: 0 }),
    sequenceTimeStamp: SENDER_TIME_STAMP + number,
    stored: rows,
    packets: {
      packet: (table, key) => {
        const packet = packets.get(`${table} ${key}`)
        if (packet === undefined) throw new Error(`the store was asked for a packet it never gave: ${table} ${key}`)
        return packet
      },
    },
  })
  engine.start(NOW)
  return engine
}

/** Lets the queue manager look at all it holds. */
function messagesIn(engine: QueueManager): number {
  let count = [...engine.outgoingMessages()].length
  for (const { name, subqueues } of engine.localQueues()) {
    count += engine.peek(name, ALL).length
    for (const subqueue of subqueues) count += engine.peek(`${name};${subqueue.name}`, ALL).length
  }
  engine.takeActions()
  return count
}

const RUBBISH: readonly StoredField[] = [
  null,
  -1,
  1.5,
  Number.NaN,
  1e300,
  2 ** 53,
  '',
  'x',
  true,
  [],
  {},
  Uint8Array.of(1, 2, 3),
]

/** Every field as every kind of rubbish, or away; then the whole value, then the key. */
function* mutations({ table, key, value }: StoreOperation): Iterable<StoreOperation> {
  const fields = Object.keys(value as StoredRecord)
  for (const field of fields) {
    for (const rubbish of RUBBISH) yield { table, key, value: withField(value!, field, rubbish) }
    yield { table, key, value: withField(value!, field, undefined) }
  }
  for (const rubbish of RUBBISH) if (rubbish !== null) yield { table, key, value: rubbish as StoredValue }
  const keys: StoreKey[] = [-1, 0.5, Number.NaN, 2 ** 53, '', 'x']
  for (const other of keys) yield { table, key: other, value }
}

function withField(value: StoredValue, field: string, content: StoredField | undefined): StoredValue {
  if (Array.isArray(value)) {
    const list = [...(value as readonly StoredField[])]
    if (content === undefined) list.splice(Number(field), 1)
    else list[Number(field)] = content
    return list
  }
  const { [field]: _, ...rest } = value as StoredRecord
  return content === undefined ? rest : { ...rest, [field]: content }
}

/** What became of opening; throws when it is neither a clear error nor all messages there. */
function judge(disk: Disk, what: string): 'refused' | 'opened' {
  try {
    const found = messagesIn(open(disk))
    if (found < disk.messages) throw new Error(`${what}: opened with ${found} of ${disk.messages} messages`)
    return 'opened'
  } catch (error) {
    const code = error instanceof MqlabError ? error.code : ''
    const message = (error as Error).message
    // the row that is wrong, or one that refers to it and finds it gone
    if (code !== 'MSMQ_STORE_ROW' || !/^table [a-z-]+, key .*: ./.test(message) || message.includes('\n'))
      throw new Error(`${what}: ${(error as Error).stack?.split('\n').slice(0, 3).join(' ')}`)
    return 'refused'
  }
}

const disks = busyDisks()

t.test('the disks have rows in every table', async t => {
  const tables = new Set(disks.flatMap(({ rows }) => rows.map(({ table }) => table)))
  t.strictSame([...tables].sort(), [...TABLES].sort())
  for (const { messages, rows } of disks) {
    t.ok(messages >= 17, `${messages} messages`)
    const has = (table: StoreTable, field: string) =>
      rows.some(row => row.table === table && !Array.isArray(row.value) && (row.value as StoredRecord)[field] != null)
    t.ok(has('incoming-sequence', 'receiptsTo'), 'a stream that came over HTTP')
    t.ok(has('outgoing-sequence', 'renewed'), 'a stream over HTTP that began anew')
  }
})

for (const table of TABLES)
  t.test(`rubbish in a row of the table ${table} is one clear error, or nothing is lost by it`, async t => {
    const count = { refused: 0, opened: 0 }
    const problems: string[] = []
    for (const disk of disks) {
      const seen = new Set<string>()
      for (const [index, row] of disk.rows.entries()) {
        // of rows alike one will do
        const kind = isPacketTable(table) ? `${(row.value as readonly StoredField[])[0]}` : String(row.key)
        if (row.table !== table || seen.has(kind)) continue
        seen.add(kind)
        for (const mutated of mutations(row)) {
          const what = `${table} ${JSON.stringify(mutated.key)}: ${JSON.stringify(mutated.value)}`
          const packets = new Map(disk.packets)
          const packet = packets.get(`${table} ${row.key}`)
          if (packet !== undefined) packets.set(`${table} ${mutated.key}`, packet)
          try {
            count[judge({ ...disk, rows: disk.rows.with(index, mutated), packets }, what)] += 1
          } catch (error) {
            problems.push((error as Error).message)
          }
        }
      }
    }
    t.comment(JSON.stringify(count))
    t.strictSame(problems.slice(0, 10), [], `${problems.length} problems`)
    t.ok(count.refused > 10)
  })

t.test('a row that is away is a clear error, or nothing is lost by it but what it held', async t => {
  const problems: string[] = []
  for (const disk of disks)
    for (const [index, row] of disk.rows.entries()) {
      const held = isPacketTable(row.table) ? 1 : 0
      const rows = disk.rows.toSpliced(index, 1)
      try {
        const found = messagesIn(open({ ...disk, rows }))
        if (found < disk.messages - held) problems.push(`${row.table} ${row.key}: ${found} of ${disk.messages} found`)
      } catch (error) {
        if (!(error instanceof MqlabError)) problems.push(`${row.table} ${row.key}: ${(error as Error).stack}`)
      }
    }
  t.strictSame(problems.slice(0, 10), [], `${problems.length} problems`)
})

t.test('a packet that is cut is an error of ours to whoever asks for it, and keeps nobody from the others', async t => {
  const problems: string[] = []
  let asked = 0
  for (const disk of disks)
    for (const [name, packet] of disk.packets)
      for (const size of [0, 10, packet.length >> 1, packet.length - 1]) {
        const packets = new Map(disk.packets).set(name, packet.subarray(0, size))
        asked += 1
        try {
          const engine = open({ ...disk, packets })
          for (const { name: queue, messages } of engine.localQueues())
            for (let turn = 0; turn <= messages; turn++) engine.receive(NOW, queue, { max: 1 })
          engine.takeActions()
          messagesIn(engine)
        } catch (error) {
          if (!(error instanceof MqlabError)) problems.push(`${name} cut to ${size}: ${(error as Error).stack}`)
        }
      }
  t.ok(asked > 50)
  t.strictSame(problems.slice(0, 5), [], `${problems.length} problems`)
})

t.test('rows of many mutations at once never end in an error that is not ours', async t => {
  const random = createRandom(7)
  const count = { refused: 0, opened: 0 }
  for (let round = 0; round < 2_000; round++) {
    const disk = random.pick(disks)
    const rows = [...disk.rows]
    for (let changes = random.between(1, 4); changes > 0; changes--) {
      const index = random.between(0, rows.length - 1)
      const row = rows[index]!
      if (row.value === null || typeof row.value !== 'object') continue
      rows[index] = random.pick([...mutations(row)])
    }
    const packets = new Map(disk.packets)
    for (const { table, key } of rows)
      if (isPacketTable(table) && !packets.has(`${table} ${key}`))
        packets.set(`${table} ${key}`, [...disk.packets.values()][0]!)
    try {
      messagesIn(open({ ...disk, rows, packets }))
      count.opened += 1
    } catch (error) {
      if (!(error instanceof MqlabError)) throw new Error(`round ${round}: ${(error as Error).stack}`)
      count.refused += 1
    }
  }
  t.comment(JSON.stringify(count))
  t.ok(count.refused > 500)
})
