import { createStaticPolicy } from '../../gateway/nlb/policy.js'
import { createProxyPlane } from '../../gateway/planes/proxy.js'
import type { Address } from './address.js'

export interface ProxyPlaneRoleOptions {
  readonly address: string
  /** Default any free one. */
  readonly port?: number
  readonly to: Address
  /** Default: the plane's own. */
  readonly connectionsMax?: number
}

/** The gateway's proxy plane as it ships, with one host behind it. */
export async function startProxyPlane({ address, port = 0, to, connectionsMax }: ProxyPlaneRoleOptions) {
  const plane = createProxyPlane({
    listen: { address, port },
    hosts: [{ name: 'target', address: to.address, port: to.port }],
    policy: createStaticPolicy({ hosts: [{ id: 1, name: 'target', weight: 100 }], affinity: 'single' }),
    source: 'translate',
    ...(connectionsMax !== undefined && { limits: { connectionsMax } }),
  })
  const listening = await plane.start()
  return {
    listening: (): Address => listening,
    counters: () => plane.counters(),
    close: (): Promise<void> => plane.stop(),
  }
}
