import { NlbCluster } from '../gateway/nlb/cluster.js'
import { clusterConfig } from '../gateway/nlb/cluster-config.js'
import type { Packet } from '../gateway/nlb/packet.js'
import { type Benchmark, interleave, sampleMs } from './benchmark.js'
import { createFigure, type Sample, type Verdict } from './figure.js'
import { processorUs } from './processor.js'
import { createRandom } from './random.js'

const GOAL = { at: 'least', of: 'value', value: 3_000_000 } as const
const HOSTS = 32
const TCP = 6
const ADDRESS = '10.0.0.100'
const ADDRESS_V4 = 0x0a00_0064
/** What an MSMQ cluster has rules for; the last shows what no rule covers. */
const RULES = [
  { startPort: 1801, endPort: 1801, affinity: 'none' },
  { startPort: 80, endPort: 80, affinity: 'single' },
  { startPort: 443, endPort: 443, affinity: 'single' },
  { startPort: 3527, endPort: 3527, affinity: 'network', protocol: 'udp' },
  { startPort: 2101, endPort: 2105, mode: 'single' },
] as const
const PORTS = [1801, 1801, 1801, 80, 443, 2103, 9000]
/** Clients asked for in turn, different ones: more than a branch predictor remembers. */
const CLIENTS = 65_536
/** Of these, how many are put to the hosts' own filters too. */
const COMPARED = 2000
const UNIT = 'verdicts/CPU s'

interface Clients {
  readonly addresses: Uint32Array
  readonly sourcePorts: Uint16Array
  readonly ports: Uint16Array
}

/** The model of a cluster of 32 hosts, asked who takes a new connection. All in one process and without a socket, so rates
 *  are per second of processor time. The ceiling is the bare hash of the same clients. */
export const nlbModelBenchmark: Benchmark = {
  name: 'nlb-model',
  about: `verdicts of the NLB model for ${HOSTS} hosts and ${RULES.length} port rules; ceiling: the hash alone`,
  roles: [],
  run: async context => {
    const cluster = settledCluster()
    const clients = someClients(context.seed)
    const durationMs = sampleMs(context, 4)
    const compared = compare(cluster, clients)
    const fast = () => askAll(cluster, clients)
    const hash = () => hashAll(cluster, clients)
    const packets = Array.from({ length: COMPARED }, (_, index) => packetOf(clients, index))
    const filters = () => packets.reduce((sum, packet) => sum + cluster.verdict(packet).acceptors.length, 0)
    const tracked = () => {
      for (const packet of packets) cluster.open(packet)
      for (const packet of packets) cluster.close(packet)
      return COMPARED
    }
    const parts = {
      hash: () => rate(hash, CLIENTS, durationMs, compared),
      fast: () => rate(fast, CLIENTS, durationMs, compared),
      filters: () => rate(filters, COMPARED, durationMs, compared),
      tracked: () => rate(tracked, COMPARED, durationMs, compared),
    }
    for (const part of Object.values(parts)) part()
    const samples = await interleave(context.repetitions, {
      hash: async () => parts.hash(),
      fast: async () => parts.fast(),
      filters: async () => parts.filters(),
      tracked: async () => parts.tracked(),
    })
    const about = { benchmark: 'nlb-model', unit: UNIT }
    const ceiling = { name: `${cluster.hash.name}, nothing else`, samples: samples.hash }
    return {
      figures: [
        createFigure({ ...about, ...ceiling }),
        createFigure({ ...about, name: 'who accepts', samples: samples.fast, ceiling, goal: GOAL }),
        createFigure({ ...about, name: "each host's answer and why", samples: samples.filters, ceiling }),
        createFigure({ ...about, name: 'the same, connection kept, then closed', samples: samples.tracked, ceiling }),
      ],
      skipped: [],
    }
  },
}

function settledCluster(): NlbCluster {
  const hosts = Array.from({ length: HOSTS }, (_, index) => ({
    name: `R${index + 1}`,
    address: `10.0.0.${index + 1}`,
    weight: 20 + index,
  }))
  const cluster = new NlbCluster({ config: clusterConfig({ addresses: [ADDRESS], rules: RULES, hosts }) })
  cluster.settle(0)
  return cluster
}

function someClients(seed: number): Clients {
  const random = createRandom(seed)
  return {
    addresses: Uint32Array.from({ length: CLIENTS }, random),
    sourcePorts: Uint16Array.from({ length: CLIENTS }, () => 1024 + (random() % 64_000)),
    ports: Uint16Array.from({ length: CLIENTS }, () => PORTS[random() % PORTS.length]!),
  }
}

function packetOf({ addresses, sourcePorts, ports }: Clients, index: number): Packet {
  const address = addresses[index]!
  return {
    protocol: 'tcp',
    sourceAddress: `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`,
    sourcePort: sourcePorts[index]!,
    destinationAddress: ADDRESS,
    destinationPort: ports[index]!,
  }
}

/** One host for each client of a whole cluster, and the same as the hosts' filters say. */
function compare(cluster: NlbCluster, clients: Clients): Verdict {
  let single = 0
  let same = 0
  for (let index = 0; index < COMPARED; index++) {
    const { addresses, sourcePorts, ports } = clients
    const bits = cluster.acceptorsV4(TCP, addresses[index]!, sourcePorts[index]!, ADDRESS_V4, ports[index]!)
    if (bits !== 0 && (bits & (bits - 1)) === 0) single += 1
    const slot = cluster.config.hosts[31 - Math.clz32(bits)]?.name
    const { acceptors } = cluster.verdict(packetOf(clients, index))
    if (acceptors.length === 1 && acceptors[0] === slot) same += 1
  }
  const ok = single === COMPARED && same === COMPARED
  const says = ok
    ? "one host takes each, the same by the hosts' own filters"
    : `${COMPARED - single} of ${COMPARED} not taken by one host, ${COMPARED - same} by another than the filters say`
  return { ok, says, counts: { compared: COMPARED } }
}

function askAll(cluster: NlbCluster, { addresses, sourcePorts, ports }: Clients): number {
  let sum = 0
  for (let index = 0; index < CLIENTS; index++)
    sum ^= cluster.acceptorsV4(TCP, addresses[index]!, sourcePorts[index]!, ADDRESS_V4, ports[index]!)
  return sum
}

function hashAll({ hash }: NlbCluster, { addresses, sourcePorts }: Clients): number {
  let sum = 0
  for (let index = 0; index < CLIENTS; index++) sum ^= hash.bucketV4('none', addresses[index]!, sourcePorts[index]!)
  return sum
}

/** Whole rounds for a while, by processor time. */
function rate(round: () => number, perRound: number, durationMs: number, verdict: Verdict): Sample {
  const startUs = processorUs()
  let usedUs = 0
  let rounds = 0
  let kept = 0
  do {
    kept ^= round()
    rounds += 1
    usedUs = processorUs() - startUs
  } while (usedUs < durationMs * 1000)
  // what no one looks at, the compiler may leave out
  if (!Number.isInteger(kept)) throw new Error('verdicts are whole numbers')
  return { value: (rounds * perRound * 1e6) / usedUs, verdict }
}
