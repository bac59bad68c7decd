import type { BenchmarkContext, BenchmarkResult } from './benchmark.js'
import { findHaproxy, startHaproxy } from './peers/haproxy.js'
import type { StartRole } from './processes.js'
import { type Address, benchmarkAddress } from './roles/address.js'

export const NO_HAPROXY = 'haproxy not installed'

export interface Proxies {
  readonly ours: Address
  /** Null where HAProxy is not installed. */
  readonly theirs: { readonly at: Address; readonly version: string } | null
}

/** Puts the proxy plane, and HAProxy where it is installed, before `target` and takes them away after `body`. */
export async function withProxies(
  context: BenchmarkContext,
  start: StartRole,
  target: Address,
  body: (proxies: Proxies) => Promise<BenchmarkResult>,
): Promise<BenchmarkResult> {
  const plane = await start('proxy-plane', { address: benchmarkAddress(10), to: target })
  const ours = await plane.call('listening')
  const found = findHaproxy()
  if (found === null) return await body({ ours, theirs: null })
  const address = benchmarkAddress(11)
  const at = { address, port: 1801 }
  const haproxy = await startHaproxy(found, { listen: at, to: target }, { address, port: 1802 })
  try {
    context.note(`against HAProxy ${found.version}`)
    return await body({ ours, theirs: { at, version: found.version } })
  } finally {
    await haproxy.stop()
  }
}
