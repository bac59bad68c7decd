import { type Benchmark, interleave, lookUntil, sampleMs, warmUp } from './benchmark.js'
import { BENCHMARK_SETTINGS, BODY_BYTES, directName, judgeDelivery, RECEIVER_GUID, SENDER_GUID } from './engine-pair.js'
import { createFigure, type Sample } from './figure.js'
import type { LatencySummary } from './latency.js'
import { type RoleProcess, withProcesses } from './processes.js'
import { benchmarkAddress } from './roles/address.js'
import { ORDER_ACK_SETTINGS, ORDER_ACKS_QUICK } from './transactional.js'

const RATE_PER_S = 2000
/** A session acknowledges each 32nd message at once: whole groups leave nothing over that only a timer acknowledges. */
const GROUP_MESSAGES = 32
const WARM_UP_MS = 500
const DRAIN_TIMEOUT_MS = 20_000

/** Latencies of one run of messages at the fixed rate. */
interface Latencies {
  readonly sessionAck: Sample
  readonly orderAck: Sample
  readonly consumed: Sample
}

/** 1 KB at a fixed rate, open loop: from the intended send to the session ack, to the order ack, to consumption. The
 *  floor is the round trip of the same message to an echo server at the same rate. */
export const latencyAcksBenchmark: Benchmark = {
  name: 'latency-acks',
  about: `send to session ack, order ack, consumed: 1 KB, ${RATE_PER_S}/s open loop; beside it a plain echo round trip`,
  roles: ['engine-pacer', 'engine-receiver'],
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, async start => {
      const durationMs = sampleMs(context, 3)
      const settings = { ...BENCHMARK_SETTINGS, ...ORDER_ACK_SETTINGS }
      const receiverAddress = benchmarkAddress(31)
      const receiver = await start('engine-receiver', {
        name: 'RECEIVER',
        address: receiverAddress,
        guid: RECEIVER_GUID,
        settings,
      })
      const address = benchmarkAddress(30)
      const pacer = await start('engine-pacer', { name: 'SENDER', address, guid: SENDER_GUID, settings })
      const echoServer = await start('echo-server', { address: benchmarkAddress(32) })
      const echoClient = await start('echo-client', {})
      const echo = await echoServer.call('listening')
      let runs = 0
      const measure = async (transactional: boolean, runMs: number): Promise<Latencies> => {
        runs += 1
        return await measureRun(pacer, receiver, { sender: runs, transactional, receiverAddress, runMs })
      }
      const echoRun = { ...echo, bodyBytes: BODY_BYTES, ratePerS: RATE_PER_S, durationMs, warmUpMs: 0 }
      await warmUp(context, async () => {
        const warmUpMs = Math.min(WARM_UP_MS, durationMs)
        await echoClient.call('openLoop', { ...echoRun, durationMs: warmUpMs })
        await measure(false, warmUpMs)
        await measure(true, warmUpMs)
      })
      const express: Latencies[] = []
      const transactional: Latencies[] = []
      const { floor } = await interleave(context.repetitions, {
        floor: async () => {
          const { sent, echoed, altered, latency } = await echoClient.call('openLoop', echoRun)
          const ok = echoed === sent && altered === 0
          const says = ok ? 'every message came back unaltered' : `${sent - echoed} missing, ${altered} altered`
          return { value: latency.p50, latency, verdict: { ok, says, counts: { sent, delivered: echoed } } }
        },
        express: async () => {
          const latencies = await measure(false, durationMs)
          express.push(latencies)
          return latencies.consumed
        },
        transactional: async () => {
          const latencies = await measure(true, durationMs)
          transactional.push(latencies)
          return latencies.consumed
        },
      })
      const ceiling = { name: 'echo round trip', samples: floor }
      const figure = (name: string, samples: readonly Sample[]) =>
        createFigure({ benchmark: 'latency-acks', name, unit: 'us p50', samples, ceiling })
      const pick = (runs: readonly Latencies[], what: keyof Latencies) => runs.map(run => run[what])
      return {
        figures: [
          createFigure({ benchmark: 'latency-acks', unit: 'us p50', ...ceiling }),
          figure('express, send to consumed', pick(express, 'consumed')),
          figure('express, send to session ack', pick(express, 'sessionAck')),
          figure('transactional, send to consumed', pick(transactional, 'consumed')),
          figure('transactional, send to session ack', pick(transactional, 'sessionAck')),
          figure('transactional, send to order ack', pick(transactional, 'orderAck')),
        ],
        skipped: [],
        remarks: [
          `${ORDER_ACKS_QUICK} (defaults 500 ms, 10 s)`,
          `one session ack for ${GROUP_MESSAGES} messages, as the default window has it: ` +
            `${(GROUP_MESSAGES * 1000) / RATE_PER_S} ms of them at ${RATE_PER_S}/s`,
        ],
      }
    }),
}

interface Run {
  readonly sender: number
  readonly transactional: boolean
  readonly receiverAddress: string
  readonly runMs: number
}

async function measureRun(
  pacer: RoleProcess<'engine-pacer'>,
  receiver: RoleProcess<'engine-receiver'>,
  { sender, transactional, receiverAddress, runMs }: Run,
): Promise<Latencies> {
  const queue = transactional ? 'private$\\transactional' : 'private$\\express'
  await receiver.call('begin', { queues: [queue], transactional, sender, latency: true })
  const groups = Math.max(1, Math.round((runMs * RATE_PER_S) / 1000 / GROUP_MESSAGES))
  const sent = await pacer.call('send', {
    sender,
    destination: directName(receiverAddress, queue),
    transactional,
    bodyBytes: BODY_BYTES,
    ratePerS: RATE_PER_S,
    durationMs: ((groups * GROUP_MESSAGES + 0.5) * 1000) / RATE_PER_S,
  })
  const outgoing = await drained(pacer)
  const { accepted, refused, sessionAck, orderAck } = await pacer.call('result')
  const tally = await receiver.call('tally')
  const delivery = judgeDelivery({ offered: sent, accepted, refused, outgoing }, tally, null)
  const acknowledged = (count: number) => ({
    ...delivery,
    ok: delivery.ok && count === sent,
    says: delivery.ok && count !== sent ? `${sent - count} never acknowledged` : delivery.says,
  })
  const sample = (latency: LatencySummary): Sample => ({
    value: latency.p50,
    latency,
    verdict: acknowledged(latency.count),
  })
  return {
    sessionAck: sample(sessionAck),
    orderAck: sample(orderAck),
    consumed: tally.latency === null ? { value: Number.NaN, verdict: delivery } : sample(tally.latency),
  }
}

/** Waits for the last acknowledgement; returns how many messages are left all the same. */
function drained(pacer: RoleProcess<'engine-pacer'>): Promise<number> {
  return lookUntil(
    () => pacer.call('outgoing'),
    outgoing => outgoing === 0,
    DRAIN_TIMEOUT_MS,
  )
}
