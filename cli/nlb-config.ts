import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  type ClusterConfig,
  ClusterConfigError,
  type ClusterInput,
  type ClusterProblem,
  clusterConfig,
  type HostInput,
} from '../gateway/nlb/cluster-config.js'
import { type BucketHash, nlbSub1 } from '../gateway/nlb/hash.js'
import { jhash } from '../gateway/nlb/jhash.js'
import { measuredHash, readMeasuredTable } from '../gateway/nlb/measured-hash.js'
import type { KernelMode, Machine } from '../gateway/planes/kernel/kernel-options.js'
import type { SourceMode } from '../gateway/planes/proxy-events.js'
import type { RenderOptions } from '../gateway/render/rendering.js'
import { FileError, type PathProblem, parseYaml, yamlPlaces } from '../lab/yaml-file.js'
import type { Endpoint } from '../queue-manager/actions.js'
import { checkDistinct } from './distinct-files.js'
import type { LogLevel } from './log-levels.js'
import { type Advice, clusterAdvice } from './nlb-advice.js'
import { type NlbFile, nlbSchema, type PlaneName } from './nlb-schema.js'
import { fail } from './output.js'
import { metricsEndpoint, metricsProblems, readConfig } from './qm-config.js'

/** Flags of `mqlab nlb` that change what the file says. Commander has checked their values. */
export interface NlbFlags {
  readonly plane?: PlaneName
  readonly mode?: KernelMode
  readonly source?: SourceMode
  readonly settled?: true
  readonly control?: string
  readonly controlToken?: string
  readonly metrics?: string
  readonly pcap?: string
  readonly logLevel?: LogLevel
}

/** Everything that `mqlab nlb` is told, checked, with defaults filled in. */
export interface NlbConfig {
  readonly path: string
  readonly flags: NlbFlags
  readonly cluster: ClusterConfig
  readonly hash: BucketHash
  readonly plane: PlaneName
  /** Of the plane kernel; null for the others. */
  readonly kernelMode: KernelMode | null
  /** Of the other planes; null under kernel, where the mode says it. */
  readonly source: SourceMode | null
  readonly settled: boolean
  /** Absent: those of the rules. */
  readonly ports: { readonly tcp?: readonly number[]; readonly udp?: readonly number[] }
  readonly forward: Readonly<Record<number, number>>
  /** For HAProxy and nginx, and what is written for others. */
  readonly render: RenderOptions
  readonly machines: readonly Machine[]
  readonly control: string | undefined
  readonly controlToken: string | undefined
  readonly metrics: Endpoint | undefined
  /** File that all that it carries is written to. */
  readonly pcap: string | undefined
  readonly logLevel: LogLevel
  /** Allowed, and unwise; in the order of the file. */
  readonly advice: readonly PlacedAdvice[]
}

export interface PlacedAdvice extends Advice {
  readonly line: number
}

/** Flags win over the file; paths in it are relative to it. @throws {CliError} one line: file, place, what, what is allowed. */
export function nlbConfig(path: string, flags: NlbFlags = {}): NlbConfig {
  const text = readConfig(path)
  const { file, cluster } = readNlbFile(text, path)
  const folder = dirname(path)
  const plane = flags.plane ?? file.plane ?? 'proxy'
  const onKernel = plane === 'kernel'
  if (!onKernel && flags.mode !== undefined)
    fail(`--mode ${flags.mode}: only the plane kernel has modes; add --plane kernel`)
  if (onKernel && flags.source !== undefined)
    fail(
      `--source ${flags.source}: the plane kernel keeps or translates by its --mode: nlb, dnat and dsr keep, snat translates`,
    )
  if (flags.pcap !== undefined && plane !== 'proxy')
    fail(
      `--pcap ${flags.pcap}: with --plane ${plane} the bytes do not pass mqlab; leave it out and run tcpdump -i any -B 65536 -w FILE port 1801 beside it, or take --plane proxy`,
    )
  checkDistinct([{ file: path, what: 'the configuration' }], [{ file: flags.pcap, what: '--pcap' }])
  const placeOf = yamlPlaces(text)
  const metrics = flags.metrics ?? file.metrics
  return {
    path: resolve(path),
    flags,
    cluster,
    hash: hashOf(file, path, plane, placeOf),
    plane,
    kernelMode: onKernel ? (flags.mode ?? file.kernelMode ?? 'nlb') : null,
    source: onKernel ? null : (flags.source ?? file.source ?? (plane === 'proxy' ? 'keep' : 'translate')),
    settled: flags.settled ?? file.settled,
    ports: file.ports ?? {},
    forward: file.forward,
    render: renderOptions(file),
    machines: file.machines,
    control: flags.control ?? (file.control?.includes('/') ? resolve(folder, file.control) : file.control),
    controlToken: flags.controlToken ?? (file.controlToken && resolve(folder, file.controlToken)),
    metrics: metrics === undefined ? undefined : metricsEndpoint(String(metrics)),
    pcap: flags.pcap,
    logLevel: flags.logLevel ?? file.logLevel ?? 'info',
    advice: clusterAdvice(cluster)
      .map(advice => ({ ...advice, line: placeOf(filePath(cluster, advice.path)).line }))
      .sort((a, b) => a.line - b.line),
  }
}

