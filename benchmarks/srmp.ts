import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  interleave,
  sampleMs,
  warmUp,
} from './benchmark.js'
import { BODY_BYTES } from './engine-pair.js'
import { createFigure, type Figure, type Goal, type Sample } from './figure.js'
import { startHttpCeiling } from './http-ceiling.js'
import { findHaproxy, startHaproxy } from './peers/haproxy.js'
import { withProcesses } from './processes.js'
import { NO_HAPROXY } from './proxies.js'
import { type Address, benchmarkAddress } from './roles/address.js'
import {
  FRONT_ENDS,
  PART_NAMES,
  type PartName,
  type PartWork,
  type SrmpLoad,
  type SrmpPath,
  type SrmpSample,
  startSrmpPath,
} from './srmp-path.js'
import { withStoreFolder } from './store-folder.js'
import { ORDER_ACK_SETTINGS, ORDER_ACKS_QUICK } from './transactional.js'

const GOAL = { at: 'least', of: 'ratio', value: 0.25 } as const
/** Outgoing queues of the sender, each a connection of its own: two for each front end. */
const QUEUES = 4
/** More than what is under way on all connections of all hops. Each sample ends by sending it all: a short one has less. */
const OUTGOING_MAX = 1024
const OUTGOING_A_SECOND = 1000
/** POSTs under way on a connection: as many as a listener takes of one, for so many may share a commit. */
const DEPTH = 64

/** For each second that the benchmark measures, so many messages go before: 15,000 by default. */
const WARM_MESSAGES_A_SECOND = 1000
const SETTINGS = { ...ORDER_ACK_SETTINGS, HttpPipelineDepth: DEPTH } as const
const SETTINGS_SAY =
  `${QUEUES} queues, a connection each, HttpPipelineDepth ${DEPTH} (default 16); ` +
  `for streams ${ORDER_ACKS_QUICK} (defaults 500 ms, 10 s)`
const CEILING_NAME = `undici to node:http, ${QUEUES} connections, ${DEPTH} under way on each`

function loadsOf({ seconds }: BenchmarkContext): Record<'recoverable' | 'stream' | 'straight', SrmpLoad> {
  const outgoingMax = Math.min(OUTGOING_MAX, Math.round(seconds * OUTGOING_A_SECOND))
  const stream: SrmpLoad = { delivery: 'transactional', perTransaction: 10, outgoingMax, way: 'cluster' }
  return {
    recoverable: { delivery: 'recoverable', perTransaction: 1, outgoingMax, way: 'cluster' },
    stream,
    straight: { ...stream, way: 'straight' },
  }
}

const PART_SAYS: Readonly<Record<PartName, string>> = {
  sender: 'sender',
  balancer: 'balancer',
  frontEnds: 'both front ends',
  backEnd: 'back end',
}
const ROLES = ['front-end', 'engine-receiver', 'engine-sender', 'http-plane', 'http-poster', 'http-answerer'] as const

