import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import { decode, encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import t from 'tap'
import type { LabEvent, RunRecord } from '../../lab/history.js'
import { HistoryError, type HistoryRecord } from '../../lab/history-format.js'
import { HistoryReader, readHistory, readRunRecord } from '../../lab/history-reader.js'
import { HistoryWriter } from '../../lab/history-writer.js'
import { parseScenario } from '../../lab/scenario-file.js'
import { runScenario } from '../../lab/worlds/run-scenario.js'
import { simulateScenario } from '../../lab/worlds/simulated.js'
import { event, handMadeRun, SEQUENCE } from '../fixtures/run-record.js'
import { FOUL, simulatedScenario } from '../fixtures/simulation-runs.js'

/** Writes a run with these events; how many bytes the file then has. */
function written(file: string, events: readonly LabEvent[], run: RunRecord = handMadeRun({})): Buffer {
  const writer = new HistoryWriter(file, '1.2.3')
  writer.begin(run)
  for (const each of events) writer.event(each)
  for (const { node, sample } of run.samples) writer.sample(node, sample)
  writer.end(run)
  return readFileSync(file)
}

/** A run of which little is told beside its events. */
function slight(): RunRecord {
  const run = handMadeRun({})
  return { ...run, nodes: run.nodes.slice(0, 1), reports: new Map(), scenario: { ...run.scenario, load: [] } }
}

function eventsIn(records: Iterable<HistoryRecord>): LabEvent[] {
  return [...records].flatMap(record => (record.record === 'events' ? record.events : []))
}

/** A short history in which every form of value is. */
const EVENTS: readonly LabEvent[] = [
  event('S1', 'sent', { messageId: 1, tx: { sequence: SEQUENCE.S1, number: 1, previous: 0 } }),
  event('S1', 'sent', { messageId: 2, tx: null, atMs: 1500.25 }),
  event('R1', 'arrived', { messageId: 4_000_000_000, peer: 'ünïcode', tx: null, atMs: 1499 }),
  event('R1', 'resolved', { addresses: ['127.0.0.1', '127.0.0.2'], queue: 'q'.repeat(400), by: 'direct' }),
  event('R1', 'resolved', { addresses: [], queue: '', by: 'cache', atMs: 1_795_343_429_477.125 }),
  event('R1', 'discarded', { reason: 'hole' }),
  event('gateway', 'cluster-map', { owners: [['R1'], [], ['R1', 'R2']] }),
]

t.test('a run is read as it was', async t => {
  const file = join(t.testdir(), 'run.mqlh')
  const history = new HistoryWriter(file, '1.2.3')
  const run = simulateScenario(simulatedScenario(FOUL), { seed: 3, history })
  const read = readRunRecord(file)
  t.ok(run.events.length > 100 && run.samples.length > 0 && run.reports.size > 0, 'there is something to read')
  t.equal(JSON.stringify(read.events), JSON.stringify(run.events), 'events to the last bit, their fields in order')
  t.strictSame(plain({ ...read, events: [] }), plain({ ...run, events: [] }))
  const records = [...readHistory(file)]
  t.match(records[0], { record: 'header', mqlab: '1.2.3' })
  const end = records.at(-1)
  t.strictSame(
    end?.record === 'end' && Object.keys(end.end).sort(),
    ['drained', 'endedMs', 'healedMs', 'loadEndedMs'],
    'its events are in it once',
  )
})

t.test(
  'a run on sockets is read as it was',
  { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' },
  async t => {
    const file = join(t.testdir(), 'run.mqlh')
    const history = new HistoryWriter(file, '1.2.3')
    const text = `scenario: small
about: two messages
topology:
  receivers: { name: R1, queues: { name: 'private$\\q', transactional: true } }
  senders: { name: S1 }
load: { to: 'DIRECT=TCP:{R1}\\private$\\q', delivery: transactional, messages: 2 }
expect: { delivered: all }`
    const run = await runScenario(parseScenario(text, 'small.yaml'), { seed: 1, nodesAs: 'thread', history })
    const read = readRunRecord(file)
    t.ok(run.events.some(({ kind }) => kind === 'consumed') && run.samples.length > 0 && run.reports.size === 2)
    t.equal(JSON.stringify(read.events), JSON.stringify(run.events))
    t.strictSame(plain({ ...read, events: [] }), plain({ ...run, events: [] }))
  },
)

t.test('the same seed writes the same bytes', async t => {
  const folder = t.testdir()
  const hash = (name: string, seed: number) => {
    const file = join(folder, name)
    simulateScenario(simulatedScenario(FOUL), { seed, keepEvents: false, history: new HistoryWriter(file, '1.2.3') })
    return createHash('sha256').update(readFileSync(file)).digest('hex')
  }
  t.equal(hash('a', 5), hash('b', 5))
  t.not(hash('c', 6), hash('d', 5))
})

t.test('values of every form are read as they were', async t => {
  const file = join(t.testdir(), 'run.mqlh')
  const leaf = fc.oneof(
    fc.string(),
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 9 }),
  )
  const name = fc.oneof(
    fc.constantFrom('kind', 'xMs', 'a', 'b'),
    fc.string().filter(text => text !== '__proto__'),
  )
  const value = fc.letrec(tie => ({
    any: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie('any'), { maxLength: 4 }), tie('object')),
    object: fc.dictionary(name, tie('any'), { maxKeys: 5, noNullPrototype: true }),
  }))
  const atMs = fc.double({ min: 0, max: 3e12, noNaN: true })
  const made = fc.record({ fields: value.object, atMs, node: fc.string(), kind: fc.string() })
  fc.assert(
    fc.property(fc.array(made, { maxLength: 20 }), all => {
      const events = all.map(({ fields, ...rest }) => ({ ...(fields as object), ...rest })) as unknown as LabEvent[]
      written(file, events)
      return isDeepStrictEqual(eventsIn(readHistory(file)), events)
    }),
    { numRuns: 100, seed: 1 },
  )
})

