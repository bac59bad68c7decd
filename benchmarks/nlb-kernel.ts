import { NlbCluster } from '../gateway/nlb/cluster.js'
import { clusterConfig } from '../gateway/nlb/cluster-config.js'
import { jhash } from '../gateway/nlb/jhash.js'
import { KERNEL_MODES, type KernelMode, type KernelPlane } from '../gateway/planes/kernel/kernel-options.js'
import { createKernelPlane } from '../gateway/planes/kernel/kernel-plane.js'
import { namespacesLacking, runProgram } from '../gateway/planes/kernel/programs.js'
import { type Benchmark, type BenchmarkContext, interleave, sampleMs, warmUp } from './benchmark.js'
import { pour } from './ceiling-raw.js'
import { createFigure, type Figure, type Sample } from './figure.js'
import { type StartRole, withProcesses } from './processes.js'
import { benchmarkAddress } from './roles/address.js'

const BENCHMARK = 'nlb-kernel'
const GOAL = { at: 'least', of: 'ratio', value: 0.9 } as const
const UNIT = 'messages/s'
/** Short rounds and many of them, so that what else the machine does falls on both ways alike. */
const ROUNDS = 3
const RUN = { batchFrames: 64, bodyBytes: 1024 }
const SENDER = 'S1'
const RECEIVER = 'R1'
const EVERYWHERE = '0.0.0.0'
/** Inside their namespaces these addresses are nobody else's. */
const CLUSTER_ADDRESS = '10.9.0.100'
const SENDER_ADDRESS = '10.9.0.51'
const DIRECT_ADDRESSES = { [SENDER]: '10.8.0.1', [RECEIVER]: '10.8.0.2' } as const
/** It does not pace: pacing works by a timer, and on a busy machine it is the timer that is measured. */
const CONGESTION_CONTROL = 'reno'

/** A writer and a counter, each in a network namespace of its own, and two ways from the one to the other. */
interface Ends {
  readonly mode: KernelMode
  direct(durationMs: number): Promise<Sample>
  plane(durationMs: number): Promise<Sample>
}

/** One connection of pre-built messages between two network namespaces, through the kernel plane in each of its modes and
 *  over a pair of interfaces with nothing between, in turns. The same two processes do both: two others would be faster or
 *  slower by more than a plane takes. */
export const nlbKernelBenchmark: Benchmark = {
  name: BENCHMARK,
  about: 'bulk rate of 1 KB messages through the kernel plane; ceiling: a direct connection between the two namespaces',
  roles: [],
  run: async context => {
    const lacking = namespacesLacking()
    if (lacking !== null) return { figures: [], skipped: [lacking] }
    const planes = KERNEL_MODES.map(kernelPlane)
    try {
      for (const plane of planes) await plane.start()
      const controls = await Promise.all(planes.map(connectDirectly))
      return {
        figures: await withProcesses({ inProcess: context.inProcess }, start => measure(context, start, planes)),
        skipped: [],
        remarks: [`TCP congestion control ${[...new Set(controls)].join(', ')}`],
      }
    } finally {
      await Promise.allSettled(planes.map(plane => plane.stop()))
    }
  },
}

async function measure(
  context: BenchmarkContext,
  start: StartRole,
  planes: readonly KernelPlane[],
): Promise<readonly Figure[]> {
  const all: Ends[] = []
  for (const plane of planes) all.push(await startEnds(start, plane))
  const rounds = ROUNDS * context.repetitions
  const durationMs = sampleMs({ ...context, repetitions: rounds }, 2 * all.length)
  await warmUp(context, async durationMs => {
    const warmMs = durationMs / (2 * all.length)
    for (const ends of all) {
      await ends.direct(warmMs)
      await ends.plane(warmMs)
    }
  })
  const measures = all.flatMap(ends => [
    [`direct ${ends.mode}`, () => ends.direct(durationMs)] as const,
    [ends.mode, () => ends.plane(durationMs)] as const,
  ])
  const samples = await interleave(rounds, Object.fromEntries(measures))
  return all.flatMap(({ mode }) => {
    const direct = { name: `direct, the two ends of ${mode}`, samples: samples[`direct ${mode}`] ?? [] }
    const plane = { name: `kernel plane, ${mode}`, samples: samples[mode] ?? [] }
    const rate = { benchmark: BENCHMARK, unit: UNIT }
    const cost = { benchmark: BENCHMARK, unit: 'us/message' }
    return [
      createFigure({ ...rate, ...direct }),
      createFigure({ ...rate, ...plane, ceiling: direct, goal: GOAL }),
      createFigure({ ...cost, ...costOf(plane), ceiling: costOf(direct) }),
    ]
  })
}