/** The whole supported configuration with stores in memory: what HTTP and the engine cost. */
export const srmpBenchmark: Benchmark = {
  name: 'srmp',
  about:
    'messages of 1 KB over HTTP by balancer, two front ends and back end, memory store; ceilings: undici to a bare ' +
    'node:http server (a), HAProxy between (b)',
  roles: ROLES,
  run: async context =>
    await withProcesses({ inProcess: context.inProcess }, start =>
      withHttpProxy(context, async proxy => {
        const ceiling = await startHttpCeiling(start, {
          posterAddress: benchmarkAddress(70),
          answererAddress: benchmarkAddress(71),
          bodyBytes: BODY_BYTES,
          connections: QUEUES,
        })
        const { answererAt } = ceiling
        const plane = await start('http-plane', { address: benchmarkAddress(72), hosts: [answererAt] })
        const planeAt = await plane.call('listening')
        const haproxy = await proxy(answererAt)
        const path = await startSrmpPath(start, {
          node: 74,
          store: () => ({ kind: 'memory' }),
          settings: SETTINGS,
          queues: QUEUES,
        })
        const durationMs = sampleMs(context, 6)
        const { recoverable, stream, straight } = loadsOf(context)
        const post = (via?: Address) => () => ceiling.sample(durationMs, DEPTH, via)
        const send = (load: SrmpLoad) => () => path.sample(load, durationMs)
        await warmUp(context, async durationMs => {
          await warmUpPath(context, durationMs, path, [straight, recoverable, stream])
          for (const via of [answererAt, planeAt, haproxy?.at])
            if (via !== undefined) await ceiling.sample(durationMs, DEPTH, via)
        })
        const samples = await interleave(context.repetitions, {
          raw: post(),
          theirs: haproxy === null ? undefined : post(haproxy.at),
          ours: post(planeAt),
          straight: send(straight),
          recoverable: send(recoverable),
          stream: send(stream),
        })
        const a = { name: CEILING_NAME, samples: samples.raw }
        const b = haproxy === null ? undefined : { name: `HAProxy ${haproxy.version}`, samples: samples.theirs }
        const cluster = [
          { name: 'recoverable, by balancer and front ends', samples: samples.recoverable },
          { name: 'stream, by balancer and front ends', samples: samples.stream },
        ]
        const rate = rateFigure('srmp')
        return {
          figures: [
            rate(a.name, a.samples),
            ...(b === undefined ? [] : [rate(`(a) with ${b.name} between`, b.samples, a)]),
            rate('(a) with our plane between', samples.ours, a),
            rate('stream, straight to the back end', samples.straight, a),
            ...cluster.flatMap(({ name, samples }) => [
              rate(name, samples, a, GOAL),
              ...(b === undefined ? [] : [rate(name, samples, b)]),
            ]),
            ...cluster.flatMap(({ name, samples }) => costFigures('srmp', name, samples, a.samples)),
          ],
          skipped: haproxy === null ? [NO_HAPROXY] : [],
          remarks: [SETTINGS_SAY],
        }
      }),
    ),
}

/** The same with every queue manager's store on disk: what is left over the flushes, and how many messages share one. */
export const srmpDurableBenchmark: Benchmark = {
  name: 'srmp-durable',
  about: 'the same with sender, front ends and back end on disk: rate, messages to a commit, commits a second',
  roles: ROLES,
  run: async context =>
    await withStoreFolder(folder =>
      withProcesses({ inProcess: context.inProcess }, async start => {
        const ceiling = await startHttpCeiling(start, {
          posterAddress: benchmarkAddress(80),
          answererAddress: benchmarkAddress(81),
          bodyBytes: BODY_BYTES,
          connections: QUEUES,
        })
        const path = await startSrmpPath(start, {
          node: 84,
          store: name => ({ kind: 'lmdb', folder: folder.child(name) }),
          settings: SETTINGS,
          queues: QUEUES,
        })
        const durationMs = sampleMs(context, 3)
        const { recoverable, stream } = loadsOf(context)
        await warmUp(context, async durationMs => {
          await warmUpPath(context, durationMs, path, [recoverable, stream])
          await ceiling.sample(durationMs, DEPTH)
        })
        const samples = await interleave(context.repetitions, {
          raw: () => ceiling.sample(durationMs, DEPTH),
          recoverable: () => path.sample(recoverable, durationMs),
          stream: () => path.sample(stream, durationMs),
        })
        const a = { name: CEILING_NAME, samples: samples.raw }
        const cluster = [
          { name: 'recoverable', samples: samples.recoverable },
          { name: 'stream', samples: samples.stream },
        ]
        const rate = rateFigure('srmp-durable')
        return {
          figures: [
            rate(a.name, a.samples),
            ...cluster.map(({ name, samples }) => rate(`${name}, all on disk`, samples, a)),
            ...cluster.flatMap(({ name, samples }) => [
              ...costFigures('srmp-durable', name, samples, a.samples),
              ...storeFigures('srmp-durable', name, samples),
            ]),
          ],
          skipped: [],
          remarks: [folder.remark, SETTINGS_SAY],
        }
      }),
    ),
}

/** The compiler counts calls, not seconds: a machine that is busy needs longer to get through as many messages. */
async function warmUpPath(
  context: BenchmarkContext,
  durationMs: number,
  path: SrmpPath,
  loads: readonly SrmpLoad[],
): Promise<void> {
  const until = Date.now() + context.seconds * 2000
  let delivered = 0
  do {
    for (const load of loads) {
      const { verdict } = await path.sample(load, durationMs)
      delivered += verdict.counts.delivered ?? 0
    }
  } while (delivered < context.seconds * WARM_MESSAGES_A_SECOND && Date.now() < until)
}