t.test('cut short at any byte: what was whole is read, and the rest is waited for', async t => {
  const folder = t.testdir()
  const bytes = written(join(folder, 'whole'), EVENTS, slight())
  const all = [...readHistory(join(folder, 'whole'))]
  const file = join(folder, 'cut')
  const lengths = new Set<number>()
  for (let length = 0; length < bytes.length; length++) {
    writeFileSync(file, bytes.subarray(0, length))
    const reader = new HistoryReader(file)
    const records: HistoryRecord[] = []
    for (let record = reader.next(); record !== null; record = reader.next()) records.push(record)
    if (JSON.stringify(records) !== JSON.stringify(all.slice(0, records.length))) t.fail(`at ${length}`)
    if (reader.hasEnded || reader.offset > length) t.fail(`ended at ${length}`)
    lengths.add(records.length)
    if (length % 50 === 0) {
      appendFileSync(file, bytes.subarray(length))
      while (reader.next() !== null);
      if (!reader.hasEnded) t.fail(`what came after byte ${length} was not read`)
    }
    reader.close()
  }
  t.equal(lengths.size, all.length, 'record by record')
  writeFileSync(file, bytes.subarray(0, -1))
  t.throws(() => readRunRecord(file), { code: 'MSMQ_HISTORY_UNFINISHED' })
})

t.test('a byte that is another than was written never gives another record', async t => {
  const folder = t.testdir()
  const bytes = written(join(folder, 'whole'), EVENTS, slight())
  const all = JSON.stringify([...readHistory(join(folder, 'whole'))])
  const file = join(folder, 'damaged')
  const seen = new Set<string>()
  for (let offset = 0; offset < bytes.length; offset++) {
    const damaged = Buffer.from(bytes)
    damaged[offset]! ^= 1 << (offset % 8)
    writeFileSync(file, damaged)
    const records: HistoryRecord[] = []
    try {
      for (const record of readHistory(file)) records.push(record)
      seen.add('waits')
      if (JSON.stringify(records) === all) t.fail(`byte ${offset} does not matter`)
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error
      seen.add(error.code)
    }
    if (!all.startsWith(JSON.stringify(records).slice(0, -1))) t.fail(`byte ${offset} gives other records`)
  }
  t.strictSame([...seen].sort(), ['MSMQ_HISTORY_DAMAGED', 'MSMQ_HISTORY_FOREIGN', 'waits'])
})

