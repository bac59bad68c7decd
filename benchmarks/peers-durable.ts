import { type Benchmark, type BenchmarkContext, interleave, warmUp } from './benchmark.js'
import { LMDB_SYNC, startLmdbCeiling } from './ceiling-lmdb.js'
import { FAST_SETTINGS_SAY, loadOf, RECOVERABLE, startFastPair } from './durable-throughput.js'
import { createFigure, type Sample } from './figure.js'
import { type BrokerRun, startBrokerRun } from './peers/broker-run.js'
import { findNats } from './peers/nats-jetstream.js'
import { findRabbitmq } from './peers/rabbitmq.js'
import { findRedis } from './peers/redis-streams.js'
import type { RunningServer } from './peers/server-program.js'
import { type StartRole, withProcesses } from './processes.js'
import { benchmarkAddress } from './roles/address.js'
import { type StoreFolder, withStoreFolder } from './store-folder.js'

const BENCHMARK = 'peers-durable'
/** For each second of the time that is given, split over all repetitions of everything. */
const MESSAGES_PER_S = 1000
const MESSAGES_MIN = 256
const PEER_PORT = 5672
const FIRST_NODE = 60

interface Peers {
  readonly runs: readonly BrokerRun[]
  readonly remarks: readonly string[]
  readonly skipped: readonly string[]
}

/** Two queue managers beside other brokers, each with its own client: one sender, one receiver, messages of 1 KB on disk.
 *  A queue manager stores each message twice, at the sender and at the receiver; a broker stores it once, and a
 *  sender that is ended loses what it had not handed over. */
export const peersDurableBenchmark: Benchmark = {
  name: BENCHMARK,
  about: 'recoverable messages of 1 KB beside RabbitMQ, NATS JetStream and Redis Streams where they are installed',
  roles: ['engine-sender', 'engine-receiver', 'peer-publisher', 'peer-consumer'],
  run: async context =>
    await withStoreFolder(folder =>
      withProcesses({ inProcess: context.inProcess }, start =>
        withPeers(context, start, folder, async peers => {
          const messages = messagesOf(context)
          const pair = await startFastPair(start, folder, RECOVERABLE, FIRST_NODE)
          const ceiling = await startLmdbCeiling(context, start, folder)
          const filled = loadOf(RECOVERABLE, 'filled')
          const consumed = loadOf(RECOVERABLE, 'consumed')
          await warmUp(context, () => pair.sample(consumed, messages))
          const parts: Record<string, () => Promise<Sample>> = {
            ceiling: () => ceiling.sample(messages),
            'mqlab, recoverable, until acknowledged': () => pair.sample(filled, messages),
            'mqlab, recoverable, until consumed': () => pair.sample(consumed, messages),
          }
          for (const run of peers.runs) {
            parts[`${run.title}, until confirmed`] = () => run.sample('confirmed', messages)
            parts[`${run.title}, until consumed`] = () => run.sample('consumed', messages)
          }
          context.note(`${BENCHMARK}: ${messages} messages a sample`)
          const { ceiling: ceilingSamples, ...subjects } = await interleave(context.repetitions, parts)
          const against = { name: ceiling.name, samples: ceilingSamples ?? [] }
          return {
            figures: [
              createFigure({ benchmark: BENCHMARK, unit: 'records/s', ...against }),
              ...Object.entries(subjects).map(([name, samples]) =>
                createFigure({ benchmark: BENCHMARK, name, unit: 'messages/s', samples, ceiling: against }),
              ),
            ],
            skipped: peers.skipped,
            remarks: [folder.remark, LMDB_SYNC, `mqlab: ${FAST_SETTINGS_SAY}`, ...peers.remarks],
          }
        }),
      ),
    ),
}

function messagesOf({ seconds, messages }: BenchmarkContext): number {
  return messages ?? Math.max(MESSAGES_MIN, Math.round(seconds * MESSAGES_PER_S))
}

/** Starts every broker that is here and its two applications, and ends the brokers after `body`. */
async function withPeers<T>(
  context: BenchmarkContext,
  start: StartRole,
  folder: StoreFolder,
  body: (peers: Peers) => Promise<T>,
): Promise<T> {
  const servers: RunningServer[] = []
  const runs: BrokerRun[] = []
  const remarks: string[] = []
  const skipped: string[] = []
  try {
    for (const [index, found] of [findRabbitmq(), findNats(), findRedis()].entries()) {
      if ('missing' in found) {
        skipped.push(found.missing)
        continue
      }
      const at = { address: benchmarkAddress(FIRST_NODE + 10 + index), port: PEER_PORT }
      servers.push(await found.start(folder.child(found.brokers[0]!.name), at))
      for (const broker of found.brokers) {
        const run = await startBrokerRun(context, start, broker, at, messagesOf(context))
        context.note(`${BENCHMARK}: against ${broker.title}, ${run.unconfirmedMax} messages on their way`)
        remarks.push(`${broker.title}: ${broker.settings}; ${run.unconfirmedMax} messages on their way`)
        runs.push(run)
      }
    }
    return await body({ runs, remarks, skipped })
  } finally {
    await Promise.allSettled(servers.map(server => server.stop()))
  }
}