interface HttpPeer {
  readonly at: Address
  readonly version: string
}

/** Gives `body` a function that puts HAProxy, where it is installed, before an HTTP server; it is taken away afterwards. */
async function withHttpProxy(
  context: BenchmarkContext,
  body: (proxy: (to: Address) => Promise<HttpPeer | null>) => Promise<BenchmarkResult>,
): Promise<BenchmarkResult> {
  let stop: () => Promise<void> = async () => undefined
  try {
    return await body(async to => {
      const found = findHaproxy()
      if (found === null) return null
      const address = benchmarkAddress(73)
      const at = { address, port: 8080 }
      const server = await startHaproxy(found, { mode: 'http', listen: at, to }, { address, port: 8081 })
      stop = () => server.stop()
      context.note(`against HAProxy ${found.version}`)
      return { at, version: found.version }
    })
  } finally {
    await stop()
  }
}

type Against = { readonly name: string; readonly samples: readonly Sample[] }

function rateFigure(benchmark: string) {
  return (name: string, samples: readonly Sample[], ceiling?: Against, goal?: Goal): Figure =>
    createFigure({ benchmark, name, unit: 'messages/s', samples, ceiling, goal })
}

/** Of all processes together against both processes of the ceiling; of the busiest against the busier of the two, which is
 *  what would decide if each process had a core; then of each part. */
function costFigures(
  benchmark: string,
  name: string,
  samples: readonly SrmpSample[],
  ceiling: readonly Sample[],
): Figure[] {
  const unit = 'us/message'
  const figure = (
    what: string,
    of: (parts: SrmpSample['parts']) => number,
    against: string,
    ofBoth: (send: number, receive: number) => number,
  ) =>
    createFigure({
      benchmark,
      name: `${name}: processor time of ${what}`,
      unit,
      samples: samples.map(({ parts, verdict }) => ({ value: of(parts), verdict })),
      ceiling: {
        name: against,
        samples: ceiling.map(({ cost, verdict }) => ({
          value: ofBoth(cost?.sendUs ?? Number.NaN, cost?.receiveUs ?? Number.NaN),
          verdict,
        })),
      },
    })
  const timeOf = (parts: SrmpSample['parts'], part: PartName) => parts[part].usPerMessage
  const total = (parts: SrmpSample['parts']) => PART_NAMES.reduce((sum, part) => sum + timeOf(parts, part), 0)
  const busiest = (parts: SrmpSample['parts']) =>
    Math.max(...PART_NAMES.map(part => timeOf(parts, part) / (part === 'frontEnds' ? FRONT_ENDS : 1)))
  return [
    figure('all', total, 'both ends of (a)', (send, receive) => send + receive),
    figure('the busiest process', busiest, 'the busier end of (a)', Math.max),
    ...PART_NAMES.map(part =>
      partFigure(benchmark, `${name}: ${PART_SAYS[part]}`, unit, samples, part, 'usPerMessage'),
    ),
  ]
}

function storeFigures(benchmark: string, name: string, samples: readonly SrmpSample[]): Figure[] {
  return (['sender', 'frontEnds', 'backEnd'] as const).flatMap(part => {
    const figure = (what: string, unit: string, key: keyof PartWork) =>
      partFigure(benchmark, `${name}: ${PART_SAYS[part]}, ${what}`, unit, samples, part, key)
    return [
      figure('messages to a commit', 'messages', 'messagesPerCommit'),
      figure('commits', 'commits/s', 'commitsPerS'),
      figure('waiting for the disk', 'of the time', 'storeBusy'),
    ]
  })
}

function partFigure(
  benchmark: string,
  name: string,
  unit: string,
  samples: readonly SrmpSample[],
  part: PartName,
  key: keyof PartWork,
): Figure {
  const values = samples.map(({ parts, verdict }) => ({ value: parts[part][key], verdict }))
  return createFigure({ benchmark, name, unit, samples: values })
}