t.test('a history is read while it is written', async t => {
  const file = join(t.testdir(), 'run.mqlh')
  const run = handMadeRun({})
  const writer = new HistoryWriter(file, '1.2.3')
  for (const each of EVENTS.slice(0, 2)) writer.event(each)
  writer.begin(run)
  const reader = new HistoryReader(file)
  t.match(reader.next(), { record: 'header' })
  t.match(reader.next(), { record: 'events', events: EVENTS.slice(0, 2) }, 'what came before the run began')
  t.equal(reader.next(), null)
  for (const each of EVENTS.slice(2)) writer.event(each)
  t.equal(reader.next(), null, 'not written yet')
  writer.flush()
  t.match(reader.next(), { record: 'events', events: EVENTS.slice(2) })
  t.equal(reader.next(), null)
  writer.end(run)
  while (reader.next() !== null);
  t.ok(reader.hasEnded)
  reader.close()
})

t.test('ledgers so far are written as they double', async t => {
  const file = join(t.testdir(), 'run.mqlh')
  const run = handMadeRun({})
  const report = run.reports.get('S1')!
  const writer = new HistoryWriter(file, '1.2.3')
  writer.begin(run)
  if (report.kind !== 'queue-manager') throw new Error('no ledger')
  for (let offered = 0; offered <= 64; offered++)
    writer.checkpoint({ ...report, partial: true, sender: { ...report.sender!, offered } })
  writer.flush()
  writer.close()
  const offered = [...readHistory(file)].flatMap(record =>
    record.record === 'report' && record.report.kind === 'queue-manager' ? [record.report.sender?.offered] : [],
  )
  t.strictSame(offered, [1, 2, 4, 8, 16, 32, 64])
})

t.test('memory does not grow with a million events', async t => {
  const file = join(t.testdir(), 'run.mqlh')
  const writer = new HistoryWriter(file, '1.2.3')
  writer.begin(handMadeRun({}))
  const reader = new HistoryReader(file)
  let read = 0
  let batchMax = 0
  let behindMax = 0
  const one = { kind: 'session-acked', node: 'S1', queue: 'q', messageId: 0, atMs: 0 } as const
  for (let count = 1; count <= 1_000_000; count++) {
    writer.event({ ...one, messageId: count, atMs: 1_795_343_000_000 + count / 3 })
    if (count % 5_000 !== 0) continue
    for (let record = reader.next(); record !== null; record = reader.next()) {
      if (record.record !== 'events') continue
      batchMax = Math.max(batchMax, record.events.length)
      read += record.events.length
    }
    behindMax = Math.max(behindMax, count - read)
  }
  writer.end(handMadeRun({}))
  while (reader.next() !== null);
  t.ok(batchMax <= 4096, `a reader holds ${batchMax} at a time`)
  t.ok(behindMax <= 20_000, `the writer held ${behindMax} at most, the rest was in the file`)
  t.ok(read > 900_000)
  reader.close()
})

t.test('only some kinds', async t => {
  const file = join(t.testdir(), 'run.mqlh')
  written(file, EVENTS)
  t.strictSame(
    eventsIn(readHistory(file, { kinds: new Set(['arrived', 'discarded']) })),
    EVENTS.filter(({ kind }) => kind === 'arrived' || kind === 'discarded'),
  )
  const others = [...readHistory(file, { kinds: new Set() })].map(({ record }) => record)
  t.notOk(others.includes('events'))
  t.strictSame([others[0], others.at(-1)], ['header', 'end'])
})