/** What the kernel does on the way is done in the name of one end or the other. */
function costOf({ name, samples }: { readonly name: string; readonly samples: readonly Sample[] }) {
  return {
    name: `${name}: processor time of both ends`,
    samples: samples.map(({ cost, verdict }) => ({ value: (cost?.sendUs ?? 0) + (cost?.receiveUs ?? 0), verdict })),
  }
}

/** Of two hosts the first owns all buckets. */
function kernelPlane(mode: KernelMode): KernelPlane {
  const hosts = [
    { name: RECEIVER, address: '10.9.0.11', weight: 50 },
    { name: 'R2', address: '10.9.0.12', weight: 0 },
  ]
  const config = clusterConfig({
    addresses: [CLUSTER_ADDRESS],
    mode: 'multicast',
    rules: [{ affinity: 'none' }],
    hosts,
  })
  const cluster = new NlbCluster({ config, hash: jhash(5) })
  cluster.settle(0)
  return createKernelPlane({ cluster, mode, machines: [{ name: SENDER, address: SENDER_ADDRESS }] })
}

/** A second cable from sender to receiver. The congestion control that is in force. */
async function connectDirectly(plane: KernelPlane): Promise<string> {
  const [sender, receiver] = [plane.namespaceOf(SENDER), plane.namespaceOf(RECEIVER)]
  const ends = ['link', 'add', 'direct0', 'netns', sender, 'type', 'veth', 'peer', 'name', 'direct0', 'netns', receiver]
  await runProgram('ip', ends)
  for (const machine of [SENDER, RECEIVER] as const) {
    const lines = [`ip address add ${DIRECT_ADDRESSES[machine]}/30 dev direct0`, 'ip link set direct0 up']
    await runInside(plane, machine, lines)
  }
  const control = '/proc/sys/net/ipv4/tcp_congestion_control'
  return await runInside(plane, SENDER, [`echo ${CONGESTION_CONTROL} > ${control} || true`, `cat ${control}`])
}

async function runInside(plane: KernelPlane, machine: string, lines: readonly string[]): Promise<string> {
  const [program = 'ip', ...rest] = plane.command(machine, ['sh', '-e'])
  return (await runProgram(program, rest, `${lines.join('\n')}\n`)).trim()
}

async function startEnds(start: StartRole, plane: KernelPlane): Promise<Ends> {
  const within = (machine: string) => plane.command(machine, []) as [string, ...string[]]
  const counter = await start('raw-counter', { address: EVERYWHERE }, within(RECEIVER))
  // the writer listens too, which is not used here
  const writer = await start('raw-writer', { address: benchmarkAddress(1) }, within(SENDER))
  const { port } = await counter.call('listening')
  const sampleVia = (address: string, durationMs: number) => pour(writer, counter, { address, port }, RUN, durationMs)
  const opened = async () => (await plane.counters()).hosts[RECEIVER]?.connections ?? 0
  return {
    mode: plane.mode,
    direct: durationMs => sampleVia(DIRECT_ADDRESSES[RECEIVER], durationMs),
    // that it went by the plane's rules is the plane's own word
    plane: async durationMs => {
      const before = await opened()
      const sample = await sampleVia(CLUSTER_ADDRESS, durationMs)
      const passed = (await opened()) - before
      if (passed === 1) return sample
      const says = `one connection was opened, the rules of ${RECEIVER} counted ${passed}`
      return { ...sample, verdict: { ...sample.verdict, ok: false, says } }
    },
  }
}