function renderOptions({ source, forward, ports, balancer, seed }: NlbFile): RenderOptions {
  return {
    ...balancer,
    forward,
    ...(source !== undefined && { source }),
    ...(ports !== undefined && { ports }),
    ...(seed !== undefined && { seed }),
  }
}

function readNlbFile(text: string, path: string): { file: NlbFile; cluster: ClusterConfig } {
  let cluster: ClusterConfig | undefined
  try {
    const file = parseYaml(text, path, nlbSchema, value => {
      const { input, problems } = clusterInput(value)
      problems.push(...metricsProblems(value))
      try {
        cluster = clusterConfig(input)
      } catch (error) {
        if (!(error instanceof ClusterConfigError)) throw error
        problems.push(...error.problems.map(problem => placed(input, problem)))
      }
      return problems
    })
    return { file, cluster: cluster! }
  } catch (error) {
    if (error instanceof FileError) fail(error.message, { cause: error })
    throw error
  }
}

/** What the file says of the cluster, in the model's words. */
function clusterInput(file: NlbFile): { input: ClusterInput; problems: PathProblem[] } {
  const problems: PathProblem[] = []
  const { cluster, parameters, rules } = file
  const hosts = file.hosts.map(({ perRule, ...host }, index): HostInput => {
    const own = host.rules ?? rules ?? [{ startPort: 0, endPort: 65_535 }]
    const parts: NonNullable<HostInput['perRule']>[number][] = own.map(() => undefined)
    for (const [place, { port, ...part }] of perRule.entries()) {
      const covering = own.flatMap(({ startPort, endPort }, rule) =>
        port >= startPort && port <= endPort ? [rule] : [],
      )
      for (const rule of covering) parts[rule] = { ...parts[rule], ...part }
      if (covering.length === 0)
        problems.push({
          path: ['hosts', index, 'perRule', place, 'port'],
          what: `${port}: no rule covers this port`,
          onKey: false,
        })
    }
    return { ...host, perRule: parts }
  })
  return {
    input: {
      ...cluster,
      ...(parameters !== undefined && { parameters }),
      ...(rules !== undefined && { rules }),
      hosts,
    },
    problems,
  }
}

/** Where the model's field stands in the file. */
function placed({ hosts }: Pick<ClusterInput, 'hosts'>, { path, what }: ClusterProblem): PathProblem {
  return { path: filePath({ hosts }, path), what, onKey: false }
}

const CLUSTER_FIELDS: ReadonlySet<PropertyKey> = new Set(['name', 'addresses', 'mode'])
const PORT_FIELDS: ReadonlySet<PropertyKey> = new Set(['startPort', 'endPort'])

function filePath({ hosts }: { hosts: readonly unknown[] }, path: readonly PropertyKey[]): PropertyKey[] {
  const [first, index, field] = path
  if (first !== undefined && CLUSTER_FIELDS.has(first)) return ['cluster', ...path]
  const last = path.at(-1)
  if (last !== undefined && PORT_FIELDS.has(last)) return [...path.slice(0, -1), 'ports']
  // Of a host's part in a rule, what the host says for all rules is the likelier place.
  if (first === 'hosts' && field === 'perRule' && last !== undefined && hosts.length > Number(index))
    return ['hosts', Number(index), last]
  return [...path]
}

function hashOf(
  { hash, seed }: NlbFile,
  path: string,
  plane: PlaneName,
  placeOf: ReturnType<typeof yamlPlaces>,
): BucketHash {
  const at = (...field: string[]) => `${path}:${placeOf(field).line} ${field.join('.')}:`
  const chosen = hash ?? (plane === 'kernel' ? 'jhash' : 'nlb-sub-1')
  if (plane === 'kernel' && chosen !== 'jhash')
    fail(`${at('hash')} the kernel knows no hash but jhash; say hash: jhash, or take another plane`)
  if (seed !== undefined && chosen !== 'jhash') fail(`${at('seed')} only jhash has a seed; say hash: jhash`)
  if (chosen === 'jhash') return jhash(seed)
  if (chosen === 'nlb-sub-1') return nlbSub1
  const file = resolve(dirname(path), chosen.measured)
  try {
    return measuredHash(readMeasuredTable(readFileSync(file, 'utf8')))
  } catch (error) {
    if (error instanceof RangeError) fail(`${file}: ${error.message}`, { cause: error })
    fail(`${at('hash', 'measured')} ${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}
