import type { KernelMode } from '../gateway/planes/kernel/kernel-options.js'
import type { SourceMode } from '../gateway/planes/proxy-events.js'
import type { Scenario } from './scenario-schema.js'

/**
 * What can stand where a scenario has its balancer. `proxy`: mqlab's own, in user space. `kernel-…`: Linux, every machine a
 * network namespace. `haproxy`, `nginx`: the products.
 */
export const PLANES = ['proxy', 'kernel-nlb', 'kernel-dnat', 'kernel-snat', 'kernel-dsr', 'haproxy', 'nginx'] as const
export type Plane = (typeof PLANES)[number]

/** A scenario's balancer as it is made for one run. */
export interface Realisation {
  readonly plane: Plane
  /** What the hosts take for the client. */
  readonly source: SourceMode
  readonly details?: RealisationDetails
}

/** What single balancers can be told beyond that. */
export interface RealisationDetails {
  /** Of `kernel-snat`: the address that hosts take for the client's. Default: the cluster's. */
  readonly snatAddress?: string
  /** Of `haproxy` and `nginx`: path of the program. Default: where it is installed. */
  readonly program?: string
}

const KERNEL_SOURCE: Readonly<Record<KernelMode, SourceMode>> = {
  nlb: 'keep',
  dnat: 'keep',
  snat: 'translate',
  dsr: 'keep',
}

/** Of a kernel plane; null for the others. */
export function kernelModeOf(plane: Plane): KernelMode | null {
  return plane.startsWith('kernel-') ? (plane.slice('kernel-'.length) as KernelMode) : null
}

/** What hosts take for the client on a plane that leaves no choice; null where it can be chosen. */
export function sourceOf(plane: Plane): SourceMode | null {
  const mode = kernelModeOf(plane)
  return mode === null ? null : KERNEL_SOURCE[mode]
}

/** Why a scenario cannot be run with this balancer, in a few words; null where it can. */
export function planeObstacle({ topology, faults }: Scenario, { plane, source }: Realisation): string | null {
  const { gateway } = topology
  const kernel = kernelModeOf(plane) !== null
  if (gateway === undefined) return kernel || plane === 'proxy' ? null : 'no balancer takes part'
  const nlb = gateway.kind === 'nlb'
  if (plane === 'proxy') return nlb && source === 'translate' ? 'Windows NLB rewrites no address' : null
  for (const [field, what] of PROXY_ONLY) if (gateway[field] !== undefined) return `only the proxy plane ${what}`
  if (kernel && gateway.balance === 'request') return 'the kernel sees no requests'
  if (kernel && gateway.healthCheck !== undefined) return 'the kernel looks after nobody'
  if (
    plane !== 'kernel-nlb' &&
    faults.some(({ partition, learnMac }) => partition !== undefined || learnMac !== undefined)
  )
    return 'hosts of an appliance exchange nothing, and no switch learns'
  return null
}

const PROXY_ONLY = [
  ['cutAfterBytes', 'cuts connections'],
  ['idleTimeoutMs', 'counts idle time in milliseconds'],
  ['dropAnswers', 'drops answers'],
  ['forwardedFor', 'can be told to add X-Forwarded-For'],
] as const
