import { createSettings } from '../queue-manager/settings.js'
import { type Benchmark, interleave, sampleMs, warmUp } from './benchmark.js'
import { LMDB_SYNC, startLmdbCeiling } from './ceiling-lmdb.js'
import { BODY_BYTES, directName, judgeDelivery, RECEIVER_GUID, SENDER_GUID } from './engine-pair.js'
import { createFigure, type Sample, type Verdict } from './figure.js'
import type { LatencySummary } from './latency.js'
import { type StartRole, withProcesses } from './processes.js'
import { benchmarkAddress } from './roles/address.js'
import { type StoreFolder, withStoreFolder } from './store-folder.js'

const BENCHMARK = 'durable-lone'
const QUEUE = 'private$\\lone'
const GOAL = { at: 'most', of: 'ratio', value: 3 } as const
/** With a window of two, one message is half a window, which is acknowledged as soon as it is on disk. */
const AT_ONCE = { MaxUnackedPacket: 2 } as const
const ACK_DELAY_MS = createSettings().RecoverableAckSendTimeoutMin
/** Later changes, the message's removal from the outgoing queue for one, are on disk before the next message. */
const REST_MS = 10
const LONE_MS = 20

/** Latencies of one run of lone messages. */
interface LoneSamples {
  readonly durable: Sample
  readonly sessionAck: Sample
}

/** A recoverable message by itself: how long until the sender knows that it is on the receiver's disk. */
export const durableLoneBenchmark: Benchmark = {
  name: BENCHMARK,
  about: 'a lone recoverable message of 1 KB, both ends on disk: send to session ack, against one durable commit',
  roles: ['engine-lone', 'engine-receiver', 'lmdb-writer'],
  run: async context =>
    await withStoreFolder(folder =>
      withProcesses({ inProcess: context.inProcess }, async start => {
        const atOnce = await startLonePair(start, folder, 'at-once', 80, AT_ONCE)
        const plain = await startLonePair(start, folder, 'plain', 82, {})
        const ceiling = await startLmdbCeiling(context, start, folder)
        const durationMs = sampleMs(context, 3)
        const lone = Math.max(5, Math.round(durationMs / LONE_MS))
        const delayed = Math.max(1, Math.round(durationMs / ACK_DELAY_MS))
        await warmUp(context, () => atOnce(lone))
        const runs: { atOnce: LoneSamples[]; plain: LoneSamples[]; fdatasync: Sample[] } = {
          atOnce: [],
          plain: [],
          fdatasync: [],
        }
        const samples = await interleave(context.repetitions, {
          commit: async () => {
            const { fdatasync, commit } = await ceiling.writer.call('flushes', lone)
            runs.fdatasync.push(sampleOf(fdatasync, FLUSHED))
            return sampleOf(commit, FLUSHED)
          },
          atOnce: async () => {
            const run = await atOnce(lone)
            runs.atOnce.push(run)
            return run.sessionAck
          },
          plain: async () => {
            const run = await plain(delayed)
            runs.plain.push(run)
            return run.sessionAck
          },
        })
        const commit = { name: 'one commit', samples: samples.commit }
        const figure = (name: string, of: readonly Sample[], goal?: typeof GOAL) =>
          createFigure({ benchmark: BENCHMARK, name, unit: 'us p50', samples: of, ceiling: commit, goal })
        const beyond = samples.plain.map(({ value, verdict }) => ({ value: value - ACK_DELAY_MS * 1000, verdict }))
        return {
          figures: [
            figure('4 KiB written over, fdatasync', runs.fdatasync),
            createFigure({ benchmark: BENCHMARK, name: 'one LMDB commit', unit: 'us p50', samples: samples.commit }),
            figure('ack at once, send to on disk here', pick(runs.atOnce, 'durable')),
            figure('ack at once, send to session ack', samples.atOnce, GOAL),
            figure('all defaults, send to session ack', samples.plain),
            figure(`all defaults, what is over the ack delay of ${ACK_DELAY_MS} ms`, beyond, GOAL),
          ],
          skipped: [],
          remarks: [
            folder.remark,
            LMDB_SYNC,
            'a flush is one LMDB commit of one record, on disk, measured in turns with the messages; it makes the disk ' +
              'flush twice',
            `ack at once: MaxUnackedPacket ${AT_ONCE.MaxUnackedPacket} (default 64)`,
          ],
        }
      }),
    ),
}

const FLUSHED: Verdict = { ok: true, says: 'on disk', counts: {} }

function sampleOf(latency: LatencySummary, verdict: Verdict): Sample {
  return { value: latency.p50, latency, verdict }
}

const pick = (runs: readonly LoneSamples[], what: keyof LoneSamples) => runs.map(run => run[what])

/** Starts a pair on disk; what it returns sends so many messages, one after another. */
async function startLonePair(
  start: StartRole,
  folder: StoreFolder,
  name: string,
  node: number,
  settings: Readonly<Record<string, number>>,
): Promise<(messages: number) => Promise<LoneSamples>> {
  const receiverAddress = benchmarkAddress(node + 1)
  const store = (end: string) => ({ kind: 'lmdb' as const, folder: folder.child(`${name}-${end}`) })
  const receiver = await start('engine-receiver', {
    name: 'RECEIVER',
    address: receiverAddress,
    guid: RECEIVER_GUID,
    settings,
    store: store('receiver'),
  })
  const sender = await start('engine-lone', {
    name: 'SENDER',
    address: benchmarkAddress(node),
    guid: SENDER_GUID,
    settings,
    store: store('sender'),
  })
  let runs = 0
  return async messages => {
    runs += 1
    await receiver.call('begin', {
      queues: [QUEUE],
      transactional: false,
      sender: runs,
      latency: false,
      consume: false,
    })
    const { accepted, refused, durable, sessionAck } = await sender.call('send', {
      sender: runs,
      destination: directName(receiverAddress, QUEUE),
      bodyBytes: BODY_BYTES,
      messages,
      restMs: REST_MS,
    })
    await receiver.call('consume')
    await receiver.call('consumed', messages)
    const [outgoing, tally] = await Promise.all([sender.call('outgoing'), receiver.call('tally')])
    const verdict = judgeDelivery({ offered: messages, accepted, refused, outgoing }, tally, null)
    return { durable: sampleOf(durable, verdict), sessionAck: sampleOf(sessionAck, verdict) }
  }
}
