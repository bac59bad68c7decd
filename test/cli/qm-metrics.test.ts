import t from 'tap'
import { metricsText, QUEUE_SERIES_MAX } from '../../cli/qm-metrics.js'
import { StoreMeter } from '../../cli/qm-store-meter.js'
import type { StoreOperation } from '../../queue-manager/actions.js'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { MemoryStore } from '../../store/memory-store.js'

const NOW = { monotonicMs: 1, wallMs: 1_700_000_000_000 }
const DRIVER = { counters: { acceptErrors: 2, connectionsOverLimit: 0 } }

function engine() {
  return new QueueManager({
    name: 'R1',
    guid: '11111111-2222-4333-8444-555555555555',
    addresses: ['127.0.0.1'],
    sequenceTimeStamp: 1,
    notes: false,
  })
}

function samplesOf(engine: QueueManager, store = new StoreMeter(new MemoryStore(), null, () => undefined)) {
  const text = metricsText({ engine, driver: DRIVER, store, version: '0.1.0', startedMs: 1_500 })
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, series = '', value = ''] = /^(.+) (\S+)$/.exec(line) ?? []
    t.notOk(samples.has(series), `${series} is there once`)
    samples.set(series, Number(value))
  }
  return { text, samples }
}

t.test('queues, outgoing queues, counters, store and process', async t => {
  const manager = engine()
  manager.createQueue(NOW, { name: 'private$\\a', quotaKB: 10, journal: true })
  manager.start(NOW)
  const body = Buffer.from('hello')
  manager.send(NOW, { destination: 'DIRECT=TCP:127.0.0.9\\private$\\far', body })
  for (const action of manager.takeActions()) if (action.do === 'persist') manager.persisted(NOW, action.ticket)
  manager.counters.adminAcksByClass[0x8003] = 4
  manager.counters.discardedByReason['queue-quota'] = 5
  manager.counters.httpAnswersByStatus[503] = 2
  manager.counters.httpStatusesGiven[400] = 3
  manager.counters.sessionsOpened = 7
  manager.counters.sessionsClosed = 4
  const { samples, text } = samplesOf(manager)
  const expected: readonly (readonly [series: string, value: number])[] = [
    ['mqlab_info{version="0.1.0",name="R1",guid="11111111-2222-4333-8444-555555555555"}', 1],
    ['mqlab_start_time_seconds', 1.5],
    ['mqlab_queue_messages{queue="private$\\\\a"}', 0],
    ['mqlab_queue_quota_bytes{queue="private$\\\\a"}', 10_240],
    ['mqlab_queue_messages{queue="system$;deadletter"}', 0],
    ['mqlab_outgoing_queue_messages{queue="DIRECT=TCP:127.0.0.9\\\\private$\\\\far"}', 1],
    ['mqlab_outgoing_messages', 1],
    ['mqlab_admin_acks_total{class="NACK_Q_EXCEED_QUOTA"}', 4],
    ['mqlab_discarded_total{reason="queue-quota"}', 5],
    ['mqlab_http_posts_answered_total{status="503"}', 2],
    ['mqlab_http_requests_answered_total{status="400"}', 3],
    ['mqlab_http_posts_total', 0],
    ['mqlab_sessions', 3],
    ['mqlab_sessions_opened_total', 7],
    ['mqlab_resends_total', 0],
    ['mqlab_accept_errors_total', 2],
    ['mqlab_machine_quota_bytes', manager.settings.MachineQuota * 1024],
  ]
  for (const [series, value] of expected) t.equal(samples.get(series), value, series)
  const [outgoing] = manager.outgoingQueues()
  t.equal(samples.get(`mqlab_outgoing_queues{state="${outgoing?.state}"}`), 1)
  t.ok((samples.get('process_resident_memory_bytes') ?? 0) > 1e6)
  for (const counter of Object.keys(manager.counters)) {
    const snake = counter.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
    const told =
      /^(admin_acks_sent|admin_acks_by_class|discarded_by_reason|http_answers_by_status|http_statuses_given)$/.test(
        snake,
      )
    if (!told) t.match(text, new RegExp(`^# TYPE mqlab_${snake}(_total)? (counter|gauge)$`, 'm'))
  }
})

t.test('every family says what it is once, before its samples', async t => {
  const { text } = samplesOf(engine())
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name)
  t.equal(new Set(names).size, names.length)
  let family = ''
  for (const line of text.trimEnd().split('\n')) {
    const [, named] = /^# HELP (\S+) \S/.exec(line) ?? []
    if (named !== undefined) family = named
    else t.ok(line.startsWith(`# TYPE ${family} `) || line.startsWith(family), line)
  }
})

t.test('however many queues there are, a scrape stays small', async t => {
  const manager = engine()
  for (let n = 0; n < QUEUE_SERIES_MAX + 500; n += 1) manager.createQueue(NOW, { name: `private$\\q${n}` })
  const { samples } = samplesOf(manager)
  const series = [...samples.keys()].filter(name => name.startsWith('mqlab_queue_messages{'))
  t.equal(series.length, QUEUE_SERIES_MAX + 1)
  t.equal(samples.get('mqlab_queue_messages{queue="(others)"}'), 0)
  t.equal(samples.get('mqlab_queues'), manager.localQueues().length)
})

t.test('the store: writes timed, failures counted and told, none of it in the way', async t => {
  const failures: Error[] = []
  const store = new MemoryStore()
  const meter = new StoreMeter(store, { commits: 9 }, error => failures.push(error))
  const row: StoreOperation = { table: 'state', key: 'x', value: { n: 1 } }
  const answers: (Error | null)[] = []
  meter.write([row, row], error => answers.push(error))
  t.equal(meter.pending, 0)
  t.same([...meter.load()], [row])
  await meter.close()
  meter.write([row], error => answers.push(error))
  t.equal(answers[0], null)
  t.match(answers[1], { code: 'MSMQ_STORE_CLOSED' })
  t.same(failures, [answers[1]])
  const { samples } = samplesOf(engine(), meter)
  t.equal(samples.get('mqlab_store_write_seconds_count'), 1)
  t.equal(samples.get('mqlab_store_write_seconds_bucket{le="+Inf"}'), 1)
  t.equal(samples.get('mqlab_store_operations_total'), 3)
  t.equal(samples.get('mqlab_store_failures_total'), 1)
  t.equal(samples.get('mqlab_store_commits_total'), 9)
})
