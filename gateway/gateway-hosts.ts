/** Load weight of a host that states none, as in a Windows NLB port rule. */
const WEIGHT_DEFAULT = 50

export interface GatewayHost {
  /** Unique; what decisions, counters and reports call it. */
  readonly name: string
  readonly address: string
  /** Default 1801, and 80 over HTTP. */
  readonly port?: number
  /** Share of the traffic in relation to the others' weights: 0 (none) to 100, default 50. */
  readonly weight?: number
  /** Priority in the cluster, 1 to 32, unique. Default: the place in the list, from 1. */
  readonly id?: number
}

/** The same with what they leave open. Throws a `RangeError` for a name that is there twice. */
export function gatewayHosts(hosts: readonly GatewayHost[], portDefault: number): Required<GatewayHost>[] {
  const names = new Set<string>()
  return hosts.map(({ name, address, port = portDefault, weight = WEIGHT_DEFAULT, id }, index) => {
    if (names.has(name)) throw new RangeError(`host ${JSON.stringify(name)} given twice`)
    names.add(name)
    return { name, address, port, weight, id: id ?? index + 1 }
  })
}
