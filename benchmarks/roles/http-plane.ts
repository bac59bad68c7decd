import { createHttpProxy } from '../../gateway/planes/http-proxy.js'
import { createRoundRobinPolicy } from '../../gateway/planes/http-spread.js'
import { processorUs } from '../processor.js'
import type { Address } from './address.js'

export interface HttpPlaneRoleOptions {
  readonly address: string
  /** Default any free one. */
  readonly port?: number
  readonly hosts: readonly Address[]
}

/** The gateway's plane for HTTP as it ships, balanced by connection, each host in its turn. */
export async function startHttpPlane({ address, port = 0, hosts }: HttpPlaneRoleOptions) {
  const named = hosts.map((host, index) => ({ name: `host-${index + 1}`, ...host }))
  const plane = createHttpProxy({
    listen: { address, port },
    hosts: named,
    policy: createRoundRobinPolicy(named.map(({ name }) => ({ name, weight: 1 }))),
    source: 'translate',
  })
  const listening = await plane.start()
  return {
    listening: (): Address => listening,
    processorUs,
    counters: () => plane.counters(),
    close: (): Promise<void> => plane.stop(),
  }
}
