import t from 'tap'
import { rawBenchmark, startRawCeiling } from '../../benchmarks/ceiling-raw.js'
import { userMessageBatch, userMessageSize } from '../../benchmarks/frames.js'
import { withProcesses } from '../../benchmarks/processes.js'
import { decodePacket } from '../../protocol/binary/packet.js'
import { quickContext } from '../fixtures/bench-context.js'

t.test('the frames are user messages of the stated size, each its own', async t => {
  const shape = { bodyBytes: 1024 }
  const size = userMessageSize(shape)
  const batch = userMessageBatch(3, shape)
  t.equal(batch.length, 3 * size)
  const ids = [0, 1, 2].map(index => {
    const packet = decodePacket(batch.subarray(index * size, (index + 1) * size))
    if (packet.packetType !== 'UserMessage') return t.fail(packet.packetType)
    t.equal(packet.properties.messageSize, 1024)
    return packet.user.messageId
  })
  t.equal(new Set(ids).size, 3)
})

t.test('both ways of reading count every frame written', async t => {
  const { figures, skipped } = await rawBenchmark.run(quickContext())
  t.equal(figures.length, 2)
  t.strictSame(skipped, [])
  for (const figure of figures) {
    t.ok(figure.verdict.ok, figure.verdict.says)
    t.equal(figure.verdict.counts.sent, figure.verdict.counts.delivered)
    t.ok(figure.value > 0)
  }
  t.type(figures[1]?.ratio, 'number')
})

t.test('the writer can stay in this process', async t => {
  await withProcesses({ inProcess: 'raw-writer' }, async start => {
    const ceiling = await startRawCeiling(start, { trialMs: 20 })
    const sample = await ceiling.sample(50)
    t.ok(sample.verdict.ok, sample.verdict.says)
  })
})
