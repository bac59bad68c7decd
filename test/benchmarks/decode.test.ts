import t from 'tap'
import { decodeBenchmark } from '../../benchmarks/decode.js'
import { MIXES, messagesOfMix } from '../../benchmarks/message-mix.js'
import { decodePacket } from '../../protocol/binary/packet.js'
import { quickContext } from '../fixtures/bench-context.js'

t.test('messages of every mix have the stated size and are what the mix says', async t => {
  for (const mix of MIXES) {
    const messages = messagesOfMix(mix, { count: 200, messageBytes: 300, seed: 3 })
    t.equal(messages.length, 200)
    t.ok(
      messages.every(message => message.length === 300),
      `${mix.name}: 300 bytes`,
    )
    const again = messagesOfMix(mix, { count: 200, messageBytes: 300, seed: 3 })
    t.ok(
      messages.every((message, index) => message.equals(again[index]!)),
      `${mix.name}: the seed decides`,
    )
  }
  const sources = new Set<string>()
  const labels = new Set<string>()
  for (const message of messagesOfMix(MIXES.at(-1)!, { count: 200, messageBytes: 300, seed: 3 })) {
    const packet = decodePacket(message)
    if (packet.packetType !== 'UserMessage') return t.fail(packet.packetType)
    sources.add(packet.user.sourceQueueManager)
    labels.add(packet.properties.label)
  }
  t.ok(sources.size > 150 && labels.size > 150, `${sources.size} sources, ${labels.size} labels`)
})

t.test('every mix decodes, and encodes to the same bytes', async t => {
  const { figures } = await decodeBenchmark.run(quickContext())
  t.equal(figures.length, MIXES.length * 2)
  for (const figure of figures) {
    t.ok(figure.verdict.ok, `${figure.name}: ${figure.verdict.says}`)
    t.ok((figure.verdict.counts.decoded ?? 0) > 0)
  }
})
