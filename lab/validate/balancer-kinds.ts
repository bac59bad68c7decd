/**
 * What each kind of balancer does to addresses and to silent connections unless it is told otherwise. `null`: it depends on
 * how it is set up, and a file has to say. Idle times are the products' own defaults; a file may state another.
 */
export interface BalancerDefaults {
  /** For people. */
  readonly title: string
  readonly source: 'keep' | 'snat' | null
  /** `cluster`: packets reach nodes with the cluster's address. `host`: the balancer writes the node's own into them. */
  readonly destination: 'cluster' | 'host'
  readonly affinity: 'none' | 'single'
  /** 0: it forgets none, or has no default. */
  readonly idleTimeoutS: number
  readonly check: 'none' | 'tcp'
}

const proxy = (title: string, idleTimeoutS: number): BalancerDefaults => ({
  title,
  source: 'snat',
  destination: 'host',
  affinity: 'none',
  idleTimeoutS,
  check: 'tcp',
})

export const BALANCERS = {
  'windows-nlb': {
    title: 'Windows NLB',
    source: 'keep',
    destination: 'cluster',
    affinity: 'single',
    idleTimeoutS: 0,
    check: 'none',
  },
  f5: { ...proxy('F5', 300), source: null },
  'citrix-adc': proxy('Citrix ADC', 9000),
  haproxy: proxy('HAProxy', 0),
  nginx: proxy('nginx', 600),
  'aws-nlb': { ...proxy('AWS Network Load Balancer', 350), source: null },
  'azure-lb': { ...proxy('Azure Load Balancer', 240), source: 'keep' },
  ipvs: { ...proxy('IPVS', 900), source: 'keep', destination: 'cluster', check: 'none' },
  nftables: { ...proxy('nftables', 0), source: 'keep', check: 'none' },
  appliance: { ...proxy('the appliance', 0), source: null },
} as const satisfies Readonly<Record<string, BalancerDefaults>>

export type BalancerKind = keyof typeof BALANCERS

export const BALANCER_KINDS = Object.keys(BALANCERS) as BalancerKind[]
