import t from 'tap'
import { judgeDelivery, startEnginePair } from '../../benchmarks/engine-pair.js'
import { expressBenchmark } from '../../benchmarks/express.js'
import { expressProxyBenchmark } from '../../benchmarks/express-proxy.js'
import { latencyAcksBenchmark } from '../../benchmarks/latency-acks.js'
import { withProcesses } from '../../benchmarks/processes.js'
import { benchmarkAddress } from '../../benchmarks/roles/address.js'
import { ORDER_ACK_SETTINGS, transactionalBenchmark } from '../../benchmarks/transactional.js'
import { quickContext } from '../fixtures/bench-context.js'

for (const benchmark of [expressBenchmark, transactionalBenchmark, expressProxyBenchmark]) {
  t.test(`${benchmark.name}: each message once, in order, and none left behind`, async t => {
    const { figures } = await benchmark.run(quickContext())
    const subjects = figures.filter(({ unit, name }) => unit === 'messages/s' && !name.startsWith('raw'))
    t.ok(subjects.length > 0)
    for (const { name, value, verdict } of subjects) {
      const { ok, says, counts } = verdict
      t.ok(ok, `${name}: ${says}`)
      t.ok(value > 0, `${name} has a rate`)
      t.ok((counts.sent ?? 0) > 0)
      t.equal(counts.delivered, counts.sent)
      t.match(counts, { lost: 0, duplicated: 0, reordered: 0 })
      if (benchmark === transactionalBenchmark) t.ok((counts.orderAcks ?? 0) > 0, 'order acks came')
    }
    for (const { name, verdict } of figures) t.ok(verdict.ok, `${name}: ${verdict.says}`)
  })
}

t.test('latency-acks: every acknowledgement is timed', async t => {
  const { figures } = await latencyAcksBenchmark.run(quickContext())
  for (const { name, latency, verdict } of figures) {
    t.ok(verdict.ok, `${name}: ${verdict.says}`)
    t.equal(latency?.count, verdict.counts.delivered, name)
    t.ok((latency?.p50 ?? 0) > 0, name)
  }
  const p50 = (end: string) => figures.find(({ name }) => name.endsWith(end))?.latency?.p50 ?? Number.NaN
  t.ok(p50('transactional, send to order ack') > p50('transactional, send to consumed'))
})

t.test('the sender can stay in this process', async t => {
  await withProcesses({ inProcess: 'engine-sender' }, async start => {
    const pair = await startEnginePair(start, {
      senderAddress: benchmarkAddress(40),
      receiverAddress: benchmarkAddress(41),
      settings: ORDER_ACK_SETTINGS,
    })
    const sample = await pair.sample({ delivery: 'transactional', perTransaction: 3, outgoingMax: 300 }, 50)
    t.ok(sample.verdict.ok, sample.verdict.says)
    t.equal((sample.verdict.counts.delivered ?? 0) % 3, 0, 'whole transactions')
    t.ok((sample.cost?.sendUs ?? 0) > 0)
  })
})

t.test('what is not as it should be is said', async t => {
  const sent = { offered: 10, accepted: 10, refused: 0, outgoing: 0 }
  const tally = { delivered: 10, highest: 10, duplicateCopies: 0, reordered: 0, foreign: 0 }
  t.ok(judgeDelivery(sent, tally, null).ok)
  const spoiled: [string, Partial<typeof sent>, Partial<typeof tally>][] = [
    ['1 lost', {}, { delivered: 9 }],
    ['2 duplicate copies', {}, { duplicateCopies: 2 }],
    ['1 out of order', {}, { reordered: 1 }],
    ['1 foreign or damaged', {}, { foreign: 1 }],
    ['3 still in the outgoing queue', { outgoing: 3 }, {}],
    ['the last delivered is 11 of 10', {}, { highest: 11 }],
    ['1 not accepted', { accepted: 9, refused: 1 }, { delivered: 9, highest: 9 }],
    ['nothing was sent', { offered: 0, accepted: 0 }, { delivered: 0, highest: 0 }],
  ]
  for (const [complaint, sentChange, tallyChange] of spoiled) {
    const verdict = judgeDelivery({ ...sent, ...sentChange }, { ...tally, ...tallyChange }, null)
    t.equal(verdict.ok, false)
    t.match(verdict.says, complaint)
  }
})
