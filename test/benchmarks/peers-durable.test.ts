import t from 'tap'
import { findNats } from '../../benchmarks/peers/nats-jetstream.js'
import { findRabbitmq } from '../../benchmarks/peers/rabbitmq.js'
import { findRedis } from '../../benchmarks/peers/redis-streams.js'
import { peersDurableBenchmark } from '../../benchmarks/peers-durable.js'
import { quickContext } from '../fixtures/bench-context.js'

const found = [findRabbitmq(), findNats(), findRedis()]

t.test('everything that is published to a broker is consumed; those that are not here are named', async t => {
  const { figures, skipped, remarks } = await peersDurableBenchmark.run(quickContext())
  const missing = found.flatMap(peer => ('missing' in peer ? [peer.missing] : []))
  const titles = found.flatMap(peer => ('missing' in peer ? [] : peer.brokers.map(({ title }) => title)))
  t.strictSame(skipped, missing)
  for (const { name, value, verdict } of figures) {
    t.ok(verdict.ok, `${name}: ${verdict.says}`)
    t.ok(value > 0, name)
    t.equal(verdict.counts.delivered, verdict.counts.sent, name)
  }
  for (const title of titles) {
    t.equal(figures.filter(({ name }) => name.startsWith(`${title}, until `)).length, 2, title)
    t.ok(
      remarks?.some(remark => remark.startsWith(`${title}: `)),
      `the settings of ${title} are stated`,
    )
  }
  t.equal(figures.filter(({ name }) => name.startsWith('mqlab, ')).length, 2)
})
for (const peer of found) if ('missing' in peer) t.test('a broker is not here', { skip: peer.missing }, () => {})
