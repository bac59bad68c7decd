import t from 'tap'
import { durableLoneBenchmark } from '../../benchmarks/durable-lone.js'
import { durableRecoverableBenchmark, durableTransactionalBenchmark } from '../../benchmarks/durable-throughput.js'
import { BODY_BYTES, directName, RECEIVER_GUID, SENDER_GUID } from '../../benchmarks/engine-pair.js'
import { withProcesses } from '../../benchmarks/processes.js'
import { benchmarkAddress } from '../../benchmarks/roles/address.js'
import { withStoreFolder } from '../../benchmarks/store-folder.js'
import { waitingMillionBenchmark } from '../../benchmarks/waiting-million.js'
import { quickContext } from '../fixtures/bench-context.js'

for (const benchmark of [durableRecoverableBenchmark, durableTransactionalBenchmark]) {
  t.test(`${benchmark.name}: each message once, in order, none left behind, and the settings are stated`, async t => {
    const { figures, remarks } = await benchmark.run(quickContext())
    const subjects = figures.filter(({ unit }) => unit === 'messages/s')
    t.equal(subjects.length, 3)
    for (const { name, value, ratio, verdict } of subjects) {
      t.ok(verdict.ok, `${name}: ${verdict.says}`)
      t.ok(value > 0 && (ratio ?? 0) > 0, name)
      t.ok((verdict.counts.sent ?? 0) >= 640, name)
      t.equal(verdict.counts.delivered, verdict.counts.sent, name)
      t.match(verdict.counts, { lost: 0, duplicated: 0, reordered: 0 }, name)
      if (benchmark === durableTransactionalBenchmark) t.ok((verdict.counts.orderAcks ?? 0) > 0, 'order acks came')
    }
    t.equal(subjects.filter(({ goal }) => goal !== null).length, 1, 'one of them is judged')
    t.ok(remarks?.some(remark => remark.includes('MaxUnackedPacket')))
  })
}

t.test('durable-lone: each lone message is timed, and the commits beside them', async t => {
  const { figures } = await durableLoneBenchmark.run(quickContext())
  const value = (part: string) => figures.find(({ name }) => name.includes(part))?.value ?? Number.NaN
  for (const { name, verdict } of figures) t.ok(verdict.ok, `${name}: ${verdict.says}`)
  t.ok(value('one LMDB commit') > 0)
  t.ok(value('ack at once, send to session ack') > value('ack at once, send to on disk here'))
  t.ok(value('all defaults, send to session ack') > 500_000, 'the delay of the protocol is in it')
})

t.test('waiting-million, with fewer: all are there after opening, and come in order', async t => {
  const { figures } = await waitingMillionBenchmark.run({ ...quickContext(), messages: 5000, repetitions: 2 })
  for (const { name, value, verdict } of figures) {
    t.ok(verdict.ok, `${name}: ${verdict.says}`)
    t.ok(Number.isFinite(value), name)
  }
  t.equal(figures.filter(({ goal }) => goal !== null).length, 3)
  const many = figures.find(({ name }) => name === 'received with many waiting')
  t.ok((many?.verdict.counts.delivered ?? 0) >= 2000)
})

t.test('what counts as filled is on the disk of both: it is found by those who open the stores again', async t => {
  await withStoreFolder(async folder => {
    const address = benchmarkAddress(110)
    const queue = 'private$\\kept'
    const receiverOptions = {
      name: 'RECEIVER',
      address,
      guid: RECEIVER_GUID,
      settings: {},
      store: { kind: 'lmdb', folder: folder.child('receiver') },
    } as const
    await withProcesses({}, async start => {
      const receiver = await start('engine-receiver', receiverOptions)
      const sender = await start('engine-sender', {
        name: 'SENDER',
        address: benchmarkAddress(111),
        guid: SENDER_GUID,
        settings: {},
        store: { kind: 'lmdb', folder: folder.child('sender') },
      })
      await receiver.call('begin', { queues: [queue], transactional: false, sender: 1, latency: false, consume: false })
      await sender.call('run', {
        sender: 1,
        destinations: [directName(address, queue)],
        delivery: 'recoverable',
        bodyBytes: BODY_BYTES,
        messages: 640,
      })
    })
    await withProcesses({}, async start => {
      const receiver = await start('engine-receiver', receiverOptions)
      await receiver.call('begin', { queues: [queue], transactional: false, sender: 1, latency: false })
      await receiver.call('consumed', 640)
      t.match(await receiver.call('tally'), {
        delivered: 640,
        highest: 640,
        duplicateCopies: 0,
        reordered: 0,
        foreign: 0,
      })
    })
  })
})
