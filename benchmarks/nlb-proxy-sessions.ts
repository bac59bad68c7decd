import { connectionsWithinDescriptors } from '../gateway/planes/descriptor-limit.js'
import { type Benchmark, type BenchmarkContext, interleave, sleep } from './benchmark.js'
import { createFigure, type Sample, type Verdict } from './figure.js'
import { findHaproxy, startHaproxy } from './peers/haproxy.js'
import { processUsage } from './process-usage.js'
import { type StartRole, withProcesses } from './processes.js'
import { NO_HAPROXY } from './proxies.js'
import { benchmarkAddress } from './roles/address.js'
import type { Held } from './roles/session-holder.js'

const SESSIONS = 10_000
/** Where less time is given than it takes to open them all. */
const SESSIONS_A_SECOND = 1000
const SESSIONS_MIN = 200
const BODY_BYTES = 1024
const GOAL = { at: 'most', of: 'value', value: 25 } as const
const REPETITIONS_MAX = 3
const SOURCES = Array.from({ length: 8 }, (_, index) => benchmarkAddress(40 + index))
/** Sessions that come and go before the memory is looked at first: code is compiled, pools have their first pages. */
const WARM_SESSIONS = 100
/** Memory is looked at when it has not changed for so long, or after so long anyway. */
const SETTLED_MS = 500
const SETTLE_MS_MAX = 5000

type StartProxy = (start: StartRole, to: { address: string; port: number }) => Promise<RunningProxy>

interface RunningProxy {
  readonly at: { readonly address: string; readonly port: number }
  readonly pid: number
  stop?(): Promise<void>
}

/** Sessions that are open at the same time and have had a message each: what the proxy's resident memory grew by. */
export const nlbProxySessionsBenchmark: Benchmark = {
  name: 'nlb-proxy-sessions',
  about: 'memory of a session, of 10,000 open at the same time through the NLB gateway; beside it: HAProxy',
  roles: ['nlb-gateway', 'session-holder', 'echo-server'],
  run: async context => {
    const count = sessionCount(context)
    const connectionsMax = count + WARM_SESSIONS
    const found = findHaproxy()
    context.note(`${count} sessions${count < SESSIONS ? `, not ${SESSIONS}: descriptors or time allow no more` : ''}`)
    const ours: StartProxy = async (start, to) => {
      const gateway = await start('nlb-gateway', { address: benchmarkAddress(10), to, connectionsMax })
      return { at: await gateway.call('listening'), pid: gateway.pid }
    }
    const samples = await interleave(Math.min(REPETITIONS_MAX, context.repetitions), {
      ours: () => memorySample(context, count, ours),
      theirs:
        found === null
          ? undefined
          : () =>
              memorySample(context, count, async (_start, to) => {
                const address = benchmarkAddress(11)
                const at = { address, port: 1801 }
                const haproxy = await startHaproxy(found, { listen: at, to, connectionsMax }, { address, port: 1802 })
                return { ...haproxy, at }
              }),
    })
    const about = { benchmark: 'nlb-proxy-sessions', unit: 'KB/session' }
    const subject = { ...about, name: `NLB gateway, ${count} open`, samples: samples.ours, goal: GOAL }
    if (found === null) return { figures: [createFigure(subject)], skipped: [NO_HAPROXY] }
    const peer = { name: `HAProxy ${found.version}, ${count} open`, samples: samples.theirs }
    return {
      figures: [createFigure({ ...about, ...peer }), createFigure({ ...subject, ceiling: peer })],
      skipped: [],
      remarks: ["memory: resident, of the proxy's process; what the system keeps for its sockets is not in it"],
    }
  },
}

/** Each session takes either proxy two descriptors, and HAProxy wants some more for itself before it starts. */
function sessionCount({ seconds }: BenchmarkContext): number {
  const byTime = Math.max(SESSIONS_MIN, Math.round(seconds * SESSIONS_A_SECOND))
  return Math.min(SESSIONS, byTime, connectionsWithinDescriptors() - 2 * WARM_SESSIONS)
}

/** A fresh proxy each time: memory that it once had would be used again. */
async function memorySample(context: BenchmarkContext, count: number, startProxy: StartProxy): Promise<Sample> {
  return await withProcesses({ inProcess: context.inProcess }, async start => {
    const server = await start('echo-server', { address: benchmarkAddress(3) })
    const holder = await start('session-holder', {})
    const proxy = await startProxy(start, await server.call('listening'))
    try {
      const holding = { to: proxy.at, sources: SOURCES, bodyBytes: BODY_BYTES }
      await holder.call('open', { ...holding, sessions: WARM_SESSIONS })
      await holder.call('release')
      const settleMs = context.cold ? 0 : SETTLE_MS_MAX
      const before = await settledBytes(proxy.pid, settleMs)
      const opened = await holder.call('open', { ...holding, sessions: count })
      const after = await settledBytes(proxy.pid, settleMs)
      const again = await holder.call('exchange')
      return { value: (after - before) / count / 1000, verdict: judgeSessions(count, opened, again) }
    } finally {
      await proxy.stop?.()
    }
  })
}

async function settledBytes(pid: number, settleMs: number): Promise<number> {
  const resident = () => processUsage(pid)?.residentBytes ?? Number.NaN
  let bytes = resident()
  for (let waitedMs = 0; waitedMs < settleMs; waitedMs += SETTLED_MS) {
    await sleep(SETTLED_MS)
    const now = resident()
    if (now === bytes) break
    bytes = now
  }
  return bytes
}

function judgeSessions(count: number, opened: Held, again: Held): Verdict {
  const ok = opened.echoed === count && again.open === count && again.echoed === count
  const says = ok
    ? 'all were open at once, and each brought a message back before and after'
    : `of ${count}: ${opened.echoed} and ${again.echoed} brought a message back, lost ${JSON.stringify(again.lost)}`
  return { ok, says, counts: { sent: 2 * count, delivered: opened.echoed + again.echoed } }
}