t.test('another program reads it by what docs/history.md says', async t => {
  const bytes = written(join(t.testdir(), 'run.mqlh'), EVENTS)
  t.equal(bytes.toString('latin1', 0, 8), 'MQLABH1\n')
  const strings: string[] = []
  const shapes: [names: string[], types: string, kind: string][] = []
  const events: unknown[] = []
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    const body = decode(bytes.subarray(at + 8, at + 8 + length)) as unknown[]
    at += 8 + length
    if (!Array.isArray(body)) continue
    const [base, newStrings, newShapes, count, values] = body as [number, string[], typeof shapes, number, unknown[]]
    strings.push(...newStrings)
    shapes.push(...newShapes)
    const object = (next: () => unknown): object => {
      const [names, types, kind] = shapes[Number(next()) - 1]!
      const entries = names.map((name, index) => [name, types[index] === 'k' ? kind : field(types[index]!, next())])
      return Object.fromEntries(entries)
    }
    const field = (type: string, value: unknown): unknown => {
      if (value === null) return null
      if (type === 't') return base + Number(value)
      if (type === 's') return typeof value === 'number' ? strings[value] : value
      return type === 'o' ? nested(value) : value
    }
    const nested = (value: unknown): unknown => {
      if (!Array.isArray(value)) return value
      if (value[0] === 0) return value.slice(1).map(nested)
      let index = 0
      return object(() => value[index++])
    }
    let index = 0
    for (let left = count; left > 0; left--) events.push(object(() => values[index++]))
  }
  t.strictSame(events, EVENTS)
})

t.test('frames that say something else than a history does are damage', async t => {
  const file = join(t.testdir(), 'strange')
  const begun = () => {
    const writer = new HistoryWriter(file, '1.2.3')
    writer.begin(slight())
    writer.close()
  }
  const strange = [
    { record: 'report' },
    { record: 'report', report: { kind: 'queue-manager', node: 'S1', sender: 5 } },
    { record: 'death' },
    { record: 'end' },
    { record: 'other' },
    [0, [], [[['a', 'a'], 'vv', '']], 1, [1, 2, 3]],
    [0, [], [[['a', 'b'], 'kk', '']], 1, [1]],
    [0, [], [[['__proto__'], 'v', '']], 1, [1, 2]],
  ]
  for (const body of strange.map(each => Buffer.from(encode(each)))) {
    begun()
    const head = Buffer.alloc(8)
    head.writeUInt32LE(body.length)
    head.writeUInt32LE(crc32(body), 4)
    appendFileSync(file, Buffer.concat([head, body]))
    t.throws(() => [...readHistory(file)], { code: 'MSMQ_HISTORY_DAMAGED' }, JSON.stringify(decode(body)))
  }
})

t.test('what is no history of a run, or none of ours', async t => {
  const folder = t.testdir({ empty: '', text: 'scenario: x\n', start: 'MQLA' })
  t.throws(() => [...readHistory(join(folder, 'text'))], {
    code: 'MSMQ_HISTORY_FOREIGN',
    message: /text: is not the history of a run/,
  })
  t.throws(() => [...readHistory(folder)], { code: 'MSMQ_HISTORY_FOREIGN' })
  t.throws(() => [...readHistory(join(folder, 'none'))], { code: 'ENOENT' })
  for (const begun of ['empty', 'start']) t.strictSame([...readHistory(join(folder, begun))], [])
  const file = join(folder, 'later')
  const bytes = written(file, EVENTS)
  appendFileSync(file, bytes.subarray(8, 30))
  t.throws(() => [...readHistory(file)], { code: 'MSMQ_HISTORY_DAMAGED', message: /follows the end of the run/ })
})

t.test(
  'a file that cannot be written says so, and does not disturb the run',
  {
    skip: !existsSync('/dev/full') && 'no device that is full here',
  },
  async t => {
    const writer = new HistoryWriter('/dev/full', '1.2.3')
    const run = handMadeRun({})
    writer.begin(run)
    for (let count = 0; count < 20_000; count++) writer.event(EVENTS[0]!)
    t.throws(() => writer.check(), { code: 'MSMQ_HISTORY_WRITE', message: /\/dev\/full: .*ENOSPC/ })
    t.throws(() => writer.end(run), { code: 'MSMQ_HISTORY_WRITE' })
  },
)

/** Without what a file does not keep apart: fields that are undefined, and maps. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, each) =>
      each instanceof Map ? [...each] : each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each,
    ),
  )
}
