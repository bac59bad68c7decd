import type { BenchmarkContext, BenchmarkResult } from './benchmark.js'
import { findHaproxy, startHaproxy } from './peers/haproxy.js'
import type { StartRole } from './processes.js'
import { type Address, benchmarkAddress } from './roles/address.js'

export const NO_HAPROXY = 'haproxy not installed'

/** Something that accepts connections and carries them to the target. */
export interface MeasuredProxy {
  readonly name: string
  readonly at: Address
  readonly pid: number
}

export interface Proxies {
  readonly ours: MeasuredProxy
  /** Null where HAProxy is not installed. */
  readonly theirs: MeasuredProxy | null
}

/** Our proxies: with a fixed bucket map, or with the model of an NLB cluster. */
export type ProxyRole = 'proxy-plane' | 'nlb-gateway'

const NAMES: Readonly<Record<ProxyRole, string>> = { 'proxy-plane': 'proxy plane', 'nlb-gateway': 'NLB gateway' }

export interface ProxiesOptions {
  readonly role: ProxyRole
  readonly target: Address
  /** Of either proxy, default 1,000. */
  readonly connectionsMax?: number
}

/** Puts our proxy, and HAProxy where it is installed, before the target and takes them away after `body`. */
export async function withProxies(
  context: BenchmarkContext,
  start: StartRole,
  { role, target, connectionsMax = 1000 }: ProxiesOptions,
  body: (proxies: Proxies) => Promise<BenchmarkResult>,
): Promise<BenchmarkResult> {
  const plane = await start(role, { address: benchmarkAddress(10), to: target, connectionsMax })
  const ours = { name: NAMES[role], at: await plane.call('listening'), pid: plane.pid }
  const found = findHaproxy()
  if (found === null) return await body({ ours, theirs: null })
  const address = benchmarkAddress(11)
  const at = { address, port: 1801 }
  const haproxy = await startHaproxy(found, { listen: at, to: target, connectionsMax }, { address, port: 1802 })
  try {
    context.note(`against HAProxy ${found.version}`)
    return await body({ ours, theirs: { name: `HAProxy ${found.version}`, at, pid: haproxy.pid } })
  } finally {
    await haproxy.stop()
  }
}
